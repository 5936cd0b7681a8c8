from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from harness.bus.continuations import continuation_id, continue_if_answered
from harness.bus.ending import cancel
from harness.bus.sending import send
from harness.domain.run import FireKind, FireState, Outcome, RunState
from harness.runs.answer import Draft, Suspension
from harness.runs.suspending import suspend
from harness.store.database import Database
from harness.store.fires import add_fire, close_fire, mark_fire, replan_fire
from harness.store.runs import NewRun, claim_runs, queue_run, run_by_id
from harness.store.suspensions import answered_runs, is_suspended_for
from tests.bus.team_of import NOW, ask, team_of

RUN = f"cron:zoe/report:{int(NOW.timestamp())}"


def suspended(database: Database) -> str:
    """Let a run of zoe's wait for what she asks scout for; return the request's id."""
    due_at = int(NOW.timestamp())
    with database.write(alone=True) as connection:
        add_fire(
            connection, job_id="zoe/report", due_at=due_at, kind=FireKind.CRON, state=FireState.PLANNED, reason="",
            run_id=RUN, now=NOW,
        )  # fmt: skip
        queue_run(connection, NewRun(RUN, "zoe/report", "agent", FireKind.CRON, due_at, 1), NOW)
        (run,) = claim_runs(connection, "node-1", 8, NOW)
        mark_fire(connection, RUN, FireState.RUNNING, "node-1")
        asked = ask("zoe", "scout", parent_run=RUN)
        request_id = send(connection, asked, team_of("zoe", "scout"), NOW).standing.request.id
        waits = Suspension({"call": request_id}, {})
        draft = Draft(Outcome(FireState.SUSPENDED, "it waits"), "suspended", suspension=waits)
        assert suspend(connection, run, draft, "node-1", NOW) is FireState.SUSPENDED
    return request_id


def close(connection: Connection) -> None:
    assert close_fire(connection, RUN, state=FireState.CANCELLED, reason="by hand", now=NOW)


def take(connection: Connection) -> None:
    mark_fire(connection, RUN, FireState.SUSPENDED, "node-2")


def give_away(connection: Connection) -> None:
    assert replan_fire(connection, RUN, "node-1", new_run_id=f"{RUN}~2", reason="")


@pytest.mark.parametrize(
    ("elsewhere", "state"),
    [(close, RunState.ENDED), (give_away, RunState.ENDED), (take, RunState.SUSPENDED)],
)
def test_a_run_whose_fire_is_no_longer_its_own_is_not_said_to_go_on(
    database: Database, elsewhere: Callable[[Connection], None], state: RunState
) -> None:
    request_id = suspended(database)
    with database.write(alone=True) as connection:
        elsewhere(connection)
    with database.write(alone=True) as connection:
        cancel(connection, request_id, "", by="zoe", now=NOW)
        assert is_suspended_for(connection, RUN)
        assert run_by_id(connection, continuation_id(RUN)) is None
        run = run_by_id(connection, RUN)
        assert run is not None
        assert run.state is state
        assert answered_runs(connection) == ([RUN] if state is RunState.SUSPENDED else []), "nobody looks at it again"


def test_a_run_goes_on_once(database: Database) -> None:
    request_id = suspended(database)
    with database.write(alone=True) as connection:
        assert continue_if_answered(connection, RUN, NOW) is None
        cancel(connection, request_id, "", by="zoe", now=NOW)
        assert continue_if_answered(connection, RUN, NOW) is None
        assert run_by_id(connection, f"{RUN}.2") is not None
        assert not is_suspended_for(connection, RUN)
        ended = run_by_id(connection, RUN)
        assert ended is not None
        assert (ended.state, ended.stop) == (RunState.ENDED, "suspended")
