"""What an answer has to be, judged by the contracts that jobs declare."""

from __future__ import annotations

from bench.learning.family import ANSWER, Family, Promise, Task
from harness.domain.contract import Contract, Evidence, EvidenceItem, ItemRule

_USUAL, _PROMISED = {"answer": "as usual"}, {"answer": "as promised"}


def _items(count: int, *, is_collected: bool = True, reachable: bool | None = None, is_seen: bool = False) -> Evidence:
    items = tuple(
        EvidenceItem(f"Story {number}", f"https://news.example/{number}", is_collected, reachable, is_seen)
        for number in range(count)
    )
    return Evidence("\n".join(f"- [{item.title}]({item.url}) — worth a look" for item in items), items)


def _family(
    name: str, promise: Promise, contract: Contract, texts: tuple[str, str, str], near: Contract, cue: str
) -> Family:
    exposing, paraphrase, near_miss = texts
    return Family(
        name, "output contracts", ANSWER,
        where={}, wrong=_USUAL, changes=_PROMISED, cue=cue, promise=promise,
        exposing=Task(exposing, _USUAL, contract=contract),
        paraphrase=Task(paraphrase, _USUAL, contract=contract),
        near_miss=Task(near_miss, _USUAL, contract=near),
    )  # fmt: skip


FAMILIES = (
    _family(
        "list-entries-with-links",
        Promise("min_items", Evidence("Eight things happened, in prose."), _items(8)),
        Contract(min_items=8),
        (
            "Rank what changed in AI since yesterday and say why each item matters.",
            "Put the night's AI stories in order of importance, each with its reason.",
            "Tell in a paragraph of prose what changed in AI since yesterday.",
        ),
        Contract(max_chars=200),
        "a list entry that starts with a link",
    ),
    _family(
        "no-more-than-asked",
        Promise("max_items", _items(12), _items(5)),
        Contract(max_items=5),
        (
            "Name the launches of the week that a busy person has to know.",
            "The week's launches in brief, only what nobody may miss.",
            "Name all launches of the week, every single one that you find.",
        ),
        Contract(min_chars=400),
        "keep the most important",
    ),
    _family(
        "disclaimer-in-letters",
        Promise(
            "must_include", Evidence("Buy more bonds."), Evidence("Buy more bonds. This is not investment advice.")
        ),
        Contract(must_include=("not investment advice",)),
        (
            "Write the letter to clients about bonds after the rate cut.",
            "Our clients should hear what the cut means for their bonds: draft it.",
            "Write a headline about bonds after the rate cut.",
        ),
        Contract(max_chars=30),
        "write it word for word",
    ),
    _family(
        "short-enough-for-the-phone",
        Promise("max_chars", Evidence("very " * 80 + "long"), Evidence("The tram is late by ten minutes.")),
        Contract(max_chars=160),
        (
            "Send Sam a text message about the tram's delay.",
            "Sam has to know by phone that the tram is late: write the message.",
            "Write a full report on the tram's delay for the operator.",
        ),
        Contract(min_chars=250),
        "keep max_chars from the first answer on",
    ),
    _family(
        "long-enough-to-print",
        Promise("min_chars", Evidence("Rents rose."), Evidence("Rents rose again, " * 40)),
        Contract(min_chars=600),
        (
            "Write the column on rents for the printed issue.",
            "The paper needs its piece about what flats cost: the column, please.",
            "Write the caption below the chart of rents for the printed issue.",
        ),
        Contract(max_chars=60),
        "keep min_chars from the first answer on",
    ),
    _family(
        "only-collected-links",
        Promise("every_item.url", _items(3, is_collected=False), _items(3)),
        Contract(every_item=ItemRule()),
        (
            "Recommend three essays from what was collected this week.",
            "Three essays worth reading, from this week's collection.",
            "Recommend three essays of all times, wherever they are found.",
        ),
        Contract(max_items=3),
        "use a collected URL",
    ),
    _family(
        "dead-links",
        Promise("every_item.reachable", _items(2, reachable=False), _items(2, reachable=True)),
        Contract(every_item=ItemRule(url_collected=False, reachable=True)),
        (
            "List the tenders that close this month, with links that open.",
            "Which public tenders end in the next weeks? Links have to work.",
            "List the tenders that were withdrawn this month, with the links that are gone.",
        ),
        Contract(min_items=2),
        "drop the item or replace it",
    ),
    _family(
        "old-news-again",
        Promise("unseen_for", _items(2, is_seen=True), _items(2)),
        Contract(unseen_for_s=14 * 86_400),
        (
            "Bring two curiosities for Sunday's digest.",
            "Sunday's digest lacks its two odd stories: find some.",
            "Bring back the two curiosities that readers liked best in the last digests.",
        ),
        Contract(min_items=2),
        "drop the item or replace it",
    ),
)
