"""HTML reduced to readable text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.tools.page import readable_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<h1>Big</h1><p>One <b>two</b>\n three</p><p>Four", "# Big\n\nOne two three\n\nFour"),
        ("<ul><li>a<li><p>b</p></ul>c", "- a\n- b\n\nc"),
        ("a<br>b<hr>c", "a\n\nb\n\nc"),
        ("<table><tr><th>k<td>v</table>", "k\n\nv"),
        ("<pre>a\n  b &lt; c</pre>", "a\n  b < c"),
        ("1 < 2 && 3 > 2", "1 < 2 && 3 > 2"),
        ("&amp;lt; &eacute; &#x27;", "&lt; é '"),
        ("<title>T &amp; U</title><p>x", "# T & U\n\nx"),
        ("<head><title>T</title><meta><style>p{}</style><body>x", "# T\n\nx"),
        ("<head><title>T</title></head>x", "# T\n\nx"),
        ("x<script>if (a < b) { '</p>' }</script>y", "xy"),
        ("x<SCRIPT>bad()</SCRIPT>y<!-- no -->z<!doctype html><?php no ?>", "xyz"),
        ("<nav><ul><li>Home</ul></nav>text<footer>©</footer>", "text"),
        ("<a title='a > b' href=\"x\">link</a>", "link"),
        ("<div hidden>no<div>no</div>no</div>yes", "yes"),
        ("<div style='color:red; display: none'>no</div>yes", "yes"),
        ("<span aria-hidden=true>no</span>yes", "yes"),
        ("<p hidden>no<p>yes", "yes"),
        ("<div data-hidden='x'>yes</div>", "yes"),
        ("<img hidden>yes<br hidden>too", "yes\n\ntoo"),
        ("İ<script>no</script>yes", "İyes"),
        ("", ""),
        ("<p>unfinished <a href='", "unfinished"),
    ],
)
def test_what_a_reader_sees_is_kept_and_nothing_else(html: str, text: str) -> None:
    assert readable_text(html) == text


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<a",
        "</",
        "</a",
        "<!--",
        "<!",
        "<?",
        "<a b='>",
        "<a b='",
        "<script>",
        "<p hidden>",
        "<div>",
        "&#",
        "<p a=b ",
    ],
)
def test_a_hostile_megabyte_is_read_in_the_time_of_a_friendly_one(piece: str) -> None:
    """The standard library's parser needs minutes for several of these; the suite would not end in time."""
    readable_text(piece * (1_000_000 // len(piece)))


_PIECES = st.one_of(st.text(max_size=5), st.sampled_from(["<", ">", "</p>", "<p>", "'", '"', "<!--", "<script>", "&"]))


@given(st.lists(_PIECES))
def test_any_input_is_read_without_an_error(pieces: list[str]) -> None:
    readable_text("".join(pieces))
