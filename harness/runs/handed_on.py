"""Links that were collected without being items: those in the pages of other jobs, and the pages behind figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.collectors.collect import read_kind
from harness.delivery.commonmark import plain_text
from harness.delivery.prose import allow_web, link_key, read_markdown
from harness.domain.source import Collected, Item


def links_handed_on(collected: Sequence[Collected], items: Sequence[Item]) -> tuple[Item, ...]:
    """Return the pages, each once and none that an item stands for, as items that an answer may link.

    What another job delivered links nowhere but to what had been collected for it, so a draft keeps its sources from
    page to page. A figure names the page where a person can look it up.
    """
    known = {link_key(item.url) for item in items}
    found: dict[str, Item] = {}
    for part in collected:
        for title, url in (*_of_figures(part), *_of_page(part)):
            key = link_key(url)
            if key is not None and key not in known:
                found.setdefault(key, Item(title, url, part.read))
    return tuple(found.values())


def _of_figures(part: Collected) -> Iterator[tuple[str, str]]:
    for figure in part.figures:
        if figure.url:
            yield figure.source or figure.name, figure.url


def _of_page(part: Collected) -> Iterator[tuple[str, str]]:
    if read_kind(part.read) != "output" or "](" not in part.text:
        return
    for node in read_markdown(part.text, allow_web).walk():
        if node.type == "link" and node.meta["is_allowed"]:
            yield plain_text(node.children), str(node.attrs["href"])
