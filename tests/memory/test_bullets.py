"""Bullets of a MEMORY.md, put in and taken out of a person's text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.memory.bullets import bullets_of, with_bullets, without_bullets
from harness.memory.records import parse_memory

TEXT = """\
# The day's page

- It is read once, in the morning.
  - and never twice

Some prose of mine.

## Learned

- The field is BILLBOARD_BUY_AMT. ^ERR-20261121-7f3a

## Mine

1. Keep this.
"""
NEW = "LRN-20261122-0001"

_PIECES = st.sampled_from([
    "# One\n", "## Learned\n", "## Two\n", "- mine\n", "- mine\n  goes on\n", "- old ^ERR-20261121-7f3a\n", "\n",
    "prose\n", "```\n- no bullet\n```\n", "- other ^LRN-20261120-00aa\n", "1. a\n", "   - nested\n", "no end",
    "- é — 日本\r\n",
])  # fmt: skip
_TEXTS = st.lists(_PIECES, max_size=10).map("".join)


def test_a_new_one_stands_below_its_heading_and_nothing_else_is_touched() -> None:
    text = with_bullets(TEXT, {NEW: "Ask  for the\nsmall file first."})
    bullet = f"- Ask for the small file first. ^{NEW}\n"
    assert text == TEXT.replace("^ERR-20261121-7f3a\n", f"^ERR-20261121-7f3a\n{bullet}")


def test_without_the_heading_it_is_made_at_the_end() -> None:
    assert with_bullets("- mine", {NEW: "It is so."}) == f"- mine\n\n## Learned\n\n- It is so. ^{NEW}\n"
    assert with_bullets("", {NEW: "It is so."}) == f"## Learned\n\n- It is so. ^{NEW}\n"


def test_one_that_stands_there_is_changed_in_its_place() -> None:
    text = with_bullets(TEXT, {"ERR-20261121-7f3a": "The field is NET_BUY_AMT."})
    assert text == TEXT.replace("BILLBOARD_BUY_AMT", "NET_BUY_AMT")


def test_what_is_taken_out_leaves_the_rest_as_it_was() -> None:
    assert without_bullets(TEXT, ["ERR-20261121-7f3a"]) == TEXT.replace(
        "- The field is BILLBOARD_BUY_AMT. ^ERR-20261121-7f3a\n\n", ""
    )
    assert without_bullets(TEXT, ["ERR-20261121-0000"]) == TEXT


@given(_TEXTS)
def test_every_record_is_found_in_its_lines(text: str) -> None:
    found = bullets_of(text)
    assert tuple(bullet.record for bullet in found) == parse_memory(text.replace("\r\n", "\n"))
    lines = text.replace("\r\n", "\n").split("\n")
    for bullet in found:
        assert "\n".join(lines[bullet.start : bullet.end]) == bullet.record.text
    assert [bullet.start for bullet in found] == sorted(bullet.start for bullet in found)


@given(_TEXTS, st.text("abc .", min_size=1, max_size=20).map(str.strip).filter(bool))
def test_what_a_person_wrote_stays_and_putting_it_in_twice_is_the_same_as_once(text: str, words: str) -> None:
    try:
        once = with_bullets(text, {NEW: words})
    except ValueError:
        assert text.count("```") % 2 == 1 or "end```" in text
        return
    assert with_bullets(once, {NEW: words}) == once
    mine = [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]
    left = iter(once.replace("\r\n", "\n").split("\n"))
    assert all(line in left for line in mine), "every line of the person's is there, in its order"
    assert sum(NEW in line for line in once.split("\n")) == 1


@given(_TEXTS)
def test_taking_out_what_was_put_in_leaves_all_records_of_before(text: str) -> None:
    if "end```" in text:  # it opens no block, and closes one that nobody opened
        return
    back = without_bullets(with_bullets(text, {NEW: "words"}), [NEW])
    before = [record.text for record in parse_memory(text.replace("\r\n", "\n"))]
    assert [record.text for record in parse_memory(back.replace("\r\n", "\n"))] == before
