"""The accounted line adds up, and says why."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.domain.run import FireKind, FireState
from harness.runs.accounting import accounted, accounted_until, short_cause
from harness.store.database import Database
from harness.store.day_counts import Became
from harness.store.fires import add_fire

MIDNIGHT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)  # in Los Angeles
ZONE = "America/Los_Angeles"


def became(state: FireState, reason: str = "", times: int = 1) -> list[Became]:
    return [Became(state, reason)] * times


@given(st.lists(st.builds(Became, st.sampled_from(FireState), st.sampled_from(["", "x: y", "3 h late; z", "a" * 90]))))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_counts_add_up_to_what_was_planned(fires: list[Became]) -> None:
    line = accounted(fires)
    if not fires:
        assert line == "nothing was planned yet"
        return
    planned, _, rest = line.partition(" planned: ")
    counts = re.findall(r"(?:^|, )(\d+) [a-z]", re.sub(r"\([^)]*\)", "", rest))
    assert sum(map(int, counts)) == int(planned) == len(fires)


def test_what_was_missed_and_what_failed_say_why_in_a_few_words() -> None:
    fires = [
        *became(FireState.DELIVERED, times=51),
        *became(FireState.SILENT, "checked: nothing new is wrong", times=3),
        *became(FireState.MISSED, "3 h 12 min late; if_missed allows 3 h"),
    ]
    assert accounted(fires) == "55 planned: 51 delivered, 3 silent, 1 missed (asleep)"
    failed = became(FireState.FAILED, "nothing could be collected: Cinder Wire: answered 503")
    assert accounted(failed) == "1 planned: 1 failed (nothing could be collected)"


def test_what_has_not_ended_is_counted_as_what_it_is() -> None:
    fires = [*became(FireState.PLANNED), *became(FireState.RUNNING), *became(FireState.SUSPENDED, "waits for R-1")]
    assert accounted(fires) == "3 planned: 2 at work, 1 waiting"


def test_of_many_causes_the_most_frequent_are_named() -> None:
    fires = [
        *(one for n, times in enumerate((4, 3, 2, 1, 1)) for one in became(FireState.FAILED, f"cause {n}", times)),
    ]
    assert accounted(fires) == "11 planned: 11 failed (cause 0, cause 1, cause 2 and 2 more)"


def test_a_long_cause_is_cut_between_words() -> None:
    assert short_cause("the answer could not be read by anything that we know of") == "the answer could not be read by…"


def test_the_line_is_of_the_local_day_up_to_this_minute_and_of_the_schedule_alone(database: Database) -> None:
    at = MIDNIGHT + timedelta(hours=8, minutes=15, seconds=20)

    def add(job_id: str, due: datetime, state: FireState, kind: FireKind = FireKind.CRON) -> None:
        with database.write() as connection:
            add_fire(
                connection,
                job_id=job_id,
                due_at=int(due.timestamp()),
                kind=kind,
                state=state,
                reason="",
                run_id=None,
                now=due,
            )

    add("a/yesterday", MIDNIGHT - timedelta(minutes=1), FireState.FAILED)
    add("a/midnight", MIDNIGHT, FireState.DELIVERED)
    add("a/morning", MIDNIGHT + timedelta(hours=8), FireState.SILENT)
    add("a/by-hand", MIDNIGHT + timedelta(hours=8), FireState.FAILED, FireKind.MANUAL)
    add("zoe/daily-digest", at.replace(second=0), FireState.RUNNING)
    with database.read() as connection:
        assert accounted_until(connection, at, ZONE) == "2 planned: 1 delivered, 1 silent"
