"""The services of the sample world tell one truth, day by day, wherever in the year the rehearsal is."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from harness.collectors.market import SOURCES
from harness.collectors.markets.prices import Prices
from harness.domain.market import MarketSettings, WatchedSymbol
from harness.rehearsal.days import load_days
from harness.rehearsal.exchange import HOSTS, load_exchange
from harness.rehearsal.services import AGENDA, DIARY, SKY, daily_services, live_in_sample_days
from harness.workspace.report import Report
from harness.workspace.settings import read_settings

MONDAY = date(2026, 11, 16)
NEW_YORK = ZoneInfo("America/New_York")


def ask(source: str, symbol: str, now: datetime, first_day: date = MONDAY) -> Prices:
    """Return what the service of the world says, read by the very code that reads the real one."""
    services = daily_services(first_day, "America/Los_Angeles")
    spelled = SOURCES[source].spelling(WatchedSymbol(symbol, symbol)) or symbol
    base = MarketSettings(urls={name: f"http://{host}" for name, host in HOSTS.items()})
    address = SOURCES[source].address(spelled, base.urls[source], now.date())
    path, _, query = address.removeprefix(f"http://{HOSTS[source]}").partition("?")
    path = {"yahoo": "/v8/finance/chart", "stooq": "/q/d/l/", "fred": "/graph/fredgraph.csv"}.get(source, "") + path
    pairs = dict(pair.split("=", 1) for pair in query.replace("%5E", "^").split("&"))
    answer = services[HOSTS[source]](path, pairs, now)
    assert answer is not None
    return SOURCES[source].read(answer.body, spelled)


def test_no_session_stands_on_a_weekend_and_coins_know_no_weekend() -> None:
    sunday_evening = datetime(2026, 11, 22, 20, tzinfo=NEW_YORK)
    index = ask("yahoo", "^spx", sunday_evening)
    assert all(bar.day.weekday() < 5 for bar in index.bars)
    assert index.bars[-1].day == date(2026, 11, 20)
    assert ask("coingecko", "btc", sunday_evening).bars[-1].day == date(2026, 11, 23), "in UTC it is Monday"


def test_a_price_moves_while_the_session_runs_and_ends_at_the_close_of_the_file() -> None:
    morning, noon, evening = (
        ask("yahoo", "^spx", datetime(2026, 11, 16, hour, 0, tzinfo=NEW_YORK)).bars[-1].close for hour in (10, 13, 18)
    )
    assert len({morning, noon, evening}) == 3
    assert evening == load_exchange(MONDAY).listings["^spx"].closes[0]


def test_two_sources_agree_but_where_the_file_says_that_one_is_wrong() -> None:
    wednesday = datetime(2026, 11, 18, 20, tzinfo=NEW_YORK)
    for symbol in ("^spx", "us10y", "nvda.us"):
        assert ask("yahoo", symbol, wednesday).bars[-1] == ask("stooq", symbol, wednesday).bars[-1]
    assert ask("yahoo", "gold", wednesday).bars[-1] != ask("stooq", "gold", wednesday).bars[-1]


@pytest.mark.parametrize("first_day", [MONDAY, date(2027, 3, 8), date(2028, 2, 28)])
def test_what_a_rehearsed_day_is_worth_does_not_depend_on_its_date(first_day: date) -> None:
    now = datetime.combine(first_day, datetime.min.time(), NEW_YORK) + timedelta(hours=18)
    assert ask("stooq", "^ndx", now, first_day).bars[-1].close == load_exchange(MONDAY).listings["^ndx"].closes[0]


def test_a_symbol_that_the_world_does_not_know_has_prices_all_the_same() -> None:
    now = datetime(2026, 11, 18, 20, tzinfo=NEW_YORK)
    assert len(ask("yahoo", "tsm.us", now).bars) > 30
    assert ask("yahoo", "tsm.us", now).bars[-1] == ask("stooq", "tsm.us", now).bars[-1]


def test_every_day_of_a_week_has_weather_and_a_value_is_told_from_its_release_on() -> None:
    services = daily_services(MONDAY, "America/Los_Angeles")
    for ahead in range(8):
        now = datetime(2026, 11, 16, 12, tzinfo=UTC) + timedelta(days=ahead)
        forecast = services[SKY]("/v1/forecast", {"timezone": "America/Los_Angeles"}, now)
        assert forecast is not None
        assert json.loads(forecast.body)["daily"]["time"][0] == (MONDAY + timedelta(days=ahead)).isoformat()

    def cpi(now: datetime) -> Any:
        week = services[AGENDA]("/week.json", {}, now)
        assert week is not None
        return next(row for row in json.loads(week.body) if row["title"] == "CPI y/y")

    release = datetime(2026, 11, 17, 8, 30, tzinfo=NEW_YORK)
    assert "actual" not in cpi(release - timedelta(minutes=1))
    assert cpi(release)["actual"] == "2.8%"


def test_a_copy_is_led_to_the_world_and_given_its_task_list(tmp_path: Path) -> None:
    (tmp_path / "harness.toml").write_text(
        'home = "America/Los_Angeles"  # mine\n[calendars]\nhome = "https://calendar.example/private-123/basic.ics"\n'
    )
    (tmp_path / "shared-context").mkdir()
    (tmp_path / "shared-context/todos.md").write_text("- [ ] Something of my own\n")

    live_in_sample_days(tmp_path, MONDAY, "America/Los_Angeles")

    text = (tmp_path / "harness.toml").read_text()
    report = Report("harness.toml")
    found = read_settings(text, report)
    assert found is not None and not report.has_errors
    assert "# mine" in text and "private-123" not in text
    settings = found[0]
    assert settings.calendars[0].place == f"http://{DIARY}/home.ics"
    assert settings.markets.urls["stooq"] == f"http://{HOSTS['stooq']}/q/d/l/"
    todos = (tmp_path / "shared-context/todos.md").read_text()
    assert "(due 2026-11-17) !p1" in todos and "Something of my own" not in todos
    assert todos == load_days(MONDAY, "America/Los_Angeles").todo_list()


def test_every_release_has_a_page_of_its_own_in_the_world() -> None:
    services = daily_services(MONDAY, "America/Los_Angeles")
    now = datetime(2026, 11, 18, 20, tzinfo=NEW_YORK)
    week = services[AGENDA]("/week.json", {}, now)
    assert week is not None
    pages = [row["url"].removeprefix(f"http://{AGENDA}") for row in json.loads(week.body)]
    assert len(pages) == len(set(pages)) > 5
    for page in pages:
        answer = services[AGENDA](page, {"release": "x"}, now)
        assert answer is not None and answer.status == 200
    assert services[AGENDA]("/releases/nothing", {}, now) is None
