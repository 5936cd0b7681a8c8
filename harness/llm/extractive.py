"""The embedded default that needs no key: it selects, and invents nothing."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from harness.domain.message import ModelReply, ModelRequest
from harness.domain.source import Item, title_key
from harness.llm.inline_markdown import escape_text, is_linkable, link
from harness.llm.lexrank import centralities, pick_diverse, similarity_matrix, tfidf_vectors
from harness.llm.sentences import is_whole, one_line, shorten, split_sentences, words

LABEL = "extractive, no model"
FIRST_LINE = "*Extractive selection, no model: the sources' own sentences, ranked by centrality.*"
NO_SOURCES = "*Extractive selection, no model: no sources were collected, so there is nothing to select.*"
NO_SUMMARY = "no summary given"
NO_SENTENCE = "nothing in its summary to quote"

USUAL_ITEMS = 12
SPARE_SHARE = 0.25
"""How many more than `min_items` are given, for the items that a contract may strike out afterwards."""
MOST_RANKED = 600
"""Ranking compares everything with everything: six thousand items would take gigabytes."""
WHY_CHARS = 240
WHY_SENTENCES = 2
TITLE_CHARS = 200
MIN_WORDS = 3
_MISLEADS = re.compile(r"[a-z][a-z0-9+.-]*://|\bwww\.|\bP[0-2]\W*$", re.IGNORECASE)
"""Sentences that are not quoted: one with an address would put a link beside the item's own, one that ends
in P0, P1 or P2 would give itself a priority."""

CENTRALITY_WEIGHT = 0.70
REPORTED_WEIGHT = 0.20
"""Full for an item that three further sources report, none for one that a single source reports."""
RECENCY_WEIGHT = 0.10
"""Full for the newest item, half for one that is HALF_LIFE_S older or has no date."""
HALF_LIFE_S = 2 * 86_400
RELEVANCE = 0.5
"""Against resemblance to what was already picked, which has the rest: at a half, the same story again loses
to a story that nobody else tells."""


class ExtractiveModel:
    """A ChatModel that reads `request.sources` only and answers with their own sentences.

    The same sources in the same order give the same text. It costs nothing and calls no tools.
    """

    label = LABEL
    is_language_model = False

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the most central, mutually different items as a Markdown list, each with its own link."""
        # 300 items take a quarter of a second, in which the event loop has other runs to serve.
        text = await asyncio.to_thread(extract, request.sources, request.min_items, request.max_items)
        return ModelReply(text, self.label)


def extract(sources: Sequence[Item], min_items: int, max_items: int) -> str:
    """Return the Markdown of the selection: the line that says how it came about, then the items.

    Holds between `min_items` and `max_items` items where there are that many different links, and about
    USUAL_ITEMS if nothing asks for more. Items without an http(s) link cannot be listed; they are counted.
    """
    if not sources:
        return NO_SOURCES
    linkable = [item for item in sources if is_linkable(item.url)]
    found = _fold_same_links(linkable)
    wanted = min(max_items, max(USUAL_ITEMS, math.ceil(min_items * (1 + SPARE_SHARE))))
    items = _most_promising(found, max(MOST_RANKED, wanted))
    texts = [words(f"{item.title} {item.summary}") for item in items]
    matrix = similarity_matrix(tfidf_vectors(texts))
    scores = _weigh(items, centralities(matrix))
    lines = [_line(items[i]) for i in pick_diverse(scores, matrix, wanted, RELEVANCE)]
    blocks = [FIRST_LINE, "\n".join(lines)]
    if left_out := len(sources) - len(linkable):
        blocks.append(f"*Left out for want of a usable link: {left_out}.*")
    if len(items) < len(found):
        blocks.append(f"*Only the {len(items)} most reported and newest of {len(found):,} items were compared.*")
    return "\n\n".join(block for block in blocks if block)


def _most_promising(items: Sequence[Item], most: int) -> Sequence[Item]:
    """Return the items that most sources report, the newest of them first to stay, in the order given."""
    if len(items) <= most:
        return items
    newest = max((item.published_at for item in items if item.published_at), default=None)
    ranked = sorted(
        range(len(items)),
        key=lambda i: (-len(items[i].also_in), -_recency(items[i].published_at, newest), i),
    )
    return [items[i] for i in sorted(ranked[:most])]


def _fold_same_links(items: Sequence[Item]) -> list[Item]:
    """Return one item per link, the first, which also names the sources of those that repeat it."""
    folded: dict[str, Item] = {}
    for item in items:
        first = folded.setdefault(item.key, item)
        names = {name: None for name in (*first.also_in, item.source, *item.also_in) if name != first.source}
        folded[item.key] = replace(first, also_in=tuple(names))
    return list(folded.values())


def _weigh(items: Sequence[Item], centrality: Sequence[float]) -> list[float]:
    newest = max((item.published_at for item in items if item.published_at), default=None)
    return [
        CENTRALITY_WEIGHT * central
        + REPORTED_WEIGHT * min(len(item.also_in), 3) / 3
        + RECENCY_WEIGHT * _recency(item.published_at, newest)
        for item, central in zip(items, centrality, strict=True)
    ]


def _recency(published_at: datetime | None, newest: datetime | None) -> float:
    if published_at is None or newest is None:
        return 0.5
    return math.exp2((published_at - newest).total_seconds() / HALF_LIFE_S)


def _line(item: Item) -> str:
    title = shorten(one_line(item.title), TITLE_CHARS) or item.url
    why = escape_text(_central_sentences(item)) or (NO_SENTENCE if item.summary.strip() else NO_SUMMARY)
    return f"- {link(title, item.url)} — {why}"


def _central_sentences(item: Item) -> str:
    """Return the sentences of the summary that are most central to title and summary, in their own order.

    The one that repeats the title is not among them, nor is a tail that was cut off as long as there is
    a whole sentence.
    """
    title, summary = title_key(item.title), one_line(item.summary)
    sentences = [s for s in split_sentences(summary) if title_key(s) != title and not _MISLEADS.search(s)]
    sentences = [s for s in sentences if is_whole(s)] or sentences
    if sum(len(words(s)) for s in sentences) < MIN_WORDS:
        return ""
    matrix = similarity_matrix(tfidf_vectors([words(text) for text in (*sentences, item.title)]))
    centrality = centralities(matrix)
    ranked = sorted(range(len(sentences)), key=lambda i: (-centrality[i], i))
    chosen: list[int] = []
    for index in ranked[:WHY_SENTENCES]:
        if len(" … ".join(sentences[i] for i in [*chosen, index])) <= WHY_CHARS:
            chosen.append(index)
    if not chosen:
        return shorten(sentences[ranked[0]], WHY_CHARS)
    return _joined(summary, [sentences[i] for i in sorted(chosen)])


def _joined(summary: str, sentences: Sequence[str]) -> str:
    """Sentences that did not follow each other are told apart by an ellipsis."""
    text = sentences[0]
    for before, after in pairwise(sentences):
        gap = next((gap for gap in (" ", "") if f"{before}{gap}{after}" in summary), " … ")
        text += gap + after
    return text
