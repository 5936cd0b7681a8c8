"""weather: Open-Meteo's forecast of two days, the second one stormy."""

from __future__ import annotations

from pathlib import Path

from harness.domain.daily_life import Place, WeatherSettings
from harness.domain.settings import Settings
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from tests.collectors.family_case import Cassette, FamilyCase


def workspace(root: Path, url: str) -> Workspace:
    home = Place("Los Angeles", 34.05, -118.24)
    return Workspace(root, Settings(weather=WeatherSettings(home=home, url=f"{url}/v1/forecast")))


def check(collected: Collected) -> None:
    assert collected.text == (
        "Los Angeles, Sunday 8 March: overcast, 13 to 19 °C, rain 10 %, wind up to 14 km/h. "
        "Sunrise 07:09, sunset 18:55.\n\n"
        "Tomorrow, Monday 9 March: rain, 12 to 18 °C, rain 85 % (18.3 mm), wind up to 31 km/h. "
        "Sunrise 07:08, sunset 18:56.\n\n"
        "Warning for tomorrow: gusts up to 63 km/h.\n\n"
        "Warning for tomorrow: much rain, 18.3 mm."
    )
    values = {figure.key: (figure.value, figure.unit) for figure in collected.figures}
    assert values["weather.max"] == (19.4, "°C") and values["weather.rain_probability"] == (10.0, "%")
    assert values["weather.tomorrow.rain"] == (18.3, "mm")
    (hours,) = collected.series
    assert len(hours.points) == 24 and hours.unit == "°C"
    assert not collected.is_untrusted


CASE = FamilyCase(
    family="weather",
    read="weather",
    workspace=workspace,
    check=check,
    cassettes={"/v1/forecast": Cassette("forecast.json", "application/json; charset=utf-8")},
    empty=b'{"daily":{"time":[]}}',
)
