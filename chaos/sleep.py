"""A machine that sleeps: its daemon stands still while jobs are due, alone or with another that takes over."""

from __future__ import annotations

import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from chaos.claims import Expected, Violation, violations
from chaos.cluster import Cluster
from chaos.evidence import Evidence, FireRow, read_evidence
from chaos.node import Node
from chaos.outside import Effect, Outside
from chaos.report import Report
from chaos.team import DIGESTS, JobSpec, job_file, jobs_of, write_team
from chaos.watch import Tell, Watch
from harness.domain.job import Job
from harness.store.address import DatabaseAddress
from harness.store.database import Database
from harness.store.nodes import all_nodes

DRAIN_TIMEOUT_S = 60.0
HAND_OVER_WITHIN_S = 10.0
_GRACE_S = 2
_READY_WITHIN_S = 30.0
_THINKS_FOR_S = 2.0


@dataclass(frozen=True, slots=True)
class SleepSpec:
    """How long a node sleeps, and how often its jobs are due meanwhile."""

    asleep_s: int = 90
    every_s: int = 15


def play_sleep(spec: SleepSpec, address: DatabaseAddress, folder: Path, tell: Tell) -> Report:
    """Let the only node sleep; every slot that passed must have its line, as the policy of its job says."""
    policies = {
        "all": f"if_missed: {{run: all, grace: {_GRACE_S}s}}",
        "latest": f"if_missed: {{run: latest, grace: {_GRACE_S}s}}",
        "none": f"if_missed: {{run: none, grace: {_GRACE_S}s}}",
        "within": f"if_missed: {{run: all, within: {spec.asleep_s // 2}s, grace: {_GRACE_S}s}}",
    }
    jobs = {
        f"agent-{name}/note": job_file(f"every {spec.every_s}s", JobSpec("note", p)) for name, p in policies.items()
    }
    with Outside() as outside, Watch(address, tell) as watch:
        root = write_team(folder / "workspace", outside, jobs)
        with Cluster(1, root, folder, address) as cluster:
            cluster.start()
            outside.wait_for(lambda effect: True, _READY_WITHIN_S + spec.every_s)
            (node,) = cluster.nodes.values()
            _freeze_between_writes(node, watch.database)
            tell(f"asleep for {spec.asleep_s} s, alone")
            time.sleep(spec.asleep_s)
            node.thaw()
            time.sleep(spec.every_s + _GRACE_S)
            evidence = _end(cluster, watch, root, outside, folder)
    expected = Expected(incidents=("missed ",), states=("missed",))
    found = [*violations(evidence, expected), *policy_violations(evidence)]
    late = [fire for fire in evidence.fires if _age_s(fire) > _GRACE_S]
    if not late:
        found.append(Violation("the node slept", "no slot was late"))
    run = sum(fire.run_id is not None for fire in late)
    figures = [("asleep", f"{spec.asleep_s} s"), ("slots, late ones", f"{len(evidence.fires)}, {len(late)}"),
               ("of the late ones, run", f"{run}"), ("of the late ones, missed", f"{len(late) - run}")]  # fmt: skip
    return Report("a node sleeps alone", figures, found)


