"""Prices: who is asked when, what is confirmed, what is too old, and what is computed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.collectors.market import joined
from harness.collectors.markets.figures import tidy
from harness.collectors.markets.sessions import Sessions
from harness.collectors.markets.symbols import KNOWN, kind_of
from harness.collectors.parse import FeedParser
from harness.domain.market import EVERY_DAY, WEEKDAYS, MarketSettings, WatchedSymbol, Watchlist
from harness.domain.schedule import Calendar
from harness.domain.settings import Settings
from harness.domain.source import Collected, Gap
from harness.domain.workspace import Workspace
from harness.testing.web_server import WebReply
from tests.collectors.daily_sources import SUNDAY, DailyServer, chart, gather, ticks, weekdays

FRIDAY = date(2026, 3, 6)
JSON = "application/json"
CLOSES = {day: 100.0 + number for number, day in enumerate(weekdays(FRIDAY, 40))}
NYSE = Calendar(
    "nyse", "NYSE", {date(2026, 3, 6): "A holiday"}, date(2026, 1, 1), date(2026, 12, 31), zone="America/New_York"
)

Ask = Callable[..., Collected]


@pytest.fixture
def server() -> Iterator[DailyServer]:
    with DailyServer() as running:
        yield running


@pytest.fixture
def ask(server: DailyServer, parser: FeedParser, tmp_path: Path) -> Ask:
    def run(
        *symbols: WatchedSymbol,
        sources: tuple[str, ...] = ("yahoo", "stooq"),
        calendars: dict[str, Calendar] | None = None,
        now: datetime = SUNDAY,
        limit_s: float | None = None,
        health: dict[str, tuple[bool, str]] | None = None,
    ) -> Collected:
        urls = {name: server.url(f"/{name}") for name in MarketSettings().urls}
        settings = Settings(markets=MarketSettings(sources=sources, urls=urls))
        watchlist = Watchlist("us", "US", symbols or (WatchedSymbol("^spx", "S&P 500"),))
        workspace = Workspace(tmp_path, settings, calendars=calendars or {}, watchlists={"us": watchlist})
        return gather("market/us", workspace, parser, now=now, limit_s=limit_s, health=health)

    return run


def serve(server: DailyServer, yahoo: bytes | int, stooq: bytes | int) -> None:
    for path, answer in (("/yahoo/%5EGSPC", yahoo), ("/stooq", stooq)):
        if isinstance(answer, int):
            server.serve(path, WebReply(b"{}", status=answer))
        else:
            server.serve(path, WebReply(answer, content_type=JSON))


def test_a_source_that_is_down_is_passed_over_without_a_gap(server: DailyServer, ask: Ask) -> None:
    health: dict[str, tuple[bool, str]] = {}
    serve(server, yahoo=503, stooq=ticks(CLOSES))
    found = ask(health=health)
    assert found.gaps == ()
    assert found.figures[0].value == 139.0 and found.figures[0].source == "Stooq, single-source"
    assert health[server.url("/yahoo")] == (False, "answered 503 Service Unavailable"), "but it is noted"
    assert health[server.url("/stooq")] == (True, "")


def test_a_price_that_two_sources_tell_is_confirmed(server: DailyServer, ask: Ask) -> None:
    serve(server, chart(CLOSES), ticks(CLOSES))
    assert {figure.source for figure in ask().figures} == {"Yahoo Finance, confirmed by Stooq"}


def test_two_sources_that_disagree_are_named_with_what_they_say(server: DailyServer, ask: Ask) -> None:
    serve(server, chart(CLOSES), ticks({**CLOSES, FRIDAY: 150.0}))
    found = ask()
    (gap,) = found.gaps
    assert str(gap) == (
        "S&P 500: Yahoo Finance says 139.00 and Stooq 150.00 for 2026-03-06, 7.9 % apart; the first is shown"
    )
    assert found.figures[0].value == 139.0 and found.figures[0].source == "Yahoo Finance, single-source"


def test_the_persons_order_decides_who_is_asked_first(server: DailyServer, ask: Ask) -> None:
    serve(server, chart(CLOSES), ticks(CLOSES))
    assert ask(sources=("stooq", "yahoo")).figures[0].source == "Stooq, confirmed by Yahoo Finance"


def test_a_source_with_old_prices_gives_way_to_one_with_new_ones(server: DailyServer, ask: Ask) -> None:
    old = {day: close for day, close in CLOSES.items() if day < date(2026, 3, 5)}
    serve(server, chart(old), ticks(CLOSES))
    found = ask()
    assert found.gaps == () and found.figures[0].source == "Stooq, single-source"


def test_prices_older_than_the_last_session_are_told_and_named_as_old(server: DailyServer, ask: Ask) -> None:
    old = {day: close for day, close in CLOSES.items() if day < date(2026, 3, 5)}
    serve(server, chart(old), ticks(old))
    found = ask()
    assert [str(gap) for gap in found.gaps] == [
        "S&P 500: its newest price is of 2026-03-04; the last session was on 2026-03-06"
    ]
    assert found.figures[0].at is not None and found.figures[0].at.date() == date(2026, 3, 4)


def test_a_day_on_which_the_exchange_was_closed_makes_no_price_old(server: DailyServer, ask: Ask) -> None:
    before_holiday = {day: close for day, close in CLOSES.items() if day < FRIDAY}
    serve(server, chart(before_holiday), ticks(before_holiday))
    assert ask(calendars={"nyse": NYSE}).gaps == ()


def test_what_nobody_answers_names_everybody_who_was_asked(server: DailyServer, ask: Ask) -> None:
    serve(server, yahoo=429, stooq=b"Exceeded the daily hits limit")
    (gap,) = ask().gaps
    assert str(gap) == (
        "S&P 500: Yahoo Finance answered 429 Too Many Requests; Stooq answered no table: Exceeded the daily hits limit"
    )


def test_a_symbol_that_no_source_knows_is_a_gap_and_the_others_are_told(server: DailyServer, ask: Ask) -> None:
    serve(server, chart(CLOSES), ticks(CLOSES))
    found = ask(WatchedSymbol("qqqq", "Something"), WatchedSymbol("^spx", "S&P 500"))
    assert [gap.source for gap in found.gaps] == ["Something"]
    assert "no source knows this symbol" in found.gaps[0].problem
    assert found.figures


def test_a_spelling_of_the_persons_own_is_asked_for(server: DailyServer, ask: Ask) -> None:
    server.serve("/yahoo/QQQQ.XY", WebReply(chart(CLOSES), content_type=JSON))
    found = ask(WatchedSymbol("qqqq", "Something", spelled={"yahoo": "QQQQ.XY"}))
    assert found.figures[0].key == "qqqq.close"


def test_each_symbol_is_held_to_the_deadline_and_the_others_come_through(server: DailyServer, ask: Ask) -> None:
    server.serve("/yahoo/QUICK", WebReply(chart(CLOSES), content_type=JSON))
    slow = WatchedSymbol("slow", "Slow", spelled={"yahoo": "SILENT"})
    quick = WatchedSymbol("quick", "Quick", spelled={"yahoo": "QUICK"})
    found = ask(slow, quick, sources=("yahoo",), limit_s=4.0)
    assert [str(gap) for gap in found.gaps] == ["Slow: was not finished within 4 s, the job's timeout"]
    assert {figure.key.partition(".")[0] for figure in found.figures} == {"quick"}


def test_while_a_session_runs_the_price_is_the_latest_and_not_a_close(server: DailyServer, ask: Ask) -> None:
    monday = datetime(2026, 3, 9, 18, 0, tzinfo=UTC)
    closes = {**CLOSES, monday.date(): 120.0}
    serve(server, chart(closes), ticks(CLOSES))
    open_nyse = Calendar("nyse", "NYSE", {}, date(2026, 1, 1), date(2026, 12, 31), zone="America/New_York")
    found = ask(calendars={"nyse": open_nyse}, now=monday)
    assert found.figures[0].name == "S&P 500, latest price"
    assert found.figures[0].at == monday
    assert found.figures[1].value == 139.0, "the close before it is Friday's"


def test_one_price_alone_has_no_changes(server: DailyServer, ask: Ask) -> None:
    serve(server, chart({FRIDAY: 6600.0}), ticks({FRIDAY: 6600.0}))
    assert [figure.key for figure in ask().figures] == ["^spx.close", "^spx.high", "^spx.low"]


def test_prices_of_days_to_come_are_not_believed(server: DailyServer, ask: Ask) -> None:
    serve(server, chart({date(2031, 1, 3): 1.0}), ticks({date(2031, 1, 3): 1.0}))
    (gap,) = ask().gaps
    assert "has only prices of days that are still to come" in gap.problem


def test_the_page_of_the_markets_names_every_symbol_that_is_known_and_no_other() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "markets.md").read_text(encoding="utf-8")
    rows = [row for row in page.splitlines() if row.startswith(("| indices", "| yields", "| raw", "| coins"))]
    assert set(re.findall(r"`([^`]+)`", " ".join(rows))) | {"dxy"} == set(KNOWN)


def test_what_several_symbols_lack_for_one_reason_is_told_once(server: DailyServer, ask: Ask) -> None:
    server.serve("/yahoo/GOOD", WebReply(chart(CLOSES), content_type=JSON))
    missing = [WatchedSymbol(f"m{n}", f"Missing {n}", spelled={"yahoo": f"M{n}"}) for n in range(4)]
    good = WatchedSymbol("good", "Good", spelled={"yahoo": "GOOD"})
    assert [str(gap) for gap in ask(*missing, good).gaps] == [
        "Missing 0, Missing 1 and 2 more: Yahoo Finance answered 404 Not Found"
    ]
    assert len(ask(*missing).gaps) == 4, "of a list that failed as a whole each symbol is a gap"


@pytest.mark.parametrize(
    ("names", "told"),
    [(["A"], "A"), (["A", "B"], "A and B"), (["A", "B", "C"], "A, B and C"), ([*"ABCDE"], "A, B and 3 more")],
)
def test_gaps_of_one_problem_name_their_symbols(names: list[str], told: str) -> None:
    assert joined([Gap(name, "is down") for name in names]) == (Gap(told, "is down"),)


@pytest.mark.parametrize(
    ("written", "spelled", "calendar", "unit"),
    [
        ("^spx", {"yahoo": "^GSPC", "stooq": "^spx", "fred": "SP500"}, "nyse", ""),
        ("eurusd", {"yahoo": "EURUSD=X", "stooq": "eurusd", "frankfurter": "EURUSD"}, WEEKDAYS, "USD"),
        ("nvda.us", {"yahoo": "NVDA", "stooq": "nvda.us"}, "nyse", None),
        ("7203.jp", {"yahoo": "7203.T", "stooq": "7203.jp"}, "tokyo", None),
        ("btc", {"coingecko": "bitcoin", "yahoo": "BTC-USD"}, EVERY_DAY, "USD"),
    ],
)
def test_what_people_write_is_spelled_for_each_source(
    written: str, spelled: dict[str, str], calendar: str, unit: str | None
) -> None:
    kind = kind_of(WatchedSymbol(written, "X"))
    assert (dict(kind.spelled), kind.calendar, kind.unit) == (spelled, calendar, unit)


def test_the_last_session_is_known_by_the_clock_of_its_exchange() -> None:
    nyse = Sessions(Calendar("nyse", "", {}, date(2026, 1, 1), date(2026, 12, 31), zone="America/New_York"), False)
    assert nyse.last_ended(datetime(2026, 3, 6, 20, 59, tzinfo=UTC)) == date(2026, 3, 5)
    assert nyse.last_ended(datetime(2026, 3, 6, 21, 30, tzinfo=UTC)) == FRIDAY
    assert nyse.last_ended(SUNDAY) == FRIDAY
    assert nyse.last_ended(SUNDAY, lag_sessions=1) == date(2026, 3, 5)
    assert Sessions.of(EVERY_DAY, {}).last_ended(SUNDAY) == date(2026, 3, 7)


@settings(deadline=None)
@given(st.floats(min_value=1e-6, max_value=1e7))
def test_a_tidy_price_is_the_same_price(value: float) -> None:
    assert tidy(value) == pytest.approx(value, rel=5e-3)
    assert tidy(tidy(value)) == tidy(value)
