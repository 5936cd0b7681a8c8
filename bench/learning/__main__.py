"""`make bench-learning`: print how often mistakes are made again, with and without memory."""

from __future__ import annotations

import argparse
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

from bench.learning.catalogue import FAMILIES
from bench.learning.report import Trials, as_json, goal_table, goals_of, page, poison_table, rows_of, table
from bench.learning.trial import Counts, run_seed

_LEVELS = (0, 50, 500)


def main() -> None:
    """Run all arms and print what came of them."""
    parser = argparse.ArgumentParser(prog="python -m bench.learning", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="how many agents live (default: 5)")
    parser.add_argument("--noise", type=int, nargs="+", default=_LEVELS, help="episodes in between (default: 0 50 500)")
    parser.add_argument("--json", action="store_true", help="print data")
    parser.add_argument("--page", action="store_true", help="print docs/bench-learning.md")
    chosen = parser.parse_args()
    start_s = time.perf_counter()
    trials = run_trials(chosen.seeds, tuple(sorted(chosen.noise)))
    if chosen.json:
        print(json.dumps(as_json(trials, FAMILIES), indent=2))
    elif chosen.page:
        print(page(trials), end="")
    else:
        rows = rows_of(trials)
        parts = (table(rows), goal_table(goals_of(rows)), f"Planted lessons:\n{poison_table(rows)}")
        print("\n\n".join((f"{len(FAMILIES)} families, {len(trials)} seeds", *parts)))
        print(f"\n{time.perf_counter() - start_s:.0f} s")


def run_trials(seeds: int, levels: tuple[int, ...]) -> Trials:
    """Return what was counted for each seed; they live side by side, and have nothing in common."""
    with ProcessPoolExecutor(min(seeds, os.cpu_count() or 1)) as pool:
        return list(pool.map(_run, range(1, seeds + 1), repeat(levels)))


def _run(seed: int, levels: tuple[int, ...]) -> dict[tuple[str, int], Counts]:
    return run_seed(seed, FAMILIES, levels)


if __name__ == "__main__":
    main()
