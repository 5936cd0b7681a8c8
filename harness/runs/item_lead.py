"""How an item begins: the forms in which models write a title with a link, a reason and a priority."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

from markdown_it.tree import SyntaxTreeNode

from harness.delivery.commonmark import guard_lines, plain_text, write_span

Priority = Literal["P0", "P1", "P2"]

# What may stand before an entry's link without making it prose: a check box, a rank, a sign, a priority.
_MARK = re.compile(r"[\W\d_]*(?:[xX]\W+)?(?:P[0-2])?[\W\d_]*")
_SEPARATOR = re.compile(r"^(?:\\?\s)*(?:(?:—|–|:|·|\||--?(?=\s))\s*)?")
_PRIORITY_AT_END = re.compile(r"(?:^|[\s(\[—–\-·|:]+)(P[0-2])[)\]]?\.?\s*$")
_NOTHING_AFTER = re.compile(r"[\W_]*(?:P[0-2])?[\W_]*")


@dataclass(frozen=True, slots=True)
class ItemLead:
    """The first paragraph of an item, read: `title` is plain text, `why` Markdown, `url` as it was written."""

    title: str
    url: str
    why: str
    priority: Priority | None


def lead_of(inline: SyntaxTreeNode) -> ItemLead | None:
    """Return the item that begins with this paragraph or heading, or None if it is prose."""
    start = _leading_link(inline.children, "") or _bold_title(inline.children)
    if start is None:
        return None
    rest, priority = _take_priority(list(start.rest))
    if priority is None and (found := re.search(r"P[0-2]", start.mark)):
        priority = cast("Priority", found.group())
    return ItemLead(
        title=" ".join(start.title.split()),
        url=str(start.link.attrs["href"]),
        why=guard_lines(_SEPARATOR.sub("", write_span(rest), count=1)),
        priority=priority,
    )


@dataclass(frozen=True, slots=True)
class _Start:
    """Where an item begins: its link, its title, the text before its link, the inline nodes after it."""

    link: SyntaxTreeNode
    title: str
    mark: str
    rest: tuple[SyntaxTreeNode, ...]


def _leading_link(nodes: Sequence[SyntaxTreeNode], mark: str) -> _Start | None:
    for position, node in enumerate(nodes):
        rest = tuple(nodes[position + 1 :])
        if node.type == "link":
            return _Start(node, plain_text(node.children), mark, rest) if _MARK.fullmatch(mark) else None
        if node.type in ("em", "strong", "s"):
            inner = _leading_link(node.children, mark)
            if inner is not None:
                return replace(inner, rest=(*inner.rest, *rest))
        mark += plain_text([node])
        if not _MARK.fullmatch(mark):
            return None
    return None


def _bold_title(nodes: Sequence[SyntaxTreeNode]) -> _Start | None:
    """The form `**Title** — why ([source](url))`."""
    start = next((at for at, node in enumerate(nodes) if plain_text([node]).strip()), None)
    if start is None or nodes[start].type != "strong":
        return None
    links = [at for at, node in enumerate(nodes) if at > start and node.type == "link"]
    if not links or not _NOTHING_AFTER.fullmatch(plain_text(nodes[links[-1] + 1 :])):
        return None
    return _Start(nodes[links[-1]], plain_text(nodes[start].children), "", tuple(nodes[start + 1 :]))


def _take_priority(nodes: list[SyntaxTreeNode]) -> tuple[list[SyntaxTreeNode], Priority | None]:
    """Take the priority off the end: `… P1`, `… (P1)`, `… **P1**`."""
    if not nodes:
        return nodes, None
    last = nodes[-1]
    if last.type in ("strong", "em", "code_inline") and re.fullmatch(r"P[0-2]", plain_text([last]).strip()):
        return nodes[:-1], cast("Priority", plain_text([last]).strip())
    if last.type == "text" and last.token is not None and (found := _PRIORITY_AT_END.search(last.content)):
        priority = cast("Priority", found.group(1))
        shorter = SyntaxTreeNode([last.token.copy(content=last.content[: found.start()])], create_root=False)
        return [*nodes[:-1], shorter], priority
    return nodes, None
