"""How long the daemon takes to be ready, to begin a run, and to stop."""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.measure import resident_mib
from harness.daemon.control_client import ask_lines
from harness.store.address import database_address
from harness.store.peek import peek
from harness.store.state_folder import state_folder

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class DaemonTimes:
    """Medians in seconds; `idle_mib` is the daemon's resident memory when it is ready, None where unknown."""

    ready_s: float
    fire_to_start_s: float
    stop_s: float
    idle_mib: float | None


@dataclass(frozen=True, slots=True)
class RunningDaemon:
    """A daemon that was ready `ready_s` seconds after its start."""

    pid: int
    ready_s: float


def time_daemon(root: Path, environ: Mapping[str, str], job: str, rounds: int) -> DaemonTimes:
    """Start the daemon `rounds` times, let it do `job` once each, and stop it."""
    taken = [_one_life(root, environ, job) for _ in range(rounds)]
    memory = [life.idle_mib for life in taken if life.idle_mib is not None]
    return DaemonTimes(
        ready_s=statistics.median(life.ready_s for life in taken),
        fire_to_start_s=statistics.median(life.fire_to_start_s for life in taken),
        stop_s=statistics.median(life.stop_s for life in taken),
        idle_mib=statistics.median(memory) if memory else None,
    )


def _one_life(root: Path, environ: Mapping[str, str], job: str) -> DaemonTimes:
    with running_daemon(root, environ) as daemon:
        idle_mib = resident_mib(daemon.pid)
        fire_to_start_s = _fire_to_start(root, environ, job)
        asked_s = time.perf_counter()
    return DaemonTimes(daemon.ready_s, fire_to_start_s, time.perf_counter() - asked_s, idle_mib)


@contextmanager
def running_daemon(root: Path, environ: Mapping[str, str]) -> Iterator[RunningDaemon]:
    """Provide a daemon that is ready, and stop it in the end. Raises RuntimeError if it ends before it is ready."""
    command = [sys.executable, "-m", "harness", "up", "--workspace", str(root)]
    environ = {**environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    begun_s = time.perf_counter()
    with (
        subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as daemon,
        ThreadPoolExecutor(1) as reader,
    ):
        assert daemon.stderr is not None
        try:
            ready_s = _wait_until_ready(daemon.stderr, begun_s)
            reader.submit(deque, daemon.stderr, 0)  # what nobody reads would make it wait one day
            yield RunningDaemon(daemon.pid, ready_s)
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(_STOP_TIMEOUT_S)


def _wait_until_ready(stderr: Iterable[str], begun_s: float) -> float:
    said: list[str] = []
    for line in stderr:
        if line.startswith("ready"):
            return time.perf_counter() - begun_s
        said.append(line)
    raise RuntimeError(f"harness up ended before it was ready: {''.join(said)}")


def _fire_to_start(root: Path, environ: Mapping[str, str], job: str) -> float:
    """Return how long the job's row lay there before its run began, by the ledger's own times."""
    state = state_folder(root, environ)
    run_id = ""
    for answer in ask_lines(state, "run", _START_TIMEOUT_S, job=job, inputs={}, profile=None, preview=False):
        run_id = str(answer["run_id"])
    with peek(database_address(root, environ)) as look:
        run = None if look is None else look.run(run_id)
    if run is None or run.started_at is None:
        raise RuntimeError(f"{run_id} never started")
    return run.started_at - run.created_at
