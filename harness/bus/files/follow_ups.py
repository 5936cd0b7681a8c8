"""Follow-ups: what has to happen next, as people and zoe write it by hand, one file for each day. Pure.

    - [open] P1 ainews: Find out why the release feed has lost its dates (open for 3 days)
      Two of its five sources are affected.
      - since: 2026-11-19
      - evidence: shared-context/intel/release-dates.md
      - request: r-k3v7q2mzpa

A bullet that stands at the margin is an entry; what is indented below it belongs to it, all else is the writer's own.
An entry is found by its lines and changed within them: no byte elsewhere is ever touched.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, get_args

from harness.domain.errors import Finding
from harness.domain.sizes import counted
from harness.workspace.quantities import BadValue, parse_date
from harness.workspace.report import suggestion

FOLDER = "shared-context/followups"

Importance = Literal["P0", "P1", "P2"]
Status = Literal["open", "asked", "done", "failed", "dropped"]
UNMOVED: tuple[Status, ...] = ("open", "asked")
"""What an entry is that still has to happen."""

Key = tuple[str, str, int]
"""What an entry is known by while its file is edited: its owner, its words, and which one of the same it is."""

_FORM = "write it as - [open] P1 owner: what has to happen"
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_BULLET = re.compile(r"[-*+][ \t]+\S")
_INDENTED = re.compile(r"(?: {2,}|\t)[ \t]*\S")
_FENCE = re.compile(r"(```+|~~~+)")
_ENTRY = re.compile(
    r"(?P<mark>[-*+][ \t]+)(?:\[(?P<status>[^\]\n]*)\][ \t]*)?\*{0,2}(?P<importance>P\d)\*{0,2}[ \t]+"
    r"\*{0,2}@?(?P<owner>[\w.-]+)\*{0,2}[ \t]*:\*{0,2}[ \t]*(?P<words>\S.*)"
)
_FIELD = re.compile(
    r"(?P<before>[ \t]+[-*+][ \t]+(?P<name>since|evidence|request|result|moved to):)[ \t]*(?P<value>.*)"
)
_AGE = re.compile(r"[ \t]+\(open for \d+ days?\)$")
_REQUEST = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_BOXES: Mapping[str, Status] = {"": "open", " ": "open", "x": "done", "X": "done", "-": "dropped"}
_DAYS = ("since", "moved to")


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One entry. `words` is its first line without its age, `text` all that it says; lines count from 1.

    `since` is the day on which it was first seen, None if the entry does not say so; `moved_to` the day to whose
    file it went on. `copy` tells entries of the same words apart, from 0.
    """

    owner: str
    importance: Importance
    status: Status
    words: str
    text: str
    first_line: int
    last_line: int
    copy: int = 0
    since: date | None = None
    evidence: str = ""
    request: str = ""
    result: str = ""
    moved_to: date | None = None

    @property
    def key(self) -> Key:
        return (*_known_by(self.owner, self.words), self.copy)

    @property
    def is_unmoved(self) -> bool:
        """Whether it has to happen still, and is nowhere else by now."""
        return self.status in UNMOVED and self.moved_to is None


@dataclass(frozen=True, slots=True)
class FollowUps:
    """The entries of one file; `problems` are lines that look like one and are none: they are left alone."""

    entries: tuple[FollowUp, ...] = ()
    problems: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of an entry; None leaves a thing as it is. `age_days` is shown behind its words."""

    status: Status | None = None
    since: date | None = None
    evidence: str | None = None
    request: str | None = None
    result: str | None = None
    moved_to: date | None = None
    age_days: int | None = None


def read_follow_ups(text: str, path: str) -> FollowUps:
    """Return the entries of the text; `path` is for the problems."""
    reading = _Reading(path)
    lines = _LINE.findall(text)
    for start, end in _bullets(lines):
        reading.read(lines[start:end], start + 1)
    return FollowUps(tuple(reading.entries), tuple(reading.problems))


def change_entries(text: str, changes: Mapping[Key, Change]) -> str:
    """Return the text with these entries changed within their own lines; a key without an entry changes nothing."""
    lines = _LINE.findall(text)
    for entry in reversed(read_follow_ups(text, "").entries):
        if entry.key in changes:
            own = slice(entry.first_line - 1, entry.last_line)
            lines[own] = _changed(lines[own], changes[entry.key])
    return "".join(lines)


def roll_over(text: str, entry: FollowUp, *, day: date, into: str, target: date) -> str:
    """Return the text `into`, of the file of the day `target`, with the entry of the file of `day` at its end.

    Its first day stands in it from now on, and how long that is ago.
    """
    since = entry.since or day
    own = _LINE.findall(text)[entry.first_line - 1 : entry.last_line]
    moved = _changed(own, Change(since=since, age_days=(target - since).days))
    if not moved[-1].endswith("\n"):
        moved[-1] += "\n"
    before = into or f"# Follow-ups of {target.isoformat()}\n\n"
    return f"{before}{'' if before.endswith(chr(10)) else chr(10)}{''.join(moved)}"


def count_same(follow_ups: FollowUps) -> Counter[tuple[str, str]]:
    """Return how many entries there are of each owner and words, whatever has become of them."""
    return Counter(_known_by(entry.owner, entry.words) for entry in follow_ups.entries)


def _known_by(owner: str, words: str) -> tuple[str, str]:
    return owner.casefold(), " ".join(words.split())


def _bullets(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield where each bullet at the margin begins, and the line after what belongs to it."""
    fence = ""
    is_comment = False
    for number, line in enumerate(lines):
        found = _FENCE.match(line.lstrip())
        if fence:
            fence = "" if found and line.strip().startswith(fence) and not line.strip().strip(fence[0]) else fence
        elif is_comment or line.startswith("<!--"):
            is_comment = "-->" not in line
        elif found and not line.startswith((" ", "\t")):
            fence = found[1]
        elif _BULLET.match(line):
            rest = range(number + 1, len(lines))
            yield number, next((other for other in rest if not _INDENTED.match(lines[other])), len(lines))


