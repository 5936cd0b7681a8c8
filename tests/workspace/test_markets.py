"""Watchlists, economic dates and the settings of a person's days, with a finding for whatever cannot be used."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.domain.daily_life import PersonalCalendar, Place
from harness.domain.market import WatchedSymbol
from harness.domain.settings import Settings
from harness.wiring.files import check, load
from harness.workspace.economic_dates import read_economic_dates
from harness.workspace.markets import read_watchlist
from harness.workspace.report import Report
from harness.workspace.settings import read_settings

TODAY = date(2026, 11, 21)
REPOSITORY = Path(__file__).resolve().parents[2]


def findings(report: Report) -> list[tuple[int | None, str]]:
    return [(entry.finding.line, entry.finding.problem) for entry in report.entries]


def test_a_list_names_symbols_below_headings_and_says_what_differs() -> None:
    report = Report("shared-context/markets/us.md")
    text = (
        "---\ntitle: US\ncalendar: nyse\nsources: [stooq, yahoo]\n---\n\n## Indices\n\n"
        "- [S&P 500](^spx)\n- [Nikkei](^nkx) calendar: tokyo, unit: JPY, yahoo: ^N225\n"
    )
    found = read_watchlist("us", text, ("nyse", "tokyo"), report)
    assert found is not None and findings(report) == []
    assert (found.title, found.sources) == ("US", ("stooq", "yahoo"))
    assert found.symbols == (
        WatchedSymbol("^spx", "S&P 500", "Indices", "nyse"),
        WatchedSymbol("^nkx", "Nikkei", "Indices", "tokyo", "JPY", {"yahoo": "^N225"}),
    )


def test_a_list_needs_no_front_matter() -> None:
    report = Report("shared-context/markets/us.md")
    found = read_watchlist("us", "- [Bitcoin](btc)\n", (), report)
    assert found is not None and found.symbols == (WatchedSymbol("btc", "Bitcoin"),) and findings(report) == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("- Nvidia", "'Nvidia' names no symbol"),
        ("- [Nvidia](nvda us)", "'[Nvidia](nvda us)' names no symbol"),
        ("- [Nvidia](nvda.us) calender: nyse", "unknown key 'calender'"),
        ("- [Nvidia](nvda.us) calendar: moon", "unknown calendar 'moon'"),
        ("- [Nvidia](nvda.us) cheap", "'cheap' says nothing about the symbol"),
        ("- [A](btc)\n- [B](btc)", "btc is in the list twice"),
        ("", "the list holds no symbol"),
    ],
)
def test_what_cannot_be_used_is_told_and_the_rest_is_read(line: str, problem: str) -> None:
    report = Report("shared-context/markets/us.md")
    found = read_watchlist("us", f"{line}\n", ("nyse",), report)
    assert found is not None
    assert [told for _, told in findings(report)] == [problem]


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_the_readers(text: str) -> None:
    read_watchlist("us", text, (), Report("shared-context/markets/us.md"))
    read_economic_dates(text, TODAY, Report("shared-context/calendars/economy.md"))


def test_economic_dates_are_those_of_their_own_clock() -> None:
    report = Report("shared-context/calendars/economy.md")
    text = (
        "# Dates\n\n## JP: Bank of Japan (Asia/Tokyo)\n- 2026-12-18 Rate decision\n"
        "## US: Federal Reserve (America/New_York)\n- 2026-12-09 14:00 Rate decision\n"
        "- 2026-11-25 10:00 Minutes (medium)\n- 2026-11-26 08:30 GDP (second)\n"
    )
    found = read_economic_dates(text, TODAY, report)
    assert findings(report) == []
    assert [(one.name, one.country, one.importance, one.has_time) for one in found] == [
        ("Federal Reserve: Minutes", "US", "medium", True),
        ("Federal Reserve: GDP (second)", "US", "high", True),
        ("Federal Reserve: Rate decision", "US", "high", True),
        ("Bank of Japan: Rate decision", "JP", "high", False),
    ]
    assert found[2].at == datetime(2026, 12, 9, 19, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("- 2026-12-09 Rate decision", 1, "nothing says whose date this is"),
        ("## Fed", 1, "'## Fed' does not say whose dates follow"),
        ("## US: Fed (New York)", 1, "there is no time zone 'New York'"),
        ("## US: Fed (UTC)\n- 2026-02-30 Rate decision", 2, "there is no day '2026-02-30'"),
        ("## US: Fed (UTC)\n- 2026-12-09 25:00 Rate decision", 2, "there is no time 25:00"),
        ("## US: Fed (UTC)\n- 2026-01-09 Rate decision", None, "the list has no date that is still to come"),
    ],
)
def test_a_date_that_nobody_can_read_is_told_with_its_line(text: str, line: int | None, problem: str) -> None:
    report = Report("shared-context/calendars/economy.md")
    read_economic_dates(text, TODAY, report)
    assert findings(report) == [(line, problem)]


def settings_of(text: str) -> tuple[Settings, list[tuple[int | None, str]]]:
    report = Report("harness.toml")
    found = read_settings(f'home = "America/Los_Angeles"\n{text}', report)
    assert found is not None
    return found[0], findings(report)


def test_the_tables_of_a_persons_days_are_read() -> None:
    settings, told = settings_of(
        '[weather]\nplace = "Los Angeles"\nlatitude = 34\nlongitude = -118.24\nwarn = {heat = 35}\n'
        '[weather.elsewhere."Asia/Tokyo"]\nplace = "Tokyo"\nlatitude = 35.68\nlongitude = 139.69\n'
        '[calendars]\nhome = "calendars/home.ics"\nwork = "webcal://calendar.example/x/basic.ics"\n'
        '[todos]\nfile = "notes/todos.md"\n[markets]\nsources = ["stooq"]\ntolerance = 1\n'
        '[economy]\ncountries = ["US"]\nurl = ""\n'
    )
    assert told == []
    assert settings.weather.home == Place("Los Angeles", 34.0, -118.24)
    assert settings.weather.elsewhere["Asia/Tokyo"].name == "Tokyo"
    assert settings.weather.warnings.heat_c == 35.0 and settings.weather.warnings.frost_c == 0.0
    assert settings.calendars[0] == PersonalCalendar("home", "calendars/home.ics")
    assert settings.markets.sources == ("stooq",) and settings.markets.tolerance_percent == 1.0
    assert settings.economy.url == "" and settings.todos.file == "notes/todos.md"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ('[weather]\nplace = "Berlin"', 2, "[weather] has no latitude and no longitude"),
        ('[weather]\nplace = "X"\nlatitude = 91.0\nlongitude = 0.0', 4, "weather.latitude is 91.0: too large"),
        (
            '[weather.elsewhere.Tokyo]\nplace = "Tokyo"\nlatitude = 1.0\nlongitude = 2.0',
            2,
            "there is no time zone 'Tokyo'",
        ),
        ('[calendars]\nhome = "../home.ics"', 3, "calendars.home is no .ics file of the workspace and no address"),
        ('[calendars]\nhome = "ftp://secret.example/x.ics"', 3, "calendars.home is not an address of a calendar"),
        (
            '[calendars]\n"My Home" = "home.ics"',
            3,
            "calendar name 'My Home' is not lower-case words with hyphens",
        ),
        ('[todos]\nfile = "/etc/passwd"', 3, "todos.file: '/etc/passwd' is not a Markdown file of the workspace"),
        ('[markets]\nsources = ["bloomberg"]', 3, "markets.sources is 'bloomberg'"),
        ('[economy]\ncountries = ["usa"]', 3, "economy.countries: 'usa' is not a country"),
    ],
)
def test_a_setting_that_cannot_be_used_is_told_with_its_line(text: str, line: int, problem: str) -> None:
    _, told = settings_of(text)
    assert told == [(line, problem)]


def test_no_finding_and_no_text_of_the_settings_tells_the_address_of_a_calendar() -> None:
    settings, told = settings_of(
        '[calendars]\nhome = "https://c.example/private-123/basic.ics"\nb = "gopher://private-123"'
    )
    assert "private-123" not in repr(settings) and "private-123" not in repr(told)


@pytest.mark.parametrize(
    "written",
    [
        'home = ["https://c.example/private-123/basic.ics"]',
        'home = {url = "https://c.example/private-123"}',
        '"https://c.example/private-123" = "home.ics"',
    ],
)
def test_an_address_at_the_wrong_place_is_a_mistake_that_is_told_without_it(written: str) -> None:
    _, told = settings_of(f"[calendars]\n{written}\n")
    assert len(told) == 1 and "private-123" not in repr(told)


def test_the_shipped_lists_are_read_and_jobs_may_name_them(tmp_path: Path) -> None:
    workspace = load(REPOSITORY, {}, now=datetime(2026, 11, 21, tzinfo=UTC)).workspace
    assert {"us", "asia", "macro", "crypto"} <= workspace.watchlists.keys()
    assert any(one.country == "US" for one in workspace.economic_dates)
    assert "economy" not in workspace.calendars, "it says when something happens, and not when something is closed"


def test_a_job_that_reads_what_is_not_there_is_told(tmp_path: Path) -> None:
    reads = "market/moon, calendar/work, weather, calendar, todos, economy/calendar"
    job = f"---\nschedule: daily 08:00\nread: [{reads}]\n---\nX\n"
    for name, text in {
        "harness.toml": 'home = "UTC"\n',
        "USER.md": "Sam\n",
        "agents/scout/agent.toml": 'description = "Looks around"\n',
        "agents/scout/SOUL.md": "x\n",
        "agents/scout/AGENTS.md": "x\n",
        "agents/scout/jobs/morning.md": job,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    told = [finding.problem for finding in check(tmp_path, now=datetime(2026, 11, 21, tzinfo=UTC))]
    assert told == ["unknown watchlist 'moon'", "unknown personal calendar 'work'"]
