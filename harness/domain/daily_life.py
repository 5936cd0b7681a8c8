"""Where the weather, the calendars and the to-dos of the person are: parts of harness.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Place:
    """A place with its degrees north and east."""

    name: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class WeatherWarnings:
    """From where on the day's weather is worth a warning: °C, km/h, mm and the UV index."""

    frost_c: float = 0.0
    heat_c: float = 32.0
    wind_kmh: float = 60.0
    rain_mm: float = 15.0
    uv_index: float = 8.0


@dataclass(frozen=True, slots=True)
class WeatherSettings:
    """`[weather]`: the place at home, None if there is none, and those elsewhere by time zone."""

    home: Place | None = None
    elsewhere: Mapping[str, Place] = field(default_factory=dict)
    units: Literal["metric", "imperial"] = "metric"
    warnings: WeatherWarnings = field(default_factory=WeatherWarnings)
    url: str = "https://api.open-meteo.com/v1/forecast"


@dataclass(frozen=True, slots=True)
class PersonalCalendar:
    """A calendar of the person's: a file of the workspace, or an address, which is as secret as a password."""

    name: str
    place: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TodoSettings:
    """`[todos]`: the task list, relative to the workspace."""

    file: str = "shared-context/todos.md"
