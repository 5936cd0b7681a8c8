"""The weather codes of the World Meteorological Organization in words, as forecasts use them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_WORDS: Mapping[int, str] = MappingProxyType(
    {
        0: "clear sky",
        1: "mainly clear",
        2: "partly cloudy",
        3: "overcast",
        45: "fog",
        48: "freezing fog",
        51: "light drizzle",
        53: "drizzle",
        55: "heavy drizzle",
        56: "light freezing drizzle",
        57: "freezing drizzle",
        61: "light rain",
        63: "rain",
        65: "heavy rain",
        66: "light freezing rain",
        67: "freezing rain",
        71: "light snow",
        73: "snow",
        75: "heavy snow",
        77: "snow grains",
        80: "light showers",
        81: "showers",
        82: "violent showers",
        85: "light snow showers",
        86: "snow showers",
        95: "thunderstorm",
        96: "thunderstorm with hail",
        99: "thunderstorm with heavy hail",
    }
)
_DANGEROUS: Mapping[int, str] = MappingProxyType(
    {
        48: "ice from freezing fog",
        56: "black ice",
        57: "black ice",
        66: "black ice",
        67: "black ice",
        75: "heavy snow",
        82: "violent showers",
        86: "heavy snow showers",
        95: "thunderstorms",
        96: "thunderstorms with hail",
        99: "thunderstorms with heavy hail",
    }
)


def words_for_code(code: float | None) -> str:
    """Return what the code means, empty for one that is none."""
    return "" if code is None else _WORDS.get(int(code), "")


def danger_of_code(code: float | None) -> str:
    """Return what to beware of on a day of this code, empty if there is nothing."""
    return "" if code is None else _DANGEROUS.get(int(code), "")
