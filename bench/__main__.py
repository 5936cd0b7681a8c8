"""`python -m bench [--rounds N] [--workspace DIR]`: start-up times and memory beside a bare interpreter."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

from bench.daemon import time_daemon
from bench.measure import compare

_BASELINE = "python -c pass"


def main() -> None:
    """Measure and print; nothing here passes or fails."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="how often each command is run (15)")
    parser.add_argument("--workspace", type=Path, default=Path(__file__).parents[1], help="whose jobs are used")
    parser.add_argument("--job", default="zoe/self-check", help="what the daemon is asked to do (zoe/self-check)")
    chosen = parser.parse_args()
    root = chosen.workspace.absolute()
    with tempfile.TemporaryDirectory(prefix="bench-") as state:
        environ = {**os.environ, "HARNESS_HOME": state, "PYTHONPATH": str(Path(__file__).parents[1])}
        print(f"Python {platform.python_version()} on {platform.system()}, {os.cpu_count()} cores")
        _print_daemon(root, environ, chosen.job, max(1, chosen.rounds // 5))
        _print_commands(root, environ, chosen.rounds)  # with the ledger that the daemon has just left


def _print_commands(root: Path, environ: dict[str, str], rounds: int) -> None:
    python = sys.executable
    commands = {
        _BASELINE: [python, "-c", "pass"],
        "harness --help": [python, "-m", "harness", "--help"],
        "harness status": [python, "-m", "harness", "status"],
        "harness ledger": [python, "-m", "harness", "ledger"],
        "harness jobs": [python, "-m", "harness", "jobs"],
        "harness check": [python, "-m", "harness", "check"],
    }
    print(f"\n{'median of ' + str(rounds):24} {'wall':>9} {'peak RSS':>10} {'x bare':>7}")
    for summary in compare(_BASELINE, commands, rounds, root, environ):
        print(f"{summary.name:24} {summary.wall_s * 1000:6.0f} ms {summary.peak_mib:6.1f} MiB {summary.ratio:7.1f}")


def _print_daemon(root: Path, environ: dict[str, str], job: str, rounds: int) -> None:
    times = time_daemon(root, environ, job, rounds)
    memory = "" if times.idle_mib is None else f", {times.idle_mib:.0f} MiB resident"
    print(f"\nharness up, median of {rounds}")
    print(f"{'start to ready':24} {times.ready_s * 1000:6.0f} ms{memory}")
    print(f"{'fire to run begun':24} {times.fire_to_start_s * 1000:6.1f} ms   ({job})")
    print(f"{'SIGTERM to gone':24} {times.stop_s * 1000:6.0f} ms")


if __name__ == "__main__":
    main()
