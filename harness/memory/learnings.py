"""`.learnings/ERRORS.md` and `LEARNINGS.md`: records between a person's own text, found by their lines. Pure.

    ## ERR-20261121-7f3a · the field is BILLBOARD_BUY_AMT
    ```yaml
    id: ERR-20261121-7f3a
    status: candidate
    …
    ```
    Trigger: …
    Wrong: …

What cannot be read is named with its line. How a record is changed, line by line, see `learnings_writer`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import PurePosixPath
from typing import Any, get_args

from harness.domain.learning import Kind, Learning, Origin, Status, Verification
from harness.store.yaml_text import parse_yaml

FILES: Mapping[Kind, str] = {"ERR": "ERRORS.md", "LRN": "LEARNINGS.md"}

_ID = r"(?:ERR|LRN)-\d{8}-[0-9a-f]{4,16}"
_HEADING = re.compile(rf"##[ \t]+(?P<id>{_ID})(?:[ \t]*·[ \t]*(?P<title>.*))?")
_ABOVE = re.compile(r"#{1,2}[ \t]")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
WORDS = ("trigger", "wrong", "right", "why")
FOUND_IN = "Found in:"
"""Stands in the why of a record before the task in which the mistake was made: its words lead back to it."""
FIELD = re.compile(r"(?:^|(?<=\s))(Trigger|Wrong|Right|Why):[ \t]*", re.MULTILINE)
_REQUIRED = ("id", "fingerprint", "scope", "origin", "trust", "first_seen")
_SCOPE = re.compile(r"agent/[a-z0-9][a-z0-9-]*|shared")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands: 0-based lines, ends not included. `yaml` is inside of its fences, `words` the four fields,
    empty where there are none."""

    heading: int
    yaml: range
    words: range
    end: int


@dataclass(frozen=True, slots=True)
class Found:
    """A record and its place in the text that was read."""

    learning: Learning
    place: Place


@dataclass(frozen=True, slots=True)
class Problem:
    """A record that cannot be read. `line` counts from 1."""

    line: int
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class LearningsFile:
    """The records of one file, in its order, and what is wrong with others. `text` is what was read."""

    text: str
    found: tuple[Found, ...]
    problems: tuple[Problem, ...]

    def find(self, learning_id: str) -> Learning | None:
        """Return the record of that id."""
        return next((each.learning for each in self.found if each.learning.id == learning_id), None)


def learnings_path(agent: str, kind: Kind) -> PurePosixPath:
    """Return the file of an agent's records, relative to the workspace."""
    return PurePosixPath("agents", agent, ".learnings", FILES[kind])


def new_id(kind: Kind, day: date, fingerprint: str, scope: str, taken: Sequence[str] = ()) -> str:
    """Return the id of a record: the same mistake found twice on a day gets the same one."""
    digest = hashlib.sha256(f"{scope}\0{fingerprint}".encode()).hexdigest()
    ids = (f"{kind}-{day:%Y%m%d}-{digest[:length]}" for length in (4, 8, 16))
    return next((each for each in ids if each not in taken), f"{kind}-{day:%Y%m%d}-{digest[:16]}")


def parse_learnings(text: str) -> LearningsFile:
    """Return the records of the text, and a problem for each that cannot be read."""
    lines = _bare_lines(text)
    found: list[Found] = []
    problems: list[Problem] = []
    for start, end in _sections(lines):
        read = _read_record(lines, start, end)
        if isinstance(read, Problem):
            problems.append(read)
        elif any(each.learning.id == read.learning.id for each in found):
            what = f"there is another record {read.learning.id} above"
            problems.append(Problem(start + 1, what, "give one of them an id of its own"))
        else:
            found.append(read)
    return LearningsFile(text, tuple(found), tuple(problems))


