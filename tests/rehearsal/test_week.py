"""The days around the rehearsed one: every one of them has news, and a mistake in their files is named."""

from __future__ import annotations

import pytest

from harness.rehearsal.stories import PREPRINTS, load_almanac, parse_almanac

NO_PAPERS = 'name = "p"\nhost = "preprints"\npaper = []\n'
STORY = '[[story]]\nslug = "a"\nat = 1\ntitle = "A"\ntext = "T."\n'
SITE = f'name = "One"\ntagline = "t"\nformat = "rss"\nlists = ["ai"]\n{STORY}'
PLAIN = {"one.toml": SITE, PREPRINTS: NO_PAPERS}


def test_a_line_is_a_story_of_its_outlet_at_its_moment() -> None:
    lines = (
        "@one",
        "1 06:30 | A title of more than six words, so long | Text one.",
        "-1 23:15 [x/y] | B | Text. | Page.",
    )
    week = "\n".join(("# note", *lines))
    new = "@two | Two | Its motto | atom | trends/world, ai\n2 00:00 =one/a | Seen there.\n"

    one, two = parse_almanac(PLAIN, {"a.txt": week, "b.txt": new}).sites

    assert [(s.slug, s.at_h, s.page_text) for s in one.stories] == [
        ("x/y", -0.75, "Page."),
        ("a", 1.0, ""),
        ("a-title-of-more-than-six", 30.5, ""),
    ]
    assert (two.name, two.tagline, two.format, two.lists) == ("Two", "Its motto", "atom", ("trends/world", "ai"))
    assert [(s.title, s.echoes, s.at_h) for s in two.stories] == [("A", "one/a", 48.0)]


def test_a_line_of_papers_is_a_preprint() -> None:
    week = {"papers.txt": "1 02:10 | cs.AI cs.MA | Ada Lovelace, Alan T | Title | Abstract.\n"}

    (paper,) = parse_almanac(PLAIN, week).papers

    assert (paper.at_h, paper.categories, paper.authors) == (
        24 + 2 + 10 / 60,
        ("cs.AI", "cs.MA"),
        ("Ada Lovelace", "Alan T"),
    )


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("a.txt", "1 06:30 | T | X.\n", "week/a.txt:1: a story stands before the first outlet"),
        ("a.txt", "@nobody\n", "week/a.txt:1: @nobody is not an outlet"),
        ("a.txt", "@one | One | again | rss | ai\n", "week/a.txt:1: @one is not an outlet"),
        ("a.txt", "@one\n1 6:30 | T | X.\n", "week/a.txt:2: write DAY HH:MM"),
        ("a.txt", "@one\n1 06:30 | T\n", "week/a.txt:2: write DAY HH:MM"),
        ("a.txt", "@one\n1 06:30 =one/zzz | X.\n", "one/zzz, which nobody reported"),
        ("papers.txt", "1 06:30 | cs.AI | A | T\n", "week/papers.txt:1: write DAY HH:MM"),
    ],
)
def test_a_mistake_is_named_with_its_line(file: str, text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_almanac(PLAIN, {file: text})


@pytest.mark.parametrize("day", range(1, 7))
def test_every_further_day_has_news_before_each_scan(day: int) -> None:
    almanac = load_almanac()
    moments = sorted(
        story.at_h - 24 * day
        for site in almanac.sites
        if "ai" in site.lists and not site.fault
        for story in site.stories
    )
    for before, scan in ((0, 6), (6, 7.67), (7.67, 18)):
        assert sum(before < moment <= scan for moment in moments) >= 3, (day, scan)
    assert sum(24 * day < paper.at_h < 24 * day + 7.25 for paper in almanac.papers) >= 3


def test_echoes_are_there_all_week_and_one_page_is_poisoned() -> None:
    told = [story for site in load_almanac().sites for story in site.stories]

    assert {int(story.at_h // 24) for story in told if story.echoes} >= {1, 2, 3, 4}
    assert sum("ignore all previous instructions" in story.page_text for story in told) == 1
