"""calendar: an export with repetitions, one that was moved, one that was cancelled, and a visit of days."""

from __future__ import annotations

from pathlib import Path

from harness.domain.daily_life import PersonalCalendar
from harness.domain.settings import Settings
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from tests.collectors.family_case import Cassette, FamilyCase

SECRET = "private-9f2c41d7ab"


def workspace(root: Path, url: str) -> Workspace:
    calendar = PersonalCalendar("home", f"{url}/calendar/ical/{SECRET}/basic.ics?token={SECRET}")
    return Workspace(root, Settings(calendars=(calendar,)))


def check(collected: Collected) -> None:
    assert collected.text == (
        "Today, Sunday 8 March:\n"
        "- all day Mother visits\n"
        "- 13:00–14:30 Call with Berlin about a title that is so long that it is folded by the calendar\n\n"
        "Tomorrow, Monday 9 March:\n"
        "- 11:00–11:15 Stand-up (moved)"
    )
    assert len(collected.items) == 3
    assert collected.is_untrusted, "who invites somebody writes the title"
    assert SECRET not in repr(collected)


CASE = FamilyCase(
    family="calendar",
    read="calendar",
    workspace=workspace,
    check=check,
    cassettes={f"/calendar/ical/{SECRET}/basic.ics": Cassette("google.ics", "text/calendar; charset=utf-8")},
    empty=b"",
)
