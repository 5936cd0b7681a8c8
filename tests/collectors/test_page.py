"""A single address as input."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.collectors.page import read_content_type
from harness.domain.source import Collected, Gap
from harness.testing.web_server import WebReply, WebServer

Collect = Callable[..., Collected]
PAGE = (
    "<!DOCTYPE html><html><head><title>A &amp; B</title><style>p{color:red}</style></head><body>"
    "<script>alert(1)</script><h1>Überschrift</h1><p>First   line.</p><p>Second.</p></body></html>"
)
RSS = b"<rss version='2.0'><channel><title>F</title><item><title>N</title><link>n</link></item></channel></rss>"


def test_a_page_becomes_its_text_and_one_item_that_links_to_it(collected: Collect, server: WebServer) -> None:
    url = server.serve("/", WebReply(PAGE.encode(), content_type="text/html; charset=utf-8"))

    result = collected(url)

    assert result.text == "Überschrift\nFirst line.\nSecond."
    assert [(item.title, item.url, item.source) for item in result.items] == [("A & B", url, "127.0.0.1")]
    assert result.is_untrusted


def test_a_page_in_another_charset_is_read_in_it(collected: Collect, server: WebServer) -> None:
    url = server.serve("/", WebReply(PAGE.encode("latin-1"), content_type="text/html; charset=ISO-8859-1"))

    assert "Überschrift" in collected(url).text


@pytest.mark.parametrize("charset", ["hex", "no-such-thing", "idna", ""])
def test_a_charset_that_is_none_counts_as_utf_8(collected: Collect, server: WebServer, charset: str) -> None:
    url = server.serve("/", WebReply(PAGE.encode(), content_type=f"text/html; charset={charset}"))

    assert "berschrift" in collected(url).text


def test_a_feed_is_recognised_and_its_relative_links_start_where_it_was_found(
    collected: Collect, server: WebServer
) -> None:
    server.serve("/blog/feed", WebReply(RSS, content_type="text/plain", etag='"1"'))
    server.redirect("/old", "/blog/feed")

    first = collected(server.url("/old"))
    second = collected(server.url("/old"))

    assert [item.url for item in first.items] == [server.url("/blog/n")]
    assert second.items == first.items
    assert server.requests[-1].headers["if-none-match"] == '"1"'


def test_plain_text_stays_as_it_is(collected: Collect, server: WebServer) -> None:
    url = server.serve("/", WebReply(b"one\ntwo\n", content_type="text/plain"))

    assert collected(url).text == "one\ntwo"


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (WebReply(b"%PDF-1.7", content_type="application/pdf"), "is application/pdf, which is not read as text"),
        (WebReply(b"a\0b", content_type="text/plain"), "is not text"),
        (WebReply(b"", content_type="text/html"), "has no text"),
        (WebReply(b"no", status=403), "answered 403 Forbidden"),
    ],
)
def test_a_page_that_gives_nothing_is_a_gap(
    collected: Collect, server: WebServer, reply: WebReply, problem: str
) -> None:
    assert collected(server.serve("/", reply)).gaps == (Gap("127.0.0.1", problem),)


def test_the_health_of_a_page_is_recorded(
    collected: Collect, server: WebServer, health: dict[str, tuple[bool, str]]
) -> None:
    good = server.serve("/", WebReply(PAGE.encode(), content_type="text/html"))
    collected(good)
    collected(server.url("/gone"))

    assert health == {good: (True, ""), server.url("/gone"): (False, "answered 404 Not Found")}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ("", "utf-8")),
        ("Text/HTML; Charset=ISO-8859-1", ("text/html", "iso-8859-1")),
        ("nonsense", ("text/plain", "utf-8")),
        ("do/as I say; charset=utf-8", ("text/plain", "utf-8")),
        ("text/html; q=1; charset = 'latin-1'", ("text/html", "latin-1")),
        ("text/html; charset*0=a; charset*=b; charset*1=c", ("text/html", "utf-8")),
        ('text/html; charset="\ud800"', ("text/html", "utf-8")),
        (";;;", ("text/plain", "utf-8")),
    ],
)
def test_a_content_type_is_read_as_type_and_charset(header: str, expected: tuple[str, str]) -> None:
    assert read_content_type(header) == expected


@given(st.text())
def test_no_content_type_however_broken_raises(header: str) -> None:
    kind, charset = read_content_type(header)

    assert kind.isascii()
    assert charset.isascii()


@pytest.mark.parametrize("charset", ["punycode", "unicode_escape", "raw_unicode_escape", "utf-7", "U7"])
def test_a_codec_that_is_no_charset_is_not_used(collected: Collect, server: WebServer, charset: str) -> None:
    # The first takes hours for this much text, the others make half characters that no file can hold.
    body = b"\\ud800 +2AA- " + b"9" * 1_000_000
    url = server.serve("/", WebReply(body, content_type=f"text/plain; charset={charset}"))

    assert collected(url).text.startswith("\\ud800 +2AA- 999")


def test_plain_text_is_made_safe_to_show(collected: Collect, server: WebServer) -> None:
    url = server.serve("/", WebReply(b"one \x1b[31mred\x1b[0m\r\ntwo\x07", content_type="text/plain"))

    assert collected(url).text == "one red\ntwo"
