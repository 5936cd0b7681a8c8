"""From the moment at which a job is due to the request that its model receives, in a real daemon."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.daemon import wait_until_ready
from bench.workload import percentile, write_team
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, say

_PERIODS_S = {"a": 2, "b": 3, "c": 5, "d": 7, "e": 11, "f": 13}
"""Primes: most slots come alone, some together."""


@dataclass(frozen=True, slots=True)
class Latency:
    """`samples` fires of a team of `jobs`; seconds after the slot was due."""

    jobs: int
    samples: int
    p50_s: float
    p99_s: float
    ready_s: float


def measure_latency(jobs: int, seconds: float) -> Latency:
    """Let a daemon with so many jobs run for so long; six of the jobs fire every few seconds."""
    taken: list[float] = []

    def answer(request: ChatRequest) -> ChatAnswer:
        arrived = time.time()
        agent = re.search(r"You are ([a-f])\.", json.dumps(request.body))
        assert agent is not None, "every prompt holds its agent's SOUL.md"
        taken.append(arrived % _PERIODS_S[agent[1]])
        return say("All is well.")

    schedules = {f"{agent}/often": f"every {period}s" for agent, period in _PERIODS_S.items()}
    schedules |= {f"{'abcdef'[n % 6]}/idle-{n}": "0 0 1 1 *" for n in range(jobs - len(schedules))}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, OpenAIServer(answer) as server:
        root = write_team(Path(folder), server.base_url, schedules)
        command = [sys.executable, "-m", "harness", "up", "--workspace", str(root)]
        environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        begun_s = time.perf_counter()
        with subprocess.Popen(
            command, env=environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        ) as daemon:
            try:
                ready_s = wait_until_ready(daemon, begun_s)
                time.sleep(3)  # the first fires warm it up
                taken.clear()
                time.sleep(seconds)
                samples = list(taken)
            finally:
                daemon.send_signal(signal.SIGTERM)
                daemon.wait(60)
    return Latency(jobs, len(samples), percentile(samples, 0.5), percentile(samples, 0.99), ready_s)
