"""Documents of numbers, as services answer them: JSON and CSV, with every surprise in words and none as an error."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from harness.collectors.context import CollectContext
from harness.collectors.fetch import Unchanged, Unreachable, fetch_source
from harness.collectors.sniff import looks_like_html
from harness.gate.sanitise import one_line
from harness.ports import WebResponse

_MAX_ROWS = 20_000
_MAX_DIGITS = 40
_MAX_SIZE = 1e24
"""No price, count or measure is larger; what is would become infinite where two of them are added or scaled."""

_SHOWN_CHARS = 80


class BadDocument(ValueError):
    """A document cannot be used; the message follows the source's name."""


async def fetch_document(url: str, context: CollectContext, *, explained: tuple[int, ...] = ()) -> WebResponse | str:
    """Return what stands at the URL, or why it cannot be had, to follow the source's name; it never raises that."""
    answer = await fetch_source(url, context, explained=explained)
    match answer:
        case Unreachable(problem):
            return problem
        case Unchanged():
            return "answered that nothing changed, and nothing is kept of it"
    return answer


async def record_answer(source: str, problem: str, context: CollectContext) -> None:
    """Record how the source did: well if there is no problem."""
    record = partial(context.cache.record, source, ok=not problem, problem=problem, at=context.now)
    await asyncio.to_thread(record)


def read_json(body: bytes) -> Any:
    """Return the JSON of the body. Raises BadDocument."""
    if looks_like_html(body):
        raise BadDocument("answered with a web page instead of JSON")
    try:
        return json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise BadDocument("answered what is no JSON, or is cut off") from error


def read_rows(body: bytes) -> list[dict[str, str]]:
    """Return the rows of a CSV whose first line names the columns, the names in lower case. Raises BadDocument."""
    if looks_like_html(body):
        raise BadDocument("answered with a web page instead of CSV")
    lines = body.decode("utf-8-sig", "replace").replace("\0", "").splitlines()[: _MAX_ROWS + 1]
    if not lines or "," not in lines[0]:
        said = one_line(lines[0])[:_SHOWN_CHARS] if lines else "nothing"
        raise BadDocument(f"answered no table: {said}")
    try:
        rows = [*csv.reader(lines)]
    except csv.Error as error:
        raise BadDocument("answered what is no CSV") from error
    names = [name.strip().casefold() for name in rows[0]]
    return [dict(zip(names, row, strict=True)) for row in rows[1:] if len(row) == len(names)]


def table_of(value: Any, *path: str) -> Mapping[str, Any]:
    """Return the JSON object at the path. Raises BadDocument if there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, dict):
        raise BadDocument(f"answered without {'.'.join(path) or 'an object'}")
    return value


def list_of(value: Any, *path: str) -> Sequence[Any]:
    """Return the JSON list at the path. Raises BadDocument if there is none."""
    *parents, last = path or ("",)
    found = table_of(value, *parents).get(last) if path else value
    if not isinstance(found, list):
        raise BadDocument(f"answered without {'.'.join(path) or 'a list'}")
    return found


def number_of(value: Any) -> float | None:
    """Return the number that this is or spells, or None, also for one that is too large to be one of anything."""
    if isinstance(value, str) and len(value) <= _MAX_DIGITS:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if abs(number) <= _MAX_SIZE else None


def text_of(value: Any, most_chars: int = 200) -> str:
    """Return the text on one line, empty if this is none."""
    return one_line(value)[:most_chars].strip() if isinstance(value, str) else ""


def _no_number(name: str) -> None:
    """Read NaN and Infinity, which are no JSON, as no number."""
