from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from harness.delivery.html import render_html
from harness.delivery.markdown import render_markdown
from harness.delivery.prose import link_key
from harness.domain.contract import Contract, ItemRule
from harness.domain.digest import Digest
from harness.domain.job import Job
from harness.domain.judgement import judge
from harness.domain.source import Item
from harness.runs.reachability import Reach
from harness.runs.report import drop_items, evidence_of, parse_report, to_digest, without_uncollected

NOON = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
JOB = Job("ainews", "morning-digest", "agents/ainews/jobs/morning-digest.md", (), "America/Los_Angeles")
GOOD = Item("Good", "https://good.example/story?id=1", "Lobsters", published_at=NOON, also_in=("Hacker News",))
LONE = Item("Lone", "https://lone.example/a_(b)", "arXiv cs.AI")
ITEMS = (GOOD, LONE)


def digest_of(text: str, items: tuple[Item, ...] = ITEMS) -> Digest:
    return to_digest(
        parse_report(text, items), job=JOB, run_id="cron:x:1", made_at=NOON, made_by="m", state="delivered"
    )


def links_that_a_reader_sees(markdown: str) -> list[str]:
    """Every target in the Markdown for a reader that renders raw HTML and links bare addresses."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    found: list[str] = []
    for token in parser.parse(markdown):
        assert token.type != "html_block", token.content
        depth = 0  # inside a link nothing else becomes one
        for child in token.children or ():
            depth += child.nesting if child.type.startswith("link_") else 0
            assert child.type not in ("html_inline", "image"), child
            if child.type == "link_open":
                found.append(str(child.attrs["href"]))
            if child.type == "text" and depth == 0:
                found += re.findall(r"(?:\b[a-z][a-z0-9+.-]*://|\bwww\.)[^\s<>.,;:!?'\")\]]+", child.content, re.I)
    return found


def assert_only_collected_links(digest: Digest) -> None:
    allowed = {link_key(item.url) for item in ITEMS}
    assert {item.url for item in digest.items} <= {item.url for item in ITEMS}
    assert {link_key(link) for link in links_that_a_reader_sees(render_markdown(digest))} <= allowed
    targets = re.findall(r'(?:href|src|action|data)="([^"#][^"]*)"', render_html(digest))
    assert {link_key(target.replace("&amp;", "&")) for target in targets} <= allowed


def test_items_carry_what_was_collected_about_them() -> None:
    report = parse_report(
        "## AI\n- [A **better** title](http://www.good.example/story/?utm_source=x&id=1#top) — it *matters*. P1\n"
        "- [Lone](https://lone.example/a_(b)): because",
        ITEMS,
    )
    first, second = report.items
    assert (first.title, first.why, first.priority) == ("A better title", "it *matters*.", "P1")
    assert first.url == GOOD.url, "the collected link is delivered, not the model's variant of it"
    assert (first.sources, first.published_at) == (("Lobsters", "Hacker News"), NOON)
    assert first.lines == (2, 2)
    assert (second.why, second.sources, second.priority) == ("because", ("arXiv cs.AI",), None)


@pytest.mark.parametrize(
    "entry",
    [
        "- [T](https://good.example/story?id=1) - why. P0",
        "* [ ] P0: [T](https://good.example/story?id=1) – why.",
        "1. **[T](https://good.example/story?id=1)** — why. **P0**",
        "- **T** — why. ([source](https://good.example/story?id=1)) (P0)",
        "- 🔥 [T][1] : why. `P0`\n\n[1]: https://good.example/story?id=1",
        "> - [T](<https://good.example/story?id=1>) — why. [P0]",
        "### [T](https://good.example/story?id=1)\nwhy. P0",
        "- <a href='https://good.example/story?id=1'>T</a> why. P0",
        "- Group\n  - [T](https://good.example/story?id=1) — why. P0",
        "<ul><li><a href='https://good.example/story?id=1'>T</a> — why. P0</li></ul>",
    ],
)
def test_item_is_recognised_however_the_entry_is_dressed(entry: str) -> None:
    report = parse_report(entry, ITEMS)
    assert [(item.title, item.url) for item in report.items] == [("T", GOOD.url)]
    assert report.items[0].why.startswith("why.")
    dressed_down = parse_report(entry.replace("good.example", "evil.example"), ITEMS)
    assert [item.is_collected for item in dressed_down.items] == [False]
    assert "T" not in [item.title for item in without_uncollected(dressed_down).items]


def test_uncollected_item_goes_as_a_whole_and_is_named_in_the_gaps() -> None:
    digest = digest_of(
        "- [Fake](https://evil.example/x) — invented\n  - with a detail\n\n  and more\n"
        "  - [Real](https://lone.example/a_(b)) below it\n- [Good](https://good.example/story?id=1) — real"
    )
    assert [item.title for item in digest.items] == ["Real", "Good"]
    shown = render_markdown(digest)
    assert "invented" not in shown
    assert "with a detail" not in shown
    assert digest.gaps == ("1 item was left out because its link was not collected: “Fake” (https://evil.example/x)",)


@pytest.mark.parametrize(
    ("prose", "shown"),
    [
        ("See [the paper](https://evil.example/x).", "See the paper."),
        ("See [the paper][p].\n\n[p]: https://evil.example/x", "See the paper."),
        ("See <https://evil.example/x>.", "See `https://evil.example/x`."),
        ("See https://evil.example/x.", "See `https://evil.example/x`."),
        ("See <a href=https://evil.example/x>the *paper*</a>.", "See the *paper*."),
        ("See ![the chart](https://evil.example/x.png).", "See the chart."),
        ("See [it](javascript:alert(1)).", "See it."),
        ("See [it](//evil.example/x).", "See it."),
        ("See [it](https://good.example@evil.example/story?id=1).", "See it."),
        ("See https://[evil.example](https://evil.example).", "See `https://evil.example`."),
        ("<p>See <a href='https://evil.example'>the paper</a>.</p>", "See the paper."),
        ("<script>steal()</script>", ""),
    ],
)
def test_uncollected_link_in_prose_is_reduced_to_its_text(prose: str, shown: str) -> None:
    report = parse_report(prose, ITEMS)
    assert "".join(section.prose for section in report.sections).strip() == shown


def test_stray_links_are_named_in_the_gaps() -> None:
    report = parse_report("One.\n\nSee [the paper](https://evil.example/x).", ITEMS)
    assert [(stray.text, stray.url, stray.line) for stray in report.strays] == [
        ("the paper", "https://evil.example/x", 3)
    ]
    digest = digest_of(report.text)
    assert digest.state == "degraded", "whatever the caller knew of gaps"
    assert digest.gaps == ("1 link in the text not collected, shown as plain text: https://evil.example/x",)


def test_prose_stays_whole_and_in_its_place() -> None:
    text = """\
