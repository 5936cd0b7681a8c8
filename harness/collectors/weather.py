"""The weather of today and tomorrow where the person is, from Open-Meteo, in words, figures and warnings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from harness.collectors.context import CollectContext
from harness.collectors.document import (
    BadDocument,
    fetch_document,
    number_of,
    read_json,
    record_answer,
    table_of,
    text_of,
)
from harness.collectors.weather_words import danger_of_code, words_for_code
from harness.domain.daily_life import Place, WeatherSettings, WeatherWarnings
from harness.domain.figures import Figure, Point, Series
from harness.domain.source import Collected, Gap
from harness.workspace.whereabouts import person_zone

SOURCE = "Open-Meteo"
_PAGE = "https://open-meteo.com/en/docs"
_DAYS = 2
_SETTING = "write place, latitude and longitude under [weather] in harness.toml"


@dataclass(frozen=True, slots=True)
class Measure:
    """One value of a day: the key of its figure, what Open-Meteo calls it, its name, and its unit as sent."""

    key: str
    field: str
    name: str
    unit: str


MEASURES = (
    Measure("max", "temperature_2m_max", "highest temperature", "°C"),
    Measure("min", "temperature_2m_min", "lowest temperature", "°C"),
    Measure("rain_probability", "precipitation_probability_max", "chance of rain", "%"),
    Measure("rain", "precipitation_sum", "rain and snow", "mm"),
    Measure("wind", "wind_speed_10m_max", "strongest wind", "km/h"),
    Measure("gusts", "wind_gusts_10m_max", "strongest gusts", "km/h"),
    Measure("uv", "uv_index_max", "UV index", ""),
)


@dataclass(frozen=True, slots=True)
class DayWeather:
    """One local day: values by the keys of MEASURES in the units in which they came, None for what was not said."""

    day: date
    code: float | None
    values: Mapping[str, float]
    sunrise: str
    sunset: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """What was answered for a place: its days, and the temperatures of the hours, local times."""

    days: tuple[DayWeather, ...]
    hours: tuple[tuple[datetime, float], ...]


async def collect_weather(read: str, context: CollectContext) -> Collected:
    """Return today's weather at the person's place; where no place is known for where they are, home's with a gap."""
    settings = context.workspace.settings
    zone = person_zone(settings, context.now)
    gaps: tuple[Gap, ...] = ()
    place = settings.weather.home if zone == settings.home_zone else settings.weather.elsewhere.get(zone)
    if place is None and zone != settings.home_zone:
        problem = f'you are in {zone}, of which no place is known: write it under [weather.elsewhere."{zone}"]'
        gaps = (Gap("weather", problem),)
        place, zone = settings.weather.home, settings.home_zone
    if place is None:
        return Collected(read, gaps=gaps or (Gap("weather", f"no place is known: {_SETTING}"),))
    base_url = settings.weather.url
    answer = await fetch_document(f"{base_url}?{urlencode(_question(place, zone))}", context)
    try:
        if isinstance(answer, str):
            raise BadDocument(answer)
        forecast = read_forecast(answer.body)
        today = context.now.astimezone(ZoneInfo(zone)).date()
        days = [day for day in forecast.days if day.day >= today]
        if not days or days[0].day != today:
            raise BadDocument(f"has no forecast for {today}")
    except BadDocument as problem:
        await record_answer(base_url, str(problem), context)
        return Collected(read, gaps=(*gaps, Gap(SOURCE, str(problem))))
    await record_answer(base_url, "", context)
    return _told(read, place, zone, days, forecast, settings.weather, gaps)


def read_forecast(body: bytes) -> Forecast:
    """Return the days of an answer. Raises BadDocument, also with the service's own reason."""
    document = table_of(read_json(body))
    if document.get("error"):
        raise BadDocument(f"answered: {text_of(document.get('reason')) or 'an error'}")
    daily = table_of(document, "daily")
    days = [_day(daily, number, text) for number, text in enumerate(_list(daily, "time"))]
    found = tuple(sorted((day for day in days if day is not None), key=lambda day: day.day))
    if not found:
        raise BadDocument("answered without a single day")
    return Forecast(found, tuple(_hours(document.get("hourly"))))


def _question(place: Place, zone: str) -> dict[str, str]:
    fields = ["weather_code", *(measure.field for measure in MEASURES), "sunrise", "sunset"]
    return {
        "latitude": f"{place.latitude:g}",
        "longitude": f"{place.longitude:g}",
        "daily": ",".join(fields),
        "hourly": "temperature_2m",
        "timezone": zone,
        "forecast_days": str(_DAYS),
    }


def _list(table: Mapping[str, Any], key: str) -> list[Any]:
    value = table.get(key)
    return value if isinstance(value, list) else []


def _day(daily: Mapping[str, Any], number: int, text: Any) -> DayWeather | None:
    try:
        day = date.fromisoformat(text_of(text))
    except ValueError:
        return None

    def at(key: str) -> Any:
        values = _list(daily, key)
        return values[number] if number < len(values) else None

    values = {measure.key: number_of(at(measure.field)) for measure in MEASURES}
    known = {key: value for key, value in values.items() if value is not None}
    return DayWeather(day, number_of(at("weather_code")), known, _clock(at("sunrise")), _clock(at("sunset")))


def _clock(value: Any) -> str:
    try:
        return f"{datetime.fromisoformat(text_of(value)):%H:%M}"
    except ValueError:
        return ""


