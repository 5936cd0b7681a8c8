"""robots.txt as RFC 9309 has it."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.collectors.robots_rules import may_read, read_robots

RFC_EXAMPLE = """\
User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot
"""


def may(text: str, path: str, product: str = "agent-team-harness") -> bool:
    return may_read(read_robots(text, product), path)


@pytest.mark.parametrize(
    ("product", "path", "expected"),
    [
        ("anybot", "/example/page.html", False),
        ("anybot", "/publications/x", True),
        ("anybot", "/images/a.gif", False),
        ("anybot", "/images/a.gif?x", True),
        ("foobot", "/example/page.html", True),
        ("foobot", "/example/allowed.gif", True),
        ("foobot", "/anything", False),
        ("FooBot", "/anything", False),
        ("bazbot", "/example/page.html", False),
        ("barbot", "/example/other.html", True),
        ("quxbot", "/example/page.html", True),
    ],
)
def test_the_examples_of_the_rfc(product: str, path: str, expected: bool) -> None:
    assert may(RFC_EXAMPLE, path, product) is expected


@pytest.mark.parametrize(
    ("rules", "path", "expected"),
    [
        ("Disallow: /", "/", False),
        ("Disallow: /", "/robots.txt", True),
        ("Disallow:", "/x", True),
        ("", "/x", True),
        ("Disallow: /a # because\n", "/ab", False),
        ("Allow: /folder\nDisallow: /folder", "/folder/x", True),
        ("Allow: /folder\nDisallow: /folder/x", "/folder/x", False),
        ("Disallow: /*?", "/page?id=1", False),
        ("Disallow: /*?", "/page", True),
        ("Disallow: /*.atom$", "/o/r/releases.atom", False),
        ("Disallow: /*.atom$", "/o/r/releases.atom?x", True),
        ("Disallow: /a*b*c$", "/a-b-b-c", False),
        ("Disallow: /a*bc*c$", "/abc", True),
        ("Disallow: /x$", "/xy", True),
        ("Disallow: /x$", "/x", False),
        ("Disallow: /%7Ejoe", "/~joe/x", False),
        ("Disallow: /ü", "/%C3%BC/x", False),
        ("Disallow: /a%2fb", "/a/b", True),
        ("Crawl-delay: 10\nDisallow: /x\nSitemap: https://x.test/s", "/x", False),
        ("disallow : /x", "/x", False),
    ],
)
def test_the_longest_pattern_that_matches_decides(rules: str, path: str, expected: bool) -> None:
    assert may(f"\ufeffUSER-AGENT: *\r\n{rules}", path) is expected


def test_groups_of_the_same_name_are_one_and_a_version_is_no_part_of_it() -> None:
    own = "User-agent: {}\nDisallow: {}\n\n"
    named = (("agent-team-harness/2", "/a"), ("*", "/"), ("Agent-Team-Harness", "/b"))
    text = "".join(own.format(*group) for group in named)

    assert [may(text, path) for path in ("/a", "/b", "/c")] == [False, False, True]


@settings(deadline=None)
@given(st.text(max_size=400), st.text(max_size=60))
def test_no_text_of_a_host_breaks_the_reading(text: str, path: str) -> None:
    for written in (text, f"User-agent: *\nDisallow: {text}"):
        assert may(written, f"/{path}") in (True, False)


def test_rules_that_mean_to_hold_up_the_reading_do_not() -> None:
    """Matching is linear in pattern and path: as regular expressions, these would take longer than the universe."""
    rules = "User-agent: *\n" + f"Disallow: /{'*a' * 900}$\n" * 2_000

    assert may(rules, "/" + "a" * 899 + "b")


def test_thousands_of_names_before_thousands_of_rules_fill_no_memory() -> None:
    text = "".join(f"User-agent: a{number}\n" for number in range(3_000)) + "Disallow: /x\n" * 3_000
    tracemalloc.start()
    try:
        rules = read_robots(text + "User-agent: *\nDisallow: /private\n")
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [rule.pattern for rule in rules] == ["/private"]
    assert most_bytes < 10_000_000
