"""What differs between a skill as a person accepted it and as it lies there now, line by line."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from harness.workspace.skill_folder import Files, SkillFile

Kind = Literal["added", "removed", "changed"]
_SHOWN_OF_A_LINE = 2_000


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file; `diff` is a unified diff, or what can be said of files that are no text."""

    path: str
    kind: Kind
    diff: str


def changes_between(before: Files, after: Files) -> tuple[FileChange, ...]:
    """Return every file that differs, by path; empty if the skills are the same."""
    return tuple(_changes(before, after))


def _changes(before: Files, after: Files) -> Iterator[FileChange]:
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old != new:
            kind: Kind = "added" if old is None else "removed" if new is None else "changed"
            yield FileChange(path, kind, "\n".join(_diff_lines(path, old, new)))


def _diff_lines(path: str, old: SkillFile | None, new: SkillFile | None) -> Iterator[str]:
    modes = [None if file is None else "executable" if file.is_executable else "not executable" for file in (old, new)]
    if None not in modes and modes[0] != modes[1]:
        yield f"{path}: was {modes[0]}, is {modes[1]}"
    if old is None and new is not None and new.is_executable:
        yield f"{path}: executable"
    contents = [b"" if file is None else file.content for file in (old, new)]
    if contents[0] == contents[1] and old is not None and new is not None:
        return
    names = ("/dev/null" if old is None else f"accepted/{path}", "/dev/null" if new is None else f"now/{path}")
    texts = [_text(content) for content in contents]
    if texts[0] is None or texts[1] is None:
        told = ["nothing" if file is None else _in_short(file) for file in (old, new)]
        yield f"{path}: no text; {told[0]} -> {told[1]}"
        return
    lines = difflib.unified_diff(texts[0].splitlines(), texts[1].splitlines(), *names, lineterm="")
    yield from (line if len(line) <= _SHOWN_OF_A_LINE else f"{line[:_SHOWN_OF_A_LINE]}… (cut here)" for line in lines)


def _text(content: bytes) -> str | None:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _in_short(file: SkillFile) -> str:
    return f"{len(file.content):,} bytes, sha256 {hashlib.sha256(file.content).hexdigest()[:12]}"
