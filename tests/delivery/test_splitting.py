"""A text that is split loses nothing, and no block of it is divided."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.delivery.splitting import read_blocks, split_markdown

WORDS = st.lists(st.sampled_from(["alpha", "betå", "gamma*", "1.", "δ", "x" * 30]), min_size=1, max_size=12).map(
    " ".join
)
PARAGRAPH = st.lists(WORDS.map(lambda words: f"p {words}"), min_size=1, max_size=3).map("\n".join)
HEADING = st.tuples(st.integers(1, 4), WORDS).map(lambda pair: f"{'#' * pair[0]} h {pair[1]}")
FENCE = st.lists(WORDS, min_size=1, max_size=6).map(lambda lines: "```\n" + "\n\n".join(lines) + "\n```")
LIST = st.lists(WORDS, min_size=1, max_size=8).map(
    lambda rows: "\n".join(f"- e {row}\n  more of {row}" for row in rows)
)
NUMBERED = st.lists(WORDS, min_size=1, max_size=5).map(
    lambda rows: "\n\n".join(f"{number}. n {row}\n\n   below" for number, row in enumerate(rows, start=1))
)
TABLE = st.lists(st.tuples(st.integers(0, 10**12), WORDS), min_size=1, max_size=8).map(
    lambda rows: "| a | b |\n| --- | --- |\n" + "\n".join(f"| {number} | {words} |" for number, words in rows)
)
QUOTE = LIST.map(lambda text: "\n".join(f"> {line}" for line in ["**What is missing**", "", *text.split("\n")]))
TEXT = st.lists(st.one_of(PARAGRAPH, HEADING, FENCE, LIST, NUMBERED, TABLE, QUOTE), min_size=1, max_size=12).map(
    # Two lists in a row would be one; a rule keeps them apart.
    "\n\n---\n\n".join
)


@given(TEXT, st.integers(60, 600), st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_block_is_there_whole_and_in_order_and_every_part_within_the_limit(
    text: str, most: int, in_bytes: bool
) -> None:
    size = (lambda part: len(part.encode())) if in_bytes else len
    split = split_markdown(text, most, size)
    assert all(size(part) <= most for part in split.parts)
    files = iter(split.files)
    rest = "\n\n".join(split.parts)
    for block in read_blocks(text):
        if size(block.as_first) > most:
            file = next(files)
            assert file.text == block.as_first + "\n"
            expected = file.name
        else:
            expected = block.text
        assert expected in rest
        rest = rest[rest.index(expected) + len(expected) :]
    assert next(files, None) is None


@given(TEXT)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_blocks_joined_are_the_text(text: str) -> None:
    assert "".join(block.before + block.text for block in read_blocks(text)) == text


def test_a_text_within_the_limit_stays_as_it_is() -> None:
    assert split_markdown("one\n\ntwo\n", 20).parts == ("one\n\ntwo\n",)
    assert split_markdown("one\n\ntwo\n", None).parts == ("one\n\ntwo\n",)


def test_a_table_that_goes_on_has_its_head_again() -> None:
    text = "| a | b |\n|---|---|\n" + "\n".join(f"| {n} | {n * n} |" for n in range(10, 30))
    parts = split_markdown(text, 80).parts
    assert len(parts) > 2
    assert all(part.startswith("| a | b |\n|---|---|\n| ") for part in parts)
    assert re.findall(r"^\| (\d+) ", "\n".join(parts), re.MULTILINE) == [str(n) for n in range(10, 30)]


def test_a_heading_is_not_left_behind_at_the_end_of_a_part() -> None:
    parts = split_markdown(f"{'a' * 40}\n\n## News\n\n{'b' * 45}", 60).parts
    assert parts == ("a" * 40, f"## News\n\n{'b' * 45}")


def test_a_block_above_the_limit_goes_along_as_a_file_and_is_named_in_its_place() -> None:
    fence = "```\n" + "\n".join(["a line of code"] * 30) + "\n```"
    split = split_markdown(f"before\n\n{fence}\n\nafter", 100)
    assert [file.text for file in split.files] == [fence + "\n"]
    assert split.parts == (f"before\n\n*(a block of {len(fence)} characters: block-1.md)*\n\nafter",)


def test_definitions_of_links_are_not_lost() -> None:
    text = f"{'see [it][r] ' * 5}\n\n[r]: https://a.example/\n\n{'b' * 60}"
    assert "[r]: https://a.example/" in "\n\n".join(split_markdown(text, 70).parts)
