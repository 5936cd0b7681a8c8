"""What is released and decided today and tomorrow that moves markets: a public calendar, and the person's own dates.

Whatever becomes of the service, the dates of `shared-context/calendars/economy.md` are told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from harness.collectors.context import CollectContext
from harness.collectors.document import (
    BadDocument,
    fetch_document,
    list_of,
    number_of,
    read_json,
    record_answer,
    text_of,
)
from harness.domain.economy import IMPORTANCES, EconomicDate, EconomySettings, Importance
from harness.domain.figures import Figure
from harness.domain.source import Collected, Gap, Item
from harness.workspace.snapshot import ECONOMY_FILE

AHEAD = timedelta(days=7)
BEHIND = timedelta(days=3)
"""How far around now a release is told: Friday's values still count on Monday, and so does the week to come."""

_OWN = "your economic dates"
_VALUE = re.compile(r"(?P<sign>[-+<>]?)\s*(?P<number>\d[\d,]*(?:\.\d+)?)\s*(?P<unit>[%KMBT]?)")
_SCALES = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_COUNTRIES: Mapping[str, str] = MappingProxyType(
    {
        "USD": "US",
        "EUR": "EU",
        "GBP": "UK",
        "JPY": "JP",
        "CNY": "CN",
        "CAD": "CA",
        "AUD": "AU",
        "NZD": "NZ",
        "CHF": "CH",
    }
)
_WORDS: Mapping[str, Importance] = MappingProxyType({"high": "high", "medium": "medium", "low": "low"})


@dataclass(frozen=True, slots=True)
class Release:
    """One release or decision. `at` is aware UTC; the three values are as published, empty if there is none."""

    name: str
    country: str
    at: datetime
    importance: Importance
    source: str
    url: str = ""
    actual: str = ""
    consensus: str = ""
    previous: str = ""
    has_time: bool = True

    @property
    def key(self) -> str:
        """What tells it from others: its country, name and day."""
        words = "-".join(re.findall(r"[a-z0-9]+", self.name.casefold()))
        return f"{self.country.lower()}.{words}.{self.at:%Y-%m-%d}"


class ReleaseSource(Protocol):
    """Reads the answer of one public calendar. Pure; raises BadDocument."""

    @property
    def name(self) -> str: ...

    def read(self, body: bytes) -> tuple[Release, ...]: ...


class FairEconomy:
    """Implements ReleaseSource: the week's export of a much-read calendar, which may be asked twice in five minutes."""

    name = "Forex Factory calendar"
    page = "https://www.forexfactory.com/calendar"

    def read(self, body: bytes) -> tuple[Release, ...]:
        """Return the releases; rows without a moment, a country or a name, such as holidays, are left out."""
        rows = list_of(read_json(body))
        found = tuple(release for row in rows if (release := self._release(row)))
        if rows and not found:
            raise BadDocument("answered without a single release that can be read")
        return found

    def _release(self, row: Any) -> Release | None:
        if not isinstance(row, dict):
            return None
        name, country = text_of(row.get("title")), text_of(row.get("country"))
        importance = _WORDS.get(text_of(row.get("impact")).casefold())
        try:
            at = datetime.fromisoformat(text_of(row.get("date")))
        except ValueError:
            return None
        if not name or not country or importance is None or at.tzinfo is None:
            return None
        return Release(
            name=name,
            country=_COUNTRIES.get(country.upper(), country.upper()[:3]),
            at=at.astimezone(UTC),
            importance=importance,
            source=self.name,
            url=_own_page(row) or f"{self.page}?day={quote(f'{at:%b}{at.day}.{at.year}'.lower())}",
            actual=text_of(row.get("actual"), 20),
            consensus=text_of(row.get("forecast"), 20),
            previous=text_of(row.get("previous"), 20),
        )


def _own_page(row: Mapping[str, Any]) -> str:
    """Return the page that a release names as its own, empty if it names none that a person could open."""
    url = text_of(row.get("url"), 500)
    return url if re.match(r"https?://[^\s/]+", url) else ""


async def collect_economy(read: str, context: CollectContext) -> Collected:
    """Return the releases around now of the person's countries, from their importance on, as items and figures."""
    settings = context.workspace.settings.economy
    gaps: list[Gap] = []
    releases: tuple[Release, ...] = ()
    source = FairEconomy()
    if settings.url:
        answer = await fetch_document(settings.url, context)
        try:
            if isinstance(answer, str):
                raise BadDocument(answer)
            releases = source.read(answer.body)
        except BadDocument as problem:
            gaps.append(Gap(source.name, str(problem)))
        await record_answer(settings.url, str(gaps[0].problem) if gaps else "", context)
    own = [_own(one) for one in context.workspace.economic_dates]
    if not settings.url and not own:
        gaps.append(Gap(read, f"nobody is asked, and {ECONOMY_FILE} holds no date"))
    told = wanted(merged(releases, own), settings, context.now)
    zone = ZoneInfo(context.job.zone)
    return Collected(
        read,
        items=tuple(_item(release, zone) for release in told),
        gaps=tuple(gaps),
        text=_in_words(told, zone, context.now),
        figures=tuple(figure for release in told for figure in figures_of(release)),
    )


