"""A violation of each kind is found: a check that finds nothing would prove nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chaos.claims import Expected, repeated_effects, violations
from chaos.crash_loop import POISON, crash_loop_violations
from chaos.evidence import DECLARED_LOST, Evidence, FireRow, RunLife, StepRow, losses
from chaos.node import Interruption, Node
from chaos.outside import Effect
from chaos.sleep import policy_violations
from harness.domain.job import Job
from harness.domain.schedule import CatchUp, Every
from harness.store.address import file_address
from harness.store.fires import JobState
from harness.store.incidents import IncidentRow
from harness.store.outbox import OutboxRow

AT = 1_800_000_000
JOB = Job("scout", "morning", "", (Every(2),), "UTC", deliver=("digest",), if_missed=CatchUp("latest", 60, 5))
RUN = f"cron:scout/morning:{AT + 2}"
FIRE = FireRow(JOB.id, AT + 2, "cron", "delivered", "", RUN, AT + 2.1, AT + 4.0)
DELIVERY = OutboxRow(f"{RUN}>digest", RUN, "digest", "{}", "acknowledged", 1, 0.0, 0.0, AT + 3.9, "a.md", None)
ASKED = Effect(RUN, "model-1", "node-1", AT + 3.0)
WRITTEN = Effect(RUN, "model-1.1", "node-1", AT + 3.2)
KILLED = Interruption("node-1", AT + 3.05, AT + 3.06, "kill -9")
SOUND = Evidence(
    jobs={JOB.id: JOB},
    states={JOB.id: JobState(JOB.id, "every 2s in UTC", AT, AT + 3, AT + 4)},
    fires=(FIRE,),
    runs=(RunLife(RUN, JOB.id, AT + 2, "ended", "completed", AT + 2.2, AT + 4.0),),
    steps=(
        StepRow(RUN, 2, "model", "model-1", AT + 3.1),
        StepRow(RUN, 3, "tool", "model-1.1", AT + 3.3),
        StepRow(RUN, 4, "close", "close", AT + 4.0),
    ),
    engine={RUN: "SUCCESS"},
    outbox=(DELIVERY,),
    incidents=(),
    digests={f"{RUN}>digest": 1},
    effects=(ASKED, WRITTEN),
    exit_codes=(0, -9, -15),
)


def with_fire(**changes: object) -> Evidence:
    return replace(SOUND, fires=(replace(FIRE, **changes),))  # type: ignore[arg-type]


def with_run(run_id: str, stop: str = "completed") -> Evidence:
    return replace(SOUND, runs=(*SOUND.runs, RunLife(run_id, JOB.id, AT + 2, "ended", stop, AT + 3.0, AT + 5.0)))


def with_effects(*effects: Effect, interrupted: tuple[Interruption, ...] = ()) -> Evidence:
    return replace(SOUND, effects=(*SOUND.effects, *effects), interruptions=interrupted)


def claims(evidence: Evidence, expected: Expected = Expected()) -> set[str]:  # noqa: B008 - frozen
    return {violation.claim for violation in violations(evidence, expected)}


def test_nothing_is_wrong_with_what_is_sound() -> None:
    assert violations(SOUND, Expected()) == []


@pytest.mark.parametrize(
    "states",
    [{}, {JOB.id: JobState(JOB.id, "", AT, AT + 5, AT + 6)}, {JOB.id: JobState(JOB.id, "", AT + 2, AT + 3, AT + 4)}],
    ids=["nothing expects the job", "a slot has no row", "a row for which nothing was due"],
)
def test_a_slot_without_a_row_and_a_row_without_a_slot_are_found(states: dict[str, JobState]) -> None:
    assert claims(replace(SOUND, states=states)) == {"every due slot has exactly one row"}


def test_two_rows_of_one_slot_are_found() -> None:
    assert "every due slot has exactly one row" in claims(replace(SOUND, fires=(FIRE, FIRE)))


def test_a_schedule_that_stands_still_is_found() -> None:
    assert claims(SOUND, Expected(until=AT + 3)) == set()
    assert claims(SOUND, Expected(until=AT + 60)) == {"every due slot has exactly one row"}


@pytest.mark.parametrize(
    "evidence",
    [
        with_fire(state="running", closed_at=None),
        replace(SOUND, runs=(replace(SOUND.runs[0], state="running", ended_at=None),)),
        replace(SOUND, outbox=(replace(DELIVERY, state="pending"),)),
        replace(SOUND, engine={RUN: "PENDING"}),
    ],
    ids=["fire", "run", "delivery", "workflow"],
)
def test_what_is_open_at_the_end_is_found(evidence: Evidence) -> None:
    assert "nothing is open at the end" in claims(evidence)


def test_a_fire_that_failed_is_found_unless_it_was_to_fail() -> None:
    failed = replace(with_fire(state="failed", reason="broke"), outbox=(), digests={})
    assert claims(failed) == {"every fire ends well"}
    assert claims(failed, Expected(states=("failed",))) == set()


@pytest.mark.parametrize(
    "evidence",
    [
        with_fire(run_id=None),
        with_fire(run_id=f"{RUN}~2"),
        with_run(f"{RUN}~2"),
        with_run(f"{RUN}~3"),
        with_run("cron:scout/morning:7"),
        replace(SOUND, runs=()),
        replace(SOUND, fires=()),
    ],
    ids=[
        "runs without being fired", "the fire has another run", "a second run after a first that completed",
        "an attempt is missing", "a run of another slot", "no run", "no fire",
    ],
)  # fmt: skip
def test_a_chain_of_runs_that_does_not_belong_to_its_fire_is_found(evidence: Evidence) -> None:
    assert "every fire has one chain of runs" in claims(evidence)


def test_another_attempt_after_one_that_broke_off_is_no_violation() -> None:
    second = f"{RUN}~2"
    first = replace(SOUND.runs[0], stop="attempt")
    evidence = replace(
        with_fire(run_id=second),
        runs=(first, replace(first, id=second, stop="completed")),
        engine={RUN: "SUCCESS", second: "SUCCESS"},
        outbox=(replace(DELIVERY, id=f"{second}>digest", run_id=second),),
        digests={f"{second}>digest": 1},
    )
    assert violations(evidence, Expected()) == []


@pytest.mark.parametrize("engine", [{}, {RUN: "ERROR"}, {RUN: "SUCCESS", "cron:scout/morning:7": "SUCCESS"}])
def test_a_run_that_the_engine_has_not_executed_once_is_found(engine: dict[str, str]) -> None:
    assert claims(replace(SOUND, engine=engine)) == {"every run is executed once"}


def test_a_step_that_is_recorded_twice_is_found() -> None:
    again = replace(SOUND, steps=(*SOUND.steps, StepRow(RUN, 5, "close", "close", AT + 5.0)))
    assert claims(again) == {"no step is recorded twice"}


@pytest.mark.parametrize(
    "evidence",
    [
        replace(SOUND, outbox=()),
        replace(SOUND, outbox=(replace(DELIVERY, state="dropped"),)),
        replace(SOUND, digests={}),
        replace(SOUND, digests={f"{RUN}>digest": 2}),
        replace(SOUND, digests={f"{RUN}>digest": 1, "cron:scout/morning:7>digest": 1}),
        replace(with_fire(state="skipped", reason="paused")),
    ],
    ids=["not promised", "not acknowledged", "not there", "there twice", "nobody's", "skipped and delivered"],
)
def test_a_delivery_that_is_missing_doubled_or_untold_is_found(evidence: Evidence) -> None:
    assert "every delivery is made once" in claims(evidence)


def test_a_call_that_is_made_again_is_found_unless_whoever_made_it_was_interrupted_in_it() -> None:
    again = Effect(RUN, "model-1", "node-2", AT + 3.09)
    assert claims(with_effects(again)) == {"no effect is repeated without need"}
    assert claims(with_effects(again, interrupted=(KILLED,))) == set()
    assert repeated_effects(with_effects(again)) == 1
    of_another = replace(KILLED, node="node-2")
    assert claims(with_effects(again, interrupted=(of_another,))) == {"no effect is repeated without need"}
    before = replace(KILLED, at=AT + 2.0, until=AT + 2.1)
    assert claims(with_effects(again, interrupted=(before,))) == {"no effect is repeated without need"}


@pytest.mark.parametrize("call", ["model-1", "model-1.1"])
def test_a_step_that_is_done_again_after_its_result_was_recorded_is_found(call: str) -> None:
    late = Effect(RUN, call, "node-2", AT + 3.9)
    interrupted = (replace(KILLED, until=AT + 3.5),)
    assert claims(with_effects(late, interrupted=interrupted)) == {"no finished step is done again"}


def test_a_node_that_was_frozen_may_do_once_what_others_have_done_meanwhile() -> None:
    frozen = Interruption("node-1", AT + 2.9, AT + 12.0, "SIGSTOP")
    meanwhile = replace(SOUND, effects=(replace(ASKED, node="node-2"), WRITTEN), interruptions=(frozen,))
    awake = Effect(RUN, "model-1", "node-1", AT + 12.5)
    once = replace(meanwhile, effects=(*meanwhile.effects, awake))
    twice = replace(once, effects=(*once.effects, replace(awake, at=AT + 12.9)))
    assert claims(once) == set()
    assert claims(twice) == {"no effect is repeated without need"}
    long_after = replace(meanwhile, effects=(*meanwhile.effects, replace(awake, at=AT + 30.0)))
    assert "no finished step is done again" in claims(long_after)


def test_a_node_that_was_frozen_may_be_the_first_to_do_what_its_heir_does_a_moment_later() -> None:
    frozen = Interruption("node-1", AT + 2.0, AT + 12.0, "SIGSTOP")
    awake, heir = replace(ASKED, at=AT + 12.1), replace(ASKED, node="node-2", at=AT + 12.6)
    steps = tuple(replace(step, ended_at=AT + 12.7) for step in SOUND.steps)
    both = replace(SOUND, steps=steps, effects=(awake, heir, WRITTEN), interruptions=(frozen,))
    assert "no effect is repeated without need" not in claims(both)
    nobody_slept = replace(both, interruptions=())
    assert "no effect is repeated without need" in claims(nobody_slept)


def test_a_node_that_had_not_noticed_its_loss_may_do_once_what_others_have_done() -> None:
    loss = Interruption("node-1", AT + 2.0, AT + 12.0, DECLARED_LOST)
    meanwhile = replace(SOUND, effects=(replace(ASKED, node="node-2"), WRITTEN), interruptions=(loss,))
    unaware = replace(meanwhile, effects=(*meanwhile.effects, Effect(RUN, "model-1", "node-1", AT + 11.0)))
    later = replace(meanwhile, effects=(*meanwhile.effects, Effect(RUN, "model-1", "node-1", AT + 14.0)))
    assert claims(unaware) == set()
    assert "no finished step is done again" in claims(later)


def test_the_log_of_a_node_says_when_it_noticed_its_loss(tmp_path: Path) -> None:
    node = Node("node-1", tmp_path, tmp_path / "home", file_address(tmp_path / "shared.db"))
    node.state.logs.mkdir()
    lines = (
        "2026-11-21 12:44:33,474 WARNING apscheduler: a run time was missed",
        "2026-11-21 12:44:34,035 ERROR harness.system: this daemon was declared lost while it did not answer",
    )
    (node.state.logs / "harness.log").write_text("\n".join(lines))
    (loss,) = losses(node)
    assert datetime.fromtimestamp(loss.until, UTC).astimezone().strftime("%H:%M:%S.%f") == "12:44:34.035000"
    assert (loss.node, loss.how) == ("node-1", DECLARED_LOST)


def test_an_incident_is_found_unless_it_is_expected() -> None:
    evidence = replace(SOUND, incidents=(IncidentRow("missed scout/morning", AT, AT, "late", 1, None, None),))
    assert claims(evidence) == {"no incident comes unexpected"}
    assert claims(evidence, Expected(incidents=("missed ",))) == set()


def test_a_daemon_that_ends_by_itself_is_found() -> None:
    assert claims(replace(SOUND, exit_codes=(0, 1))) == {"no daemon gives up"}


def late(job: str, age_s: float, *, run: bool, created_at: float = AT + 100.0, reason: str = "late") -> FireRow:
    run_id = "cron:run" if run else None
    return FireRow(job, int(created_at - age_s), "cron", "silent" if run else "missed", reason, run_id, created_at, 0.0)


@pytest.mark.parametrize(
    ("policy", "fires", "is_sound"),
    [
        ("latest", [(20, False), (10, True)], True),
        ("latest", [(20, True), (10, False)], False),
        ("latest", [(20, True), (10, True)], False),
        ("latest", [(20, False), (10, False), (1, True)], True),
        ("latest", [(20, False), (10, True), (1, True)], False),
        ("latest", [(80, False)], True),
        ("latest", [(80, True)], False),
        ("all", [(80, False), (20, True), (10, True)], True),
        ("all", [(20, True), (10, False)], False),
        ("all", [(80, True)], False),
        ("none", [(20, False), (10, False), (1, True)], True),
        ("none", [(20, True)], False),
        ("none", [(1, False)], False),
    ],
)
def test_a_late_slot_that_does_not_follow_its_policy_is_found(
    policy: str, fires: list[tuple[int, bool]], is_sound: bool
) -> None:
    job = replace(JOB, if_missed=CatchUp(policy, 60, 5))  # type: ignore[arg-type]
    rows = tuple(late(job.id, age_s, run=run) for age_s, run in fires)
    assert (policy_violations(replace(SOUND, jobs={job.id: job}, fires=rows)) == []) is is_sound


def test_a_late_slot_without_a_reason_is_found() -> None:
    job = replace(JOB, if_missed=CatchUp("none", 60, 5))
    fires = (late(job.id, 20, run=False, reason=""),)
    assert len(policy_violations(replace(SOUND, jobs={job.id: job}, fires=fires))) == 1


def poisoned(change: Callable[[Evidence], Evidence] = lambda evidence: evidence) -> set[str]:
    agent, _, name = POISON.partition("/")
    job = replace(JOB, agent=agent, name=name, deliver=())
    run_id = f"cron:{POISON}:{AT + 2}"
    evidence = Evidence(
        jobs={POISON: job},
        states={POISON: JobState(POISON, "", AT, AT + 3, AT + 4)},
        fires=(replace(FIRE, job_id=POISON, state="failed", reason="recovered too often", run_id=run_id),),
        runs=(RunLife(run_id, POISON, AT + 2, "ended", None, AT + 2.2, AT + 40.0),),
        steps=(),
        engine={run_id: "CANCELLED"},
        outbox=(),
        incidents=(IncidentRow(f"job {POISON}", AT, AT, "recovered too often", 1, run_id, None),),
        digests={},
    )
    return {violation.claim for violation in crash_loop_violations(change(evidence))}


def test_a_crash_loop_that_fails_nothing_or_tells_it_twice_is_found() -> None:
    assert poisoned() == set()
    assert "one incident" in poisoned(lambda evidence: replace(evidence, incidents=()))
    counted = {"incidents": (IncidentRow(f"job {POISON}", AT, AT, "again", 2, None, None),)}
    assert poisoned(lambda evidence: replace(evidence, **counted)) == {"one incident"}  # type: ignore[arg-type]
    well = "the run that was in flight in every crash fails"
    assert well in poisoned(lambda evidence: replace(evidence, fires=(replace(evidence.fires[0], state="silent"),)))
