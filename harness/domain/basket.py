"""The baskets that keep a radar of trends balanced: what belongs to each, and where its news come from."""

from __future__ import annotations

from dataclasses import dataclass

from harness.domain.feed import FeedEntry


@dataclass(frozen=True, slots=True)
class Basket:
    """One part of what is watched.

    `name` is the word in `trends/<name>`, `title` what people call it. `words` mark a story as one of this basket
    wherever it was found; each is matched as a whole word or phrase, in any case.
    """

    name: str
    title: str
    feeds: tuple[FeedEntry, ...] = ()
    words: tuple[str, ...] = ()
