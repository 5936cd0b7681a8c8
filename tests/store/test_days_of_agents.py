"""What one agent did in a span of time, over both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from harness.domain.message import Usage
from harness.domain.run import FireKind, FireState, run_id_for
from harness.store.database import Database
from harness.store.days_of_agents import count_fires, incidents_of, troubles, used_by
from harness.store.fires import add_fire, close_fire, mark_fire
from harness.store.incidents import open_incident, resolve_incident
from harness.store.runs import NewRun, end_run, queue_run
from harness.store.usage import BookedCall, record_usage

START = datetime(2026, 11, 24, tzinfo=UTC)
END = START + timedelta(days=1)


def write_fire(database: Database, job_id: str, at: datetime, state: FireState, reason: str = "") -> str:
    due = int(at.timestamp())
    run_id = run_id_for(FireKind.CRON, job_id, due)
    with database.write() as connection:
        add_fire(
            connection, job_id=job_id, due_at=due, kind=FireKind.CRON, run_id=run_id, now=at,
            state=FireState.PLANNED, reason="",
        )  # fmt: skip
        queue_run(connection, NewRun(run_id, job_id, "agent", FireKind.CRON, due, 1), at)
        mark_fire(connection, run_id, FireState.RUNNING, "me")
        close_fire(connection, run_id, state=state, reason=reason, now=at)
        end_run(connection, run_id, at, stop="completed", outcome={"state": str(state), "details": ["one gap"]})
        record_usage(connection, BookedCall(run_id, "m", job_id, "p", "model", Usage(10, 0, 1), 0.5), at)
    return run_id


def test_only_the_agent_s_own_fires_of_the_span_count(database: Database) -> None:
    write_fire(database, "scout/watch", START, FireState.DELIVERED)
    write_fire(database, "scout/watch", END - timedelta(seconds=1), FireState.FAILED, "gone")
    write_fire(database, "scout/watch", END, FireState.FAILED, "tomorrow")
    write_fire(database, "scout/watch", START - timedelta(seconds=1), FireState.FAILED, "yesterday")
    write_fire(database, "scout-two/watch", START, FireState.FAILED, "another's")
    with database.read() as connection:
        assert count_fires(connection, "scout", START, END) == {"delivered": 1, "failed": 1}
        assert used_by(connection, "scout", START, END) == (2, 22, 1.0)


def test_what_went_wrong_is_told_latest_first_with_its_gaps_and_has_an_end(database: Database) -> None:
    write_fire(database, "scout/watch", START, FireState.SILENT, "nothing new")
    for hour in range(5):
        write_fire(database, "scout/watch", START + timedelta(hours=hour + 1), FireState.DEGRADED, f"at {hour}")
    with database.read() as connection:
        found = troubles(connection, "scout", START, END, 3)
    assert [(each.state, each.reason, each.details) for each in found] == [
        ("degraded", f"at {hour}", ("one gap",)) for hour in (4, 3, 2)
    ]


def test_incidents_are_those_that_are_open_or_of_today_and_name_the_agent_s_jobs(database: Database) -> None:
    long_ago = START - timedelta(days=9)
    with database.write() as connection:
        open_incident(connection, "contract scout/old", "still", long_ago)
        open_incident(connection, "contract scout/over", "over", long_ago)
        resolve_incident(connection, "contract scout/over", long_ago)
        open_incident(connection, "endpoint x", "no answer", START, job_id="scout/watch")
        open_incident(connection, "contract zoe/watch", "another's", START)
        open_incident(connection, "contract my-scout/watch", "another's", START)
    with database.read() as connection:
        found = incidents_of(connection, "scout", START, 9)
        every = incidents_of(connection, None, START, 9)
    assert [(each.cause, each.is_open) for each in found] == [("endpoint x", True), ("contract scout/old", True)]
    assert len(every) == 4
