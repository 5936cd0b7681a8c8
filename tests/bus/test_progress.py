"""Notes of the harness where the worker says nothing: when they are due, how many, and what they are not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.bus.ending import cancel
from harness.bus.log import append, standing_of
from harness.bus.progress import MOST_NOTES, is_due_for_note, note_moments, note_progress
from harness.bus.sending import send
from harness.domain.request import SYSTEM, USER, Progressed, Standing
from harness.store.database import Database
from harness.store.request_duties import Quiet, quiet_requests
from harness.store.request_log import events_of
from tests.bus.team_of import NOW, ask, team_of

TEAM = team_of("zoe", "scout")
HOUR = 3600.0


def sent(database: Database, receiver: str = "scout") -> Standing:
    with database.write(alone=True) as connection:
        return send(connection, ask("zoe", receiver), TEAM, NOW).standing


def notes_at(database: Database, minutes: float) -> list[str]:
    """Let the harness look so many minutes after the request was made; return the notes that it wrote."""
    now = NOW + timedelta(minutes=minutes)
    written = []
    with database.write(alone=True) as connection:
        for quiet in quiet_requests(connection, now):
            after = note_progress(connection, quiet, "at work since 16:00 UTC", now)
            written += [] if after is None else [after.note]
    return written


def test_after_three_quarters_of_the_time_without_news_the_harness_says_what_it_sees(database: Database) -> None:
    standing = sent(database)
    assert notes_at(database, 44.9) == []
    assert notes_at(database, 45) == ["at work since 16:00 UTC; due 2026-11-21 17:00 UTC"]
    with database.read() as connection:
        last = events_of(connection, standing.request.id)[-1]
    assert last.by == SYSTEM
    assert last.body == Progressed(1, "at work since 16:00 UTC; due 2026-11-21 17:00 UTC", by_harness=True)


def test_there_are_three_notes_at_most_however_often_the_harness_looks(database: Database) -> None:
    sent(database)
    noted = [tenth / 10 for tenth in range(600) if notes_at(database, tenth / 10)]
    assert noted == [45, 56.3, 59.1]


def test_a_worker_that_speaks_is_left_alone_until_the_next_quarter(database: Database) -> None:
    standing = sent(database)
    with database.write(alone=True) as connection:
        at = NOW + timedelta(minutes=50)
        append(connection, standing, Progressed(1, "half of it"), by="scout", now=at)
    assert notes_at(database, 55) == []
    assert len(notes_at(database, 57)) == 1


def test_a_clock_that_jumps_over_all_of_them_brings_one_note(database: Database) -> None:
    sent(database)
    assert len(notes_at(database, 59.9)) == 1
    assert notes_at(database, 59.95) == []


def test_the_person_gets_a_reminder_in_the_log(database: Database) -> None:
    sent(database, USER)
    assert notes_at(database, 46) == ["reminder: due 2026-11-21 17:00 UTC"]


def test_what_ended_since_it_was_looked_for_gets_no_note(database: Database) -> None:
    request_id = sent(database).request.id
    now = NOW + timedelta(minutes=46)
    with database.write(alone=True) as connection:
        (quiet,) = quiet_requests(connection, now)
        cancel(connection, request_id, "", by=USER, now=now)
        assert note_progress(connection, quiet, "at work", now) is None
        assert standing_of(connection, request_id).note == ""


def test_time_counts_from_when_the_receiver_got_it(database: Database) -> None:
    now = datetime.fromtimestamp(NOW.timestamp() + 46 * 60, UTC)
    confirmed_late = Quiet("r-1", NOW.timestamp() + 40 * 60, NOW.timestamp() + 40 * 60, NOW.timestamp() + HOUR)
    assert not is_due_for_note(confirmed_late, now)


@pytest.mark.parametrize("span_s", [1, 10, 19])
def test_what_is_due_in_a_moment_gets_no_notes(span_s: float) -> None:
    assert note_moments(0, span_s) == ()


@given(
    confirmed_at=st.integers(0, 10**6),
    span_s=st.integers(1, 10**6),
    news=st.lists(st.integers(0, 10**6), max_size=5),
    looks=st.lists(st.integers(0, 2 * 10**6), max_size=40),
)
def test_however_it_is_looked_there_are_few_notes_and_none_after_the_due_time(
    confirmed_at: int, span_s: int, news: list[int], looks: list[int]
) -> None:
    due_at, news_at, notes = confirmed_at + span_s, float(confirmed_at), 0
    said = {confirmed_at + one for one in news if one < span_s}
    for look in sorted({*looks, *said}):
        if look in said:
            news_at = float(look)
        elif is_due_for_note(Quiet("r-1", confirmed_at, news_at, due_at), datetime.fromtimestamp(look, UTC)):
            assert confirmed_at + span_s * 3 / 4 <= look < due_at
            notes, news_at = notes + 1, float(look)
    assert notes <= MOST_NOTES
