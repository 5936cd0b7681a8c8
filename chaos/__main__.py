"""`python -m chaos`: daemons that are killed, stopped and frozen at random, and what must hold nevertheless.

Five parts: a storm of kills while jobs are due, agents that ask one another while their daemons die, nodes that die
for good, machines that sleep, and a daemon in a crash loop. Everything is judged by what is left in the database, in
the channel's folder, and at the model. About eleven minutes for each database; exits with 1 if anything does not hold.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chaos.bus import BusSpec, play_bus
from chaos.crash_loop import play_crash_loop
from chaos.databases import NewDatabase, databases
from chaos.hand_over import play_hand_overs
from chaos.report import Report
from chaos.sleep import SleepSpec, play_sleep, play_sleep_of_one
from chaos.storm import StormSpec, play_storm
from chaos.watch import Tell
from harness.store.address import DatabaseAddress

_KINDS = ("sqlite", "postgresql")
_PARTS = ("storm", "bus", "hand-over", "sleep", "crash-loop")
_ALONE = ("storm", "bus")
Play = Callable[[DatabaseAddress, Path, Tell], Report]


def main() -> int:
    """Play what was asked for, and return the exit code."""
    chosen = _arguments()
    print(f"seed {chosen.seed}", flush=True)
    failed: list[str] = []
    for kind in _KINDS if chosen.database == "both" else (chosen.database,):
        begun = time.monotonic()
        with databases(kind) as new_database, tempfile.TemporaryDirectory(prefix="chaos-") as folder:
            for report in _play(chosen, kind, new_database, Path(folder)):
                print("\n".join([f"{kind}: {report.lines()[0]}", *report.lines()[1:]]), flush=True)
                failed += [f"{kind}: {report.title}"] if report.violations else []
        print(f"{kind}: {time.monotonic() - begun:.0f} s", flush=True)
    if failed:
        print(f"FAILED with seed {chosen.seed}: {'; '.join(failed)}")
        return 1
    print("everything holds")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"what to play: {', '.join(_PARTS)} (all)")
    parser.add_argument(
        "--seed", type=int, default=random.SystemRandom().randrange(10_000), help="of the storm and the bus"
    )
    parser.add_argument("--database", choices=(*_KINDS, "both"), default="both", help="where (both)")
    parser.add_argument("--kills", type=int, default=200, help="kill -9 in the storm (200)")
    parser.add_argument("--requests", type=int, default=500, help="requests on the bus (500)")
    parser.add_argument("--bus-kills", type=int, default=120, help="kill -9 while there are requests (120)")
    parser.add_argument("--daemons", type=int, default=3, help="daemons in the storm and on the bus (3)")
    parser.add_argument("--jobs", type=int, default=50, help="jobs in the storm, each due every 2 s (50)")
    parser.add_argument("--crashes", type=int, default=150, help="restarts in the crash loop (150)")
    parser.add_argument("--asleep", type=int, default=90, metavar="SECONDS", help="how long machines sleep (90)")
    chosen = parser.parse_args()
    unknown = [part for part in chosen.parts if part not in _PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}; there are: {', '.join(_PARTS)}")
    chosen.parts = chosen.parts or list(_PARTS)
    return chosen


def _play(chosen: argparse.Namespace, kind: str, new_database: NewDatabase, folder: Path) -> list[Report]:
    """Play the storm and the bus alone, as each needs the whole machine, and then the rest side by side."""
    storm = StormSpec(chosen.seed, chosen.kills, chosen.daemons, chosen.jobs)
    bus = BusSpec(chosen.seed, chosen.requests, chosen.bus_kills, chosen.daemons)
    sleep = SleepSpec(chosen.asleep)
    plays: Mapping[str, Mapping[str, Play]] = {
        "storm": {"storm": lambda *place: play_storm(storm, *place).report()},
        "bus": {"bus": lambda *place: play_bus(bus, *place).report()},
        "hand-over": {"hand-over": lambda *place: play_hand_overs(5, *place)},
        "sleep": {
            "sleep": lambda *place: play_sleep(sleep, *place),
            "sleep of one": lambda *place: play_sleep_of_one(sleep, *place),
        },
        "crash-loop": {"crash loop": lambda *place: play_crash_loop(chosen.crashes, *place)},
    }
    reports: list[Report] = []
    groups = [[part] for part in chosen.parts if part in _ALONE]
    groups.append([part for part in chosen.parts if part not in _ALONE])
    for group in groups:
        named = [(name, play) for part in group for name, play in plays[part].items()]
        with ThreadPoolExecutor(max_workers=max(1, len(named))) as threads:
            playing = [threads.submit(_play_one, kind, name, play, new_database, folder) for name, play in named]
            reports += [one.result() for one in playing]
    return reports


def _play_one(kind: str, name: str, play: Play, new_database: NewDatabase, folder: Path) -> Report:
    place = folder / name.replace(" ", "-")
    place.mkdir()

    def tell(line: str) -> None:
        print(f"{kind} · {name}: {line}", file=sys.stderr, flush=True)

    return play(new_database(place), place, tell)


if __name__ == "__main__":
    sys.exit(main())