def _hours(hourly: Any) -> Iterator[tuple[datetime, float]]:
    if not isinstance(hourly, dict):
        return
    for text, value in zip(_list(hourly, "time"), _list(hourly, "temperature_2m"), strict=False):
        number = number_of(value)
        try:
            moment = datetime.fromisoformat(text_of(text))
        except ValueError:
            continue
        if number is not None and moment.tzinfo is None:
            yield moment, number


def _told(
    read: str,
    place: Place,
    zone: str,
    days: list[DayWeather],
    forecast: Forecast,
    settings: WeatherSettings,
    gaps: tuple[Gap, ...],
) -> Collected:
    units = Units(settings.units == "imperial")
    today, *later = days
    missing = [measure.name for measure in MEASURES[:2] if measure.key not in today.values]
    if missing:
        gaps = (*gaps, Gap(SOURCE, f"does not say the {' and the '.join(missing)} of {today.day}"))
    figures = [*_figures(today, "weather", place.name, zone, units)]
    lines = [f"{place.name}, {_day_name(today.day)}: {_sentence(today, units)}"]
    lines += [f"Warning: {warning}." for warning in warnings_of(today, settings.warnings, units)]
    for day in later[:1]:
        figures += _figures(day, "weather.tomorrow", f"{place.name} tomorrow", zone, units)
        lines.append(f"Tomorrow, {_day_name(day.day)}: {_sentence(day, units)}")
        lines += [f"Warning for tomorrow: {warning}." for warning in warnings_of(day, settings.warnings, units)]
    return Collected(
        read,
        gaps=gaps,
        text="\n\n".join(lines),
        is_untrusted=False,
        figures=tuple(figures),
        series=_series(today.day, forecast, place.name, zone, units),
    )


@dataclass(frozen=True, slots=True)
class Units:
    """How the person reads measures; they come in metric ones."""

    is_imperial: bool

    def value(self, value: float, unit: str) -> tuple[float, str]:
        """Return the value and the unit as they are shown."""
        if not self.is_imperial:
            return round(value, 1), unit
        match unit:
            case "°C":
                return round(value * 9 / 5 + 32, 1), "°F"
            case "km/h":
                return round(value / 1.609344, 1), "mph"
            case "mm":
                return round(value / 25.4, 2), "in"
        return round(value, 1), unit

    def text(self, value: float, unit: str) -> str:
        """Return the value as a sentence has it: whole degrees and speeds."""
        shown, shown_unit = self.value(value, unit)
        digits = f"{shown:g}" if shown_unit in ("mm", "in", "") else f"{shown:.0f}"
        return f"{'0' if digits == '-0' else digits} {shown_unit}".strip()


def warnings_of(day: DayWeather, limits: WeatherWarnings, units: Units) -> tuple[str, ...]:
    """Return what the day has in store beyond the person's limits, each in a few words."""
    values = day.values
    found = [danger_of_code(day.code)]
    if values.get("min", limits.frost_c + 1) <= limits.frost_c:
        found.append(f"frost, {units.text(values['min'], '°C')}")
    if values.get("max", limits.heat_c - 1) >= limits.heat_c:
        found.append(f"heat, {units.text(values['max'], '°C')}")
    wind, gusts = values.get("wind", 0.0), values.get("gusts", 0.0)
    if max(wind, gusts) >= limits.wind_kmh:
        strongest = "gusts up to" if gusts > wind else "wind up to"
        found.append(f"{strongest} {units.text(max(wind, gusts), 'km/h')}")
    if values.get("rain", 0.0) >= limits.rain_mm:
        found.append(f"much rain, {units.text(values['rain'], 'mm')}")
    if values.get("uv", 0.0) >= limits.uv_index:
        found.append(f"strong sun, UV index {values['uv']:.0f}")
    return tuple(filter(None, found))


def _sentence(day: DayWeather, units: Units) -> str:
    values = day.values
    parts = [words_for_code(day.code)]
    if "min" in values and "max" in values:
        low, high = (units.value(values[key], "°C")[0] for key in ("min", "max"))
        parts.append(f"{low:.0f} to {units.text(values['max'], '°C')}" if low <= high else "")
    if "rain_probability" in values:
        amount = f" ({units.text(values['rain'], 'mm')})" if values.get("rain") else ""
        parts.append(f"rain {values['rain_probability']:.0f} %{amount}")
    if "wind" in values:
        parts.append(f"wind up to {units.text(values['wind'], 'km/h')}")
    sun = f" Sunrise {day.sunrise}, sunset {day.sunset}." if day.sunrise and day.sunset else ""
    return f"{', '.join(filter(None, parts)) or 'nothing is known'}.{sun}"


def _figures(day: DayWeather, prefix: str, name: str, zone: str, units: Units) -> Iterator[Figure]:
    at = datetime.combine(day.day, time(12), ZoneInfo(zone)).astimezone(UTC)
    for measure in MEASURES:
        if measure.key in day.values:
            value, unit = units.value(day.values[measure.key], measure.unit)
            yield Figure(f"{prefix}.{measure.key}", f"{name}, {measure.name}", value, unit, at, SOURCE, _PAGE)


def _series(day: date, forecast: Forecast, name: str, zone: str, units: Units) -> tuple[Series, ...]:
    hours = [(moment, value) for moment, value in forecast.hours if moment.date() == day][: 25 * _DAYS]
    if not hours:
        return ()
    unit = units.value(0, "°C")[1]
    points = tuple(
        Point(moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC), units.value(value, "°C")[0])
        for moment, value in hours
    )
    return (Series("weather.hours", f"{name}, temperature by the hour", points, unit, SOURCE, _PAGE),)


def _day_name(day: date) -> str:
    return f"{day:%A} {day.day} {day:%B}"
