"""The same story in several sources becomes one item that names them all. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from harness.domain.source import Item, title_key

MIN_TITLE_WORDS = 4
"""Shorter titles ("Release notes", "Weekly open thread") are shared by different stories."""


def merge_items(items: Iterable[Item]) -> tuple[Item, ...]:
    """Return each story once, in order of first appearance.

    Two items are one story if their canonical URLs are the same, or their titles of at least four words. The
    first one stays, names the sources of the others in `also_in`, and takes over a summary and a date that
    it lacks.
    """
    merged: list[Item] = []
    place_of: dict[tuple[str, str], int] = {}
    for item in items:
        identities = _identities(item)
        place = next((place_of[identity] for identity in identities if identity in place_of), len(merged))
        if place == len(merged):
            merged.append(item)
        else:
            merged[place] = _joined(merged[place], item)
        for identity in identities:
            place_of.setdefault(identity, place)
    return tuple(merged)


def _identities(item: Item) -> list[tuple[str, str]]:
    title = title_key(item.title)
    by_title = [("title", title)] if len(title.split()) >= MIN_TITLE_WORDS else []
    return [("url", item.key), *by_title]


def _joined(first: Item, other: Item) -> Item:
    sources = dict.fromkeys((*first.also_in, other.source, *other.also_in))
    return replace(
        first,
        also_in=tuple(source for source in sources if source != first.source),
        summary=first.summary or other.summary,
        published_at=first.published_at or other.published_at,
    )
