"""Teams that only exist to be measured, and a model that answers at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_SETTINGS = """\
home = "UTC"
team = "bench"
profile = "instant"
max_running = 64

[profiles.instant]
adapter = "openai"
base_url = "{base_url}"
model = "instant"
attempts = 1

[channels.digest]
kind = "file"

[egress]
loopback = true
"""


def write_team(root: Path, base_url: str, jobs: Mapping[str, str]) -> Path:
    """Write a workspace whose jobs (`agent/job` to its schedule) ask the model at `base_url` once each."""
    _write(root / "harness.toml", _SETTINGS.format(base_url=base_url))
    # As every workspace has it: where it comes later, the daemon reads all files again once, ten thousand for seconds.
    _write(root / "shared-context" / "feeds" / "ai.md", "# AI\n")
    for agent in {job_id.partition("/")[0] for job_id in jobs}:
        folder = root / "agents" / agent
        _write(folder / "SOUL.md", f"You are {agent}.\n")
        _write(folder / "AGENTS.md", "Say in one sentence that all is well.\n")
        _write(folder / "MEMORY.md", "")
        _write(folder / "agent.toml", f'description = "Agent {agent}"\n')
    for job_id, schedule in jobs.items():
        agent, _, name = job_id.partition("/")
        _write(root / "agents" / agent / "jobs" / f"{name}.md", f"---\nschedule: {schedule}\n---\nReport.\n")
    return root


def percentile(values: list[float], share: float) -> float:
    """Return the value below which that share (0 to 1) of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def timed_s(work: Callable[[], T]) -> tuple[float, T]:
    """Return how long the work took, and what it returned."""
    begun_s = time.perf_counter()
    result = work()
    return time.perf_counter() - begun_s, result


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
