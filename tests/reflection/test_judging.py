"""What the evidence says of records at night, by rules alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from harness.domain.learning import Learning
from harness.reflection.judging import Judged, judge
from tests.reflection.records import CANDIDATE, FIRST, HELD, NIGHT, PROVEN, held, like


def after(judged: Judged, record: Learning) -> Learning:
    """The record as it is then."""
    return next((change.after for change in judged.changes if change.after.id == record.id), record)


def test_what_has_proven_itself_is_due_and_what_has_not_waits_and_says_what_it_lacks() -> None:
    judged = judge([PROVEN, CANDIDATE], NIGHT)
    assert [each.id for each in judged.due] == [PROVEN.id]
    assert [each.learning.id for each in judged.waiting] == [CANDIDATE.id]
    assert [each.id for each in judged.learned] == [CANDIDATE.id]
    assert judged.changes == ()


def test_what_did_not_hold_since_it_held_last_has_to_prove_itself_again() -> None:
    for status in ("verified", "promoted"):
        record = replace(PROVEN, status=status, contradictions=(held("8", 3, is_ok=False),))
        judged = judge([record], NIGHT)
        assert after(judged, record).status == "candidate"
        assert (judged.due, [each.id for each in judged.contradicted]) == ((), [PROVEN.id])
    again = replace(PROVEN, status="promoted", contradictions=(held("8", 1, is_ok=False),))
    assert judge([again], NIGHT).changes == ()


def test_on_one_day_what_went_wrong_counts() -> None:
    record = replace(PROVEN, status="promoted", contradictions=(held("8", 2, is_ok=False),))
    assert after(judge([record], NIGHT), record).status == "candidate"


def test_what_is_the_person_s_own_is_told_as_disputed_and_stays_as_it_is() -> None:
    against = (held("8", 3, is_ok=False),)
    for record in (
        replace(PROVEN, is_pinned=True, status="promoted", contradictions=against),
        replace(PROVEN, origin="human", trust=3, status="promoted", contradictions=against),
    ):
        judged = judge([record], NIGHT)
        assert (judged.changes, [each.id for each in judged.disputed]) == ((), [PROVEN.id])
        assert judge([record], NIGHT + timedelta(days=1)).disputed == ()


def test_a_proven_record_takes_the_place_of_the_one_that_it_names_and_none_that_is_believed_more() -> None:
    newer = like(PROVEN, 1, supersedes=PROVEN.id, fingerprint="other")
    assert after(judge([PROVEN, newer], NIGHT), PROVEN).status == "superseded"
    for weaker in (
        replace(newer, trust=1),
        replace(newer, status="candidate", verifications=()),
        replace(newer, contradictions=(held("8", 3, is_ok=False),)),
    ):
        assert after(judge([PROVEN, weaker], NIGHT), PROVEN).status != "superseded"


def test_of_records_that_say_the_same_one_stays_with_the_evidence_of_both() -> None:
    one = replace(PROVEN, verifications=HELD[:1])
    other = like(PROVEN, 1, verifications=HELD[1:], right="Ask for  billboard_buy_amt.")
    judged = judge([one, other], NIGHT)
    kept, gone = after(judged, other), after(judged, one)
    assert (kept.status, gone.status, kept.supersedes) == ("verified", "superseded", one.id)
    assert {each.run for each in kept.verifications} == {each.run for each in HELD}
    assert [each.id for each in judged.due] == [other.id]


def test_what_is_believed_less_lends_no_evidence_and_one_mistake_may_have_two_ways_out() -> None:
    one = replace(PROVEN, verifications=HELD[:1])
    outside = like(PROVEN, 1, verifications=HELD[1:], trust=0, origin="external")
    judged = judge([one, outside], NIGHT)
    assert after(judged, one).verifications == HELD[:1]
    assert (judged.due, after(judged, outside).status, after(judged, one).trust) == ((), "superseded", 2)
    assert judge([PROVEN, like(PROVEN, 1, right="ask for BUY")], NIGHT).changes == ()


@st.composite
def many(draw: st.DrawFn) -> list[Learning]:
    """Records that duplicate, supersede and contradict each other in any way."""
    records = []
    for number in range(draw(st.integers(0, 6))):
        origin, trust = draw(st.sampled_from([("human", 3), ("tool", 2), ("agent", 1), ("external", 0)]))
        records.append(
            like(
                PROVEN, number, fingerprint=draw(st.sampled_from("ab")), right=draw(st.sampled_from(["x", "y"])),
                status=draw(st.sampled_from(["candidate", "verified", "promoted", "superseded", "archived"])),
                origin=origin, trust=trust, is_pinned=draw(st.booleans()),
                verifications=HELD[: draw(st.integers(0, 3))],
                contradictions=tuple(held(f"x{at}", at, is_ok=False) for at in draw(st.sets(st.integers(0, 4)))),
                supersedes=draw(st.sampled_from([None, *(f"{PROVEN.id[:13]}{n:04x}" for n in range(6))])),
            )
        )  # fmt: skip
    return records


@given(many())
def test_judged_again_nothing_changes_and_nobody_gains_trust(records: list[Learning]) -> None:
    judged = judge(records, FIRST)
    changed = {each.after.id: each.after for each in judged.changes}
    then = [changed.get(each.id, each) for each in records]
    assert judge(then, FIRST).changes == ()
    for old, new in zip(records, then, strict=True):
        assert (new.trust, new.origin, new.scope, new.is_approved) == (
            old.trust,
            old.origin,
            old.scope,
            old.is_approved,
        )
        if old.is_pinned or old.origin == "human":
            assert (new.status, new.right) == (old.status, old.right)
