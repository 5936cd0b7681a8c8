"""HTML reduced to text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.collectors.plain_text import MAX_TITLE_CHARS, read_html_page, shorten, strip_html
from harness.gate.sanitise import one_line, sanitise


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>two</p>", "One two"),
        ("a<br>b<br/>c", "a b c"),
        ("in<b>side</b> a wo<i>r</i>d", "inside a word"),
        ("x &amp; y &lt;z&gt; &#8212; &nbsp; w", "x & y <z> — w"),
        ("<script>evil()</script>kept<style>p{}</style>", "kept"),
        ("<iframe src=x>\n</iframe>after", "after"),
        ("<p>open <b>ended", "open ended"),
        ("cut in a tag <a href='x", "cut in a tag"),
        ("a < b and b > a", "a < b and b > a"),
        ("the end of AT&T", "the end of AT&T"),
        ("no\x00 control\x1b[31m", "no control"),
        ("", ""),
    ],
)
def test_only_what_a_reader_sees_is_left(html: str, text: str) -> None:
    assert strip_html(html, 600) == text


def test_a_declaration_that_makes_no_sense_costs_no_more_than_what_follows_it() -> None:
    # Some versions of Python's parser stop there, others read on.
    assert strip_html("before<![x y]>after", 600) in ("before", "beforeafter")


def test_a_page_keeps_its_blocks_as_lines_and_its_title_apart() -> None:
    page = read_html_page(
        "<html><head><title>The  title</title><meta charset=x><body><nav>Menu</nav><h1>Head</h1>"
        "\n<p>a\n <b>b</b>\nc</p><svg><title>icon</title><text>drawn</text></svg><ul><li>one<li>two</ul></body></html>",
        1000,
    )

    assert page.title == "The title"
    assert page.text.splitlines() == ["Menu", "Head", "a b c", "one", "two"]


@given(st.text(), st.integers(min_value=2, max_value=50))
def test_shortened_text_fits_and_is_a_beginning_of_the_text(text: str, limit: int) -> None:
    short = shorten(one_line(text), limit)

    assert len(short) <= limit
    assert short == one_line(text) or one_line(text).startswith(short.removesuffix("…"))


def test_text_is_cut_between_words() -> None:
    assert shorten("one two three", 13) == "one two three"
    assert shorten("one two three", 12) == "one two…"
    assert shorten("one two three", 9) == "one two…"
    assert shorten("one two three", 8) == "one two…"
    assert shorten("one two three", 7) == "one…"
    assert shorten("one\ntwo three", 9) == "one\ntwo…"
    assert shorten("onetwothree", 5) == "onet…"


def test_data_without_a_space_is_not_lost_from_its_last_space_on() -> None:
    minified = '{"a": [' + "1," * 50_000

    assert shorten(minified, 40_000) == minified[:39_999].rstrip(",") + "…"


@given(st.text(st.sampled_from("<>/!-[]ab &;#'\"=\n"), max_size=200))
def test_no_markup_however_broken_raises(html: str) -> None:
    assert len(strip_html(html, 50)) <= 50
    read_html_page(html, 50)


def test_a_title_that_never_ends_is_cut() -> None:
    page = read_html_page("<title>" + "long " * 1_000_000, 50)

    assert 0 < len(page.title) <= MAX_TITLE_CHARS


@given(st.text(st.characters(codec=None, categories=("Cs", "Cc", "Cf", "L")), max_size=30))
def test_what_is_read_of_a_page_can_be_stored_and_shown(text: str) -> None:
    page = read_html_page(f"<title>{text}</title><p>{text}</p>", 100)

    for part in (page.title, page.text):
        part.encode()
        assert sanitise(part) == part
    assert len(page.title.splitlines()) <= 1
