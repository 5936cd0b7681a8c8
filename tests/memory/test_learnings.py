"""Records of learnings in a file that belongs to a person."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.learning import Learning, Verification
from harness.memory.learnings import learnings_path, new_id, parse_learnings
from harness.memory.learnings_writer import as_written, render_learning, with_learning

DAY = date(2026, 11, 21)
RECORD = Learning(
    "ERR-20261121-7f3a", "the field is BILLBOARD_BUY_AMT", "3c9d", "agent/trading", "tool", 2, DAY,
    trigger="A query of the billboard.", wrong="BUY_AMT", right="BILLBOARD_BUY_AMT", why="The API was renamed.",
    run="cron:trading/close-report:1795230000",
    verifications=(Verification("cron:trading/close-report:1795489200", date(2026, 11, 24), "exit_code"),),
)  # fmt: skip
# As the documents show it, the four fields in one line.
BY_HAND = """\
# Errors of trading

What I noticed myself.

## ERR-20261121-7f3a · the field is BILLBOARD_BUY_AMT
```yaml
id: ERR-20261121-7f3a
status: candidate        # candidate | verified | promoted | superseded | archived
fingerprint: 3c9d        # sha256 of tool + normalised error
scope: agent/trading
origin: tool
trust: 2
first_seen: 2026-11-21
last_verified: 2026-11-24
verifications:
  - {run: "cron:trading/close-report:1795489200", at: 2026-11-24, check: exit_code, ok: true}
contradictions: []
supersedes: null
pinned: false
```
Trigger: A query of the billboard. Wrong: BUY_AMT Right: BILLBOARD_BUY_AMT Why: The API was renamed.

My own remark, which nobody touches.

