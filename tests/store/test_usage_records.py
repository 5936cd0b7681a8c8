"""What `harness cost` reads, on a file and on a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from harness.domain.budget import Amount
from harness.domain.message import Usage
from harness.domain.run import FireKind
from harness.store.database import Database
from harness.store.peek import peek
from harness.store.runs import NewRun, claim_runs, queue_run
from harness.store.usage import BookedCall, ReservedCall, record_usage, reserve, usage_of_run
from harness.store.usage_records import Used

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
EACH = Used(1, Usage(100, 40, 10, 5), 0.5)


def book(database: Database, run_id: str, job_id: str, *, call: str = "model-1", at: datetime = NOW) -> None:
    call_of = BookedCall(run_id, call, job_id, "cheap", "small", EACH.tokens, EACH.cost_usd, 1.5)
    with database.write() as connection:
        record_usage(connection, call_of, at)


def test_what_is_booked_is_what_is_read(database: Database) -> None:
    book(database, "r1", "scout/morning")
    book(database, "r1", "scout/morning", call="model-2")
    book(database, "r2", "zoe/request:1")
    book(database, "r3", "zoe/request:2")
    book(database, "r4", "zoe/plan", at=LATER)
    with peek(database.address) as look:
        assert look is not None
        assert look.usage.used_by("agent", NOW, LATER) == {"scout": EACH + EACH, "zoe": EACH + EACH}
        assert look.usage.used_by("job", NOW, LATER) == {"scout/morning": EACH + EACH, "zoe/(requests)": EACH + EACH}
        assert look.usage.used_by("profile", NOW, LATER + timedelta(1))["cheap"].calls == 5
        assert look.usage.latencies_by("model", NOW, LATER) == {"small": [1.5] * 4}
    with database.read() as connection:
        assert usage_of_run(connection, "r1") == (Usage(200, 80, 20, 10), 1.0, 2)


def test_a_run_that_waited_and_went_on_is_one(database: Database) -> None:
    book(database, "cron:scout/morning:8", "scout/morning")
    book(database, "cron:scout/morning:8.2", "scout/morning", at=LATER)
    book(database, "cron:scout/morning:9", "scout/morning", at=LATER)
    book(database, "bus:a:1", "scout/request:a", at=LATER + timedelta(hours=1))
    with peek(database.address) as look:
        assert look is not None
        runs = look.usage.used_by_runs(NOW)
    assert [(run.run_id, run.used.calls, run.is_of_the_bus) for run in runs] == [
        ("bus:a:1", 1, True),
        ("cron:scout/morning:9", 1, False),
        ("cron:scout/morning:8", 2, False),
    ]


def test_what_asked_no_language_model_says_nothing_about_the_next_run(database: Database) -> None:
    call = BookedCall("r1", "model-1", "scout/morning", "extractive", "extractive, no model", Usage(), 0.0, 0.1)
    with database.write() as connection:
        record_usage(connection, call, NOW)
    with peek(database.address) as look:
        assert look is not None
        assert look.usage.used_by_runs(NOW) == ()


def test_only_runs_at_work_have_anything_in_flight(database: Database) -> None:
    with database.write() as connection:
        queue_run(connection, NewRun("live", "scout/x", "agent", FireKind.CRON, 1, 1), NOW)
        claim_runs(connection, "me", 9, NOW)
        for run_id in ("live", "dead"):
            reserve(connection, ReservedCall(run_id, "model-1", "scout", "cheap", Amount(0.25, 10)), NOW)
    with peek(database.address) as look:
        assert look is not None
        assert look.usage.reserved_by("agent") == {"scout": (0.25, 10)}
        assert look.usage.reserved_by("profile") == {"cheap": (0.25, 10)}
