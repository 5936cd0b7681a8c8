"""Measuring child processes: wall time and memory of each, in interleaved rounds."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_MIB = 1024 * 1024
_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
"""ru_maxrss is in bytes on macOS and in KiB elsewhere."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one command."""

    wall_s: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Summary:
    """The median over all rounds; `ratio` is the median of wall time over the baseline's in the same round."""

    name: str
    wall_s: float
    peak_mib: float
    ratio: float


_LAUNCHER = """
import os, sys, time
nowhere = os.open(os.devnull, os.O_WRONLY)
started = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, nowhere, 1)])
_, status, usage = os.wait4(pid, 0)
print(time.perf_counter() - started, usage.ru_maxrss, os.waitstatus_to_exitcode(status))
"""
"""A process inherits the peak of whoever started it, so what starts the command must be smaller than it is."""


def run_once(command: Sequence[str], cwd: Path, environ: Mapping[str, str]) -> Sample:
    """Run the command to its end. Raises RuntimeError if it fails: a fast failure is no result."""
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, *command]
    ended = subprocess.run(launcher, cwd=cwd, env=environ, capture_output=True, text=True, check=True)
    wall_s, peak, code = ended.stdout.split()
    if code != "0":
        raise RuntimeError(f"{' '.join(command)}: exit code {code}: {ended.stderr}")
    return Sample(float(wall_s), int(peak) * _MAXRSS_BYTES / _MIB)


def resident_mib(pid: int) -> float | None:
    """Return the memory that the process has now; None where there is no /proc to ask."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text(encoding="ascii", errors="replace"))
    return None if found is None else int(found[1]) / 1024


def compare(
    baseline: str, commands: Mapping[str, Sequence[str]], rounds: int, cwd: Path, environ: Mapping[str, str]
) -> list[Summary]:
    """Run all commands in turn, `rounds` times, so that a busy moment of the machine touches all of them alike."""
    samples: dict[str, list[Sample]] = {name: [] for name in commands}
    for command in commands.values():
        run_once(command, cwd, environ)  # what is read from the disk the first time is not what is measured
    for _ in range(rounds):
        for name, command in commands.items():
            samples[name].append(run_once(command, cwd, environ))
    return [_summarise(name, taken, samples[baseline]) for name, taken in samples.items()]


def _summarise(name: str, samples: Sequence[Sample], baseline: Sequence[Sample]) -> Summary:
    return Summary(
        name=name,
        wall_s=statistics.median(sample.wall_s for sample in samples),
        peak_mib=statistics.median(sample.peak_mib for sample in samples),
        ratio=statistics.median(one.wall_s / base.wall_s for one, base in zip(samples, baseline, strict=True)),
    )
