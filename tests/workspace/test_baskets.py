"""The file of the baskets: what it says, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.domain.basket import Basket
from harness.domain.feed import FeedEntry
from harness.workspace.baskets import read_baskets
from harness.workspace.report import Report

ROOT = Path(__file__).parents[2]
TEXT = """\
# Baskets

Words: of no basket
- a bullet of no basket

## ai: AI and technology
Prose is yours.
words: AI,  language
Words: AI, Language   Model, ,
- [One](https://one.example/feed)

## solo
Words: freelancer
* [Two](https://two.example/feed)
"""


def read(text: str) -> tuple[dict[str, Basket], list[str]]:
    report = Report("b.md")
    return read_baskets(text, report), [str(entry.finding) for entry in report.entries]


def test_a_heading_begins_a_basket_and_what_stands_below_it_belongs_to_it() -> None:
    baskets, findings = read(TEXT)

    assert findings == []
    assert list(baskets.values()) == [
        Basket(
            "ai",
            "AI and technology",
            (FeedEntry("One", "https://one.example/feed"),),
            ("ai", "language", "language model"),
        ),
        Basket("solo", "solo", (FeedEntry("Two", "https://two.example/feed"),), ("freelancer",)),
    ]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("", "b.md: the file holds no basket; write it as ## ai: AI and technology"),
        (
            "## Big Tech\n",
            "b.md:1: basket name 'Big Tech' is not lower-case words with hyphens; write it as ## ai: AI and technology",
        ),
        (
            "## a\nWords: x\n- [A](https://a.example/)\n\n## a\n",
            "b.md:5: there are two baskets 'a'; rename or remove one of them",
        ),
        (
            "\n## a\nWords: x\n",
            "b.md:2: the basket 'a' has no feed; add a line such as - [Title](https://its.address/)",
        ),
        (
            "## a\n- [A](https://a.example/)\n",
            "b.md:1: the basket 'a' has no words; add a line such as Words: startup, funding round",
        ),
        (
            "## a\nWords: x\n- [A](https://a.example/)\n- [B](b)\n",
            "b.md:4: 'b' is not an address of a feed; write it with https://",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, finding: str) -> None:
    assert read(text)[1] == [finding]


def test_the_shipped_file_has_the_five_baskets_with_feeds_and_words() -> None:
    baskets, findings = read((ROOT / "shared-context/baskets.md").read_text(encoding="utf-8"))

    assert findings == []
    assert list(baskets) == ["ai", "product", "solo", "markets", "world"]
    assert all(len(basket.feeds) >= 8 and len(basket.words) >= 15 for basket in baskets.values())