# Morning digest

Opening words.

## One

Before.

- [Good](https://good.example/story?id=1) — one

Between.

- [Lone](https://lone.example/a_(b)) — two

| a | b |
| --- | --: |
| x \\| y | 2 |

```python
- [not an item](https://evil.example/in-code)
```

## Two

1. first
2. second
"""
    shown = render_markdown(digest_of(text))
    parts = ["Opening words.", "## One", "Before.", "[Good]", "Between.", "[Lone]", "| x \\| y | 2 |",
             "- [not an item](https://evil.example/in-code)", "## Two", "1. first\n2. second"]  # fmt: skip
    positions = [shown.index(part) for part in parts]
    assert positions == sorted(positions)
    assert shown.count("Morning digest") == 1, "the masthead says the title already"


def test_open_fence_and_comment_swallow_nothing_of_the_digest() -> None:
    for text in ("```\nopen for ever", "<!-- open for ever", "<div>\nopen", "%% open"):
        shown = render_markdown(digest_of(text))
        assert MarkdownIt().render(shown).count("Made by m") == 1
        assert "<p>Made by m" in MarkdownIt().render(shown)


def test_dropping_items_leaves_the_rest_of_the_text() -> None:
    text = (
        "Intro.\n\n## AI\n\n- [Good](https://good.example/story?id=1) — one. P1\n- [Other](https://o.example/x) — two\n"
    )
    assert drop_items(text, ["http://good.example/story?id=1"]) == (
        "Intro.\n\n## AI\n\n- [Other](https://o.example/x) — two\n"
    )
    assert drop_items(text, []) == text


def test_report_as_evidence_is_judged_with_reachability_and_history() -> None:
    report = parse_report(
        "- [A](https://good.example/story?id=1)\n- [B](https://lone.example/a_(b))\n- [C](https://evil.example)", ITEMS
    )
    assert report.urls == (GOOD.url, LONE.url)
    evidence = evidence_of(report, reachability={GOOD.url: Reach(False, "answered 404", 404)}, seen={LONE.key})
    contract = Contract(min_items=3, every_item=ItemRule(reachable=True), unseen_for_s=86400)
    assert [violation.rule for violation in judge(contract, evidence)] == [
        "min_items", "every_item.reachable", "unseen_for", "every_item.url",
    ]  # fmt: skip


def test_section_of_one_job_carries_its_name() -> None:
    report = parse_report(f"## A\n- [x]({GOOD.url})\n## B\n- [y](<{LONE.url}>)\n- [z]({GOOD.url})", ITEMS)
    digest = to_digest(
        report, job=JOB, run_id="r", made_at=NOON, made_by="m", state="delivered", origins={GOOD.key: "ainews/arxiv"}
    )
    assert [section.origin for section in digest.sections] == ["ainews/arxiv", ""]


EVIL = "https://evil.example/x"
URLS = st.sampled_from(
    [EVIL, GOOD.url, LONE.url, "javascript:alert(1)", "//evil.example", "www.evil.example", "data:text/html,x",
     "https://good.example@evil.example/", "https://good.example\\@evil.example", "HTTPS://EVIL.example", "http://[",
     "ftp://evil.example/f", "obsidian://open", "/relative", "", "mailto:a@evil.example"]
)  # fmt: skip
WORDS = st.sampled_from(
    ["word", "P1", "a_b_c", "*", "**", "_", "`", "```", "~~", "[", "]", "(", ")", "<", ">", "!", "\\", "|", "&lt;",
     "&#10;", "&amp;", "#", "-", "1.", ":", "—", "https", "://", "[^1]", "[[x]]", "<!--", "-->", "%%", "$", "é",
     "\u2028", "\u00a0"]
)  # fmt: skip


@st.composite
def inlines(draw: st.DrawFn) -> str:
    url, words = draw(URLS), draw(WORDS)
    return draw(
        st.sampled_from(
            [words, f"[{words}]({url})", f"[{words}](<{url}> '{words}')", f"<{url}>", url, f"![{words}]({url})",
             f"[{words}][r]", f"<a href='{url}'>{words}</a>", f"<a href={url}>", "</a>",
             f"<img src={url} alt='{words}'>", f"**{words}**", f"*{words}*", f"`{words}{url}`", f"~~{words}~~",
             f"\\[{words}\\]({url})", f"<b>{words}</b>", f"[![{words}]({url})]({GOOD.url})", "<br>",
             f"<svg onload=x href='{url}'>", f"{words}\\"]
        )
    )  # fmt: skip


@st.composite
def documents(draw: st.DrawFn) -> str:
    lines = []
    for _ in range(draw(st.integers(1, 9))):
        prefix = draw(
            st.sampled_from(
                ["", "", "- ", "  - ", "    ", "1. ", "> ", "> - ", "- - ", "# ", "### ", "| ", "|-|-|", "```", "~~~",
                 "---", "===", "[r]: ", "<div>", "</div>", "<script>", "<li>", "<!--", "\t", "- [ ] ", "* "]
            )
        )  # fmt: skip
        separator = draw(st.sampled_from(["", " ", " — "]))
        lines.append(prefix + separator.join(draw(st.lists(inlines(), max_size=5))))
        if draw(st.booleans()):
            lines.append("")
    return "\n".join(lines)


@settings(max_examples=400, deadline=None)
@given(st.one_of(documents(), st.text(alphabet="[]()<>!`*_~#-|\\&;:/ \n\tahtps.w1='\"", max_size=80)))
@example("[![[](https://evil.example/x)](https://good.example/story?id=1)")
@example("`a`[`https://evil.example`](x)`b`")
@example("&#10;&#10;- [x]: https://evil.example")
@example("**<b></b>**https://evil.example**")
@example("[a]\n\n[a]: https://evil.example\n\n    [b](https://evil.example)")
def test_nothing_uncollected_is_linked_whatever_the_model_writes(text: str) -> None:
    assert_only_collected_links(digest_of(text))


@settings(max_examples=200, deadline=None)
@given(documents())
@example("# [word](https://evil.example/x)\n\n# \nword")
@example("# <https://evil.example/x>\n- \n- [word](https://evil.example/x)")
@example("# [word](https://evil.example/x)\n\n- [x](https://good.example/story?id=1)\n\nword")
def test_dropped_items_are_gone_when_the_text_is_read_again(text: str) -> None:
    left = drop_items(text, [EVIL, GOOD.url])
    assert not {link_key(EVIL), link_key(GOOD.url)} & {link_key(item.url) for item in parse_report(left, ITEMS).items}


SENTENCES = st.lists(
    st.sampled_from(["plain", "words", "1.5", "2 * 3", "a_b", "C#", "x < y", "100%", "[1]", "~5", "R&D", "#tag",
                     "- dash", "**bold**", "*soft*", "`co``de`" , "`|`", "[link](https://good.example/story?id=1)",
                     "a|b", "!", "+", "="]),
    min_size=1, max_size=8,
).map(" ".join)  # fmt: skip


@st.composite
def plain_documents(draw: st.DrawFn) -> str:
    blocks = []
    for _ in range(draw(st.integers(1, 6))):
        one, two = "w" + draw(SENTENCES), "w" + draw(SENTENCES)
        blocks.append(
            draw(
                st.sampled_from(
                    [one, f"{one}\n{two}", f"- {one}\n- {two}", f"1. {one}\n\n   {two}\n2. {one}",
                     f"> {one}\n>\n> {two}", f"- {one}\n  - {two}\n    > {one}", f"```py\n{one}\n  {two}\n```",
                     f"### {one}", f"{one}\\\n{two}", f"    {one}", "* * *", f"- {one}\n\n  ```\n  {two}\n  ```"]
                )
            )
        )  # fmt: skip
    return "\n\n".join(blocks)


@settings(max_examples=300, deadline=None)
@given(plain_documents())
def test_prose_means_the_same_after_it_was_read_and_written(text: str) -> None:
    rendered = MarkdownIt("commonmark").render

    def shape(html: str) -> str:
        # A code block may come back as a fence, a rule in another sign: what is shown is the same.
        return re.sub(r"\s+", " ", html.replace('<code class="language-py">', "<code>")).strip()

    assert shape(rendered(drop_items(text, []))) == shape(rendered(text))
