"""One technology's page of the Tech Radar: read, made, and changed within the lines that a change is about. Pure.

    ---
    name: SQLite vector search
    ring: discovered
    quadrant: tools
    url: https://example.com/sqlite-vec
    found_by: ainews
    found_run: cron:ainews/github-trending:1790000000
    decided_at:
    request:
    ---
    # SQLite vector search

    ## Evaluation

    ## Risks

    ## What it would replace

    ## History

    - 2026-11-21 · discovered · searches vectors in one file · cron:ainews/github-trending:1790000000

What the harness adds is a line at the end of a section, and the values of three keys: no other byte is touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, get_args
from urllib.parse import urlsplit

from harness.domain.errors import OwnerError
from harness.domain.radar import Move, Quadrant, Ring, Technology
from harness.store.yaml_text import render_yaml
from harness.workspace.front_matter import read_front_matter
from harness.workspace.located import Located
from harness.workspace.quantities import BadValue, parse_date
from harness.workspace.report import Report, suggestion

EVALUATION, RISKS, REPLACES, HISTORY = "Evaluation", "Risks", "What it would replace", "History"

_FENCE = re.compile(r"---[ \t]*")
_CODE = re.compile(r"\s{0,3}(```+|~~~+)")
_HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_MOVE = re.compile(r"[-*+][ \t]+(\d{4}-\d{2}-\d{2}) · ([^·]+?) · (.*) · (\S*)")
_KEY = re.compile(
    r"(?P<key>\w+)(?P<colon>[ \t]*:)"
    r"""(?:[ \t]+(?:"[^"]*"|'[^']*'|[^\s#"'|>&*!\[{][^#]*?)?)?"""
    r"(?P<comment>[ \t]+\#.*)?[ \t]*"
)
"""A key of the front matter whose value, if it has one, stands on its line."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What somebody makes of a technology, each in a line or empty."""

    judgement: str
    risks: str = ""
    replaces: str = ""


def read_page(slug: str, text: str, report: Report) -> Technology | None:
    """Return what the page says, or None with every reason in the report."""
    front = read_front_matter(text.replace("\r\n", "\n"), report)
    if front is None:
        return None
    located = front.located
    name, url = _word(located, "name", report), _word(located, "url", report)
    ring = _one_of(located, "ring", get_args(Ring), report)
    quadrant = _one_of(located, "quadrant", get_args(Quadrant), report)
    decided_at = _day(located, "decided_at", report)
    if url and not _is_web_address(url):
        report.error(located.line("url"), f"{url!r} is no address of a page", "write it with https://")
    if report.has_errors:
        return None
    return Technology(
        slug=slug,
        name=name,
        ring=ring,
        quadrant=quadrant,
        url=url,
        found_by=_optional(located, "found_by"),
        found_run=_optional(located, "found_run"),
        decided_at=decided_at,
        request=_optional(located, "request"),
        is_evaluated=_says_something(text, EVALUATION),
        moves=tuple(_moves(text)),
    )


def new_page(technology: Technology, move: Move) -> str:
    """Return the page of a technology that was just discovered."""
    known = {"name": technology.name, "ring": technology.ring, "quadrant": technology.quadrant, "url": technology.url}
    found = {"found_by": technology.found_by, "found_run": technology.found_run}
    sections = "".join(f"## {heading}\n\n" for heading in (EVALUATION, RISKS, REPLACES, HISTORY))
    front = f"---\n{render_yaml({**known, **found})}decided_at:\nrequest:\n---\n"
    return f"{front}# {technology.name}\n\n{sections}{move_line(move)}\n"


def with_evaluation(text: str, evaluation: Evaluation, day: date, by: str) -> str:
    """Return the page with an evaluation at the end of its sections; what stands there already is not added twice."""
    parts = ((EVALUATION, evaluation.judgement), (RISKS, evaluation.risks), (REPLACES, evaluation.replaces))
    for heading, words in parts:
        if words:
            text = with_line(text, heading, f"- {day.isoformat()} · {by}: {words}")
    return text


def with_decision(text: str, move: Move, request: str, path: str) -> str:
    """Return the page with a decision: its ring, its day, what it asked for, and a line of history.

    Raises OwnerError where one of these keys is written in a way that cannot be changed without touching more.
    """
    text = _with_key(text, "ring", move.what, path)
    text = _with_key(text, "decided_at", move.day.isoformat(), path)
    text = _with_key(text, "request", request, path)
    return with_line(text, HISTORY, move_line(move))


