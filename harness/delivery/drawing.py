"""A chart as geometry: what is drawn where, in SVG units. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.delivery.chart_text import amount, chart_change, chart_words
from harness.delivery.prose import link_key
from harness.domain.chart import Chart, Mark, Part, Tone

WIDTH, HEIGHT = 360, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 6, 354, 20, 122
_FLOOR = 104
"""A line does not go lower: its lowest value is written below it."""
_LABEL_Y, _MOST_LABELS = 140, 7
_FEWEST_SLOTS = 7
_WIDEST_BAR = 40
_CHAR_WIDTH = 7


@dataclass(frozen=True, slots=True)
class Box:
    """One part of a bar; `says` is what it stands for, for those who hover or listen."""

    x: float
    y: float
    width: float
    height: float
    tone: Tone
    says: str


@dataclass(frozen=True, slots=True)
class Word:
    """A text at a place, anchored at its `start`, `middle` or `end`."""

    x: float
    y: float
    text: str
    anchor: str = "middle"
    is_value: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """One chart as a picture: a line with the area below it, or boxes, and the words around them.

    `line` and `area` are SVG path data; `start_y` is the height of the first value, `end` the place of the last one.
    `summary` says all of it for those who see no picture, `brief` what the picture does not say itself.
    """

    title: str
    summary: str
    brief: str
    source: str
    url: str
    line: str = ""
    area: str = ""
    start_y: float | None = None
    end: tuple[float, float] | None = None
    rises: bool = True
    boxes: tuple[Box, ...] = ()
    words: tuple[Word, ...] = ()
    legend: tuple[Part, ...] = ()


def draw(chart: Chart) -> Drawing:
    """Return the picture of the chart; one whose values are all nothing has words only."""
    url = chart.url if link_key(chart.url) is not None else ""
    summary = chart_words(chart)
    is_line = chart.kind == "line" and bool(chart.marks)
    drawn = Drawing(chart.title, summary, chart_change(chart) if is_line else summary, chart.source, url)
    if not any(mark.total for mark in chart.marks):
        return drawn
    return _line(chart, drawn) if chart.kind == "line" else _bars(chart, drawn)


def _line(chart: Chart, drawn: Drawing) -> Drawing:
    values = [mark.total for mark in chart.marks]
    low, high = min(values), max(values)
    step = (_RIGHT - _LEFT) / max(1, len(values) - 1)
    places = [(round(_LEFT + step * at, 1), _height(value, low, high)) for at, value in enumerate(values)]
    line = "M" + "L".join(f"{x:g} {y:g}" for x, y in places)
    area = f"{line}L{places[-1][0]:g} {_BOTTOM}L{places[0][0]:g} {_BOTTOM}Z"
    words = (
        Word(_LEFT, _LABEL_Y, chart.marks[0].label, "start"),
        Word(_RIGHT, _LABEL_Y, chart.marks[-1].label, "end"),
        *_extremes(chart, places),
    )
    return replace(
        drawn,
        line=line,
        area=area,
        start_y=places[0][1],
        end=places[-1],
        rises=values[-1] >= values[0],
        words=words,
    )


def _extremes(chart: Chart, places: list[tuple[float, float]]) -> tuple[Word, ...]:
    """The highest and the lowest value, beside where they are."""
    values = [mark.total for mark in chart.marks]
    if min(values) == max(values):
        return ()
    words = []
    for value, above in ((max(values), True), (min(values), False)):
        x, y = places[values.index(value)]
        text = amount(value, chart.unit)
        half = len(text) * _CHAR_WIDTH / 2
        middle = min(max(x, _LEFT + half), _RIGHT - half)
        words.append(Word(round(middle, 1), y - 6 if above else y + 14, text, is_value=True))
    return tuple(words)


def _bars(chart: Chart, drawn: Drawing) -> Drawing:
    parts = chart.parts or (Part(""),)
    highest = max(mark.total for mark in chart.marks)
    slot = (_RIGHT - _LEFT) / max(_FEWEST_SLOTS, len(chart.marks))
    width = min(_WIDEST_BAR, slot * 0.72)
    boxes: list[Box] = []
    words: list[Word] = []
    every = -(-len(chart.marks) // _MOST_LABELS)
    for at, mark in enumerate(chart.marks):
        middle = _LEFT + slot * (at + 0.5)
        boxes += _stack(mark, parts, middle - width / 2, width, highest, chart.unit)
        is_labelled = (len(chart.marks) - 1 - at) % every == 0
        if is_labelled:
            words.append(Word(round(middle, 1), _LABEL_Y, mark.label))
        if mark.total and (is_labelled or mark.total == highest):
            top = _BOTTOM - (_BOTTOM - _TOP) * mark.total / highest
            words.append(Word(round(middle, 1), round(top - 5, 1), amount(mark.total, chart.unit), is_value=True))
    used = tuple(part for at, part in enumerate(parts) if any(mark.values[at] for mark in chart.marks))
    legend = used if len(parts) > 1 else ()
    return replace(drawn, boxes=tuple(boxes), words=tuple(words), legend=legend)


def _stack(mark: Mark, parts: tuple[Part, ...], x: float, width: float, highest: float, unit: str) -> list[Box]:
    boxes = []
    y = float(_BOTTOM)
    for part, value in zip(parts, mark.values, strict=True):
        if value > 0:
            height = (_BOTTOM - _TOP) * value / highest
            y -= height
            says = f"{mark.label}: {amount(value, unit)} {part.name}".rstrip()
            boxes.append(Box(round(x, 1), round(y, 1), round(width, 1), round(height, 1), part.tone, says))
    return boxes


def _height(value: float, low: float, high: float) -> float:
    share = 0.5 if high == low else (value - low) / (high - low)
    return round(_FLOOR - share * (_FLOOR - _TOP), 1)
