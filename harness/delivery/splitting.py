"""Splitting a long text at its blocks, so that nothing of it is shortened to fit a channel."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

_TABLE_HEAD_LINES = 2
_EMPTY = re.compile(r"[\s>]*")

Size = Callable[[str], int]
"""How a channel measures a text: in characters, or in bytes."""


@dataclass(frozen=True, slots=True)
class TextFile:
    """One block that is longer than a message may be, whole, to go along as a file."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Split:
    """A text in parts, each within the limit, and the files that they name."""

    parts: tuple[str, ...]
    files: tuple[TextFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """What is never divided: a paragraph, a list entry, a table row, a fenced block, a heading.

    `before` stands between it and the block above where both are in one part. `head` are the lines of the head of a
    table whose first row this is not: they stand again where a part begins with it. A heading is not to be the end of
    a part.
    """

    text: str
    before: str = ""
    head: str = ""
    is_heading: bool = False

    @property
    def as_first(self) -> str:
        return self.head + self.text


def split_markdown(text: str, most: int | None, size: Size = len) -> Split:
    """Return the Markdown in as few parts as its blocks allow, none above `most`; None means in one part.

    Every block is in one part or one file, in its order; none is shortened. A block that is above the limit by itself
    becomes a file, and a line in its place says so.
    """
    if most is None or size(text) <= most:
        return Split((text,))
    files: list[TextFile] = []
    parts: list[list[Block]] = []
    for block in read_blocks(text):
        if size(block.as_first) > most:
            files.append(TextFile(f"block-{len(files) + 1}.md", block.as_first + "\n"))
            block = Block(
                f"*(a block of {len(block.as_first):,} characters: {files[-1].name})*", block.before or "\n\n"
            )
        _place(block, parts, most, size)
    return Split(tuple(_joined(part) for part in parts), tuple(files))


def read_blocks(text: str) -> list[Block]:
    """Return all of the text as blocks: joined by what stands before each, they are the text again."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found: list[Block] = []
    end = 0
    for start, stop, block in (*_spans(_parser_tree("\n".join(lines)), lines), (len(lines), len(lines), None)):
        between = lines[end:start]
        if not all(_EMPTY.fullmatch(line) for line in between):  # definitions of links: no block to the parser
            found.append(Block("\n".join(between).strip("\n"), "\n\n" if found else ""))
            between = [""]
        if block is not None:
            found.append(replace(block, before="\n".join(["", *between, ""]) if found else ""))
            end = stop
    return found


def _place(block: Block, parts: list[list[Block]], most: int, size: Size) -> None:
    """Put the block at the end of the last part if it has room, else at the beginning of a new one."""
    if parts and size(_joined([*parts[-1], block])) <= most:
        parts[-1].append(block)
        return
    moved: list[Block] = []
    while parts and len(parts[-1]) > 1 and parts[-1][-1].is_heading:
        moved.insert(0, parts[-1].pop())
    if moved and size(_joined([*moved, block])) > most:
        parts[-1] += moved
        moved = []
    parts.append([*moved, block])


def _joined(blocks: Sequence[Block]) -> str:
    first, *others = blocks
    return first.as_first + "".join(block.before + block.text for block in others)


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")


def _parser_tree(text: str) -> SyntaxTreeNode:
    return SyntaxTreeNode(_parser().parse(text))


def _spans(node: SyntaxTreeNode, lines: Sequence[str]) -> Iterator[tuple[int, int, Block]]:
    """Yield the blocks below the node with the lines on which they begin and end."""
    for child in node.children:
        match child.type:
            case "blockquote" | "bullet_list" | "ordered_list":
                yield from _spans(child, lines)
            case "table":
                yield from _rows(child, lines)
            case _ if child.map is not None:
                start, stop = child.map[0], _without_empty_end(child.map[0], child.map[1], lines)
                yield start, stop, Block("\n".join(lines[start:stop]), is_heading=child.type == "heading")


def _rows(table: SyntaxTreeNode, lines: Sequence[str]) -> Iterator[tuple[int, int, Block]]:
    assert table.map is not None, "a table stands on lines"
    start, stop = table.map[0], _without_empty_end(table.map[0], table.map[1], lines)
    body = start + _TABLE_HEAD_LINES
    if body >= stop:
        yield start, stop, Block("\n".join(lines[start:stop]))
        return
    head = "\n".join([*lines[start:body], ""])
    yield start, body + 1, Block(head + lines[body])
    for line in range(body + 1, stop):
        yield line, line + 1, Block(lines[line], head=head)


def _without_empty_end(start: int, stop: int, lines: Sequence[str]) -> int:
    while stop > start + 1 and _EMPTY.fullmatch(lines[stop - 1]):
        stop -= 1
    return stop
