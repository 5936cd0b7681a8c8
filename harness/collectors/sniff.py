"""What a document is, judged by its first and last bytes, before anything parses it. Pure."""

from __future__ import annotations

import re

_SNIFF_BYTES = 4096
_TAIL_BYTES = 2000
_FEED_ROOTS = (b"rss", b"feed", b"rdf")
_HTML_ROOTS = (b"html", b"head", b"body")
# A quoted address may hold any sign, also one that would end the declaration outside of quotes.
_OWN_DECLARATIONS = re.compile(rb"<!DOCTYPE(?:[^>\[\"']|\"[^\"]*\"|'[^']*')*+\[", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_ROOT = re.compile(rb"<([A-Za-z_][\w:.-]*)")
_FEED_END = re.compile(rb"</(?:\w+:)?(?:rss|feed|rdf)\s*>", re.IGNORECASE)


def looks_like_feed(body: bytes) -> bool:
    """Return whether the document's first element is that of a feed."""
    return _root_name(body) in _FEED_ROOTS


def looks_like_html(body: bytes) -> bool:
    """Return whether the document begins as an HTML page does."""
    root = _root_name(body)
    return root in _HTML_ROOTS or (
        root not in _FEED_ROOTS and b"<!doctype html" in _letters(body[:_SNIFF_BYTES]).lower()
    )


def is_feed_closed(body: bytes) -> bool:
    """Return whether a feed's last tag is there: a download that broke off lacks it."""
    return _FEED_END.search(_letters(body[-_TAIL_BYTES:])) is not None


def refuse_document(body: bytes) -> str | None:
    """Return why the document must not even be parsed, or None.

    A document type with declarations of its own is how an entity bomb begins, and no feed needs one.
    """
    text = _letters(body)
    if not text.strip():
        return "is empty"
    position = text.find(b"<")
    while position >= 0:
        if text.startswith(b"<?", position):
            end = text.find(b"?>", position)
        elif text.startswith(b"<!--", position):
            end = text.find(b"-->", position)
        elif _OWN_DECLARATIONS.match(text, position):
            return "declares entities of its own and was not parsed"
        else:
            return None
        position = -1 if end < 0 else text.find(b"<", end)
    return None


def _letters(body: bytes) -> bytes:
    """Return the ASCII letters of a document in any Unicode encoding: UTF-16 puts zeros between them."""
    return body.replace(b"\0", b"")


def _root_name(body: bytes) -> bytes:
    text = _letters(body[:_SNIFF_BYTES]).lstrip(b"\xef\xbb\xbf\xfe\xff \t\r\n")
    match = _ROOT.search(_COMMENT.sub(b"", text)) if text.startswith(b"<") else None
    return b"" if match is None else match.group(1).lower().rpartition(b":")[2]
