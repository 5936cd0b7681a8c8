"""A daemon that crashes again and again with the same run in flight."""

from __future__ import annotations

import time
from pathlib import Path

from chaos.claims import Expected, Violation, violations
from chaos.cluster import Cluster
from chaos.evidence import Evidence, read_evidence
from chaos.node import Node
from chaos.outside import Outside
from chaos.report import Report
from chaos.sleep import DRAIN_TIMEOUT_S
from chaos.team import DIGESTS, JobSpec, job_file, jobs_of, write_team
from chaos.watch import Tell, Watch
from harness.domain.cause import job_cause
from harness.runs.wall_clock import WallClock
from harness.store.address import DatabaseAddress

POISON = "agent-poison/note"
_HEALTHY = "agent-healthy/note"
_READY_WITHIN_S = 30.0
_LOOK_EVERY_S = 0.01


def play_crash_loop(lives: int, address: DatabaseAddress, folder: Path, tell: Tell) -> Report:
    """Kill the daemon that many times, each time with the run of one job in flight as long as there is that run.

    Its fire must be closed as failed with one incident, and the other job goes on.
    """
    this_minute = f"{WallClock().now():%Y-%m-%d %H:%M}"
    jobs = {
        POISON: job_file(f"once {this_minute}", JobSpec("", "")),
        _HEALTHY: job_file("every 2s", JobSpec("", "overlap: skip")),
    }
    with Outside(lambda run_id: None if POISON in run_id else 0.0) as outside, Watch(address, tell) as watch:
        root = write_team(folder / "workspace", outside, jobs)
        with Cluster(1, root, folder, address, is_forked=True) as cluster:
            (node,) = cluster.nodes.values()
            begun = time.monotonic()
            for life in range(lives):
                _live_until_at_work(node, outside, watch)
                node.kill()
                watch.tell(f"{life + 1} of {lives} crashes")
            lasted_s = time.monotonic() - begun
            node.start()
            watch.pause_all()
            watch.drain(DRAIN_TIMEOUT_S)
            cluster.stop()
            evidence = read_evidence(watch.database, jobs_of(root), [node], outside.effects, folder / DIGESTS)
    calls = _calls(outside)
    figures = [("crashes", f"{lives} in {lasted_s:.0f} s"), ("of them with the run in flight", str(calls)),
               ("slots", str(len(evidence.fires)))]  # fmt: skip
    return Report("a crash loop", figures, crash_loop_violations(evidence))


def crash_loop_violations(evidence: Evidence) -> list[Violation]:
    """Return what does not hold after a crash loop: the poisonous fire failed, it alone, and was told once."""
    cause = job_cause(POISON)
    # A run whose fire was closed in a crash may be given up by the engine: nothing of it is left to be done.
    engine = ("SUCCESS", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
    found = violations(evidence, Expected(incidents=(cause,), states=("failed",), engine=engine))
    failed = [fire.job_id for fire in evidence.fires if fire.state == "failed"]
    if failed != [POISON]:
        found.append(Violation("the run that was in flight in every crash fails", ", ".join(failed) or "none failed"))
    told = [incident.occurrences for incident in evidence.incidents if incident.cause == cause]
    if told != [1]:
        found.append(Violation("one incident", f"{cause} has {len(told)}, with {told} occurrences"))
    return found


def _live_until_at_work(node: Node, outside: Outside, watch: Watch) -> None:
    """Start the daemon, and return when it has the poisonous run in flight, or is ready and that run is closed.

    Not before it has ended what the other job had in flight: that run is not what the crashes come from.
    """
    calls, began_at = _calls(outside), time.time()
    node.start()
    deadline = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < deadline:
        is_at_work = _calls(outside) > calls or (node.is_ready and watch.has_closed(POISON))
        if is_at_work and not watch.has_open(_HEALTHY, began_at):
            return
        time.sleep(_LOOK_EVERY_S)
    raise TimeoutError(f"the daemon did not begin to work within {_READY_WITHIN_S:g} s; see {node.words}")


def _calls(outside: Outside) -> int:
    return sum(POISON in effect.run_id for effect in outside.effects)
