"""The page of what a job can read names every family of sources, and nothing that is none."""

from __future__ import annotations

import re
from pathlib import Path

from harness.collectors.collect import check_read
from harness.collectors.families import FAMILIES
from harness.workspace.report import Report
from harness.workspace.shared import read_feed_list

PAGE = Path(__file__).parents[2] / "docs" / "collectors.md"


def test_the_table_has_the_families_in_their_form() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(rows) == sorted(family.form for family in FAMILIES.values())


def test_every_entry_that_the_page_shows_can_be_written() -> None:
    shown = re.findall(r"`((?:hn|github|search|trends|arxiv|calendar)/[^`]+)`", PAGE.read_text(encoding="utf-8"))
    examples = [entry for entry in shown if not re.search(r"[A-Z]{3}", entry)]

    assert len(examples) >= 9
    assert [entry for entry in examples if check_read(entry) is not None] == []


def test_the_shipped_list_on_ai_has_more_than_a_hundred_feeds_each_once() -> None:
    report = Report("shared-context/feeds/ai.md")
    feeds = read_feed_list((PAGE.parents[1] / report.path).read_text(encoding="utf-8"), report) or ()

    assert report.entries == []
    assert len(feeds) > 100
    assert len({feed.title for feed in feeds}) == len(feeds)
    assert all(feed.url.startswith("https://") for feed in feeds)
