"""A MEMORY.md brought under its budget."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.learning import Learning, Verification
from harness.domain.tokens import estimate_tokens
from harness.memory.bullets import bullets_of
from harness.memory.compression import BUDGET_TOKENS, TooLong, compress

TODAY = date(2026, 11, 21)


def learning(number: int, *, held: int = 3, trust: int = 2, days_ago: int = 1, **more: object) -> Learning:
    last = TODAY - timedelta(days=days_ago)
    times = tuple(Verification(f"run-{n}", last, "test") for n in range(held))
    made = Learning(f"ERR-20261101-{number:04x}", "", f"{number}", "agent/a", "tool", trust, last, verifications=times)
    return replace(made, **{"status": "promoted", **more})  # type: ignore[arg-type]


def known(*learnings: Learning) -> dict[str, Learning]:
    return {each.id: each for each in learnings}


def bullet(number: int, words: str) -> str:
    return f"- {words} ^ERR-20261101-{number:04x}\n"


def test_a_file_within_its_budget_stays_as_it_is_but_for_what_is_outdated_or_said_twice() -> None:
    text = "# Mine\n\n- kept by me\n" + bullet(1, "The sky is blue.") + bullet(2, "The sea is deep.")
    assert compress(text, known(learning(1), learning(2)), TODAY).text == text
    outdated = compress(text, known(learning(1, status="superseded"), learning(2)), TODAY)
    assert outdated.text == "# Mine\n\n- kept by me\n" + bullet(2, "The sea is deep.")
    assert [(one.id, one.why) for one in outdated.removed] == [("ERR-20261101-0001", "superseded")]


def test_of_two_that_say_the_same_the_one_that_held_more_often_stays() -> None:
    words = "Ask the billboard for the field NET_BUY_AMT and never for BUY_AMT since the API was renamed in July."
    text = bullet(1, words) + bullet(2, words.replace("never", "Never")) + bullet(3, "Something else is true.")
    found = compress(text, known(learning(1, held=3), learning(2, held=9), learning(3)), TODAY)
    assert [(one.id, one.why, one.of) for one in found.removed] == [
        ("ERR-20261101-0001", "duplicate", "ERR-20261101-0002")
    ]


def test_what_is_worth_least_for_its_length_goes_when_there_is_no_room() -> None:
    text = "".join(bullet(n, f"Number {n} is {'long ' * 40}and true of {n * 7919}.") for n in range(6))
    held = known(*(learning(n, held=3 + n, days_ago=n * 10 if n else 900) for n in range(6)))
    found = compress(text, held, TODAY, budget_tokens=estimate_tokens(text) - 30)
    assert [(one.id, one.why) for one in found.removed] == [("ERR-20261101-0000", "no room")]


def test_what_a_person_wrote_or_pinned_stays_and_is_never_cut_also_where_it_is_too_long() -> None:
    text = "- mine " + "word " * 400 + "\n" + bullet(1, "pinned " * 50) + bullet(2, "loose")
    held = known(learning(1, is_pinned=True, status="superseded"), learning(2))
    found = compress(text, held, TODAY, budget_tokens=estimate_tokens(text) - 5)
    assert [one.id for one in found.removed] == ["ERR-20261101-0002"]
    with pytest.raises(TooLong, match=r"what you wrote and pinned there takes \d+ tokens of 300"):
        compress(text, held, TODAY, budget_tokens=300)


_BULLETS = st.lists(
    st.tuples(
        st.booleans(),  # mine
        st.text("abcdefg ", min_size=1, max_size=60).map(str.strip).filter(bool),
        st.integers(0, 6), st.integers(0, 3), st.integers(0, 400),
        st.sampled_from(["promoted", "promoted", "promoted", "superseded", "archived"]), st.booleans(), st.booleans(),
    ),
    max_size=30,
)  # fmt: skip


@given(_BULLETS, st.integers(20, 600))
def test_it_is_never_over_its_budget_loses_nothing_and_does_nothing_the_second_time(
    bullets: list[tuple[bool, str, int, int, int, str, bool, bool]], budget: int
) -> None:
    lines, learnings = [], {}
    for number, (is_mine, words, held, trust, days, status, pinned, is_known) in enumerate(bullets):
        lines.append(f"- {words}\n" if is_mine else bullet(number, words))
        if is_known and not is_mine:
            made = learning(number, held=held, trust=trust, days_ago=days, status=status, is_pinned=pinned)
            learnings[made.id] = made
    text = "# Memory\n\n" + "".join(lines)
    try:
        found = compress(text, learnings, TODAY, budget)
    except TooLong:
        kept = [one for one in bullets_of(text) if one.record.id is None or _pinned(one.record.id, learnings)]
        assert estimate_tokens("# Memory\n\n" + "".join(f"{one.record.text}\n" for one in kept)) > budget
        return
    assert estimate_tokens(found.text) == found.tokens <= budget
    before = [one.record.text for one in bullets_of(text)]
    after = [one.record.text for one in bullets_of(found.text)]
    assert sorted(before) == sorted([*after, *(one.text for one in found.removed)]), "every one is here or there"
    mine = [one.record.text for one in bullets_of(text) if one.record.id is None]
    assert [one.record.text for one in bullets_of(found.text) if one.record.id is None] == mine
    assert not [one for one in found.removed if _pinned(one.id, learnings)]
    assert compress(found.text, learnings, TODAY, budget) == replace(found, removed=())
    assert compress(text, learnings, TODAY, budget) == found


def _pinned(learning_id: str, learnings: dict[str, Learning]) -> bool:
    return learning_id in learnings and learnings[learning_id].is_pinned


def test_the_budget_leaves_room_below_the_limit() -> None:
    assert BUDGET_TOKENS == 2_700
