"""The same story in several sources becomes one item that names them all. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import reduce

from harness.domain.source import Item, title_key

MIN_TITLE_WORDS = 4
"""Shorter titles ("Release notes", "Weekly open thread") are shared by different stories."""


def merge_items(items: Iterable[Item]) -> tuple[Item, ...]:
    """Return each story once, in order of first appearance.

    Two items are one story if their canonical URLs are the same, or their titles of at least four words. The
    first one stays, names the sources of the others in `also_in`, and takes over a summary and a date that
    it lacks.
    """
    stories: dict[int, Item] = {}
    story_of: dict[tuple[str, str], int] = {}
    absorbed_by: dict[int, int] = {}

    def present(story: int) -> int:
        while story in absorbed_by:
            story = absorbed_by[story]
        return story

    for position, item in enumerate(items):
        identities = _identities(item)
        known = sorted({present(story_of[identity]) for identity in identities if identity in story_of})
        number = known[0] if known else position
        # An item with the address of one story and the title of another shows that the two are one.
        parts = [stories.pop(part) for part in known]
        stories[number] = reduce(_joined, [*parts, item])
        absorbed_by.update(dict.fromkeys(known[1:], number))
        story_of.update(dict.fromkeys(identities, number))
    return tuple(stories[number] for number in sorted(stories))


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