@dataclass(slots=True)
class _Reading:
    """Collects the entries and problems of one file."""

    path: str
    entries: list[FollowUp] = field(default_factory=list)
    problems: list[Finding] = field(default_factory=list)
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)

    def read(self, lines: Sequence[str], first_line: int) -> None:
        """Add what the lines of one bullet are."""
        found = _ENTRY.fullmatch(_content(lines[0]))
        if found is None:
            self._problem(first_line, "this is no follow-up", _FORM)
            return
        status = self._status(found["status"], first_line)
        if found["importance"] not in get_args(Importance):
            self._problem(first_line, f"there is no {found['importance']}", "use P0, P1 or P2")
            status = None
        fields = self._fields(lines, first_line)
        if status is None or fields is None:
            return
        words = _AGE.sub("", found["words"].rstrip())
        more = [_content(line).strip() for line in lines[1:] if not _FIELD.fullmatch(_content(line))]
        known_by = _known_by(found["owner"], words)
        self.entries.append(
            FollowUp(
                owner=found["owner"],
                importance=found["importance"],  # type: ignore[arg-type]
                status=status,
                words=words,
                text="\n".join([words, *more]),
                first_line=first_line,
                last_line=first_line + len(lines) - 1,
                copy=self.seen[known_by],
                **fields,
            )
        )
        self.seen[known_by] += 1

    def _status(self, written: str | None, line: int) -> Status | None:
        if written is None or written in _BOXES:
            return "open" if written is None else _BOXES[written]
        word = written.strip().casefold()
        if word in get_args(Status):
            return word  # type: ignore[return-value]
        self._problem(line, f"unknown status {written!r}", suggestion(word, get_args(Status)))
        return None

    def _fields(self, lines: Sequence[str], first_line: int) -> dict[str, Any] | None:
        fields: dict[str, Any] = {}
        sound = True
        for number, line in enumerate(lines[1:], first_line + 1):
            found = _FIELD.fullmatch(_content(line))
            if found is None:
                continue
            name, value = found["name"], found["value"].strip()
            attribute = name.replace(" ", "_")
            if attribute in fields:
                self._problem(number, f"{name} is given twice", "keep one of them")
                sound = False
            elif name in _DAYS:
                try:
                    fields[attribute] = parse_date(value)
                except BadValue as error:
                    self._problem(number, f"{name}: {error.problem}", error.fix)
                    sound = False
            elif name == "request" and value and not _REQUEST.fullmatch(value):
                self._problem(number, f"{value!r} is no id of a request", "copy it from `harness bus list`")
                sound = False
            else:
                fields[attribute] = value
        return fields if sound else None

    def _problem(self, line: int, problem: str, fix: str) -> None:
        self.problems.append(Finding(self.path, line, problem, fix, severity="warning"))


def _content(line: str) -> str:
    return line.rstrip("\r\n")


def _changed(lines: Sequence[str], change: Change) -> list[str]:
    """Return the lines of one entry with the change, in the line ends that it has."""
    end = lines[0][len(_content(lines[0])) :] or "\n"
    changed = [_first_line(lines[0], change), *lines[1:]]
    fields = {
        "since": None if change.since is None else change.since.isoformat(),
        "evidence": change.evidence,
        "request": change.request,
        "result": change.result,
        "moved to": None if change.moved_to is None else change.moved_to.isoformat(),
    }
    for name, value in fields.items():
        if value is not None:
            changed = _with_field(changed, name, " ".join(value.split()), end)
    return changed


def _first_line(line: str, change: Change) -> str:
    content = _content(line)
    end = line[len(content) :]
    found = _ENTRY.fullmatch(content)
    assert found is not None, "only entries are changed"
    if change.age_days is not None:
        age = f" (open for {counted(change.age_days, 'day')})" if change.age_days > 0 else ""
        content = content[: found.start("words")] + _AGE.sub("", found["words"].rstrip()) + age
    if change.status is not None:
        mark = found.end("mark")
        rest = content[mark:] if found["status"] is None else content[found.end("status") + 1 :].lstrip(" \t")
        content = f"{content[:mark]}[{change.status}] {rest}"
    return content + end


def _with_field(lines: Sequence[str], name: str, value: str, end: str) -> list[str]:
    changed = list(lines)
    for number, line in enumerate(lines):
        content = _content(line)
        found = _FIELD.fullmatch(content) if number else None
        if found is not None and found["name"] == name:
            changed[number] = f"{found['before']} {value}".rstrip() + line[len(content) :]
            return changed
    if not changed[-1].endswith("\n"):
        changed[-1] += end
    return [*changed, f"  - {name}: {value}{end}"]
