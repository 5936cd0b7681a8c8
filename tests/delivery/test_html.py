from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from harness.delivery.html import render_html, render_mail
from harness.domain.chart import Chart, Mark, Part
from harness.domain.digest import Digest, DigestItem, Need, Section

MADE = datetime(2026, 11, 21, 15, 40, tzinfo=UTC)
ITEM = DigestItem("One", "https://a.example/1?a=1&b=2", "why *so*", ("LWN",), MADE - timedelta(hours=3), None, "P0")
DIGEST = Digest(
    title="Morning digest",
    job_id="ainews/morning-digest",
    run_id="cron:ainews/morning-digest:1795275600",
    made_at=MADE,
    zone="America/Los_Angeles",
    made_by="extractive, no model",
    state="degraded",
    sections=(Section("AI", "Prose.", (ITEM,)), Section("Slow", "", (replace(ITEM, reachable=False),), after="End.")),
    gaps=("arXiv: answered 503", "LWN: <b>not a feed</b>"),
)
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """The page as a list of tags with their attributes, and its visible words; unbalanced tags are an error."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.style = ""
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.words += f" {data} "

    @property
    def text(self) -> str:
        return " ".join(self.words.split())


def test_the_page_shows_everything_that_the_person_must_know() -> None:
    text = Page(render_html(DIGEST)).text
    for expected in (
        "Saturday, 21 November 2026 07:40 PST", "Morning digest", "degraded", "What is missing 2 gaps",
        "arXiv: answered 503", "LWN: <b>not a feed</b>", "single-source", "P0", "3 h ago", "link does not answer",
        "Made by extractive, no model", "Run cron:ainews/morning-digest:1795275600", "America/Los_Angeles",
        "Prose.", "End.",
    ):  # fmt: skip
        assert expected in text


def test_a_notice_is_the_first_that_is_read_and_absent_where_there_is_none() -> None:
    page = Page(render_html(replace(DIGEST, notice="All of this is invented.")))
    assert page.text.index("All of this is invented.") < page.text.index("Saturday, 21 November 2026 07:40")
    assert not [attributes for _, attributes in Page(render_html(DIGEST)).tags if attributes.get("class") == "notice"]


def test_the_page_needs_nothing_but_itself() -> None:
    page = Page(render_html(DIGEST))
    assert not {"script", "img", "link", "iframe", "object", "form", "base", "image", "use"} & {t for t, _ in page.tags}
    assert "@import" not in page.style
    assert "url(" not in page.style
    for tag, attributes in page.tags:
        assert "style" not in attributes, "the content security policy would ignore it"
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "srcset")], tag


def test_the_policy_allows_exactly_the_page_s_own_style() -> None:
    page = Page(render_html(DIGEST))
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@pytest.mark.parametrize(
    "nasty",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "[x](javascript:alert(1))",
        "![x](https://evil.example/pixel.png)",
        "<a href='https://evil.example'>x</a>",
        "{{ 7 * 7 }} {% raw %}",
        "</style></title><svg onload=alert(1)>",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
    ],
)
def test_no_value_of_a_digest_becomes_markup(nasty: str) -> None:
    item = DigestItem(nasty, "https://a.example", nasty, (nasty, "x"), MADE)
    digest = replace(
        DIGEST,
        title=nasty,
        job_id=nasty,
        run_id=nasty,
        made_by=nasty,
        gaps=(nasty,),
        notice=nasty,
        sections=(Section(nasty, nasty, (item,), nasty, nasty), Section("2", items=(ITEM,))),
    )
    page = Page(render_html(digest))
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in Page(render_html(DIGEST)).tags} | {"p"}
    hrefs = {a["href"] for t, a in page.tags if t == "a"}
    assert {href for href in hrefs if href and not href.startswith("#")} == {"https://a.example", ITEM.url}
    assert page.text.count(nasty) >= 5


def test_a_link_that_is_no_web_address_is_shown_without_being_one() -> None:
    digest = replace(DIGEST, sections=(Section("S", items=(replace(ITEM, url="javascript:alert(1)"),)),))
    page = Page(render_html(digest))
    assert "One" in page.text
    assert not [a for t, a in page.tags if t == "a" and "javascript" in str(a.get("href"))]


def test_contents_count_the_items_below_each_heading() -> None:
    sections = (
        Section("A", items=(ITEM, ITEM), level=2),
        Section("A 1", items=(ITEM,), level=3),
        Section("", items=(ITEM,), level=3),
        Section("B *b*", items=(ITEM,), level=2),
    )
    source = render_html(replace(DIGEST, sections=sections))
    nav = re.search(r"<nav.*?</nav>", source, re.DOTALL)
    assert nav is not None
    assert Page(nav.group()).text == "A 4 B b 1"
    assert "<nav" not in render_html(replace(DIGEST, sections=sections[:1]))


def test_ranks_run_through_all_sections() -> None:
    source = render_html(DIGEST)
    assert re.findall(r'id="item-(\d+)"', source) == ["1", "2"]
    assert re.findall(r'<ol class="items" start="(\d+)"', source) == ["1", "2"]


def test_a_digest_without_items_is_a_page_too() -> None:
    page = Page(render_html(replace(DIGEST, sections=(), gaps=(), state="delivered")))
    assert "Nothing to report." in page.text
    assert "What is missing" not in page.text


FULL = replace(
    DIGEST,
    charts=(
        Chart(
            "line",
            "S&P <500>",
            (Mark("09:30", (6000.0,)), Mark("16:00", (6060.0,))),
            source="Stooq",
            url="https://s.example/",
        ),
        Chart("bars", "Jobs", (Mark("Sat 21", (51.0, 1.0)),), parts=(Part("delivered", "good"), Part("failed", "bad"))),
    ),
    needs=(Need("dead-letter", "zoe → ainews: <look>", "timed out", "harness bus show R-9", MADE),),
    accounted="55 planned: 51 delivered, 3 silent, 1 missed (asleep)",
    left_out=("1 item was delivered here before, and left out: “X”",),
)


def test_pictures_say_in_words_what_they_show() -> None:
    source = render_html(FULL)
    page = Page(source)
    charts = [attrs for tag, attrs in page.tags if tag == "svg" and attrs.get("class") == "chart"]
    ids = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    assert len(charts) == 2
    assert all(set((attrs["aria-labelledby"] or "").split()) <= ids for attrs in charts)
    assert "6,000 → 6,060 (+1.0 %), low 6,000, high 6,060 (09:30 – 16:00)" in page.words
    assert "Sat 21: 51 delivered, 1 failed" in page.words
    assert "S&P <500>" in page.words
    assert len(ids) == len([attrs for _, attrs in page.tags if "id" in attrs]), "no id stands twice"


def test_what_needs_the_person_stands_above_what_is_missing_and_the_day_at_the_foot() -> None:
    words = " ".join(Page(render_html(FULL)).words.split())
    places = [
        words.index(part)
        for part in ("What needs you", "zoe → ainews: <look>", "harness bus show R-9", "What is missing", "One",
                     "left out: “X”", "55 planned: 51 delivered, 3 silent, 1 missed (asleep)")
    ]  # fmt: skip
    assert places == sorted(places)


def test_the_page_with_everything_needs_nothing_but_itself() -> None:
    page = Page(render_html(FULL))
    assert not {tag for tag, _ in page.tags} & {"script", "img", "iframe", "link", "object", "embed", "foreignobject"}
    assert not [attrs for _, attrs in page.tags if any(name == "style" or name.startswith("on") for name in attrs)]


def test_a_mail_says_all_of_it_without_pictures_and_variables() -> None:
    source = render_mail(FULL)
    words = " ".join(Page(source).words.split())
    for part in ("What needs you (1)", "zoe → ainews: <look>", "arXiv: answered 503", "S&P <500> ▁█ 6,000 → 6,060",
                 "[P0]", "single-source", "link does not answer", "55 planned: 51 delivered"):  # fmt: skip
        assert part in words, part
    assert not any(word in source for word in ("var(--", "<svg", "<script", "<img"))
