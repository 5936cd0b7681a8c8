"""One feed, as a list of the person's names it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One line of a list of feeds: what to call it, and its address."""

    title: str
    url: str
