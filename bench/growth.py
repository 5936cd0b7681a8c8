"""Whether memory grows with the runs that were done: in a process that does nothing else, and in a daemon."""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.daemon import running_daemon
from bench.instant_model import instant_model
from bench.measure import resident_mib
from bench.warm_run import run_to_its_end, warm_system
from bench.workload import write_team
from harness.store.address import DatabaseAddress, database_address
from harness.store.peek import peek

_MIB = 1024 * 1024
_EVERY_SECOND = 12
_LOOK_EVERY_S = 0.5
_EPOCH = datetime.fromtimestamp(0, UTC)

Growth = list[tuple[int, float]]
"""Runs that were done, and the resident memory after them in MiB."""


def measure_growth(runs: int, looks: int = 10) -> Growth:
    """Do so many runs in one process, and look at its memory after each part of them."""
    with instant_model() as base_url, warm_system(base_url) as system:
        found = []
        for look in range(1, looks + 1):
            for _ in range(runs // looks):
                run_to_its_end(system)
            found.append((look * (runs // looks), _own_mib()))
    return found


def measure_growth_of_daemon(runs: int, looks: int = 10) -> Growth:
    """Let a daemon do so many runs, of agents that each have a job every second; look at its memory from outside.

    Empty where the memory of another process is not told.
    """
    found: Growth = []
    done = 0
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, instant_model() as base_url:
        jobs = {f"agent-{n}/often": "every 1s" for n in range(_EVERY_SECOND)}
        root = write_team(Path(folder), base_url, jobs)
        environ = {name: value for name, value in os.environ.items() if not name.startswith("HARNESS_")}
        with running_daemon(root, environ) as daemon:
            for look in range(1, looks + 1):
                wanted = max(look * (runs // looks), done + 1)  # several end between two looks
                done = _wait_for(database_address(root, environ), wanted)
                if (mib := resident_mib(daemon.pid)) is not None:
                    found.append((done, mib))
    return found


def _wait_for(database: DatabaseAddress, runs: int) -> int:
    while True:
        with peek(database) as look:
            assert look is not None, "the daemon is ready"
            closed = sum(count for state, count in look.counts_since(_EPOCH).items() if not state.is_open)
        if closed >= runs:
            return closed
        time.sleep(_LOOK_EVERY_S)


def _own_mib() -> float:
    resident = resident_mib(os.getpid())
    if resident is None:  # the peak has to do, which cannot shrink
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (_MIB if sys.platform == "darwin" else 1024)
    return resident
