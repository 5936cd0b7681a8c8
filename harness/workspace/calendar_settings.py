"""`[calendars]` of harness.toml: the person's own calendars, as files or addresses."""

from __future__ import annotations

from urllib.parse import urlsplit

from harness.domain.daily_life import PersonalCalendar
from harness.workspace.located import Located
from harness.workspace.names import SLUG, is_inside
from harness.workspace.report import Report


def calendars_of(table: dict[str, str], located: Located, report: Report) -> tuple[PersonalCalendar, ...]:
    """Return the calendars by name; what is neither a file of the workspace nor an address is in the report.

    No finding quotes an address: whoever knows it can read the calendar.
    """
    return tuple(
        PersonalCalendar(name, place.strip())
        for name, place in table.items()
        if _is_usable(name, place.strip(), located.line("calendars", name), report)
    )


def _is_usable(name: str, place: str, line: int, report: Report) -> bool:
    if not SLUG.fullmatch(name):
        shown = "an address" if "://" in name else repr(name)
        report.error(line, f"calendar name {shown} is not lower-case words with hyphens", "rename it, such as home")
        return False
    if "://" in place:
        return _is_address(name, place, line, report)
    if not place.endswith(".ics") or not is_inside(place):
        problem = f"calendars.{name} is no .ics file of the workspace and no address"
        report.error(line, problem, 'write "calendars/home.ics", or the address with https://')
        return False
    return True


def _is_address(name: str, place: str, line: int, report: Report) -> bool:
    try:
        parts = urlsplit(place)
        is_web = parts.scheme in ("http", "https", "webcal") and bool(parts.hostname)
    except ValueError:
        is_web = False
    if not is_web:
        report.error(line, f"calendars.{name} is not an address of a calendar", "write it with https:// and a host")
    return is_web
