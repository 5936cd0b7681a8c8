"""Whether memory grows with the runs that were done: in a process that does nothing else, and in a daemon."""

from __future__ import annotations

import os
import resource
import sys

from bench.instant_model import instant_model
from bench.measure import resident_mib
from bench.warm_run import run_to_its_end, warm_system

_MIB = 1024 * 1024


def measure_growth(runs: int, looks: int = 10) -> list[tuple[int, float]]:
    """Do so many runs in one process; return its resident memory in MiB after each part of them."""
    with instant_model() as base_url, warm_system(base_url) as system:
        found = []
        for look in range(1, looks + 1):
            for _ in range(runs // looks):
                run_to_its_end(system)
            found.append((look * (runs // looks), _own_mib()))
    return found


def _own_mib() -> float:
    resident = resident_mib(os.getpid())
    if resident is None:  # the peak has to do, which cannot shrink
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (_MIB if sys.platform == "darwin" else 1024)
    return resident
