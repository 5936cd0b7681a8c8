"""MEMORY.md as records: bullets under headings, each kept to the byte."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]|$)")
_BULLET = re.compile(r" ?(?:[-*+]|\d{1,9}[.)])(?:\s|$)")
_NESTED = re.compile(r"\s+(?:[-*+]|\d{1,9}[.)])\s")
_INDENTED = re.compile(r"(?: {2,}|\t)")
_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_ID = re.compile(r"\s\^([A-Z]+-\d{8}-[0-9a-z]+)\s*$")


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    """One bullet with all that belongs to it, or a paragraph outside of bullets.

    `headings` are the heading lines above it, outermost first, as written; `text` is its lines as
    written, without the last line's end; `id` is the learning that was promoted to it.
    """

    headings: tuple[str, ...]
    text: str
    id: str | None = None

    @property
    def is_pinned(self) -> bool:
        """Whether the person wrote it: it counts as proven, and is dropped last."""
        return self.id is None


def parse_memory(text: str) -> tuple[MemoryRecord, ...]:
    """Return the records of a MEMORY.md in their order; no text is left out but blank lines and
    headings with nothing below them.

    Indented lines, nested bullets and code fences belong to the bullet above them, and so does a line
    that goes on directly below.
    """
    headings: list[str] = []
    records: list[MemoryRecord] = []
    for block in _blocks(text.split("\n")):
        heading = _HEADING.match(block[0])
        if heading:
            level = len(heading[1])
            headings = [line for line in headings if _level(line) < level] + [block[0]]
        else:
            records.append(MemoryRecord(tuple(headings), "\n".join(block), _id_of(block)))
    return tuple(records)


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    """Yield headings (one line each), bullets and paragraphs; blank lines at their ends are dropped."""
    block: list[str] = []
    fence: str | None = None
    for line in lines:
        mark = _FENCE.match(line)
        if fence is not None:
            block.append(line)
            if mark and mark[1].startswith(fence) and not line.strip().strip(mark[1][0]):
                fence = None
            continue
        if block and _begins_block(line, block):
            yield _trimmed(block)
            block = []
        if line.strip() or block:
            block.append(line)
        if mark:
            fence = mark[1]
    if block:
        yield _trimmed(block)


def _begins_block(line: str, block: list[str]) -> bool:
    """Say whether a line outside of fences no longer belongs to the block above it."""
    if not line.strip():
        return False
    if _HEADING.match(line) or _HEADING.match(block[0]) or _BULLET.match(line):
        return True
    is_after_blank = not block[-1].strip()
    is_part_of_bullet = bool(_BULLET.match(block[0]) and _INDENTED.match(line))
    return is_after_blank and not is_part_of_bullet


def _trimmed(block: list[str]) -> list[str]:
    end = len(block)
    while end > 1 and not block[end - 1].strip():
        end -= 1
    return block[:end]


def _id_of(block: list[str]) -> str | None:
    """Return the id at the end of the bullet's own words, or at its very end."""
    nested = next((i for i, line in enumerate(block[1:], 1) if _NESTED.match(line) or not line.strip()), len(block))
    for line in (block[nested - 1], block[-1]):
        found = _ID.search(line)
        if found and not (line is block[-1] and _NESTED.match(line) and len(block) > 1):
            return found[1]
    return None


def _level(heading: str) -> int:
    found = _HEADING.match(heading)
    return len(found[1]) if found else 0
