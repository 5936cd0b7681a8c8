"""What a document is, before anything parses it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.collectors.sniff import is_feed_closed, looks_like_feed, looks_like_html, refuse_document

REFUSED = "declares entities of its own and was not parsed"
DECLARING = '<?xml version="1.0"?>\n<!-- hm > --> <!DOCTYPE r [<!ENTITY a "x">]><rss>&a;</rss>'


@pytest.mark.parametrize(
    "document",
    [
        b"<rss version='2.0'>",
        b"\xef\xbb\xbf  <?xml version='1.0'?>\n<!-- <html> --><feed xmlns='x'>",
        b"<rdf:RDF xmlns:rdf='x'>",
        b"<atom:feed xmlns:atom='x'>",
        "<?xml version='1.0' encoding='utf-16'?><rss>".encode("utf-16"),
        b"<RSS><channel><description><![CDATA[<!doctype html><html>]]>",
    ],
)
def test_feeds_are_told_from_pages(document: bytes) -> None:
    assert looks_like_feed(document)
    assert not looks_like_html(document)


@pytest.mark.parametrize(
    "document",
    [
        b"<!DOCTYPE html><p>",
        b"\n<html lang='en'>",
        b"<?xml version='1.0'?><!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0'><html>",
        b"Warning: something\n<!doctype html><title>",
        b"<!-- x --><head>",
    ],
)
def test_pages_are_told_from_feeds(document: bytes) -> None:
    assert looks_like_html(document)
    assert not looks_like_feed(document)


@pytest.mark.parametrize("document", [b"", b"plain words", b"{}", b"<svg/>", b"\0\0"])
def test_other_documents_are_neither(document: bytes) -> None:
    assert not looks_like_html(document)
    assert not looks_like_feed(document)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "latin-1"])
def test_own_declarations_are_refused_in_every_encoding(encoding: str) -> None:
    assert refuse_document(DECLARING.encode(encoding)) == REFUSED


@pytest.mark.parametrize("address", ["'a>b'", '"a>b"', "'a' \"x>[y\""])
def test_declarations_do_not_hide_behind_a_quoted_sign(address: str) -> None:
    assert refuse_document(f'<!DOCTYPE r SYSTEM {address} [<!ENTITY a "x">]><rss/>'.encode()) == REFUSED


def test_a_document_full_of_quotes_is_judged_at_once() -> None:
    assert refuse_document(b"<!DOCTYPE r " + b"'\"" * 500_000) is None
    assert refuse_document(b"<!DOCTYPE r " + b"'x' " * 500_000) is None


@pytest.mark.parametrize(
    "document",
    [
        b"<!DOCTYPE rss PUBLIC '-//Netscape//DTD RSS 0.91//EN' 'http://x/rss-0.91.dtd'><rss/>",
        b"<rss><description><![CDATA[<!DOCTYPE x [<!ENTITY a 'how bombs work'>]>]]></description></rss>",
        b"<!-- <!DOCTYPE x [<!ENTITY --> <rss/>",
        b"<?xml version='1.0'?><rss/>",
        b"no markup",
        b"<!-- never closed",
    ],
)
def test_a_feed_that_declares_nothing_is_not_refused(document: bytes) -> None:
    assert refuse_document(document) is None


def test_a_feed_without_its_last_tag_is_not_closed() -> None:
    assert is_feed_closed(b"<rss></rss>\n<!-- served in 3 ms -->")
    assert is_feed_closed(b"<rdf:RDF></rdf:RDF >")
    assert is_feed_closed("<feed></feed>".encode("utf-16"))
    assert not is_feed_closed(b"<rss><channel></channel>")
    assert not is_feed_closed(b"<rss></rs")


@given(st.binary(max_size=200))
def test_no_bytes_raise(document: bytes) -> None:
    refuse_document(document)
    looks_like_feed(document)
    looks_like_html(document)
    is_feed_closed(document)
