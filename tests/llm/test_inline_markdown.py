"""Foreign text in Markdown shows as it is. A real Markdown parser is the judge."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from harness.llm.inline_markdown import escape_text, is_linkable, link
from harness.llm.sentences import one_line

MARKS = st.text(alphabet=st.sampled_from("ab1 []()<>|*_`~\\&;#!$:/-.\"'")) | st.text()


def inline(markdown: str) -> list[Token]:
    (token,) = MarkdownIt("js-default").parseInline(markdown)
    return token.children or []


def href(markdown: str) -> str:
    return str(next(token for token in inline(markdown) if token.type == "link_open").attrs["href"])


def shown(tokens: list[Token]) -> str:
    assert {token.type for token in tokens} <= {"text", "text_special"}, tokens
    return "".join(token.content for token in tokens)


@given(MARKS.map(one_line))
@example("__0__")
def test_escaped_text_is_shown_as_it_was(text: str) -> None:
    assert shown(inline("x" + escape_text(text) + "x")) == f"x{text}x"


@pytest.mark.parametrize("text", ["snake_case", "R&D", "a < b > c", "C++ (new)", "50 % off!", "it's"])
def test_what_does_no_harm_stays_readable(text: str) -> None:
    assert escape_text(text) == text


@pytest.mark.parametrize("text", ["<script>", "![x](y)", "&lt;", "a | b", "**bold**", "[^1]"])
def test_what_would_do_harm_is_escaped(text: str) -> None:
    assert escape_text(text) != text
    assert shown(inline(escape_text(text))) == text


@pytest.mark.parametrize(
    "url",
    [
        "https://h.example/a_(b)",
        "https://h.example/a)b",
        "https://h.example/a(b",
        "https://h.example/?x=1&copy;=2&y=[z]",
        "https://h.example/*a*_b_`c`",
        "HTTPS://h.example/%28",
    ],
)
def test_an_address_arrives_as_it_was(url: str) -> None:
    assert is_linkable(url)
    assert href(link("Title", url)) == MarkdownIt().normalizeLink(url)


def test_balanced_parentheses_need_no_escape() -> None:
    assert link("T", "https://h.example/a_(b)") == "[T](https://h.example/a_(b))"


@given(MARKS.map(one_line).filter(bool), MARKS)
def test_a_title_never_escapes_from_its_link(title: str, tail: str) -> None:
    url = "https://h.example/" + tail
    if not is_linkable(url):
        return
    tokens = inline(f"{link(title, url)} — rest")
    assert [t.type for t in tokens if t.type not in ("text", "text_special")] == ["link_open", "link_close"]
    assert str(tokens[0].attrs["href"]) == MarkdownIt().normalizeLink(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "data:text/html,x",
        "/relative",
        "//h.example",
        "https://",
        "http://[bad",
        "http://h:port/",
        "https://h.example/a b",
        "https://h.example/<b>",
        "https://h.example/\n",
        "https://h.example/\\",
        "https://h.example/\ud800",
    ],
)
def test_what_cannot_be_a_link_is_not_linkable(url: str) -> None:
    assert not is_linkable(url)
