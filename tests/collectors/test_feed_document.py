"""Feeds as bytes, read in this process: what becomes of each entry."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.collectors.feed_document import MAX_AUTHOR_CHARS, read_feed
from harness.collectors.links import usable_link


def rss(items: str, head: str = "<title>F</title>") -> bytes:
    return f"<?xml version='1.0'?><rss version='2.0'><channel>{head}{items}</channel></rss>".encode()


def entries(body: bytes, url: str = "https://site.test/blog/feed", max_items: int = 60) -> list[dict[str, Any]]:
    result = read_feed(body, url=url, max_items=max_items)
    assert "problem" not in result, result
    return list(result["entries"])


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://x.test/a?b=c#d", "https://x.test/a?b=c#d"),
        ("/a", "https://site.test/a"),
        ("b", "https://site.test/blog/b"),
        ("//other.test/c", "https://other.test/c"),
        (" https://x.test/a b ", "https://x.test/a%20b"),
        ("https://x.test/<b>\"c\"", "https://x.test/%3Cb%3E%22c%22"),
        ("https://de.test/wiki/A_(b)", "https://de.test/wiki/A_(b)"),
        ("https://ja.test/日本?q=é", "https://ja.test/日本?q=é"),
        ("https://x.test/\u202egpj\u200b", "https://x.test/%E2%80%AEgpj%E2%80%8B"),
        ("javascript:alert(1)", None),
        ("mailto:a@x.test", None),
        ("ftp://x.test/", None),
        ("https://user:pw@x.test/", None),
        ("https://trusted.test@evil.test/", None),
        ("https:///path", "https://site.test/path"),
        ("http://[::1", None),
        ("https://x.test/\ud800", None),
        ("https://x.test/" + "a" * 2000, None),
    ],
)  # fmt: skip
def test_only_web_addresses_are_links(link: str, expected: str | None) -> None:
    assert usable_link(link, "https://site.test/blog/feed") == expected


@given(st.text(max_size=80))
def test_a_link_that_is_kept_can_stand_in_a_list_of_links(link: str) -> None:
    kept = usable_link(link, "https://site.test/")

    assert kept is None or (kept.startswith(("http://", "https://")) and not set(kept) & set(' \n\t<>"'))


def test_entries_without_a_usable_link_are_left_out_and_counted() -> None:
    items = (
        "<item><title>Good</title><link>https://x.test/1</link></item><item><title>None</title></item>"
        "<item><title>Bad</title><link>javascript:alert(1)</link></item>"
        "<item><title>Id</title><guid isPermaLink='false'>abc</guid></item>"
    )
    result = read_feed(rss(items), url="", max_items=60)

    assert [entry["title"] for entry in result["entries"]] == ["Good"]
    assert result["notes"] == ["left out 3 of its 4 entries, for want of a usable link"]


def test_a_feed_of_which_no_entry_can_be_linked_is_a_problem() -> None:
    result = read_feed(rss("<item><title>None</title></item>"), url="", max_items=60)

    assert result == {"problem": "none of its 1 entries has a usable link"}


def test_a_saved_feed_resolves_links_by_the_address_that_it_names_itself() -> None:
    body = rss("<item><title>T</title><link>/n</link></item>", "<link>https://home.test/</link>")

    assert entries(body, url="")[0]["url"] == "https://home.test/n"


def test_titles_and_summaries_are_plain_text() -> None:
    (entry,) = entries(
        rss(
            "<item><title>&lt;b&gt;Bold&lt;/b&gt; &amp;amp; more</title><link>https://x.test/1</link>"
            "<description>&lt;p&gt;One.&lt;/p&gt;&lt;script&gt;evil()&lt;/script&gt;&lt;p&gt;Two.&lt;/p&gt;</description></item>"
        )
    )

    assert (entry["title"], entry["summary"]) == ("Bold & more", "One. Two.")


def test_a_long_summary_is_cut_at_a_word() -> None:
    (entry,) = entries(
        rss(f"<item><title>T</title><link>https://x.test/1</link><description>{'word ' * 500}</description></item>")
    )

    assert 590 < len(entry["summary"]) <= 600
    assert entry["summary"].endswith(" word…")


def test_an_entry_without_a_title_goes_by_its_first_words() -> None:
    items = (
        "<item><link>https://x.test/1</link><description>Just a note.</description></item>"
        "<item><link>https://x.test/2</link></item>"
    )

    assert [entry["title"] for entry in entries(rss(items))] == ["Just a note.", "https://x.test/2"]


@pytest.mark.parametrize(
    ("written", "published"),
    [
        ("<pubDate>Sat, 07 Mar 2026 14:57:00 -0800</pubDate>", "2026-03-07T22:57:00+00:00"),
        ("<pubDate>2026-03-07T22:57:00+01:00</pubDate>", "2026-03-07T21:57:00+00:00"),
        ("<dc:date xmlns:dc='http://purl.org/dc/elements/1.1/'>2026-03-07</dc:date>", "2026-03-07T00:00:00+00:00"),
        ("<pubDate>yesterday</pubDate>", None),
        ("<pubDate>Thu, 01 Jan 1970 00:00:00 GMT</pubDate>", None),
        ("<pubDate>0001-01-01T00:00:00Z</pubDate>", None),
        ("<pubDate>9999-12-31T23:59:59-12:00</pubDate>", None),
        ("", None),
    ],
)
def test_dates_are_utc_or_missing(written: str, published: str | None) -> None:
    (entry,) = entries(rss(f"<item><title>T</title><link>https://x.test/1</link>{written}</item>"))

    assert entry["published"] == published


def test_the_newest_entries_are_kept_also_where_the_oldest_stand_first() -> None:
    items = "".join(
        f"<item><title>Day {day}</title><link>https://x.test/{day}</link><pubDate>2026-03-{day:02}</pubDate></item>"
        for day in range(1, 10)
    )

    assert [entry["title"] for entry in entries(rss(items), max_items=3)] == ["Day 7", "Day 8", "Day 9"]


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "windows-1252"])
def test_an_encoding_that_is_declared_wrongly_or_not_at_all_is_found_out(encoding: str) -> None:
    text = "<?xml version='1.0' encoding='{}'?><rss version='2.0'><channel><title>F</title>" \
        "<item><title>Überall Käse</title><link>https://x.test/1</link></item></channel></rss>"  # fmt: skip

    assert entries(text.format(encoding).encode(encoding))[0]["title"] == "Überall Käse"
    assert entries(text.format("utf-8").encode(encoding))[0]["title"] == "Überall Käse"


def test_small_mistakes_in_the_xml_cost_nothing() -> None:
    (entry,) = entries(rss("<item><title>Q & A&nbsp;now</title><link>https://x.test/?a=1&b=2</link></item>"))

    assert (entry["title"], entry["url"]) == ("Q & A now", "https://x.test/?a=1&b=2")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "is empty"),
        (b" \r\n", "is empty"),
        (b"<!DOCTYPE html><html><body><p>Hi", "is an HTML page, not a feed"),
        (rss(""), "has no entries"),
        (b"<rss version='2.0'><channel><title>F</ti", "is cut off before its first entry"),
        (b"hello", "is not a feed"),
        (b"{\"version\": \"https://jsonfeed.org/version/1.1\"}", "is not a feed"),
        (b"/etc/hostname", "is not a feed"),
        (b"<svg/>", "is not a feed"),
        (b"<svg><a></svg>", "is no readable XML (mismatched tag)"),
    ],
)  # fmt: skip
def test_what_gives_no_entries_is_a_problem_in_words(body: bytes, problem: str) -> None:
    assert read_feed(body, url="https://x.test/", max_items=60) == {"problem": problem}


def test_bytes_that_name_a_file_do_not_open_it(tmp_path: Any) -> None:
    secret = tmp_path / "saved.xml"
    secret.write_bytes(rss("<item><title>Secret</title><link>https://x.test/1</link></item>"))

    assert read_feed(str(secret).encode(), url="", max_items=60) == {"problem": "is not a feed"}


@given(st.data())
def test_a_feed_cut_anywhere_says_so_or_gives_whole_entries_and_survives_json(data: st.DataObject) -> None:
    links = [f"https://x.test/{number}" for number in range(4)]
    whole = rss("".join(f"<item><title>T &amp; {link}</title><link>{link}</link></item>" for link in links))
    cut = whole[: data.draw(st.integers(0, whole.index(b"</rss>") + 5))]

    result = read_feed(cut, url="", max_items=60)

    assert json.loads(json.dumps(result)) == result
    if "problem" not in result:
        assert [entry["url"] for entry in result["entries"]] == links[: len(result["entries"])]
        assert any("is cut off in the middle" in note for note in result["notes"])


def test_what_a_feed_says_reaches_nobody_as_control_or_invisible_characters() -> None:
    hostile = "A\u202e\u200b\U000e0041B"
    body = rss(
        f"<item><title>{hostile}</title><link>https://x.test/1</link><description>{hostile}</description>"
        f"<author>{hostile}</author></item>",
        head=f"<title>{hostile}</title>",
    )

    result = read_feed(body, url="", max_items=1)

    assert result["title"] == result["entries"][0]["title"] == result["entries"][0]["summary"] == "AB"
    assert result["entries"][0]["authors"] == ["AB"]


def test_authors_without_end_are_cut() -> None:
    authors = "".join(f"<author><name>{'N' * 1000} {number}</name></author>" for number in range(300))
    body = (
        "<feed xmlns='http://www.w3.org/2005/Atom'><title>F</title><entry><title>N</title>"
        f"<link href='https://x.test/1'/>{authors}</entry></feed>"
    ).encode()

    (entry,) = entries(body)

    assert len(entry["authors"]) == 100
    assert max(map(len, entry["authors"])) <= MAX_AUTHOR_CHARS