def play_sleep_of_one(spec: SleepSpec, address: DatabaseAddress, folder: Path, tell: Tell) -> Report:
    """Let one of two nodes sleep in the middle of a model call; the other one goes on with the run."""
    jobs = {f"agent-{n}/talk-{n}": job_file(f"every {spec.every_s}s", JobSpec("", "overlap: skip")) for n in range(4)}
    with Outside(lambda run_id: _THINKS_FOR_S) as outside, Watch(address, tell) as watch:
        root = write_team(folder / "workspace", outside, jobs)
        with Cluster(2, root, folder, address) as cluster:
            cluster.start()
            await_members(watch.database, 2)
            held = outside.wait_for(begun_since(time.time()), _READY_WITHIN_S + spec.every_s)
            node = cluster.nodes[held.node]
            _freeze_between_writes(node, watch.database)
            asleep_at = time.time()
            tell(f"one of two is asleep for {spec.asleep_s} s, in {held}")
            time.sleep(spec.asleep_s)
            node.thaw()
            time.sleep(spec.every_s)
            evidence = _end(cluster, watch, root, outside, folder)
    found = [*violations(evidence, Expected())]
    again = [e for e in evidence.effects if (e.run_id, e.call) == (held.run_id, held.call) and e != held]
    if len(again) != 1 or again[0].node == held.node:
        told = ", ".join(f"{effect.node} after {effect.at - asleep_at:.1f} s" for effect in again) or "nobody"
        found.append(Violation("the call in flight is made once more, by the other node", f"{held}: {told}"))
    elif again[0].at - asleep_at > HAND_OVER_WITHIN_S:
        found.append(Violation("runs are handed over in 10 s", f"it took {again[0].at - asleep_at:.1f} s"))
    lines = [fire for fire in evidence.fires if fire.run_id == held.run_id]
    if len(lines) != 1:
        found.append(Violation("one line in the ledger", f"{held.run_id} has {len(lines)}"))
    figures = [("asleep", f"{spec.asleep_s} s"), ("slots", str(len(evidence.fires))),
               ("effects repeated", str(len(again))),
               ("from its sleep to the other", f"{again[0].at - asleep_at:.1f} s" if again else "-")]  # fmt: skip
    return Report("one of two nodes sleeps", figures, found)


def policy_violations(evidence: Evidence) -> list[Violation]:
    """Return the slots that were late and treated otherwise than the policy of their job says."""
    ticks: dict[tuple[str, float], list[FireRow]] = defaultdict(list)
    for fire in evidence.fires:
        if fire.state != "skipped":
            ticks[fire.job_id, fire.created_at].append(fire)
    claim = "every late slot follows its policy"
    return [
        Violation(claim, detail)
        for (job_id, _), fires in ticks.items()
        for detail in _flaws_of_tick(evidence.jobs[job_id], sorted(fires, key=lambda fire: fire.due_at))
    ]


def _flaws_of_tick(job: Job, fires: list[FireRow]) -> Iterator[str]:
    policy = job.if_missed
    is_any_on_time = any(_age_s(fire) <= policy.grace_s for fire in fires)
    for fire in fires:
        age_s = _age_s(fire)
        if age_s <= policy.grace_s:
            should_run = True
        elif policy.run == "latest":
            should_run = fire is fires[-1] and not is_any_on_time and age_s <= policy.within_s
        else:
            should_run = policy.run == "all" and age_s <= policy.within_s
        did_run = fire.run_id is not None
        if did_run != should_run:
            yield f"{job.id} ({policy.run}), {age_s:.0f} s late, was {'run' if did_run else fire.state}"
        if not did_run and not fire.reason:
            yield f"{job.id}, {age_s:.0f} s late, was {fire.state} without a reason"


def begun_since(moment: float) -> Callable[[Effect], bool]:
    """Return what says whether an effect is the first model call of a run, made since then."""
    return lambda effect: effect.call == "model-1" and effect.at >= moment


def await_members(database: Database, count: int) -> None:
    """Return when so many daemons have joined. Raises TimeoutError."""
    deadline = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < deadline:
        with database.read() as connection:
            if sum(row.is_here for row in all_nodes(connection)) >= count:
                return
        time.sleep(0.05)
    raise TimeoutError(f"{count} daemons have not joined within {_READY_WITHIN_S:g} s")


def _freeze_between_writes(node: Node, database: Database) -> None:
    """Freeze it at a moment at which it holds no transaction open.

    A file cannot take its lock back from a process that stands still; a machine that sleeps stops them all.
    """
    while True:
        node.freeze()
        if database.is_server or _may_write(database.path):
            return
        node.thaw()
        time.sleep(0.01)


def _may_write(path: Path) -> bool:
    with closing(sqlite3.connect(path, timeout=0.3, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.execute("ROLLBACK")
        return True


def _end(cluster: Cluster, watch: Watch, root: Path, outside: Outside, folder: Path) -> Evidence:
    watch.pause_all()
    watch.drain(DRAIN_TIMEOUT_S)
    cluster.stop()
    return read_evidence(watch.database, jobs_of(root), cluster.nodes.values(), outside.effects, folder / DIGESTS)


def _age_s(fire: FireRow) -> float:
    return fire.created_at - fire.due_at
