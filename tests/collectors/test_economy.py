"""The economic calendar: what is told of a week, and what remains where nobody answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.collectors.economy import Release, figures_of, merged, read_value
from harness.collectors.parse import FeedParser
from harness.domain.economy import EconomicDate, EconomySettings
from harness.domain.settings import Settings
from harness.domain.workspace import Workspace
from harness.testing.web_server import WebReply
from tests.collectors.daily_sources import DailyServer, gather

WEDNESDAY = datetime(2026, 3, 11, 18, 0, tzinfo=UTC)
DECISION = EconomicDate("Federal Reserve: Interest rate decision", "US", WEDNESDAY, "America/New_York")


@pytest.fixture
def server() -> Iterator[DailyServer]:
    with DailyServer() as running:
        yield running


def release(name: str, at: datetime = WEDNESDAY, actual: str = "", consensus: str = "", previous: str = "") -> Release:
    return Release(name, "US", at, "high", "Somebody", "https://a.example/", actual, consensus, previous)


def test_the_persons_own_dates_are_told_where_the_service_is_down(
    server: DailyServer, parser: FeedParser, tmp_path: Path
) -> None:
    server.serve("/week.json", WebReply(status=500))
    settings = Settings(economy=EconomySettings(url=server.url("/week.json")))
    found = gather("economy/calendar", Workspace(tmp_path, settings, economic_dates=(DECISION,)), parser)
    assert [str(gap) for gap in found.gaps] == ["Forex Factory calendar: answered 500 Internal Server Error"]
    assert found.text == ("To come:\n- Wed 2026-03-11 14:00 EDT US Federal Reserve: Interest rate decision (high)")


def test_without_a_service_the_persons_dates_are_all_there_is(parser: FeedParser, tmp_path: Path) -> None:
    settings = Settings(economy=EconomySettings(url=""))
    found = gather("economy/calendar", Workspace(tmp_path, settings, economic_dates=(DECISION,)), parser)
    assert found.gaps == () and len(found.items) == 1
    (gap,) = gather("economy/calendar", Workspace(tmp_path, settings), parser).gaps
    assert "holds no date" in gap.problem


def test_a_decision_that_both_lists_hold_is_told_once() -> None:
    told = merged(
        (release("Federal Funds Rate"), release("CPI y/y")), (release("Federal Reserve: Interest rate decision"),)
    )
    assert [one.name for one in told] == ["CPI y/y", "Federal Funds Rate"]
    assert len(merged((release("CPI y/y"),), (release("Federal Reserve: Interest rate decision"),))) == 2


def test_a_value_that_was_released_is_told_with_its_surprise() -> None:
    found = figures_of(release("CPI y/y", actual="2.8%", consensus="2.9%", previous="3.0%"))
    assert [(figure.key.rpartition(".")[2], figure.value, figure.unit) for figure in found] == [
        ("actual", 2.8, "%"),
        ("consensus", 2.9, "%"),
        ("previous", 3.0, "%"),
        ("surprise", -0.1, "%"),
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2.5%", (2.5, "%")),
        ("-92K", (-92_000.0, "")),
        ("1.2M", (1_200_000.0, "")),
        ("2.10T", (2.1e12, "")),
        ("1,234.5", (1234.5, "")),
        ("4.18|2.4", None),
        ("<0.10%", None),
        ("7-2-0", None),
        ("", None),
        ("N/A", None),
    ],
)
def test_a_published_value_is_read_as_a_number_or_not_at_all(text: str, value: tuple[float, str] | None) -> None:
    assert read_value(text) == value


@settings(deadline=None)
@given(st.text(max_size=40))
def test_no_value_breaks_the_reader(text: str) -> None:
    read_value(text)
