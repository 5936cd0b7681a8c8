"""What a prompt is made of: sections of records, and how they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.domain.tokens import estimate_tokens
from harness.gate.outside import FENCE_ID_CHARS, fence, fence_content, fence_end, fence_start

Style = Literal["plain", "headed", "fenced", "tools"]

# An id costs at most a token for each of its characters (`a1a1…`), and 1.2 for safety.
_WIDEST_ID = "a1" * (FENCE_ID_CHARS // 2)


@dataclass(frozen=True, slots=True)
class Record:
    """The smallest piece that is kept or dropped whole.

    `name` is what the manifest calls it; the lower the `rank`, the longer it stays. Records of the same
    `group` are written together, below its name. `ids` are the records of memory that it tells.
    """

    name: str
    text: str
    rank: int = 0
    group: str = ""
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the prompt with a budget of its own.

    The lower the `priority`, the earlier it takes its share of the whole; a section that `is_required` is kept
    whole or the prompt fails, naming `origin`, the file in which the person can shorten it. A stable section
    stays the same from run to run and stands first.
    Styles: `plain`, `headed` (a heading for each group), `fenced` (each group fenced as data from outside),
    `tools` (counted here, sent beside the messages).
    """

    name: str
    records: tuple[Record, ...]
    budget_tokens: int
    priority: int = 0
    is_stable: bool = False
    title: str = ""
    style: Style = "plain"
    is_required: bool = False
    origin: str = ""


def record_tokens(section: Section, record: Record) -> int:
    """Return an upper bound of what the record adds to the section, its line end included."""
    # Inside a fence other line ends become newlines, which count.
    text = fence_content(record.text) if section.style == "fenced" else record.text
    return estimate_tokens(text + "\n")


def title_tokens(section: Section) -> int:
    """Return an upper bound of what the section costs beside its groups and records."""
    return estimate_tokens(f"# {section.title}\n") if section.title else 0


def group_tokens(section: Section, group: str) -> int:
    """Return an upper bound of what opening and closing a group of the section costs."""
    if section.style == "headed" and group:
        return estimate_tokens(f"## {group}\n")
    if section.style != "fenced":
        return 0
    size = sum(record.group == group for record in section.records)
    start = fence_start(_WIDEST_ID, f"{group} ({size} of {size} shown)")
    return estimate_tokens(f"{start}\n") + estimate_tokens(f"{fence_end(_WIDEST_ID)}\n")


def render_section(section: Section, kept: Sequence[Record]) -> str:
    """Return the section's text with the kept records, in their order; empty if there are none."""
    if not kept or section.style == "tools":
        return ""
    groups: dict[str, list[str]] = {}
    for record in kept:
        groups.setdefault(record.group, []).append(record.text)
    title = [f"# {section.title}"] if section.title else []
    return "\n".join([*title, *(_render_group(section, group, texts) for group, texts in groups.items())])


def _render_group(section: Section, group: str, texts: Sequence[str]) -> str:
    text = "\n".join(texts)
    if section.style == "fenced":
        size = sum(record.group == group for record in section.records)
        return fence(text, group if len(texts) == size else f"{group} ({len(texts)} of {size} shown)")
    return f"## {group}\n{text}" if section.style == "headed" and group else text
