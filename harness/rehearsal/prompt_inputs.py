"""What a prompt tells of what was collected, read back out of it. Pure.

A recorded answer speaks of the figures and items of its own prompt, as a language model would: what it says then
depends on the request alone, and is true on whatever day it is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from harness.gate.outside import RECALLED
from harness.prompt.sandbox import TemplateValue

_FENCED = re.compile(
    r"^<<<DATA (?P<id>[0-9a-f]{12}) (?P<label>[^\n]*)>>>\n(?P<content>.*?)\n<<<END (?P=id)>>>$", re.M | re.S
)
_PART_SHOWN = re.compile(r" \(\d+ of \d+ shown\)$")
_ITEM = re.compile(
    r"(?P<rank>\d+)\. (?P<title>.*?) \| (?P<sources>.*?) \| (?P<day>no date|\d{4}-\d\d-\d\d) \| (?P<rest>.+)"
)
_FIGURE = re.compile(r"(?P<key>[^|\n]+?) = (?P<value>-?\d+(?:\.\d+)?)(?: (?P<unit>[^|]+?))?(?P<rest>(?: \| .*)?)")
_VALUE = re.compile(r"(?P<key>[\w%-]+) = (?P<value>-?\d+(?:\.\d+)?)(?: (?P<unit>[^|;]+))?")
_ROW = re.compile(r"(?P<stem>\S+): (?P<name>[^|]*?) \| (?P<values>[\w%-]+ = [^|]+?)(?P<rest>(?: \| .*)?)")
_SERIES = re.compile(
    r"(?P<key>[^|\n]+?) over time(?: in [^|:]+)?: "
    r"(?P<points>\d{4}-\d\d-\d\d -?[\d.]+(?:; \d{4}-\d\d-\d\d -?[\d.]+)*)(?: \| .*)?"
)
_ENTRY = re.compile(r"(?:[-*]|\d+\.) \[(?P<title>(?:\\.|[^\]\\])+)\]\((?P<url>[^)\s]+)\)(?: [—-] (?P<why>.+))?")
_TODAY = re.compile(r"^Today is (\d{4}-\d\d-\d\d)\.", re.M)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC")


@dataclass(frozen=True, slots=True)
class PromptFigure(TemplateValue):
    """A number of the prompt, with what stands beside it; what does not is empty."""

    called: ClassVar[str] = "a figure"
    key: str
    value: float
    unit: str = ""
    name: str = ""
    source: str = ""
    at: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class PromptItem(TemplateValue):
    """An item of the prompt, also one that the digest of another job lists; `day` is an ISO date, or empty."""

    called: ClassVar[str] = "an item"
    title: str
    url: str
    sources: tuple[str, ...]
    day: str
    why: str


@dataclass(frozen=True, slots=True)
class PromptInput(TemplateValue):
    """One input of the prompt: its figures and series by key, the latter the oldest value first, its items, and all
    other lines as `text`."""

    called: ClassVar[str] = "an input"
    name: str
    figures: Mapping[str, PromptFigure] = field(default_factory=dict)
    items: tuple[PromptItem, ...] = ()
    text: str = ""
    series: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of the text that hold something."""
        return tuple(line.strip() for line in self.text.splitlines() if line.strip())


def read_inputs(prompt: str) -> dict[str, PromptInput]:
    """Return the inputs that are fenced in the prompt, by their names; what memory tells is none of them."""
    inputs = {}
    for found in _FENCED.finditer(prompt):
        name = _PART_SHOWN.sub("", found["label"])
        if not name.startswith(RECALLED):
            inputs[name] = _read_input(name, found["content"])
    return inputs


def read_outside(prompt: str) -> PromptInput:
    """Return the figures and series that stand outside of all fences; items there are examples of how to write one."""
    return replace(_read_input("", _FENCED.sub("", prompt)), items=())


def read_today(prompt: str) -> str:
    """Return the day that the prompt says it is, as an ISO date; empty if it says none."""
    found = _TODAY.search(prompt)
    return found[1] if found else ""


def _read_input(name: str, content: str) -> PromptInput:
    figures: dict[str, PromptFigure] = {}
    series: dict[str, tuple[float, ...]] = {}
    items, others = [], []
    for line in content.split("\n"):
        item, found, over_time = _read_item(line), _read_figures(line), _SERIES.fullmatch(line)
        if over_time is not None:
            points = (point.rpartition(" ")[2] for point in over_time["points"].split("; "))
            series[over_time["key"]] = tuple(map(float, points))
        elif item is not None:
            items.append(item)
        elif found:
            figures |= {figure.key: figure for figure in found}
        else:
            others.append(line)
    return PromptInput(name, figures, tuple(items), "\n".join(others), series)


def _read_item(line: str) -> PromptItem | None:
    found = _ITEM.fullmatch(line)
    if found is None:
        entry = _ENTRY.fullmatch(line)
        return None if entry is None else PromptItem(entry["title"], entry["url"], (), "", entry["why"] or "")
    url, _, why = found["rest"].partition(" | ")
    day = "" if found["day"] == "no date" else found["day"]
    return PromptItem(found["title"], url, tuple(found["sources"].split(", ")), day, why)


def _read_figures(line: str) -> tuple[PromptFigure, ...]:
    """Return the figures of a line, which are several where they are of one thing; empty if it holds none."""
    row = _ROW.fullmatch(line)
    if row is not None:
        beside = _beside(row["rest"])
        values = (_VALUE.fullmatch(each) for each in row["values"].split("; "))
        return tuple(_figure(f"{row['stem']}.{one['key']}", one, row["name"], beside) for one in values if one)
    found = _FIGURE.fullmatch(line)
    if found is None:
        return ()
    name, *beside = _beside(found["rest"], names=1)
    return (_figure(found["key"], found, name, beside),)


def _figure(key: str, found: re.Match[str], name: str, beside: Sequence[str]) -> PromptFigure:
    source, at, url = beside
    return PromptFigure(key, float(found["value"]), found["unit"] or "", name, source, at, url)


def _beside(rest: str, names: int = 0) -> list[str]:
    """Return what stands behind a figure: as many names, then source, moment and address; empty where unknown."""
    fields = rest.removeprefix(" | ").split(" | ") if rest else []
    url = next((each for each in fields if "://" in each), "")
    at = next((each for each in fields if _MOMENT.fullmatch(each)), "")
    words = [each for each in fields if each not in (url, at)]
    return [*(*words, "", "")[: names + 1], at, url]
