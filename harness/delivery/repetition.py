"""What a channel was given already, and what of a digest is new to it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import replace

from harness.delivery.chart_text import plain_line
from harness.domain.digest import Digest, Section
from harness.domain.sizes import counted
from harness.domain.source import canonical_url

_OF_THE_HARNESS = "harness/"


def may_repeat(digest: Digest) -> bool:
    """Say whether it goes out however often it was told: an emergency, and what the harness itself has to say."""
    return digest.is_emergency or digest.job_id.startswith(_OF_THE_HARNESS)


def contents_of(digest: Digest) -> tuple[str, ...]:
    """Return a key for each thing that the digest tells: its items, its other text, what waits, what is missing.

    The same thing has the same key on another day, and from another job. Charts count where there are no items: below
    the same words they may show another day.
    """
    charts = () if digest.items else digest.charts
    prose = "\n\n".join(text for section in digest.sections for text in (section.prose, section.after) if text)
    return tuple(
        dict.fromkeys(
            [
                *(_item_key(item.url) for item in digest.items),
                *([_text_key(f"{digest.title}\n\n{prose}")] if prose or not digest.items else []),
                *(_text_key(f"{need.kind} {need.text} {need.detail}") for need in digest.needs),
                *(_text_key(gap) for gap in digest.gaps),
                *(_text_key(plain_line(chart)) for chart in charts),
            ]
        )
    )


def without_told(digest: Digest, told: Collection[str]) -> Digest | None:
    """Return the digest without the items that were told, which are named instead; None if nothing in it is new."""
    if all(content in told for content in contents_of(digest)):
        return None
    again = [item.title for item in digest.items if _item_key(item.url) in told]
    if not again:
        return digest
    sections = (_without_items(section, told) for section in digest.sections)
    titles = "; ".join(f"“{title}”" for title in again)
    were = "was" if len(again) == 1 else "were"
    sentence = f"{counted(len(again), 'item')} {were} delivered here before, and left out: {titles}"
    kept = tuple(section for section in sections if section.items or section.prose or section.after)
    return replace(digest, sections=kept, left_out=(*digest.left_out, sentence))


def _without_items(section: Section, told: Collection[str]) -> Section:
    return replace(section, items=tuple(item for item in section.items if _item_key(item.url) not in told))


def _item_key(url: str) -> str:
    return f"item {canonical_url(url)}"


def _text_key(text: str) -> str:
    return f"text {hashlib.sha256(' '.join(text.split()).encode()).hexdigest()}"
