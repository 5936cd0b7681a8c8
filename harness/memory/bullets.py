"""The bullets of a MEMORY.md in their places: put in, changed and taken out, and no other byte touched. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from harness.memory.records import MemoryRecord, parse_memory

LEARNED = "## Learned"
"""The heading below which promoted learnings are put; a person may give it another place, or move bullets."""

_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")


@dataclass(frozen=True, slots=True)
class Bullet:
    """A record and the lines in which it stands, counted from 0, the end not included."""

    record: MemoryRecord
    start: int
    end: int


def bullets_of(text: str) -> tuple[Bullet, ...]:
    """Return every record of the text with its place, in order."""
    lines = text.split("\n")
    found: list[Bullet] = []
    at = 0
    for record in parse_memory(text.replace("\r\n", "\n")):
        size = record.text.count("\n") + 1
        at = next(
            start
            for start in range(at, len(lines) - size + 1)
            if "\n".join(line.removesuffix("\r") for line in lines[start : start + size]) == record.text
        )
        found.append(Bullet(record, at, at + size))
        at += size
    return tuple(found)


def with_bullets(text: str, wanted: Mapping[str, str]) -> str:
    """Return the text with a bullet for each id; one that stands there is changed in its place.

    `wanted` has the words of each, on one line and without the id. Raises ValueError where they would not be bullets:
    inside of a code block that has no end.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.split("\n")
    standing = {bullet.record.id: bullet for bullet in bullets_of(text) if bullet.record.id is not None}
    ending = newline.removesuffix("\n")
    for learning_id in sorted(wanted.keys() & standing.keys(), key=lambda each: -standing[each].start):
        bullet = standing[learning_id]
        line = bullet_line(wanted[learning_id], learning_id)
        if bullet.record.text != line:
            lines[bullet.start : bullet.end] = [line + ending]
    new = [bullet_line(words, learning_id) for learning_id, words in wanted.items() if learning_id not in standing]
    changed = _with_new("\n".join(lines), new, newline) if new else "\n".join(lines)
    standing_now = {bullet.record.text for bullet in bullets_of(changed)}
    if not {bullet_line(words, learning_id) for learning_id, words in wanted.items()} <= standing_now:
        raise ValueError("a code block has no end, and what is added would be part of it; close it with a line ```")
    return changed


def without_bullets(text: str, ids: Collection[str]) -> str:
    """Return the text without the bullets of these ids; what a person wrote around them stays, byte for byte.

    A blank line that would then follow another one goes with its bullet.
    """
    lines = text.split("\n")
    for bullet in reversed(bullets_of(text)):
        if bullet.record.id not in ids:
            continue
        start, end = bullet.start, bullet.end
        is_lone = (start == 0 or not lines[start - 1].strip()) and end < len(lines) - 1 and not lines[end].strip()
        del lines[start : end + 1 if is_lone else end]
    return "\n".join(lines)


def bullet_line(words: str, learning_id: str) -> str:
    """Return a promoted learning as it stands in a MEMORY.md: one line that ends in its id."""
    return f"- {' '.join(words.split())} ^{learning_id}"


def _with_new(text: str, new: list[str], newline: str) -> str:
    lines = text.split("\n")
    heading = next((n for n, line in enumerate(lines) if line.strip() == LEARNED), None)
    if heading is None:
        gap = "" if not text.strip() or text.endswith(newline * 2) else newline if text.endswith("\n") else newline * 2
        return text + gap + newline.join([LEARNED, "", *new, ""])
    end = next((n for n in range(heading + 1, len(lines)) if _HEADING.match(lines[n])), len(lines))
    while end > heading + 1 and not lines[end - 1].strip():
        end -= 1
    ending = newline.removesuffix("\n")
    added = [line + ending for line in new]
    if end == heading + 1:
        added.insert(0, ending)
    if end == len(lines):  # the last line has no end of its own
        lines[-1:] = [lines[-1] + ending] if lines[-1] else []
        added.append("")
    lines[end:end] = added
    return "\n".join(lines)
