"""A chart as one line of text: small columns, and the numbers that count."""

from __future__ import annotations

from collections.abc import Sequence

from harness.delivery.commonmark import escape, escape_with_addresses
from harness.domain.chart import Chart, Mark

_COLUMNS = "▁▂▃▄▅▆▇█"
_MOST_COLUMNS = 24
_MONEY = "USD"


def chart_line(chart: Chart) -> str:
    """Return the chart as one paragraph of Markdown."""
    source = f" · {escape_with_addresses(chart.source)}" if chart.source else ""
    columns = f" `{_columns(chart)}`" if _says_something(chart) else ""
    return f"**{escape(chart.title)}**{columns} {escape(chart_words(chart))}{source}"


def plain_line(chart: Chart) -> str:
    """Return the same as plain text."""
    columns = f" {_columns(chart)}" if _says_something(chart) else ""
    return f"{chart.title}{columns} {chart_words(chart)}" + (f" · {chart.source}" if chart.source else "")


def sparkline(marks: Sequence[Mark], *, is_line: bool = True) -> str:
    """Return at most 24 small columns; those of a line stand on its lowest value, those of bars on nothing."""
    values = _resampled([mark.total for mark in marks])
    lowest = min(values, default=0.0) if is_line else 0.0
    span = max(values, default=0.0) - lowest
    steps = len(_COLUMNS) - 1
    return "".join(_COLUMNS[round((value - lowest) / span * steps) if span > 0 else 0] for value in values)


def chart_words(chart: Chart) -> str:
    """Return in plain words what the chart shows: from where to where, or the newest bar part by part."""
    if not _says_something(chart):
        return "nothing yet"
    first, last = chart.marks[0], chart.marks[-1]
    if chart.kind == "bars":
        return _bars_in_words(chart, last)
    low, high = (amount(pick(mark.total for mark in chart.marks), chart.unit) for pick in (min, max))
    return f"{chart_change(chart)}, low {low}, high {high} ({first.label} – {last.label})"


def chart_change(chart: Chart) -> str:
    """Return from where to where a line goes, and how far that is: `6,000 → 6,060 (+1.0 %)`."""
    first, last = chart.marks[0].total, chart.marks[-1].total
    return f"{amount(first, chart.unit)} → {amount(last, chart.unit)}{_difference(first, last, chart.unit)}"


def amount(value: float, unit: str = "") -> str:
    """Return the number as people write it, with its unit: `6,012.5`, `$0.04`, `$0.0012`, `3.2 %`."""
    decimals = 2 if abs(value) >= 1 else 4
    text = f"{value:,.{decimals}f}".rstrip("0").rstrip(".")
    if unit != _MONEY:
        return f"{text} {unit}".rstrip()
    dollars = f"{abs(value):,.4f}".rstrip("0") if 0 < abs(value) < 0.01 else f"{abs(value):,.2f}"
    return f"-${dollars}" if value < 0 else f"${dollars}"


def _columns(chart: Chart) -> str:
    return sparkline(chart.marks, is_line=chart.kind == "line")


def _says_something(chart: Chart) -> bool:
    return any(mark.total for mark in chart.marks)


def _bars_in_words(chart: Chart, last: Mark) -> str:
    if len(chart.parts) > 1:
        named = zip(chart.parts, last.values, strict=True)
        now = ", ".join(f"{amount(value, chart.unit)} {part.name}" for part, value in named if value) or "nothing"
        return f"{last.label}: {now}"
    total = sum(mark.total for mark in chart.marks)
    most = max(chart.marks, key=lambda mark: mark.total)
    return (
        f"{last.label}: {amount(last.total, chart.unit)}, "
        f"most {amount(most.total, chart.unit)} ({most.label}), together {amount(total, chart.unit)}"
    )


def _difference(first: float, last: float, unit: str) -> str:
    """How much more or less: in percent, in points of percent where the values are percents themselves, in degrees."""
    if unit == "%":
        return f" ({last - first:+.2f} points)"
    if unit.startswith("°"):  # their zero is nothing that a share could be of
        return f" ({last - first:+.1f} {unit})"
    if first <= 0 or last <= 0:
        return ""
    return f" ({100 * (last - first) / first:+.1f} %)"


def _resampled(values: Sequence[float]) -> list[float]:
    """At most as many values as there is room for; of each group its last, so that the end stays the end."""
    if len(values) <= _MOST_COLUMNS:
        return list(values)
    return [values[(column + 1) * len(values) // _MOST_COLUMNS - 1] for column in range(_MOST_COLUMNS)]
