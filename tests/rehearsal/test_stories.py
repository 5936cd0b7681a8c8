from collections import Counter
from collections.abc import Iterator

import pytest

from harness.domain.source import canonical_url, title_key
from harness.rehearsal.stories import PREPRINTS, Almanac, Site, Story, load_almanac, parse_almanac

SCANS = (6.0, 7.0, 7.25, 7 + 40 / 60, 12.0, 14.0, 18.0)
"""When ainews looks at the world, in local hours."""

NO_PAPERS = 'name = "p"\nhost = "preprints"\npaper = []\n'
SITE = 'name = "One"\ntagline = "t"\nformat = "rss"\nlists = ["ai"]\n'
STORY = '[[story]]\nslug = "a"\nat = 1\ntitle = "A"\ntext = "Text."\n'


def stories(almanac: Almanac, list_name: str | None = None) -> Iterator[tuple[Site, Story]]:
    for site in almanac.sites:
        if site.fault is None and (list_name is None or list_name in site.lists):
            yield from ((site, story) for story in site.stories)


def count_between(almanac: Almanac, list_name: str, after_h: float, until_h: float) -> int:
    found = [story for _, story in stories(almanac, list_name) if after_h < story.at_h <= until_h]
    return len({canonical_url(story.url) for story in found})


def test_every_scan_of_the_day_finds_news_since_the_one_before() -> None:
    almanac = load_almanac()
    for before, scan in zip((-36.0, *SCANS[:-1]), SCANS, strict=True):
        assert count_between(almanac, "ai", before, scan) >= 3, f"feeds/ai between {before} and {scan}"


@pytest.mark.parametrize(
    ("list_name", "after_h", "until_h", "at_least"),
    [
        ("ai", 6 - 24, 6, 18),  # overnight-scan
        ("ai", 6, 7 + 40 / 60, 8),  # morning-digest, when it looks at nothing that overnight-scan had
        ("ai", 7 + 40 / 60 - 24, 7 + 40 / 60, 24),  # morning-digest, a whole day
        ("ai", 7 + 40 / 60, 12, 8),  # midday-scan
        ("ai", 12, 18, 10),  # evening-scan
        ("github-trending", 7 - 24, 7, 8),
        ("github-trending", 6, 7, 2),
        ("releases", 14 - 24, 14, 6),  # release-watch
        ("releases", 12, 14, 3),
    ],
)
def test_a_list_has_enough_news_for_the_job_that_reads_it(
    list_name: str, after_h: float, until_h: float, at_least: int
) -> None:
    assert count_between(load_almanac(), list_name, after_h, until_h) >= at_least


@pytest.mark.parametrize(("category", "at_least"), [("cs.AI", 6), ("cs.CL", 4)])
def test_the_arxiv_job_finds_papers_of_the_last_day(category: str, at_least: int) -> None:
    papers = [p for p in load_almanac().papers if 7.25 - 24 < p.at_h <= 7.25 and category in p.categories]
    assert len(papers) >= at_least
    assert any(p.at_h > 7 for p in papers)


def test_the_world_has_the_size_that_a_small_world_has() -> None:
    almanac = load_almanac()
    assert sum("ai" in site.lists for site in almanac.sites) == 9
    assert 60 <= len([story for _, story in stories(almanac, "ai") if story.at_h < 24]) <= 80
    assert len(list(stories(almanac))) <= 400
    assert len(almanac.papers) >= 20
    assert {site.format for site in almanac.sites if not site.fault} == {"rss", "atom"}
    assert sorted(site.fault for site in almanac.sites if site.fault) == ["html", "truncated", "unavailable"]
    assert sum(story.is_gone for _, story in stories(almanac)) == 1


def test_every_readable_feed_has_news_before_the_day_begins() -> None:
    for site in load_almanac().sites:
        if site.fault is None:
            assert any(story.at_h <= 0 for story in site.stories), site.slug


def test_no_text_or_title_stands_twice_unless_an_echo_says_so() -> None:
    almanac = load_almanac()
    told = [story for site in almanac.sites for story in site.stories]
    texts = Counter(title_key(text) for text in (*(s.text for s in told), *(p.text for p in almanac.papers)))
    assert [text for text, times in texts.items() if times > 1] == []
    own = [s.title for s in told if s.echoes is None or s.path is None]
    titles = Counter(title_key(title) for title in (*own, *(p.title for p in almanac.papers)))
    assert [title for title, times in titles.items() if times > 1] == []
    pages = Counter(s.url for s in told)
    assert [url for url, times in pages.items() if times > 1] == []


def test_texts_are_one_to_three_finished_sentences() -> None:
    for _, story in stories(load_almanac()):
        assert story.text.endswith("."), story.slug
        assert 60 <= len(story.text) <= 320, story.slug
        assert "\n" not in story.text, story.slug


def test_some_stories_are_reported_by_two_outlets_and_one_by_three() -> None:
    almanac = load_almanac()
    echoes = [(site, story) for site, story in stories(almanac) if story.echoes]
    assert {"link", "title"} == {"link" if story.path is None else "title" for _, story in echoes}
    originals = {f"{site.slug}/{story.slug}": (site, story) for site, story in stories(almanac)}
    for site, story in echoes:
        assert story.echoes is not None
        first_site, first = originals[story.echoes]
        assert site.slug != first_site.slug
        assert first.at_h <= story.at_h
        if story.path is None:
            assert story.url != first.url
            assert canonical_url(story.url) == canonical_url(first.url)
        else:
            assert title_key(story.title) == title_key(first.title)
    assert max(Counter(story.echoes for _, story in echoes).values()) >= 2


def test_all_hosts_are_below_the_reserved_test_domain() -> None:
    almanac = load_almanac()
    hosts = {almanac.papers_host, *(site.host for site in almanac.sites)}
    assert all(host.endswith(".sample.test") for host in hosts)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (SITE.replace("rss", "json"), "one.toml: format 'json'"),
        (SITE + 'fault = "slow"\n', "one.toml: fault 'slow'"),
        (SITE + STORY + 'via = "link"\n', "one.toml: a: `echoes` and `via`"),
        (SITE + STORY + 'echoes = "one/b"\nvia = "link"\n', "one/b, which nobody reported"),
        (SITE + STORY + 'echoes = "one/a"\nvia = "title"\n', "a story has a title of its own"),
        (SITE + STORY.replace('title = "A"\n', ""), "a story has a title of its own"),
        (
            SITE + STORY + STORY.replace('"a"', '"b"').replace("at = 1", "at = 0") + 'echoes = "one/a"\nvia = "link"\n',
            "one.toml: b echoes one/a, itself an echo or later",
        ),
    ],
)
def test_a_mistake_in_the_data_is_named_with_its_file(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_almanac({"one.toml": text, PREPRINTS: NO_PAPERS})
