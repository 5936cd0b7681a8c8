"""The main text of a page, without its menus and its cookies. Run only in a worker that can be killed.

With the extra `pages` installed trafilatura finds it; without it, or where it finds none, all text of the page counts.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

from harness.collectors.plain_text import PageText, read_html_page, shorten
from harness.gate.sanitise import one_line

MIN_MAIN_CHARS = 250
"""Less than that is no article: a list, a form, an answer of two lines, whose text is all that there is."""

Extract = Callable[[str], str | None]
"""Returns the main text of an HTML page, line by line, or None if it finds none."""


def read_page_text(html: str, max_chars: int, extract: Extract | None) -> PageText:
    """Return the page's title and its main text; all of its text where `extract` finds none, or is None."""
    page = read_html_page(html, max_chars)
    main = _main_lines(html, extract) if extract is not None else ""
    return PageText(page.title, shorten(main, max_chars)) if len(main) >= MIN_MAIN_CHARS else page


def find_extract() -> Extract | None:
    """Return the extraction of the extra `pages`, or None if it is not installed."""
    return _extract_main if importlib.util.find_spec("trafilatura") is not None else None


def _main_lines(html: str, extract: Extract) -> str:
    try:
        found = extract(html)
    except Exception:  # noqa: BLE001 - whatever a page does to the library, there is still the other way to read it
        return ""
    lines = (one_line(line) for line in (found or "").splitlines())
    return "\n".join(line for line in lines if line)


def _extract_main(html: str) -> str | None:
    # Half a second to import, and needed for pages alone: a worker that parses feeds never loads it.
    import trafilatura

    found: str | None = trafilatura.extract(html, include_comments=False, include_tables=True, include_images=False)
    return found
