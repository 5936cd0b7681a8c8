"""The main text of a page: with the extra `pages`, and without it."""

from __future__ import annotations

import asyncio

import pytest

from harness.collectors.main_text import MIN_MAIN_CHARS, find_extract, read_page_text
from harness.collectors.parse import FeedParser

STORY = (
    "The council of Saltmarsh has published the model that decides who may park where. Forty-one residents read its "
    "weights in the first week and found two errors: one street was counted twice, and one did not exist. "
)
PAGE = f"""<!doctype html><html><head><title>Residents audit a parking model</title></head><body>
<nav><ul><li><a href="/a">Home</a></li><li><a href="/b">Subscribe to our newsletter</a></li></ul></nav>
<main><article><h1>Residents audit a parking model</h1>
<p>{STORY}</p><p>{STORY.replace("Saltmarsh", "Quayside")}</p><p>{STORY.replace("council", "board")}</p></article></main>
<aside>Advertisement: ten shocking kettles</aside>
<footer>We use cookies. Accept all cookies.</footer></body></html>"""

with_extra = pytest.mark.skipif(find_extract() is None, reason="the extra `pages` (trafilatura) is not installed")


def read_in_worker(html: str, max_chars: int = 40_000) -> tuple[str, str]:
    parser = FeedParser(workers=1, timeout_s=60)
    try:
        page = asyncio.run(parser.read_page(html.encode(), max_chars=max_chars))
    finally:
        parser.close()
    assert page.problem == ""
    return page.title, page.text


def test_without_the_extra_all_text_of_the_page_is_read() -> None:
    page = read_page_text(PAGE, 40_000, None)

    assert page.title == "Residents audit a parking model"
    assert "Forty-one residents" in page.text
    assert "Subscribe to our newsletter" in page.text


def test_what_finds_little_or_breaks_leaves_all_text_of_the_page() -> None:
    def broken(html: str) -> str | None:
        raise ValueError("a page that no library likes")

    whole = read_page_text(PAGE, 40_000, None)
    for extract in (broken, lambda html: None, lambda html: "x" * (MIN_MAIN_CHARS - 1)):
        assert read_page_text(PAGE, 40_000, extract) == whole


def test_what_is_found_is_cleaned_and_cut_like_other_text() -> None:
    page = read_page_text(PAGE, 300, lambda html: f"  one\u202e two \n\n{'word ' * 100}")

    assert page.text.startswith("one two\nword word")
    assert len(page.text) <= 300 and page.text.endswith("…")


@with_extra
def test_with_the_extra_menus_and_cookies_are_left_out() -> None:
    title, text = read_in_worker(PAGE)

    assert title == "Residents audit a parking model"
    assert "Forty-one residents" in text and "Quayside" in text
    assert "Subscribe" not in text and "cookies" not in text and "kettles" not in text


@with_extra
@pytest.mark.parametrize("html", ["", "<", "<p>short</p>", "<div>" * 20_000, "<table>" * 3_000, "\x00" * 500])
def test_with_the_extra_no_page_breaks_the_worker(html: str) -> None:
    read_in_worker(html, max_chars=200)