def _sections(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the lines from each record's heading to what follows it; headings inside of code are none."""
    starts, edges, fence = [], [], ""
    for number, line in enumerate(lines):
        mark = _FENCE.match(line)
        if fence:
            is_closed = mark and mark[1].startswith(fence) and not line.strip().strip(fence[0])
            # A fence that a person forgot to close does not swallow the records below it.
            if is_closed or _HEADING.fullmatch(line):
                fence = ""
        elif mark:
            fence = mark[1]
        if not fence and _ABOVE.match(line):
            edges.append(number)
            starts += [number] if _HEADING.fullmatch(line) else []
    for start in starts:
        end = next((edge for edge in edges if edge > start), len(lines))
        while end > start + 1 and not lines[end - 1].strip():
            end -= 1
        yield start, end


def _read_record(lines: Sequence[str], start: int, end: int) -> Found | Problem:
    heading = _HEADING.fullmatch(lines[start])
    assert heading is not None
    opened = next((n for n in range(start + 1, end) if lines[n].strip()), end)
    if opened == end or not re.fullmatch(r" {0,3}```+[ \t]*ya?ml[ \t]*", lines[opened]):
        return Problem(start + 1, f"{heading['id']} has no ```yaml block", "put one directly below its heading")
    fence = lines[opened].strip().removesuffix("yaml").removesuffix("yml").strip()
    closed = next((n for n in range(opened + 1, end) if lines[n].strip() == fence), None)
    if closed is None:
        return Problem(opened + 1, f"the block of {heading['id']} has no end", f"close it with a line {fence}")
    try:
        values = parse_yaml("\n".join(lines[opened + 1 : closed]) + "\n")
    except ValueError as error:
        return Problem(_line_in(str(error), opened + 1), f"{heading['id']}: {error}", "correct the YAML there")
    where = range(opened + 1, closed)
    read = _learning_of(values, heading["id"], (heading["title"] or "").strip())
    if isinstance(read, _Wrong):
        return Problem(_line_of_key(lines, where, read.key) + 1, f"{heading['id']}: {read.what}", read.fix)
    words, says = _read_words(lines, closed + 1, end)
    return Found(with_words(read, says), Place(start, where, words, end))


@dataclass(frozen=True, slots=True)
class _Wrong:
    key: str
    what: str
    fix: str


def _learning_of(values: Any, record_id: str, title: str) -> Learning | _Wrong:
    if not isinstance(values, dict):
        return _Wrong("", "its block is not a list of settings", "write lines such as status: candidate")
    for key in _REQUIRED:
        if values.get(key) in (None, ""):
            return _Wrong(key, f"it has no {key}", f"add a line {key}: …")
    for key in values:
        if key not in READERS:
            return _Wrong(key, f"it has an unknown key {key!r}", f"known are {', '.join(READERS)}")
    if values["id"] != record_id:
        return _Wrong("id", f"its id is {values['id']!r}, and its heading says another", "make them the same")
    read: dict[str, Any] = {}
    for key, value in values.items():
        try:
            read[ATTRIBUTES.get(key, key)] = READERS[key](value)
        except (TypeError, ValueError, KeyError) as error:
            said = str(error).strip("'\"") or "cannot be read"
            return _Wrong(key, f"its {key} {said}", f"write it as in {_EXAMPLES[key]}")
    read.pop("last_verified", None)  # it follows from the verifications
    return Learning(**{**read, "title": title})


def _one_of(values: Sequence[Any]) -> Any:
    def read(value: Any) -> Any:
        if value not in values:
            raise ValueError(f"is {value!r}, and none of {', '.join(map(str, values))}")
        return value

    return read


def _text(value: Any) -> str:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise ValueError(f"is {value!r}, and no text")
    return str(value)


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)


def _scope(value: Any) -> str:
    if not _SCOPE.fullmatch(_text(value)):
        raise ValueError(f"is {value!r}, and neither agent/NAME nor shared")
    return str(value)


def _day(value: Any) -> date:
    return date.fromisoformat(_text(value))


def _day_or_none(value: Any) -> date | None:
    return None if value is None else _day(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"is {value!r}, and neither true nor false")
    return value


def _times(value: Any) -> tuple[Verification, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ValueError("is no list of {run, at, check, ok}")
    return tuple(
        Verification(_text(each["run"]), _day(each["at"]), _text(each["check"]), _flag(each.get("ok", True)))
        for each in value
    )


READERS: Mapping[str, Any] = {
    "id": _text,
    "status": _one_of(get_args(Status)),
    "fingerprint": _text,
    "scope": _scope,
    "origin": _one_of(get_args(Origin)),
    "trust": _one_of((0, 1, 2, 3)),
    "first_seen": _day,
    "last_verified": _day_or_none,
    "run": _text_or_none,
    "verifications": _times,
    "contradictions": _times,
    "supersedes": _text_or_none,
    "pinned": _flag,
    "approved": _flag,
    "author": _text_or_none,
}
ATTRIBUTES: Mapping[str, str] = {"pinned": "is_pinned", "approved": "is_approved"}
_EXAMPLES: Mapping[str, str] = dict.fromkeys(READERS, "the records beside it") | {
    "status": "status: candidate",
    "scope": "scope: agent/scout",
    "first_seen": "first_seen: 2026-11-21",
    "verifications": "- {run: RUN, at: 2026-11-21, check: test, ok: true}",
    "contradictions": "- {run: RUN, at: 2026-11-21, check: test, ok: false}",
}


def _read_words(lines: Sequence[str], start: int, end: int) -> tuple[range, dict[str, str]]:
    """Return the lines of the four fields, and what they say; the fields may stand in one line as well."""
    body = "\n".join(lines[start:end])
    marks = list(FIELD.finditer(body))
    if not marks:
        return range(start, start), {}
    says: dict[str, str] = {}
    ends = [mark.start() for mark in marks[1:]] + [_end_of_paragraph(body, marks[-1].end())]
    for mark, stop in zip(marks, ends, strict=True):
        says.setdefault(mark[1].lower(), " ".join(body[mark.end() : stop].split()))
    first = start + body.count("\n", 0, marks[0].start())
    last = start + body.count("\n", 0, max(ends[-1] - 1, 0))
    return range(first, last + 1), says


def _end_of_paragraph(body: str, start: int) -> int:
    gap = re.compile(r"\n[ \t]*\n").search(body, start)
    return len(body) if gap is None else gap.start()


def with_words(learning: Learning, says: Mapping[str, str]) -> Learning:
    """Return the record with these of its four words."""
    changed: dict[str, Any] = dict(says)
    return replace(learning, **changed)


def _line_in(error: str, first: int) -> int:
    found = re.match(r"line (\d+)", error)
    return first + int(found[1]) if found else first + 1


def _line_of_key(lines: Sequence[str], where: range, key: str) -> int:
    return next((n for n in where if key and lines[n].startswith(f"{key}:")), where.start - 1)


def _bare_lines(text: str) -> list[str]:
    return [line.removesuffix("\r") for line in text.split("\n")]
