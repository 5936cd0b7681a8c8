"""Queued runs that have to wait, by a clock that may be set back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from harness.domain.run import FireKind
from harness.store.database import Database
from harness.store.runs import NewRun, claim_runs, count_open, has_claimable, next_not_before, queue_run

NOW = datetime(2026, 11, 21, 15, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("waits", "is_time"),
    [
        (timedelta(seconds=-1), True),
        (timedelta(seconds=30), False),
        (timedelta(hours=1), False),
        (timedelta(days=1), True),  # no pause is that long: the clock was set back since
    ],
)
def test_a_run_waits_for_its_pause_and_not_for_a_clock_that_was_set_back(
    database: Database, waits: timedelta, is_time: bool
) -> None:
    with database.write() as connection:
        not_before = (NOW + waits).timestamp()
        queue_run(connection, NewRun("r", "a/b", "agent", FireKind.CRON, 1, 1, not_before=not_before), NOW)
        assert has_claimable(connection, NOW) is is_time
        assert count_open(connection, NOW) == int(is_time)
        assert next_not_before(connection, NOW) == (None if is_time else not_before)
        assert [run.id for run in claim_runs(connection, "me", 8, NOW)] == (["r"] if is_time else [])
