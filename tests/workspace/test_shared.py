from __future__ import annotations

import pytest

from harness.domain.feed import FeedEntry
from harness.workspace.report import Report
from harness.workspace.shared import read_feed_list

OPML = """\
<?xml version="1.0" encoding="ISO-8859-1"?>
<opml version="2.0"><head><title>é</title></head><body>
<outline text="AI">
  <outline type="rss" text="One &amp; two" xmlUrl="https://one.example/feed"/>
  <outline type="rss" title="Three" xmlUrl="https://three.example/feed"/>
</outline>
</body></opml>
"""


def read(path: str, text: str) -> tuple[tuple[FeedEntry, ...] | None, list[str]]:
    report = Report(path)
    return read_feed_list(text, report), [str(entry.finding) for entry in report.entries]


def test_markdown_links_in_bullets_are_the_feeds_and_prose_is_not() -> None:
    text = "# Feeds\n\nGood ones:\n\n- [A \\[b\\]](https://a.example/x_(y))\n* [](<https://b.example/feed>) every day\n"
    assert read("f.md", text) == (
        (FeedEntry("A [b]", "https://a.example/x_(y)"), FeedEntry("b.example", "https://b.example/feed")),
        [],
    )


def test_opml_outlines_are_read_whatever_encoding_they_claim() -> None:
    assert read("f.opml", OPML) == (
        (FeedEntry("One & two", "https://one.example/feed"), FeedEntry("Three", "https://three.example/feed")),
        [],
    )


def test_bad_lines_are_named_and_the_good_ones_stay() -> None:
    entries, findings = read(
        "f.md", "- [A](https://a.example/)\n- b\n- [C](c)\n- [D](http://[x/)\n- [A](https://a.example/)\n"
    )
    assert entries == (FeedEntry("A", "https://a.example/"),)
    assert [finding.split(";")[0] for finding in findings] == [
        "f.md:2: 'b' is not a link",
        "f.md:3: 'c' is not an address of a feed",
        "f.md:4: 'http://[x/' is not an address of a feed",
        "f.md:5: https://a.example/ is in the list twice",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<!DOCTYPE opml [<!ENTITY a "aaaa">]>\n<opml>&a;</opml>', "f.opml:1: the file declares a DOCTYPE"),
        ("<opml><body>\n</opml>", "f.opml:2: not OPML: mismatched tag"),
        ("<html></html>", "f.opml:1: not OPML: there is no <opml> element"),
        ("", "f.opml:1: not OPML: no element found"),
    ],
)
def test_what_is_not_plain_opml_is_refused(text: str, expected: str) -> None:
    entries, findings = read("f.opml", text)
    assert entries is None
    assert findings[0].startswith(expected)


def test_empty_list_is_worth_a_warning() -> None:
    assert "holds no feed" in read("f.md", "# Nothing yet\n")[1][0]
