"""What an agent hears of its requests in its next prompt: every end that nothing else tells it of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from harness.bus.continuations import wait_for
from harness.bus.ending import cancel
from harness.bus.prompt_news import news_for
from harness.bus.sending import send
from harness.domain.request import USER
from harness.domain.run import FireKind, FireState, Outcome, RunState, Suspended
from harness.runs.cancelling import CancelRequest, request_cancel
from harness.runs.closing import close
from harness.store.database import Database
from harness.store.fires import add_fire, mark_fire, suspend_fire
from harness.store.json_codec import to_json
from harness.store.runs import NewRun, claim_runs, queue_run, run_by_id, suspend_run
from harness.store.suspensions import Awaited
from tests.bus.team_of import NOW, ask, team_of

TEAM = team_of("zoe", "scout")
ZOE = TEAM.workspace.agents["zoe"]
RUN = "cron:zoe/plan:1"


def asked_and_waited_for(database: Database) -> str:
    """Ask scout in the name of zoe, whose run is suspended until the answer is there; return the request's id."""
    with database.write(alone=True) as connection:
        standing = send(connection, ask("zoe", "scout"), TEAM, NOW).standing
        queue_run(connection, NewRun(RUN, "zoe/plan", "agent", FireKind.CRON, 1, 1), NOW)
        add_fire(
            connection, job_id="zoe/plan", due_at=1, kind=FireKind.CRON, state=FireState.PLANNED, reason="",
            run_id=RUN, now=NOW,
        )  # fmt: skip
        assert [run.id for run in claim_runs(connection, "me", 8, NOW, only=RUN)] == [RUN]
        mark_fire(connection, RUN, FireState.RUNNING, "me")
        assert suspend_fire(connection, RUN, "me")
        outcome = to_json(Outcome, Outcome(FireState.SUSPENDED, "waits"))
        suspend_run(connection, RUN, stop=Suspended.reason, outcome=outcome)
        run = run_by_id(connection, RUN)
        assert run is not None
        assert wait_for(connection, run, [Awaited(standing.request.id, "call_0")], "{}", NOW) is None
    return standing.request.id


def told_of(database: Database) -> list[tuple[str, bool]]:
    with database.read() as connection:
        return [(one.request_id, one.is_final) for one in news_for(connection, ZOE)]


def by_the_person(database: Database) -> None:
    with database.write(alone=True) as connection:
        assert request_cancel(connection, RUN, "cancelled by Sam", NOW) is CancelRequest.CLOSED


def by_its_deadline(database: Database) -> None:
    outcome = Outcome(FireState.FAILED, "it was not finished within its deadline")
    with database.write() as connection:
        assert close(connection, run_id=RUN, job_id="zoe/plan", outcome=outcome, stop="deadline", owner=None, now=NOW)


@pytest.mark.parametrize("end", [by_the_person, by_its_deadline])
def test_what_a_run_waited_for_that_was_ended_meanwhile_is_told_in_the_next_prompt(
    database: Database, end: Callable[[Database], None]
) -> None:
    request_id = asked_and_waited_for(database)
    end(database)
    with database.write(alone=True) as connection:
        cancel(connection, request_id, "enough", by=USER, now=NOW + timedelta(hours=1))
        run = run_by_id(connection, RUN)
        assert run is not None
        assert run.state is RunState.ENDED
        assert run_by_id(connection, f"{RUN}.2") is None, "nothing goes on with what is over"
    assert told_of(database) == [(request_id, True)]


def test_what_a_run_waits_for_is_not_told_twice(database: Database) -> None:
    request_id = asked_and_waited_for(database)
    assert told_of(database) == [(request_id, False)]
    with database.write(alone=True) as connection:
        cancel(connection, request_id, "enough", by=USER, now=NOW + timedelta(hours=1))
        assert run_by_id(connection, f"{RUN}.2") is not None
    assert told_of(database) == []
