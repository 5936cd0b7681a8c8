"""From the moment at which a job is due to the request that its model receives, in a real daemon.

Beside it, in the same seconds, DBOS workflows that a bare process starts at half past each second.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.bare import MODEL, bare_workflows
from bench.daemon import running_daemon
from bench.workload import percentile, write_team
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, say

_PERIODS_S = {"a": 2, "b": 3, "c": 5, "d": 7, "e": 11, "f": 13}
"""Primes: most slots come alone, some together."""
_HALF_S = 0.5
"""The bare workflows come when the jobs of the same second are done."""
_WARM_UP_S = 3


@dataclass(frozen=True, slots=True)
class Latency:
    """`samples` fires of a team of `jobs`; seconds after the slot was due.

    `bare_p50_s` and `bare_p99_s` are of a DBOS workflow whose only step asks the same model.
    """

    jobs: int
    samples: int
    p50_s: float
    p99_s: float
    bare_p50_s: float
    bare_p99_s: float
    ready_s: float


def measure_latency(jobs: int, seconds: float) -> Latency:
    """Let a daemon with so many jobs run for so long; six of the jobs fire every few seconds."""
    taken: list[float] = []
    bare_taken: list[float] = []

    def answer(request: ChatRequest) -> ChatAnswer:
        arrived = time.time()
        agent = re.search(r"You are ([a-f])\.", json.dumps(request.body))
        assert agent is not None, "every prompt holds its agent's SOUL.md"
        if request.body["model"] == MODEL:
            bare_taken.append((arrived - _HALF_S) % _PERIODS_S[agent[1]])
        else:
            taken.append(arrived % _PERIODS_S[agent[1]])
        return say("All is well.")

    schedules = {f"{agent}/often": f"every {period}s" for agent, period in _PERIODS_S.items()}
    schedules |= {f"{'abcdef'[n % 6]}/idle-{n}": "0 0 1 1 *" for n in range(jobs - len(schedules))}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, OpenAIServer(answer) as server:
        root = write_team(Path(folder), server.base_url, schedules)
        with (
            bare_workflows(f"sqlite:///{folder}/bare.db", server.base_url, 1) as bare,
            running_daemon(root, os.environ) as daemon,
        ):
            time.sleep(_WARM_UP_S)  # the first fires warm it up
            taken.clear()
            bare_taken.clear()
            bare.give("on_time", periods_s=_PERIODS_S, offset_s=_HALF_S, seconds=seconds)
            bare.result()
            samples, bare_samples = list(taken), list(bare_taken)
    return Latency(
        jobs,
        len(samples),
        percentile(samples, 0.5),
        percentile(samples, 0.99),
        percentile(bare_samples, 0.5),
        percentile(bare_samples, 0.99),
        daemon.ready_s,
    )
