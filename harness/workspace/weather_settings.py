"""`[weather]` of harness.toml: where the person looks out of the window."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.domain.daily_life import Place, WeatherSettings, WeatherWarnings
from harness.workspace.fields import Address, Text
from harness.workspace.located import Located
from harness.workspace.quantities import BadValue
from harness.workspace.report import Report
from harness.workspace.shapes import Shape
from harness.workspace.zones import parse_zone

_WARNINGS = WeatherWarnings()


class PlaceShape(Shape):
    place: Text
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]


class WarnShape(Shape):
    frost: float = _WARNINGS.frost_c
    heat: float = _WARNINGS.heat_c
    wind: float = _WARNINGS.wind_kmh
    rain: float = _WARNINGS.rain_mm
    uv: float = _WARNINGS.uv_index


class WeatherShape(Shape):
    place: Text | None = None
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    units: Literal["metric", "imperial"] = "metric"
    warn: WarnShape = WarnShape()
    elsewhere: dict[str, PlaceShape] = Field(default_factory=dict)
    url: Address = WeatherSettings().url


def weather_settings_of(shape: WeatherShape, located: Located, report: Report) -> WeatherSettings:
    """Return the places; one at home that lacks a name or its degrees, and a zone that is none, are in the report."""
    return WeatherSettings(
        home=_home(shape, located, report),
        elsewhere={
            zone: Place(one.place, one.latitude, one.longitude)
            for zone, one in shape.elsewhere.items()
            if _is_zone(zone, located, report)
        },
        units=shape.units,
        warnings=WeatherWarnings(shape.warn.frost, shape.warn.heat, shape.warn.wind, shape.warn.rain, shape.warn.uv),
        url=shape.url,
    )


def _home(shape: WeatherShape, located: Located, report: Report) -> Place | None:
    if shape.place is not None and shape.latitude is not None and shape.longitude is not None:
        return Place(shape.place, shape.latitude, shape.longitude)
    table = located.values.get("weather")
    written = set(table) if isinstance(table, dict) else set()
    missing = [key for key in ("place", "latitude", "longitude") if key not in written]
    if missing and len(missing) < 3:
        problem = f"[weather] has no {' and no '.join(missing)}"
        report.error(located.line("weather"), problem, 'write place = "Berlin", latitude = 52.52, longitude = 13.41')
    return None


def _is_zone(zone: str, located: Located, report: Report) -> bool:
    try:
        parse_zone(zone)
    except BadValue as error:
        report.error(located.line("weather", "elsewhere", zone), error.problem, error.fix)
        return False
    return True
