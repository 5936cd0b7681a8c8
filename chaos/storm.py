"""The storm: several daemons on one database, hit again and again while their jobs are due."""

from __future__ import annotations

import time
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos.claims import Expected, Violation, repeated_effects, violations
from chaos.cluster import Cluster
from chaos.evidence import Evidence, read_evidence
from chaos.outside import Outside
from chaos.report import Report
from chaos.team import DIGESTS, jobs_of, storm_jobs, write_team
from chaos.trouble import Blow, Trouble, plan_trouble
from chaos.watch import Tell, Watch
from harness.store.address import DatabaseAddress

DRAIN_TIMEOUT_S = 120.0
_THINKS_AT_MOST_MS = 300
_USUAL_START_S = 2.0
"""What it takes until all daemons are ready, where the plan is played as it is written."""
_SLOWEST_PACE = 4.0


@dataclass(frozen=True, slots=True)
class StormSpec:
    """How much of it there is."""

    seed: int
    kills: int = 200
    daemons: int = 3
    jobs: int = 50
    agents: int = 10
    every_s: int = 2


@dataclass(frozen=True, slots=True)
class Storm:
    """What came of it."""

    evidence: Evidence
    violations: Sequence[Violation]
    plan: Sequence[Trouble]
    lasted_s: float
    drained_s: float

    def report(self) -> Report:
        """Return what happened, in figures."""
        evidence = self.evidence
        figures = [
            ("lasted, drained in", f"{self.lasted_s:.0f} s, {self.drained_s:.0f} s"),
            ("blows", _counts(trouble.blow.value for trouble in self.plan)),
            ("slots", f"{len(evidence.fires)}: {_counts(fire.state for fire in evidence.fires)}"),
            ("runs, recorded steps", f"{len(evidence.runs)}, {len(evidence.steps)}"),
            ("effects, repeated", f"{len(evidence.effects)}, {repeated_effects(evidence)}"),
            ("digests", str(sum(evidence.digests.values()))),
        ]
        return Report("a storm of kills", figures, self.violations)


def play_storm(spec: StormSpec, address: DatabaseAddress, folder: Path, tell: Tell) -> Storm:
    """Play it in an empty folder, let everything come to its end, and judge what is left."""
    plan = plan_trouble(spec.seed, [f"node-{number}" for number in range(1, spec.daemons + 1)], spec.kills)
    kills = [0, *(sum(t.blow is Blow.KILL for t in plan[: done + 1]) for done in range(len(plan)))]
    with Outside(_thinks_for_s) as outside, Watch(address, tell) as watch:
        root = write_team(folder / "workspace", outside, storm_jobs(spec.agents, spec.jobs, spec.every_s))
        with Cluster(spec.daemons, root, folder, address) as cluster:
            pace = min(_SLOWEST_PACE, max(1.0, cluster.start_and_wait() / _USUAL_START_S))
            begun = time.monotonic()
            cluster.suffer(plan, lambda done: watch.tell(f"{kills[done]} of {spec.kills} kills"), pace=pace)
            lasted_s = time.monotonic() - begun
            cluster.start_and_wait()
            time.sleep(spec.every_s)
            watch.pause_all()
            drained_s = watch.drain(DRAIN_TIMEOUT_S)
            until = time.time() - 5 * spec.every_s
            cluster.stop()
            nodes = cluster.nodes.values()
            evidence = read_evidence(watch.database, jobs_of(root), nodes, outside.effects, folder / DIGESTS)
    return Storm(evidence, violations(evidence, Expected(until=until)), plan, lasted_s, drained_s)


def _thinks_for_s(run_id: str) -> float:
    """Return how long the model thinks about a call of the run: a time of its own, the same for every seed."""
    return zlib.crc32(run_id.encode()) % _THINKS_AT_MOST_MS / 1000


def _counts(things: Iterable[str]) -> str:
    return ", ".join(f"{count} {thing}" for thing, count in Counter(things).most_common())