## What is no record
- a list of mine
"""

_LINE = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=40)
_WORDS = st.one_of(
    _LINE,
    st.sampled_from(
        ["Right: up", "# heading", "```", "a\nb", "## ERR-20261121-0000 · x", "Why:", "— é 日本", "[x](y)"]
    ),
)
_TIMES = st.lists(
    st.builds(
        Verification, st.text("abc:/~0", min_size=1, max_size=9), st.dates(), st.sampled_from(["test", "yes"]),
        st.booleans(),
    ),
    max_size=3,
).map(tuple)  # fmt: skip
_LEARNINGS = st.builds(
    Learning,
    id=st.integers(0, 0xFFFF).map(lambda n: f"ERR-20261121-{n:04x}"),
    title=_WORDS, fingerprint=st.text("0123456789abcdef", min_size=1, max_size=12),
    scope=st.sampled_from(["shared", "agent/scout"]), origin=st.sampled_from(["human", "tool", "agent", "external"]),
    trust=st.integers(0, 3), first_seen=st.dates(), trigger=_WORDS, wrong=_WORDS, right=_WORDS, why=_WORDS,
    run=st.none() | st.text("abc:/0123456789", min_size=1, max_size=9),
    status=st.sampled_from(["candidate", "verified", "promoted", "superseded", "archived"]),
    verifications=_TIMES, contradictions=_TIMES, supersedes=st.none() | st.just("ERR-20261120-0001"),
    is_pinned=st.booleans(), is_approved=st.booleans(), author=st.none() | st.just("zoe"),
)  # fmt: skip


@given(_LEARNINGS)
def test_a_record_that_was_written_is_read_back_as_it_was(learning: Learning) -> None:
    (found,) = parse_learnings(render_learning(learning)).found
    assert found.learning == as_written(learning)
    assert as_written(found.learning) == found.learning


def test_the_documented_form_is_read_with_its_comments_and_its_fields_in_one_line() -> None:
    (found,) = parse_learnings(BY_HAND).found
    read = found.learning
    assert (read.trigger, read.wrong, read.right) == ("A query of the billboard.", "BUY_AMT", "BILLBOARD_BUY_AMT")
    assert (read.trust, read.last_verified, read.is_pinned) == (2, date(2026, 11, 24), False)


def test_a_change_of_one_key_changes_its_lines_and_no_other_byte() -> None:
    (found,) = parse_learnings(BY_HAND).found
    text = with_learning(BY_HAND, replace(found.learning, status="verified"))
    changed = [pair for pair in zip(BY_HAND.splitlines(), text.splitlines(), strict=True) if pair[0] != pair[1]]
    assert changed == [
        ("status: candidate        # candidate | verified | promoted | superseded | archived", "status: verified")
    ]


def test_new_words_leave_a_persons_remark_below_them_alone() -> None:
    (found,) = parse_learnings(BY_HAND).found
    text = with_learning(BY_HAND, replace(found.learning, why="The API was renamed in July."))
    assert "Why: The API was renamed in July.\n\nMy own remark, which nobody touches.\n" in text
    assert text.endswith("## What is no record\n- a list of mine\n")
    assert parse_learnings(text).found[0].learning.why == "The API was renamed in July."


@given(
    _LEARNINGS, _LEARNINGS, st.sampled_from(["", "# Errors\n\nMine.", "# Errors\n\n", "no end\r\nof mine\r\n", BY_HAND])
)
def test_whatever_is_written_everything_else_stays_and_the_last_word_counts(
    first: Learning, second: Learning, text: str
) -> None:
    second = replace(second, id=first.id)
    once = with_learning(text, first)
    twice = with_learning(once, second)
    file = parse_learnings(twice)
    assert file.find(first.id) == as_written(second)
    assert not file.problems
    assert with_learning(twice, second) == twice
    if not text.endswith("\n## ") and parse_learnings(text).find(first.id) is None:
        assert twice.startswith(text)
    others = [each.learning for each in parse_learnings(text).found if each.learning.id != first.id]
    assert [each.learning for each in file.found if each.learning.id != first.id] == others


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("trust: 2", "trust: much", 12, "its trust is 'much', and none of 0, 1, 2, 3"),
        ("scope: agent/trading", "scope: everybody", 10, "neither agent/NAME nor shared"),
        ("first_seen: 2026-11-21", "first_seen: yesterday", 13, "its first_seen"),
        ("pinned: false", "pinned: maybe", 19, "neither true nor false"),
        ("fingerprint: 3c9d  ", "note: mine  ", 6, "it has no fingerprint"),
        ("pinned: false", "pinned: false\ncolour: red", 20, "unknown key 'colour'"),
        ("trust: 2", "trust: 2\ntrust: 3", 13, "trust is given twice"),
        ("```yaml", "", 5, "has no ```yaml block"),
        ("id: ERR-20261121-7f3a", "id: ERR-20261121-0000", 7, "its heading says another"),
        ("```\nTrigger", "Trigger", 6, "has no end"),
    ],
)
def test_a_record_that_cannot_be_read_is_named_with_its_line_and_left_alone(
    old: str, new: str, line: int, said: str
) -> None:
    text = BY_HAND.replace(old, new)
    file = parse_learnings(text)
    assert file.found == ()
    (problem,) = file.problems
    assert said in problem.what
    assert problem.line == line
    with pytest.raises(ValueError, match="cannot be read, and is left alone"):
        with_learning(text, RECORD)
    other = replace(RECORD, id="ERR-20261122-0001")
    assert with_learning(text, other).startswith(text)


def test_a_broken_record_hides_none_of_the_others() -> None:
    text = BY_HAND.replace("```\nTrigger", "Trigger")
    text = with_learning(text, replace(RECORD, id="ERR-20261122-0001"))
    file = parse_learnings(text)
    assert [each.learning.id for each in file.found] == ["ERR-20261122-0001"]
    assert len(file.problems) == 1


def test_of_two_records_of_one_id_the_second_is_named() -> None:
    file = parse_learnings(render_learning(RECORD) + "\n" + render_learning(RECORD))
    assert len(file.found) == 1
    assert "there is another record ERR-20261121-7f3a above" in file.problems[0].what


def test_lines_of_a_windows_editor_stay_as_they_are() -> None:
    text = BY_HAND.replace("\n", "\r\n")
    changed = with_learning(text, replace(parse_learnings(text).found[0].learning, status="verified"))
    assert not re.search(r"(?<!\r)\n", changed)
    assert parse_learnings(changed).found[0].learning.status == "verified"


def test_the_same_mistake_on_a_day_has_one_id_and_a_taken_one_is_made_longer() -> None:
    one = new_id("ERR", DAY, "3c9d", "agent/scout")
    assert one == new_id("ERR", DAY, "3c9d", "agent/scout") != new_id("ERR", DAY, "3c9d", "agent/zoe")
    longer = new_id("ERR", DAY, "3c9d", "agent/scout", [one])
    assert longer.startswith(one)
    assert len(longer) == len(one) + 4
    assert str(learnings_path("scout", "LRN")) == "agents/scout/.learnings/LEARNINGS.md"