def merged(releases: Iterable[Release], own: Iterable[Release]) -> tuple[Release, ...]:
    """Return all of them by time; a decision of the person's list that the service has too counts once."""
    found = {release.key: release for release in releases}
    taken = {(release.country, release.at.date(), _is_rate(release.name)) for release in found.values()}
    for one in own:
        if not (_is_rate(one.name) and (one.country, one.at.date(), True) in taken):
            found.setdefault(one.key, one)
    return tuple(sorted(found.values(), key=lambda release: (release.at, release.key)))


def wanted(releases: Sequence[Release], settings: EconomySettings, now: datetime) -> tuple[Release, ...]:
    """Return those of the person's countries around now, from their importance on."""
    least = IMPORTANCES.index(settings.importance)
    return tuple(
        release
        for release in releases
        if release.country in settings.countries
        and IMPORTANCES.index(release.importance) >= least
        and now - BEHIND <= release.at <= now + AHEAD
    )


def figures_of(release: Release) -> tuple[Figure, ...]:
    """Return what of actual, consensus and previous is a number, and the surprise where both of them are known."""
    named = (("actual", release.actual), ("consensus", release.consensus), ("previous", release.previous))
    numbers = {name: number for name, text in named if (number := read_value(text)) is not None}

    def figure(name: str, value: float, unit: str) -> Figure:
        key, full_name = f"{release.key}.{name}", f"{release.country} {release.name}, {name}"
        return Figure(key, full_name, value, unit, release.at, release.source, release.url)

    found = [figure(name, *number) for name, number in numbers.items()]
    actual, consensus = numbers.get("actual"), numbers.get("consensus")
    if actual is not None and consensus is not None and actual[1] == consensus[1]:
        found.append(figure("surprise", round(actual[0] - consensus[0], 6), actual[1]))
    return tuple(found)


def read_value(text: str) -> tuple[float, str] | None:
    """Return the number of `3.1%`, `227K` or `-0.4%` and its unit, `%` or none; None if it is no single number."""
    found = _VALUE.fullmatch(text.strip())
    number = None if found is None else number_of(found["number"].replace(",", ""))
    if found is None or number is None or found["sign"] in ("<", ">"):
        return None
    value = -number if found["sign"] == "-" else number
    unit = found["unit"]
    return (value, "%") if unit == "%" else (round(value * _SCALES.get(unit, 1.0), 6), "")


def _is_rate(name: str) -> bool:
    """Say whether this is a central bank's decision: the one thing that both lists hold, in words of their own."""
    return bool(re.search(r"\brates?\b|\bfunds rate\b|\bpolicy\b|\bdecision\b", name, re.IGNORECASE))


def _own(one: EconomicDate) -> Release:
    return Release(one.name, one.country, one.at, one.importance, _OWN, ECONOMY_FILE, has_time=one.has_time)


def _moment(release: Release, zone: ZoneInfo) -> str:
    if not release.has_time:
        return f"{release.at.astimezone(UTC):%a} {release.at:%Y-%m-%d}"
    return f"{release.at.astimezone(zone):%a %Y-%m-%d %H:%M %Z}"


def _values(release: Release) -> str:
    named = (("actual", release.actual), ("consensus", release.consensus), ("previous", release.previous))
    return ", ".join(f"{name} {text}" for name, text in named if text)


def _item(release: Release, zone: ZoneInfo) -> Item:
    when = _moment(release, zone)
    summary = ", ".join(filter(None, (when, f"importance {release.importance}", _values(release))))
    # Each has an address of its own: items that share one are the same story.
    address = f"{release.url}{'&' if urlsplit(release.url).query else '?'}release={release.key}"
    return Item(f"{release.country}: {release.name} ({when})", address, release.source, summary)


def _in_words(releases: Sequence[Release], zone: ZoneInfo, now: datetime) -> str:
    if not releases:
        return "Nothing of importance is released in the next seven days."
    groups = (
        ("Released", [release for release in releases if release.at <= now]),
        ("To come", [release for release in releases if release.at > now]),
    )
    blocks = []
    for title, members in groups:
        lines = [
            f"- {_moment(release, zone)} {release.country} {release.name} ({release.importance})"
            + (f": {values}" if (values := _values(release)) else "")
            for release in members
        ]
        blocks += ["\n".join([f"{title}:", *lines])] if lines else []
    return "\n\n".join(blocks)
