"""What a roundtable has come to is a fold over its requests: rounds one after another, and nobody heard too early."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.request import Final, Request, RequestState, Standing
from harness.domain.roundtable import (
    TRANSITIONS,
    OutOfTurn,
    Seat,
    Table,
    TableState,
    fold_table,
    is_sealed,
    seat_in,
    seat_of,
)
from harness.domain.seating import Roundtable

NOW = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)
RULES = Roundtable(("macro", "trading"), rounds=2)
SAID = Final("done", "rates fall", verdict="PASS")
LATE = Final("timed_out", "no final came")


def seat(
    speaker: str, number: int = 1, final: Final | None = None, table: str = "t-abc", **changes: object
) -> Standing:
    """Return what was asked of a speaker, and what it came to."""
    request = Request(
        id=f"r-{speaker}-{number}",
        sender="zoe",
        receiver=speaker,
        task=f"round {number}",
        due_at=NOW + timedelta(minutes=20 * number),
        made_at=NOW,
        key=Seat(table, number, speaker).key,
        background="the snapshot",
    )
    state = RequestState.CONFIRMED if final is None else RequestState.FINAL
    closed_at = None if final is None else NOW
    return Standing(replace(request, **changes), state, 3, speaker, 1, final=final, closed_at=closed_at)  # type: ignore[arg-type]


def test_the_key_of_a_seat_names_it_and_no_other_key_does() -> None:
    assert seat_in(Seat("t-abc", 2, "macro").key) == Seat("t-abc", 2, "macro")
    others = (
        "cron:zoe/roundtable:8/macro/0123456789abcdef",
        "roundtable",
        "roundtable t-abc 0 macro",
        "x roundtable t-a 1 b",
    )
    assert [seat_in(key) for key in others] == [None] * len(others)


def test_before_the_first_round_the_first_round_is_due() -> None:
    assert (Table(RULES).state, Table(RULES).next_round) == (TableState.GATHERING, 1)
    assert fold_table(RULES, ()) == Table(RULES)


def test_while_one_speaks_nobody_is_heard_and_no_round_is_due() -> None:
    table = fold_table(RULES, [seat("macro", final=SAID), seat("trading")])
    assert (table.state, table.next_round) == (TableState.SPEAKING, None)
    assert table.rounds[0].positions == ()
    assert table.last_positions == ()


def test_the_last_final_closes_the_round_and_all_of_it_is_heard() -> None:
    table = fold_table(RULES, [seat("trading", final=SAID), seat("macro", final=SAID)])
    assert (table.state, table.next_round) == (TableState.CLOSED, 2)
    assert [voice.speaker for voice in table.rounds[0].positions] == ["macro", "trading"]


@pytest.mark.parametrize(
    ("final", "absence"),
    [
        (LATE, "late: no final came"),
        (Final("rejected", "no model"), "rejected: no model"),
        (Final("failed", "the answer was empty"), "failed: the answer was empty"),
        (Final("cancelled", "cancelled by user"), "cancelled: cancelled by user"),
        (Final("done", "  "), "said nothing"),
    ],
)
def test_who_has_no_position_is_absent_with_the_reason_and_the_table_goes_on(final: Final, absence: str) -> None:
    table = fold_table(RULES, [seat("macro", final=SAID), seat("trading", final=final)])
    assert table.state is TableState.CLOSED
    assert [(voice.speaker, voice.absence) for voice in table.rounds[0].absent] == [("trading", absence)]


def test_who_there_is_not_is_absent_and_awaited_by_nobody() -> None:
    table = fold_table(RULES, [seat("macro", final=SAID)])
    assert table.state is TableState.CLOSED
    assert table.rounds[0].absent[0].absence == "there is no agent trading"


def test_too_few_in_the_first_round_break_the_table_up() -> None:
    asked = [seat("macro", final=LATE), seat("trading", final=LATE)]
    assert fold_table(RULES, asked).state is TableState.BROKEN_UP
    strict = replace(RULES, quorum=2)
    assert fold_table(strict, [seat("macro", final=SAID), asked[1]]).state is TableState.BROKEN_UP


def test_too_few_in_a_later_round_end_the_table_and_what_was_said_before_stands() -> None:
    rules = replace(RULES, rounds=3)
    first = [seat("macro", final=SAID), seat("trading", final=SAID)]
    table = fold_table(rules, [*first, seat("macro", 2, LATE), seat("trading", 2, LATE)])
    assert (table.state, table.next_round) == (TableState.HEARD, None)
    assert [(number, voice.speaker) for number, voice in table.last_positions] == [(1, "macro"), (1, "trading")]


def test_a_worker_that_judges_itself_harshly_has_spoken_none_the_less() -> None:
    table = fold_table(
        replace(RULES, rounds=1),
        [seat("macro", final=Final("done", "rates rise", verdict="FAIL")), seat("trading", final=LATE)],
    )
    assert table.state is TableState.HEARD
    assert [voice.speaker for voice in table.rounds[0].positions] == ["macro"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ([seat("macro"), seat("macro", id="r-other")], "macro is to speak once in round 1"),
        ([seat("butler")], "is of no seat of this table"),
        ([seat("macro", 3)], "is of no seat of this table"),
        ([seat("macro", key="cron:zoe/x:1/macro/abc")], "is of no seat of this table"),
        ([seat("macro", receiver="trading")], ""),
        ([seat("macro"), seat("trading", background="another snapshot")], "were not asked the same in round 1"),
        ([seat("macro"), seat("trading", due_at=NOW)], "were not asked the same in round 1"),
        ([seat("macro", 2)], "round 2 was called while the table was gathering"),
        ([seat("macro"), seat("trading", final=SAID), seat("macro", 2)], "called while the table was speaking"),
        ([seat("macro", final=LATE), seat("trading", final=LATE), seat("macro", 2)], "while the table was broken_up"),
        ([seat("macro"), seat("trading", table="t-other")], "are of several tables"),
    ],
)  # fmt: skip
def test_what_is_out_of_turn_is_refused(asked: list[Standing], words: str) -> None:
    if not words:  # passed on: who has it is not whose seat it is
        asked, words = [replace(asked[0], receiver="trading")], "and itself"
    with pytest.raises(OutOfTurn, match=words):
        fold_table(RULES, asked)


def test_a_seat_is_sealed_until_its_chair_was_told_and_nothing_else_ever_is() -> None:
    final = seat("macro", final=SAID)
    assert is_sealed(final)
    assert not is_sealed(replace(final, noticed_at=NOW))
    assert not is_sealed(replace(final, request=replace(final.request, key="another")))


# ── Any table ────────────────────────────────────────────────────────────────────────────────────

ENDS = st.sampled_from([SAID, Final("done", "stocks rise"), LATE, Final("rejected", "no"), Final("done", "")])
WHO = ("a", "b", "c", "d")


@st.composite
def sittings(draw: st.DrawFn) -> tuple[Roundtable, list[tuple[int, str, Final]]]:
    """Return rules, and who is to end with what in which order: rounds one after the other, each in any order."""
    speakers = draw(st.lists(st.sampled_from(WHO), min_size=1, unique=True))
    rounds = draw(st.integers(1, 4))
    rules = Roundtable(tuple(speakers), rounds, quorum=draw(st.integers(1, len(speakers))))
    ends = [(number, who, draw(ENDS)) for number in range(1, rounds + 1) for who in draw(st.permutations(speakers))]
    return rules, ends


@given(sittings(), st.randoms(use_true_random=False))
def test_however_a_table_goes_each_round_is_heard_at_once_and_after_the_one_before(
    sitting: tuple[Roundtable, list[tuple[int, str, Final]]], random: object
) -> None:
    rules, ends = sitting
    seats: dict[tuple[int, str], Standing] = {}
    table, calls = fold_table(rules, ()), 0
    for number, who, final in ends:
        if table.next_round == number:
            calls += 1
            seats |= {(number, speaker): seat(speaker, number) for speaker in rules.speakers}
            table = fold_table(rules, seats.values())
        if table.state in (TableState.HEARD, TableState.BROKEN_UP):
            break
        assert (table.state, len(table.rounds)) == (TableState.SPEAKING, number)
        assert table.rounds[-1].positions == table.rounds[-1].absent == ()
        seats[(number, who)] = seat(who, number, final)
        shuffled = list(seats.values())
        random.shuffle(shuffled)  # type: ignore[attr-defined]
        before, table = table, fold_table(rules, shuffled)
        assert table.rounds[:-1] == before.rounds[:-1], "a closed round never changes"
    assert calls == len(table.rounds)
    assert table.state in (TableState.HEARD, TableState.BROKEN_UP)
    assert (table.state is TableState.BROKEN_UP) == (len(table.rounds[0].positions) < rules.quorum)
    heard = [voice for held in table.rounds for voice in (*held.positions, *held.absent)]
    assert len(heard) == len(table.rounds) * len(rules.speakers), "everybody is heard or named as absent, once a round"
    assert all(len(held.positions) >= rules.quorum for held in table.rounds[:-1])
    assert all(seat_of(one.request) is not None for one in seats.values())


def test_every_state_can_be_reached_and_only_two_of_them_end_a_table() -> None:
    targets = {target for _, target in TRANSITIONS.values()}
    assert targets | {TableState.GATHERING} == set(TableState)
    left = {origin for origins, _ in TRANSITIONS.values() for origin in origins}
    assert set(TableState) - left == {TableState.HEARD, TableState.BROKEN_UP}
