"""The weather where the person is, and what of it is worth a warning."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from harness.collectors.parse import FeedParser
from harness.collectors.weather import DayWeather, Units, warnings_of
from harness.domain.daily_life import Place, WeatherSettings, WeatherWarnings
from harness.domain.settings import Here, Settings
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from harness.testing.web_server import WebReply
from tests.collectors.daily_sources import DailyServer, gather
from tests.collectors.family_case import CASSETTES

HOME = Place("Los Angeles", 34.05, -118.24)
FORECAST = (CASSETTES / "weather" / "forecast.json").read_bytes()


@pytest.fixture
def server() -> Iterator[DailyServer]:
    with DailyServer() as running:
        yield running


def weather_at(server: DailyServer, parser: FeedParser, root: Path, **settings: object) -> Collected:
    server.serve("/v1/forecast", WebReply(FORECAST, content_type="application/json"))
    weather = WeatherSettings(**{"home": HOME, "url": server.url("/v1/forecast"), **settings})  # type: ignore[arg-type]
    return gather("weather", Workspace(root, Settings(weather=weather, here=Here("Asia/Tokyo"))), parser)


def test_where_no_place_is_known_for_it_home_is_told_and_named_as_such(
    server: DailyServer, parser: FeedParser, tmp_path: Path
) -> None:
    found = weather_at(server, parser, tmp_path)
    assert [gap.problem for gap in found.gaps] == [
        'you are in Asia/Tokyo, of which no place is known: write it under [weather.elsewhere."Asia/Tokyo"]'
    ]
    assert found.text.startswith("Los Angeles, ")


def test_a_place_that_is_known_there_is_the_one_that_is_told(
    server: DailyServer, parser: FeedParser, tmp_path: Path
) -> None:
    found = weather_at(server, parser, tmp_path, elsewhere={"Asia/Tokyo": Place("Tokyo", 35.68, 139.69)})
    assert found.gaps == () and found.text.startswith("Tokyo, Sunday 8 March: overcast")
    (asked,) = server.asked
    assert "latitude=35.68" in asked and "timezone=Asia%2FTokyo" in asked


def test_without_a_place_the_gap_says_how_to_name_one(parser: FeedParser, tmp_path: Path) -> None:
    found = gather("weather", Workspace(tmp_path, Settings()), parser)
    assert [str(gap) for gap in found.gaps] == [
        "weather: no place is known: write place, latitude and longitude under [weather] in harness.toml"
    ]


def test_a_forecast_of_other_days_is_no_forecast(server: DailyServer, parser: FeedParser, tmp_path: Path) -> None:
    old = FORECAST.replace(b"2026-03-0", b"2025-03-0")
    server.serve("/v1/forecast", WebReply(old, content_type="application/json"))
    weather = WeatherSettings(home=HOME, url=server.url("/v1/forecast"))
    found = gather("weather", Workspace(tmp_path, Settings(weather=weather)), parser)
    assert [gap.problem for gap in found.gaps] == ["has no forecast for 2026-03-08"] and not found.figures


def test_the_reason_of_the_service_is_told(server: DailyServer, parser: FeedParser, tmp_path: Path) -> None:
    answer = b'{"error":true,"reason":"Latitude must be in range of -90 to 90"}'
    server.serve("/v1/forecast", WebReply(answer, content_type="application/json"))
    weather = WeatherSettings(home=HOME, url=server.url("/v1/forecast"))
    found = gather("weather", Workspace(tmp_path, Settings(weather=weather)), parser)
    assert [gap.problem for gap in found.gaps] == ["answered: Latitude must be in range of -90 to 90"]


def test_who_reads_degrees_fahrenheit_is_told_in_them(server: DailyServer, parser: FeedParser, tmp_path: Path) -> None:
    server.serve("/v1/forecast", WebReply(FORECAST, content_type="application/json"))
    weather = WeatherSettings(home=HOME, url=server.url("/v1/forecast"), units="imperial")
    found = gather("weather", Workspace(tmp_path, Settings(weather=weather)), parser)
    assert "55 to 67 °F" in found.text and "wind up to 9 mph" in found.text
    assert (found.figures[0].value, found.figures[0].unit) == (66.9, "°F")


@pytest.mark.parametrize(
    ("values", "code", "warnings"),
    [
        ({"min": 1.0, "max": 31.0, "rain": 3.0, "wind": 40.0, "uv": 5.0}, 3, ()),
        ({"min": 0.0}, 3, ("frost, 0 °C",)),
        ({"min": -0.4}, 3, ("frost, 0 °C",)),
        ({"max": 36.2}, 0, ("heat, 36 °C",)),
        ({"wind": 40.0, "gusts": 88.0}, 3, ("gusts up to 88 km/h",)),
        ({"rain": 31.5}, 65, ("much rain, 31.5 mm",)),
        ({"uv": 9.4}, 0, ("strong sun, UV index 9",)),
        ({}, 95, ("thunderstorms",)),
        ({}, 1234, ()),
    ],
)
def test_a_day_is_warned_of_by_the_persons_limits(
    values: dict[str, float], code: int, warnings: tuple[str, ...]
) -> None:
    day = DayWeather(date(2026, 3, 8), code, values, "", "")
    assert warnings_of(day, WeatherWarnings(), Units(is_imperial=False)) == warnings
