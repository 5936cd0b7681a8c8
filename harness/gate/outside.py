"""How text from outside the team stands before a model: fenced, labelled, an item a line.

A fence is closed only by its own id. The id is derived from what it encloses and does not occur in it: the
same content always gives the same bytes, and no content can close its own fence. Text that only looks like
a fence is defused as well, because a model reads less exactly than a parser.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Sequence
from datetime import UTC, timedelta
from decimal import Decimal

from harness.domain.figures import Figure, Series
from harness.domain.moments import utc_time
from harness.domain.source import Item
from harness.gate.sanitise import one_line, sanitise

FENCE_ID_CHARS = 12
RECALLED = "recalled memory"
"""How the label of a fence around recalled text begins: what was told so is never learned anew."""
RECALLED_OWN, RECALLED_OUTSIDE = f"{RECALLED} of the team", f"{RECALLED} from outside"
"""Its whole label, of what the team itself wrote, and of what quotes others."""
_MAX_LABEL_CHARS = 200
_HALF_A_DAY = timedelta(hours=12)
_FENCE_START = re.compile(rf"<<<DATA (?P<id>[0-9a-f]{{{FENCE_ID_CHARS}}}) [^\n]*>>>")
_FENCE_OPENS = re.compile(rf"^<<<DATA [0-9a-f]{{{FENCE_ID_CHARS}}} (?P<label>[^\n]*)", re.MULTILINE)
_LOOKALIKE = re.compile(r"(?<![<＜﹤])[<＜﹤]{2,}+(?=\W{0,8}(?:DATA|END)\b)", re.IGNORECASE)


def fence(text: str, label: str) -> str:
    """Return the text as fenced data, labelled with where it came from."""
    content = fence_content(text)
    identifier = fence_id(content, label)
    return f"{fence_start(identifier, label)}\n{content}\n{fence_end(identifier)}"


def fence_parts(text: str) -> tuple[str, str, str]:
    """Return the opening line with its line end, the content, and the closing line with the one before it.

    What is not fenced as a whole is all content. The content may be cut: its fence closes it as before.
    """
    lines = text.split("\n")
    found = _FENCE_START.fullmatch(lines[0])
    if found is None or len(lines) < 3 or lines[-1] != fence_end(found["id"]):
        return "", text, ""
    return f"{lines[0]}\n", "\n".join(lines[1:-1]), f"\n{lines[-1]}"


def quotes_outside(text: str) -> bool:
    """Say whether something in the text comes from outside: a fence opens in it, and not around the team's memory."""
    return any(not found["label"].startswith(RECALLED_OWN) for found in _FENCE_OPENS.finditer(text))


def fence_content(text: str) -> str:
    """Return the text without control characters and with look-alikes of a fence made harmless."""
    # As many signs as there were: what comes closer together could look like a fence only then.
    return _LOOKALIKE.sub(lambda match: "‹" * len(match.group()), sanitise(text)).strip("\n")


def fence_id(content: str, label: str) -> str:
    """Return the id of the fence around the content: a hash that doesn't occur in it."""
    attempt = 0
    while True:
        seed = f"{attempt}\0{label}\0{content}".encode("utf-8", "surrogatepass")
        identifier = hashlib.sha256(seed).hexdigest()[:FENCE_ID_CHARS]
        if identifier not in content.lower():
            return identifier
        attempt += 1


def fence_start(identifier: str, label: str) -> str:
    """Return the line that opens a fence."""
    return f"<<<DATA {identifier} {_label(label)}>>>"


def fence_end(identifier: str) -> str:
    """Return the line that closes a fence."""
    return f"<<<END {identifier}>>>"


def item_line(number: int, item: Item) -> str:
    """Return one item as one line: `1. title | sources | date | url | summary`.

    No field can break the line or forge a field: line ends become spaces, and a bar becomes a broken bar.
    """
    published = item.published_at.date().isoformat() if item.published_at else "no date"
    sources = ", ".join(_field(source) for source in (item.source, *item.also_in))
    fields = [_field(item.title), sources, published, one_line(item.url).replace("|", "%7C")]
    if item.summary:
        fields.append(_field(item.summary))
    return f"{number}. " + " | ".join(fields)


def figure_line(figure: Figure) -> str:
    """Return one number as one line: `key = value unit | name | source | moment | url`; what is unknown is left out.

    The number stands with all its digits, so that whoever rounds it rounds what was collected.
    """
    value = " ".join(filter(None, (plain_number(figure.value), _field(figure.unit))))
    moment = utc_time(figure.at) if figure.at else ""
    url = one_line(figure.url).replace("|", "%7C")
    fields = (f"{_field(figure.key)} = {value}", _field(figure.name), _field(figure.source), moment, url)
    return " | ".join(filter(None, fields))


def figure_rows(figures: Sequence[Figure]) -> list[tuple[str, str]]:
    """Return the figures as lines, each with the key that it begins with: those of one thing together.

    Figures of the same name, moment and source whose keys begin alike (`^spx.close`, `^spx.high`) are one line,
    `^spx: S&P 500 | close = 6602.99; high = 6638.1 | source | moment | url`; one that stands alone is a line as
    `figure_line` writes it.
    """
    groups: dict[tuple[object, ...], list[Figure]] = {}
    for figure in figures:
        stem, name = figure.key.rpartition(".")[0], figure.name.rpartition(", ")[0]
        alone = figure.key if not stem or not name else ""
        groups.setdefault((stem, name, figure.at, figure.source, figure.url, alone), []).append(figure)
    return [_row(group) for group in groups.values()]


def _row(group: Sequence[Figure]) -> tuple[str, str]:
    first = group[0]
    if len(group) == 1:
        return first.key, figure_line(first)
    stem, name = first.key.rpartition(".")[0], first.name.rpartition(", ")[0]
    values = "; ".join(
        f"{_field(figure.key.rpartition('.')[2])} = "
        + " ".join(filter(None, (plain_number(figure.value), _field(figure.unit))))
        for figure in group
    )
    moment = utc_time(first.at) if first.at else ""
    fields = (f"{_field(stem)}: {_field(name)}", values, _field(first.source), moment)
    return stem, " | ".join(filter(None, (*fields, one_line(first.url).replace("|", "%7C"))))


def series_line(series: Series, most_points: int = 20) -> str:
    """Return values over time as one line, the last `most_points` of them, oldest first; each as a figure's is.

    Values of several hours of a day have their hours, in UTC.
    """
    shown = series.points[-most_points:]
    is_hourly = any(later.at - earlier.at < _HALF_A_DAY for earlier, later in itertools.pairwise(shown))
    moment = "%Y-%m-%d %H:%M" if is_hourly else "%Y-%m-%d"
    points = "; ".join(f"{point.at.astimezone(UTC):{moment}} {plain_number(point.value)}" for point in shown)
    unit = f" in {_field(series.unit)}" if series.unit else ""
    url = one_line(series.url).replace("|", "%7C")
    fields = (f"{_field(series.key)} over time{unit}: {points}", _field(series.name), _field(series.source), url)
    return " | ".join(filter(None, fields))


def plain_number(value: float) -> str:
    """Return the number in digits that read back as the same, never as a power of ten."""
    return format(Decimal(repr(float(value))).normalize(), "f")


def _field(text: str) -> str:
    return one_line(text).replace("|", "¦")


def _label(label: str) -> str:
    return re.sub(r"[<>＜＞﹤﹥]", "", one_line(label))[:_MAX_LABEL_CHARS]
