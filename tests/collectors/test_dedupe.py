"""The same story in several sources."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from harness.collectors.dedupe import merge_items
from harness.domain.source import Item, canonical_url, title_key

MOMENT = datetime(2026, 3, 7, tzinfo=UTC)

hosts = st.sampled_from(["a.test", "b.test"])
paths = st.sampled_from(["", "/x", "/y/z"])
queries = st.lists(st.sampled_from(["a=1", "b=2", "b=1", "c="]), unique=True, max_size=3)
noise = st.lists(st.sampled_from(["utm_source=q", "fbclid=1", "ref=x", "UTM_Campaign=z"]), unique=True, max_size=2)
items = st.builds(
    Item,
    title=st.sampled_from(["One two three four", "one TWO, three: four!", "Short title", "Five words stand in here"]),
    url=st.builds(lambda host, path: f"https://{host}{path}", hosts, paths),
    source=st.sampled_from(["A", "B", "C"]),
    summary=st.sampled_from(["", "text"]),
)


@given(hosts, paths, queries, noise, st.randoms(use_true_random=False))
def test_spellings_of_one_address_are_one_address(host, path, query, extra, random) -> None:  # type: ignore[no-untyped-def]
    plain = canonical_url(f"https://{host}{path}" + (f"?{'&'.join(query)}" if query else ""))
    shuffled = [*query, *extra]
    random.shuffle(shuffled)
    for spelling in (
        f"http://{host.upper()}{path}?{'&'.join(shuffled)}",
        f"HTTPS://www.{host}:443{path}/?{'&'.join(shuffled)}#part",
        f"  http://{host}:80{path}?{'&'.join(shuffled)}  ",
    ):
        assert canonical_url(spelling) == plain
    assert canonical_url(plain) == plain


@given(hosts, queries, queries)
def test_different_queries_are_different_addresses(host: str, one: list[str], other: list[str]) -> None:
    same = sorted(one) == sorted(other)

    assert (
        canonical_url(f"https://{host}/?{'&'.join(one)}") == canonical_url(f"https://{host}/?{'&'.join(other)}")
    ) is same


@given(st.lists(items, max_size=8))
def test_merging_again_changes_nothing(stories: list[Item]) -> None:
    merged = merge_items(stories)

    assert merge_items(merged) == merged


@given(st.lists(items, max_size=8))
def test_nothing_is_lost_and_nothing_invented(stories: list[Item]) -> None:
    merged = merge_items(stories)

    places = [next(n for n, story in enumerate(stories) if story.url == item.url) for item in merged]
    assert places == sorted(places), "first appearance decides the order"
    assert {s.source for s in stories} == {s for item in merged for s in (item.source, *item.also_in)}
    assert len({item.key for item in merged}) == len(merged)
    for item in merged:
        assert item.source not in item.also_in
        assert len(set(item.also_in)) == len(item.also_in)
    long_titles = [key for item in merged if len((key := title_key(item.title)).split()) >= 4]
    assert len(set(long_titles)) == len(long_titles)


def test_the_first_item_stays_and_takes_over_what_it_lacks() -> None:
    first = Item("Title of the first", "https://x.test/1", "A")
    again = Item("Another title", "http://x.test/1/", "B", summary="why", published_at=MOMENT, also_in=("C", "A"))

    assert merge_items([first, again]) == (
        Item("Title of the first", "https://x.test/1", "A", "why", MOMENT, also_in=("B", "C")),
    )


def test_short_titles_do_not_make_a_story_the_same() -> None:
    stories = [Item("Weekly open thread", f"https://x.test/{n}", "A") for n in range(2)]

    assert merge_items(stories) == tuple(stories)


def test_long_titles_do_whatever_their_case_and_marks() -> None:
    merged = merge_items(
        [
            Item("Small model beats large ones", "https://a.test", "A"),
            Item("“Small Model” beats large ones!", "https://b.test", "B"),
        ]
    )

    assert [(item.url, item.also_in) for item in merged] == [("https://a.test", ("B",))]


def test_an_entry_that_a_source_repeats_does_not_count_as_a_second_source() -> None:
    (item,) = merge_items([Item("T", "https://a.test/1", "A"), Item("T", "https://a.test/1#more", "A")])

    assert item.is_single_source


def test_an_item_that_shows_two_stories_to_be_one_joins_them() -> None:
    by_title = Item("What cached tokens really cost", "https://b.test/copy", "B")
    by_url = Item("Kiln Street publishes its prices", "https://a.test/story", "A")
    both = Item("What cached tokens really cost", "https://a.test/story?utm_source=c", "C")
    (story,) = merge_items([by_title, by_url, both])
    assert (story.source, story.also_in) == ("B", ("A", "C"))


@given(st.lists(items, max_size=8))
def test_no_two_merged_stories_share_an_address_or_a_long_title(stories: list[Item]) -> None:
    merged = merge_items(stories)
    titles = [title_key(item.title) for item in merged if len(title_key(item.title).split()) >= 4]
    assert len({item.key for item in merged}) == len(merged)
    assert len(set(titles)) == len(titles)


def test_what_is_no_address_is_its_own_identity() -> None:
    assert canonical_url("http://[bad") == "http://[bad"
    assert canonical_url(canonical_url("http://[2001:db8::1]:80/x/")) == canonical_url("https://[2001:db8::1]/x")


def test_the_story_that_joins_two_others_leaves_what_is_known_of_both_findable() -> None:
    stories = [
        Item("One two three four", "https://x.test/1", "A"),
        Item("Five six seven eight", "https://x.test/2", "B"),
        Item("One two three four", "https://x.test/2", "C"),
        Item("Five six seven eight", "https://x.test/3", "D"),
        Item("Short", "https://x.test/3", "E"),
    ]

    (item,) = merge_items(stories)

    assert (item.url, item.source, item.also_in) == ("https://x.test/1", "A", ("B", "C", "D", "E"))
