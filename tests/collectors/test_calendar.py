"""Calendars: repetitions, exceptions, zones, whole days; and an address that nobody is told."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.collectors.calendar import hide_address
from harness.collectors.ics_document import read_ics
from harness.collectors.parse import FeedParser, ParsedCalendar
from harness.domain.daily_life import PersonalCalendar
from harness.domain.settings import Settings
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from harness.testing.web_server import WebReply
from tests.collectors.daily_sources import DailyServer, folder, gather

SECRET = "private-9f2c41d7ab"


@pytest.fixture
def server() -> Iterator[DailyServer]:
    with DailyServer() as running:
        yield running


def ics(*events: str) -> str:
    body = "".join(f"BEGIN:VEVENT\nDTSTAMP:20260101T000000Z\n{event}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n{body}END:VCALENDAR\n"


def days_of(root: Path, parser: FeedParser, text: str, *, zone: str = "Europe/Berlin", now: datetime) -> Collected:
    folder(root, {"calendars/home.ics": text})
    calendar = PersonalCalendar("home", "calendars/home.ics")
    return gather("calendar", Workspace(root, Settings(home_zone=zone, calendars=(calendar,))), parser, now=now)


NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        ("UID:1\nSUMMARY:Floating\nDTSTART:20260327T090000\nDTEND:20260327T100000", ["- 09:00–10:00 Floating"]),
        ("UID:1\nSUMMARY:Utc\nDTSTART:20260327T230000Z\nDTEND:20260327T233000Z", ["- 00:00–00:30 Utc"]),
        (
            "UID:1\nSUMMARY:Elsewhere\nDTSTART;TZID=America/New_York:20260327T080000\n"
            "DTEND;TZID=America/New_York:20260327T090000",
            ["- 13:00–14:00 Elsewhere"],
        ),
        ("UID:1\nSUMMARY:Whole day\nDTSTART;VALUE=DATE:20260327", ["- all day Whole day"]),
        (
            "UID:1\nSUMMARY:Trip\nDTSTART;VALUE=DATE:20260325\nDTEND;VALUE=DATE:20260329",
            ["- all day Trip", "- all day Trip"],
        ),
        (
            "UID:1\nSUMMARY:Night\nDTSTART:20260327T220000\nDTEND:20260328T110000",
            ["- from 22:00 Night", "- until 11:00 Night"],
        ),
        (
            "UID:1\nSUMMARY:Until midnight\nDTSTART:20260327T220000\nDTEND:20260328T000000",
            ["- 22:00–00:00 Until midnight"],
        ),
        ("UID:1\nSUMMARY:No end\nDTSTART:20260327T220000", ["- 22:00 No end"]),
        ("UID:1\nSUMMARY:Cancelled\nSTATUS:CANCELLED\nDTSTART:20260327T220000", []),
        ("UID:1\nSUMMARY:Yesterday\nDTSTART:20260326T220000\nDTEND:20260327T000000", []),
        ("UID:1\nDTSTART:20260327T100000\nDURATION:PT45M", ["- 10:00–10:45 (no title)"]),
        (
            "UID:1\nSUMMARY:Each day\nDTSTART:20260101T080000\nDURATION:PT1H\nRRULE:FREQ=DAILY\nEXDATE:20260327T080000",
            ["- 08:00–09:00 Each day"],
        ),
        ("UID:1\nSUMMARY:Over\nDTSTART:20260101T080000\nRRULE:FREQ=DAILY;COUNT=3", []),
        ("UID:1\nSUMMARY:One\\, two\\nlines\nDTSTART:20260327T100000", ["- 10:00 One, two lines"]),
    ],
)
def test_an_event_is_told_by_the_clock_where_the_person_is(
    parser: FeedParser, tmp_path: Path, event: str, lines: list[str]
) -> None:
    found = days_of(tmp_path, parser, ics(event), now=NOON)
    assert found.gaps == ()
    assert [line for line in found.text.splitlines() if line.startswith("- ")] == lines


def test_a_repetition_stays_at_its_hour_when_the_clocks_change(parser: FeedParser, tmp_path: Path) -> None:
    weekly = "UID:1\nSUMMARY:Run\nDTSTART;TZID=Europe/Berlin:20260104T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY"
    for day in (22, 29):  # the clocks change on the 29th
        found = days_of(tmp_path, parser, ics(weekly), now=datetime(2026, 3, day, 6, tzinfo=UTC))
        assert "- 09:00–10:00 Run" in found.text


def test_a_day_without_events_says_so_and_is_no_gap(parser: FeedParser, tmp_path: Path) -> None:
    found = days_of(tmp_path, parser, ics(), now=NOON)
    assert found.gaps == () and found.items == ()
    assert found.text == (
        "Today, Friday 27 March: nothing in the calendar.\n\nTomorrow, Saturday 28 March: nothing in the calendar."
    )


@pytest.mark.parametrize(
    "event",
    [
        "DTSTART:20260327T100000\nRRULE:FREQ=SOMETIMES",
        "DTSTART:20260101T000000Z\nDTEND:99991231T235959Z",
        "DTSTART:20260101T000000Z\nRRULE:FREQ=SECONDLY",
        "DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY\nRRULE:FREQ=secondly",
        "DTSTART:20260327T100000\nRRULE:FREQ=DAILY;INTERVAL=0",
    ],
)
def test_an_event_that_makes_no_sense_is_named_and_the_others_are_told(
    parser: FeedParser, tmp_path: Path, event: str
) -> None:
    """Anybody may invite to an event: one must not cost the whole calendar."""
    text = ics(
        f"UID:1\nSUMMARY:Bad\n{event}",
        "UID:2\nSUMMARY:Good\nDTSTART:20260326T110000\nRRULE:FREQ=DAILY",
        "UID:2\nSUMMARY:Moved\nRECURRENCE-ID:20260328T110000\nDTSTART:20260328T120000",
    )
    found = days_of(tmp_path, parser, text, now=NOON)
    assert "- 11:00 Good" in found.text and "- 12:00 Moved" in found.text and "Bad" not in found.text
    assert [gap.source for gap in found.gaps] == ["calendar home"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:2026", "is cut off: it does not end with END:VCALENDAR"),
        ("hello", "is not a calendar: it does not begin with BEGIN:VCALENDAR"),
    ],
)
def test_a_file_that_is_no_whole_calendar_is_named(parser: FeedParser, tmp_path: Path, text: str, problem: str) -> None:
    assert [gap.problem for gap in days_of(tmp_path, parser, text, now=NOON).gaps] == [problem]


def test_a_rule_without_end_is_cut_off_and_the_run_goes_on(tmp_path: Path) -> None:
    """Each minute since 1970, many times: whoever sends it makes one worker work until it is killed."""
    with_limit = FeedParser(workers=1, timeout_s=2.0)
    try:
        bomb = ics(*(f"UID:{n}\nSUMMARY:Tick\nDTSTART:19700101T000000Z\nRRULE:FREQ=MINUTELY" for n in range(99)))
        found = days_of(tmp_path, with_limit, bomb, now=NOON)
    finally:
        with_limit.close()
    (gap,) = found.gaps  # which of the limits it meets first depends on the machine
    assert gap.source == "calendar home"
    assert "a fault in the harness" not in gap.problem


def test_no_gap_record_or_log_names_the_address(
    server: DailyServer, parser: FeedParser, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = f"/calendar/{SECRET}/basic.ics"
    calendar = PersonalCalendar("home", server.url(f"{path}?key={SECRET}"))
    workspace = Workspace(tmp_path, Settings(calendars=(calendar,)))
    health: dict[str, tuple[bool, str]] = {}
    answers = [
        WebReply(status=404),
        WebReply(status=302, headers={"Location": f"http://127.0.0.2/{SECRET}"}),
        WebReply(b"<html>", content_type="text/html"),
        WebReply(ics("UID:1\nSUMMARY:Fine\nDTSTART:20260308T100000").encode(), content_type="text/calendar"),
    ]
    for answer in answers:
        server.serve(path, answer)
        found = gather("calendar", workspace, parser, health=health)
        assert found.gaps or found.items
        assert SECRET not in repr(found)
    assert SECRET not in repr(health) and set(health) == {"calendar home"}
    ours = [record for record in caplog.records if record.name.startswith("harness")]
    assert SECRET not in "".join(record.getMessage() for record in ours)


class BrokenParser(FeedParser):
    """Breaks with words that hold what it was given, and in a way that cannot be made without words."""

    async def read_calendar(self, body: bytes, **asked: object) -> ParsedCalendar:
        raise UnicodeDecodeError("ascii", body, 0, 1, SECRET)


def test_a_fault_over_one_calendar_keeps_its_words_and_no_other_calendar(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder(tmp_path, {"home.ics": ics()})
    both = (PersonalCalendar("home", "home.ics"), PersonalCalendar("work", "work.ics"))
    parser = BrokenParser()
    try:
        found = gather("calendar", Workspace(tmp_path, Settings(calendars=both)), parser)
    finally:
        parser.close()
    assert [str(gap) for gap in found.gaps] == [
        "calendar home: could not be read: a fault in the harness (UnicodeDecodeError)",
        "calendar work: there is no file work.ics",
    ]
    assert "read_calendar" in caplog.text and SECRET not in caplog.text


def test_an_event_keeps_its_key_until_it_changes(parser: FeedParser, tmp_path: Path) -> None:
    def key(title: str, day: int = 27) -> str:
        event = f"UID:1\nSUMMARY:{title}\nDTSTART:20260327T180000\nDTEND:20260328T020000"
        now = datetime(2026, 3, day, 6, tzinfo=UTC)
        (item,) = days_of(tmp_path, parser, ics(event), now=now).items
        return item.url

    assert key("Dinner") == key("Dinner", day=28) != key("Supper")


def test_nobody_loads_the_libraries_but_a_worker_that_reads_a_calendar() -> None:
    code = (
        "import sys, harness.collectors.collect, harness.collectors.parse_worker, harness.wiring.build\n"
        "print([name for name in ('icalendar', 'recurring_ical_events') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_one_of_several_calendars_can_be_asked_for(parser: FeedParser, tmp_path: Path) -> None:
    folder(tmp_path, {"home.ics": ics("UID:1\nSUMMARY:Home\nDTSTART:20260308T100000")})
    both = (PersonalCalendar("home", "home.ics"), PersonalCalendar("work", "work.ics"))
    workspace = Workspace(tmp_path, Settings(home_zone="UTC", calendars=both))
    assert gather("calendar/home", workspace, parser).gaps == ()
    found = gather("calendar", workspace, parser)
    assert [str(gap) for gap in found.gaps] == ["calendar work: there is no file work.ics"]
    assert "- 10:00 Home (home)" in found.text
    assert "there is no calendar 'garden'" in str(gather("calendar/garden", workspace, parser).gaps[0])


def test_a_file_outside_of_the_workspace_is_not_read(parser: FeedParser, tmp_path: Path) -> None:
    folder(tmp_path, {"elsewhere/home.ics": ics(), "workspace/x": ""})
    (tmp_path / "workspace/home.ics").symlink_to(tmp_path / "elsewhere/home.ics")
    workspace = Workspace(tmp_path / "workspace", Settings(calendars=(PersonalCalendar("home", "home.ics"),)))
    assert [gap.problem for gap in gather("calendar", workspace, parser).gaps] == ["lies outside of the workspace"]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(body: bytes) -> None:
    whole = b"BEGIN:VCALENDAR\n" + body + b"\nEND:VCALENDAR"
    answer = read_ics(whole, zone="UTC", first="2026-03-27", days=2, max_events=10)
    assert "problem" in answer or "events" in answer


@settings(deadline=None)
@given(st.text(alphabet="abcdef/?=&-", min_size=8, max_size=60), st.text(max_size=40))
def test_no_words_keep_the_address(path: str, around: str) -> None:
    address = f"https://calendar.example/{path}"
    assert address not in hide_address(f"{around} {address} {around}", address)
