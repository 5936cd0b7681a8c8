"""Text from outside, made safe to print, to store and to put before a model."""

from __future__ import annotations

import re

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)|[@-Z\\-_])")
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# Zero-width joiners and emoji's variation selectors stay: Persian, Hindi and emoji need them.
_INVISIBLE = re.compile(
    "["
    "\x00-\x08\x0e-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional marks: they reorder what a person sees
    "\u00ad\u034f\u180e\u200b\u2060-\u2064\u206a-\u206f\ufeff"  # zero width
    "\U000e0000-\U000e01ef"  # tags and selectors, in which instructions can be written invisibly
    "]"
)
_SURROGATES = re.compile("[\ud800-\udfff]")


def sanitise(text: str) -> str:
    """Return the text without terminal sequences, control and invisible characters; newline and tab stay.

    All line ends become a newline, and a lone surrogate becomes U+FFFD, so that the result always encodes.
    """
    if text.isascii() and text.isprintable():  # most lines: nothing of the kind is in them
        return text
    text = _LINE_ENDS.sub("\n", _ANSI.sub("", text))
    return _SURROGATES.sub("\ufffd", _INVISIBLE.sub("", text))


def one_line(text: str) -> str:
    """Return the sanitised text as a single line with single spaces."""
    return " ".join(sanitise(text).split())


def in_short(text: str, limit_chars: int) -> str:
    """Return the text as one line of at most that many characters, ending in … where something is left out."""
    line = one_line(text)
    return line if len(line) <= limit_chars else f"{line[: limit_chars - 1].rstrip()}…"