def with_line(text: str, heading: str, line: str) -> str:
    """Return the text with the line at the end of the section of that heading, which is made if there is none."""
    lines = _LINE.findall(text)
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    found = _section(lines, heading)
    if found is not None and line in (one.rstrip("\r\n") for one in lines[slice(*found)]):
        return text
    if found is None or found[1] == len(lines):
        lines = _closed(lines, end)
    if found is None:
        return "".join((*lines, end, f"## {heading}{end}", end, f"{line}{end}"))
    first, last = _section(lines, heading) or found
    filled = max((number for number, one in enumerate(lines[first:last], first + 1) if one.strip()), default=first)
    before, rest = lines[:filled], lines[filled:]
    # A list begins after a blank line, whatever stands above it: a heading, or what a person wrote.
    gap = "" if before[-1].lstrip().startswith(("- ", "* ", "+ ")) else end
    below = end if rest and rest[0].strip() else ""
    return "".join((*before, gap, f"{line}{end}", below, *rest))


def move_line(move: Move) -> str:
    """Return a line of history."""
    return f"- {move.day.isoformat()} · {move.what} · {move.reason} · {move.run}"


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────


def _word(located: Located, key: str, report: Report) -> str:
    value = located.values.get(key)
    if isinstance(value, str) and value.strip():
        return value.strip()
    report.error(located.line(key), f"{key} is missing", f"write {key}: … between the lines ---")
    return ""


def _optional(located: Located, key: str) -> str:
    value = located.values.get(key)
    return "" if value is None else str(value).strip()


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _one_of(located: Located, key: str, known: Sequence[str], report: Report) -> Any:
    value = _word(located, key, report)
    if value and value not in known:
        report.error(located.line(key), f"there is no {key} {value!r}", suggestion(value, known))
    return value


def _day(located: Located, key: str, report: Report) -> date | None:
    value = _optional(located, key)
    try:
        return parse_date(value) if value else None
    except BadValue as error:
        report.error(located.line(key), f"{key}: {error.problem}", error.fix)
        return None


def _says_something(text: str, heading: str) -> bool:
    lines = _LINE.findall(text)
    found = _section(lines, heading)
    if found is None:
        return False
    content = _COMMENT.sub("", "".join(lines[slice(*found)]))
    return any(line.strip() and not _HEADING.fullmatch(line.strip()) for line in content.splitlines())


def _moves(text: str) -> Iterable[Move]:
    lines = _LINE.findall(text)
    for line in lines[slice(*(_section(lines, HISTORY) or (0, 0)))]:
        found = _MOVE.fullmatch(line.rstrip("\r\n"))
        day = None if found is None else _day_or_none(found[1])
        if found is not None and day is not None:
            yield Move(day, found[2], found[3], found[4])


def _day_or_none(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _section(lines: Sequence[str], heading: str) -> tuple[int, int] | None:
    """Return where the first section of the heading begins, after it, and where it ends; headings in code are none."""
    code, level, first = "", 0, None
    for number in range(_body(lines), len(lines)):
        line = lines[number].rstrip("\r\n")
        code = _code_after(code, line)
        if not code and (found := _HEADING.fullmatch(line)):
            if first is not None and len(found[1]) <= level:
                return first, number
            if first is None and found[2].casefold() == heading.casefold():
                level, first = len(found[1]), number + 1
    return None if first is None else (first, len(lines))


def _closed(lines: Sequence[str], end: str) -> list[str]:
    """Return the lines so that one more stands in none of them: its last line ended, and no code block left open."""
    closed = list(lines)
    if closed and not closed[-1].endswith("\n"):
        closed[-1] += end
    code = ""
    for line in closed[_body(closed) :]:
        code = _code_after(code, line.rstrip("\r\n"))
    return [*closed, f"{code}{end}"] if code else closed


def _code_after(code: str, line: str) -> str:
    """Return by which mark a code block is open after the line, given that of before; empty for none."""
    mark = _CODE.match(line)
    if mark is None:
        return code
    is_end = bool(code) and mark[1].startswith(code) and not line.strip().strip(code[0])
    return "" if is_end else code or mark[1]


def _body(lines: Sequence[str]) -> int:
    """Return the number of the first line below the front matter."""
    if not lines or not _FENCE.fullmatch(lines[0].rstrip("\r\n")):
        return 0
    ends = (number for number, line in enumerate(lines[1:], 1) if _FENCE.fullmatch(line.rstrip("\r\n")))
    return next(ends, 0) + 1


def _with_key(text: str, key: str, value: str, path: str) -> str:
    """Return the text with the value of one key of the front matter, in the line where it stands or in a new one."""
    lines = _LINE.findall(text)
    closing = _body(lines) - 1
    for number in range(1, closing):
        content = lines[number].rstrip("\r\n")
        found = _KEY.fullmatch(content)
        if found is not None and found["key"] == key and not lines[number + 1].startswith((" ", "\t")):
            written = f"{key}{found['colon']} {value}".rstrip() + (found["comment"] or "")
            lines[number] = written + lines[number][len(content) :]
            return "".join(lines)
        if re.match(rf"[\"']?{key}[\"']?[ \t]*:", content):
            raise OwnerError(path, number + 1, f"{key} stands over several lines", f"write it as {key}: {value}")
    end = "\r\n" if lines[0].endswith("\r\n") else "\n"
    lines.insert(closing, f"{key}: {value}".rstrip() + end)
    return "".join(lines)
