from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.contract import Contract, Evidence
from harness.domain.judgement import judge
from harness.domain.passages import headings_of, passages_of, plain, without_lines

TEXT = """\
Intro
goes on

## Signals
- **NVDA** long
  - entry 5

  more of it
- second
lazy
1. third

| a | b |
|---|---|
| 1 | 2 |

# 2. Judgement
**View**
para

### Empty
## Last
x"""


def test_a_text_falls_into_paragraphs_entries_and_rows_below_their_headings() -> None:
    assert [(p.text, p.lines, p.headings, p.is_entry) for p in passages_of(TEXT)] == [
        ("Intro\ngoes on", (1, 2), (), False),
        ("- **NVDA** long\n  - entry 5\n\n  more of it", (5, 8), ("Signals",), True),
        ("- second\nlazy", (9, 10), ("Signals",), True),
        ("1. third", (11, 11), ("Signals",), True),
        ("| 1 | 2 |", (15, 15), ("Signals",), True),
        ("para", (19, 19), ("2. Judgement", "View"), False),
        ("x", (23, 23), ("2. Judgement", "Last"), False),
    ]


def test_a_heading_knows_whether_anything_stands_below_it() -> None:
    found = [(heading.title, heading.line, heading.has_text) for heading in headings_of(TEXT)]
    assert found == [
        ("Signals", 4, True), ("2. Judgement", 17, True), ("View", 18, True), ("Empty", 21, False), ("Last", 22, True),
    ]  # fmt: skip


def test_lines_are_left_out_with_one_of_two_blank_lines_around_them() -> None:
    assert without_lines("a\n\nb\nc\n\nd\n", [(3, 4)]) == "a\n\nd\n"
    assert without_lines("a\n\nb", [(1, 1), (3, 3)]) == ""


def test_headings_are_compared_without_numbers_marks_and_capitals() -> None:
    assert plain("2.1 **Counter-argument**:") == "counter-argument"
    assert plain("IV. Facts") == "facts"


@given(st.text(alphabet="ab#*-|1. \n", max_size=80))
def test_every_line_with_words_is_in_one_passage_or_is_a_heading_or_a_rule(text: str) -> None:
    lines = text.split("\n")
    held = [number for passage in passages_of(text) for number in range(passage.lines[0], passage.lines[1] + 1)]
    assert len(held) == len(set(held))
    headings = {heading.line for heading in headings_of(text)}
    left = [lines[n - 1] for n in range(1, len(lines) + 1) if n not in {*held, *headings} and lines[n - 1].strip()]
    assert all(set(line) <= set("#*-|_ :") or "|" in line for line in left)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("```\n# a\n```\n# b", ["b"]),
        ("~~~ sh\n# a\n```\n# c\n~~~~\n# b", ["b"]),
        ("```\n# a\n``` no end\n# c\n```\n# b", ["b"]),
        ("```code``` in a line\n# b", ["b"]),
        ("```\n# a", []),
    ],
)
def test_a_heading_between_fences_is_code(text: str, found: list[str]) -> None:
    assert [heading.title for heading in headings_of(text)] == found


def test_a_long_text_with_many_faults_is_read_once() -> None:
    text = "\n".join(f"- item {n} at {n}.5" for n in range(200))
    passages_of.cache_clear()
    assert len(judge(Contract(numbers="collected"), Evidence(text))) >= 200
    assert passages_of.cache_info().misses == 1
