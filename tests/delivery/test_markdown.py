from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from markdown_it import MarkdownIt

from harness.delivery.markdown import render_markdown
from harness.domain.digest import Digest, DigestItem, Section

MADE = datetime(2026, 11, 21, 15, 40, tzinfo=UTC)
DIGEST = Digest(
    title="Morning digest",
    job_id="ainews/morning-digest",
    run_id="cron:ainews:1",
    made_at=MADE,
    zone="America/Los_Angeles",
    made_by="extractive, no model",
    state="degraded",
    sections=(
        Section("", "Two stories."),
        Section(
            "AI",
            items=(
                DigestItem("One", "https://a.example/1", "why *so*.", ("Lobsters", "LWN"), MADE, True, "P0"),
                DigestItem("Two", "https://b.example/a_(b)", "", ("arXiv",), None, False),
            ),
            origin="ainews/arxiv",
        ),
        Section("Slow", items=(DigestItem("Three", "https://c.example", "- a\n- b", ("LWN", "ACM")),), after="End."),
    ),
    gaps=("arXiv cs.RO: answered 503, see https://export.arxiv.org/api",),
)


def test_a_digest_reads_like_this() -> None:
    assert (
        render_markdown(DIGEST)
        == """\
# Morning digest

Saturday, 21 November 2026, 07:40 PST · ainews/morning-digest

3 items · 4 sources · 1 single-source · 1 gap · **degraded**

> **What is missing (1 gap)**
>
> - arXiv cs.RO: answered 503, see `https://export.arxiv.org/api`

Two stories.

## AI

from ainews/arxiv

1. [One](https://a.example/1) — why *so*. P0

   Lobsters · LWN · published 21 Nov 07:40

2. [Two](<https://b.example/a_(b)>)

   arXiv · **single-source** · **link does not answer**

## Slow

3. [Three](https://c.example)

   - a
   - b

   LWN · ACM

End.

___

Made by extractive, no model · ainews/morning-digest · run cron:ainews:1 · times in America/Los_Angeles
"""
    )


def test_no_value_of_a_digest_becomes_markup() -> None:
    nasty = "](https://evil.example) **b** <img src=x> `c` # &lt; | 1."
    digest = replace(
        DIGEST,
        title=nasty,
        made_by=nasty,
        gaps=(nasty,),
        notice=nasty,
        sections=(Section("S", items=(DigestItem(nasty, "https://a.example", "", (nasty,)),)),),
    )
    tokens = MarkdownIt("commonmark").parse(render_markdown(digest))
    children = [child for token in tokens for child in token.children or ()]
    assert [child.attrs["href"] for child in children if child.type == "link_open"] == ["https://a.example"]
    assert not [child for child in children if child.type in ("html_inline", "image")]
    shown = " ".join(child.content for child in children if child.type in ("text", "code_inline"))
    assert shown.count("**b** <img src=x> `c` # &lt; | 1.") == 6


def test_a_digest_without_content_says_so() -> None:
    assert "\nNothing to report.\n" in render_markdown(replace(DIGEST, sections=()))


def test_a_notice_stands_above_everything_but_the_title_in_one_block_of_its_own() -> None:
    written = render_markdown(replace(DIGEST, notice="All of this is invented:\nsee https://world.example/ for why"))
    assert written.startswith(
        "# Morning digest\n\n> **All of this is invented: see `https://world.example/` for why**\n\nSaturday, 21"
    )


def test_a_message_without_items_does_not_count_what_it_never_meant_to_have() -> None:
    message = replace(DIGEST, sections=(Section("What went wrong", "A feed failed."),), gaps=(), state="delivered")
    assert "0 items" not in render_markdown(message)
    assert "1 gap" in render_markdown(replace(message, gaps=("a feed failed",), state="degraded"))
