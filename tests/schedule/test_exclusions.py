from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from harness.domain.job import Job
from harness.domain.schedule import Calendar, QuietHours
from harness.schedule.exclusions import Upcoming, next_run, why_excluded, why_never_due
from harness.schedule.grammar import parse_schedules

NEW_YORK, BERLIN, TOKYO = "America/New_York", "Europe/Berlin", "Asia/Tokyo"
NYSE = Calendar(
    name="nyse",
    title="New York Stock Exchange",
    closed={date(2026, 11, 26): "Thanksgiving Day"},
    first=date(2026, 1, 1),
    last=date(2026, 12, 31),
    zone=NEW_YORK,
)
NIGHT = QuietHours(23 * 60, 7 * 60)


def job(
    schedule: str = "every 30m",
    *,
    zone: str = BERLIN,
    calendar: str | None = None,
    quiet_hours: QuietHours | None = None,
) -> Job:
    return Job(
        agent="fin",
        name="close",
        path="agents/fin/jobs/close.md",
        schedules=parse_schedules(schedule),
        zone=zone,
        calendar=calendar,
        quiet_hours=quiet_hours,
    )


def at(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def test_closed_day_excludes_by_its_name() -> None:
    why = why_excluded(job(calendar="nyse"), {"nyse": NYSE}, at("2026-11-26 12:00", NEW_YORK))
    assert why == "New York Stock Exchange is closed: Thanksgiving Day"


@pytest.mark.parametrize(("day", "name"), [("2026-11-28", "Saturday"), ("2026-11-29", "Sunday")])
def test_weekend_excludes_where_the_calendar_closes_on_it(day: str, name: str) -> None:
    why = why_excluded(job(calendar="nyse"), {"nyse": NYSE}, at(f"{day} 12:00", NEW_YORK))
    assert why == f"New York Stock Exchange is closed: {name}"


def test_closed_day_begins_and_ends_by_the_clock_of_the_calendar_and_not_of_the_job() -> None:
    tokyo_job = job(zone=TOKYO, calendar="nyse")
    assert why_excluded(tokyo_job, {"nyse": NYSE}, at("2026-11-25 23:59", NEW_YORK)) is None
    assert why_excluded(tokyo_job, {"nyse": NYSE}, at("2026-11-26 00:00", NEW_YORK)) is not None
    assert why_excluded(tokyo_job, {"nyse": NYSE}, at("2026-11-26 23:59", NEW_YORK)) is not None
    assert why_excluded(tokyo_job, {"nyse": NYSE}, at("2026-11-27 00:00", NEW_YORK)) is None


def test_calendar_without_a_zone_is_read_by_the_clock_of_the_job() -> None:
    holidays = Calendar("home", "Home", {date(2026, 12, 25): "Christmas Day"}, date(2026, 1, 1), date(2026, 12, 31))
    on_that_day = at("2026-12-25 00:30", TOKYO)
    assert why_excluded(job(zone=TOKYO, calendar="home"), {"home": holidays}, on_that_day) is not None
    assert why_excluded(job(zone=BERLIN, calendar="home"), {"home": holidays}, on_that_day) is None


@pytest.mark.parametrize(
    ("time", "is_quiet"), [("22:59", False), ("23:00", True), ("00:00", True), ("06:59", True), ("07:00", False)]
)
def test_quiet_hours_over_midnight_include_their_start_and_not_their_end(time: str, is_quiet: bool) -> None:
    why = why_excluded(job(quiet_hours=NIGHT), {}, at(f"2026-05-05 {time}", BERLIN))
    assert why == ("quiet hours 23:00-07:00 in Europe/Berlin" if is_quiet else None)


@pytest.mark.parametrize(("time", "is_quiet"), [("11:59", False), ("12:00", True), ("12:59", True), ("13:00", False)])
def test_quiet_hours_within_a_day_hold_between_their_times(time: str, is_quiet: bool) -> None:
    noon = job(quiet_hours=QuietHours(12 * 60, 13 * 60))
    assert (why_excluded(noon, {}, at(f"2026-05-05 {time}", BERLIN)) is not None) == is_quiet


def test_quiet_hours_of_another_zone_are_read_by_its_clock() -> None:
    at_home = job(zone=TOKYO, quiet_hours=QuietHours(23 * 60, 7 * 60, zone=BERLIN))
    assert why_excluded(at_home, {}, at("2026-05-05 23:30", BERLIN)) == "quiet hours 23:00-07:00 in Europe/Berlin"
    assert why_excluded(at_home, {}, at("2026-05-05 23:30", TOKYO)) is None


def test_quiet_hours_hold_through_both_passes_of_a_repeated_hour() -> None:
    before = at("2026-10-25 01:30", BERLIN)
    night = [before + timedelta(minutes=30 * step) for step in range(5)]
    assert all(why_excluded(job(quiet_hours=QuietHours(60, 240)), {}, slot) for slot in night)


def test_job_without_calendar_and_quiet_hours_is_never_excluded() -> None:
    assert why_excluded(job(), {"nyse": NYSE}, at("2026-11-26 03:00", NEW_YORK)) is None


def test_calendar_that_is_not_there_excludes_nothing() -> None:
    assert why_excluded(job(calendar="nyse"), {}, at("2026-11-26 12:00", NEW_YORK)) is None


def test_next_run_is_the_first_slot_that_is_not_excluded() -> None:
    close = job("weekdays 16:30", zone=NEW_YORK, calendar="nyse")
    assert next_run(close, {"nyse": NYSE}, at("2026-11-25 17:00", NEW_YORK)) == Upcoming(
        due_at=at("2026-11-27 16:30", NEW_YORK),
        excluded_at=at("2026-11-26 16:30", NEW_YORK),
        why_excluded="New York Stock Exchange is closed: Thanksgiving Day",
    )
    assert next_run(close, {"nyse": NYSE}, at("2026-11-25 16:00", NEW_YORK)) == Upcoming(
        at("2026-11-25 16:30", NEW_YORK)
    )


def test_next_run_of_what_is_due_every_second_is_found_behind_a_long_weekend() -> None:
    busy = job("every 1s", zone=NEW_YORK, calendar="nyse", quiet_hours=QuietHours(23 * 60, 7 * 60 + 17))
    upcoming = next_run(busy, {"nyse": NYSE}, at("2026-11-27 22:59:59", NEW_YORK))
    assert upcoming.due_at == at("2026-11-30 07:17", NEW_YORK)
    assert upcoming.excluded_at == at("2026-11-27 23:00", NEW_YORK)


def test_job_whose_every_time_is_excluded_never_runs_and_the_reason_is_told() -> None:
    night_job = job("daily 03:00", quiet_hours=NIGHT)
    now = at("2026-05-05 12:00", BERLIN)
    assert next_run(night_job, {}, now).due_at is None
    assert why_never_due(night_job, {}, now) == "quiet hours 23:00-07:00 in Europe/Berlin"
    assert why_never_due(job("daily 03:00, 12:00", quiet_hours=NIGHT), {}, now) is None


def test_one_shot_that_is_over_is_not_one_that_never_runs() -> None:
    over = job("once 2026-01-01 03:00", quiet_hours=NIGHT)
    assert why_never_due(over, {}, at("2026-05-05 12:00", BERLIN)) is None
    assert next_run(over, {}, at("2026-05-05 12:00", BERLIN)) == Upcoming(None)
