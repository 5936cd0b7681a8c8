"""The life of a learning: what proves it, what takes it back, how its age counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.learning import (
    Learning,
    Verification,
    age_in_words,
    judge_promotion,
    retrievability,
    with_age,
    with_verification,
)

DAY = date(2026, 11, 21)
RECORD = Learning("ERR-20261121-7f3a", "the field has another name", "3c9d", "agent/scout", "tool", 2, DAY)


def held(*days: int, check: str = "exit_code", run: str = "run") -> Learning:
    """The record after a run on each of these days bore it out."""
    times = tuple(Verification(f"{run}-{n}", DAY + timedelta(days=day), check) for n, day in enumerate(days))
    return replace(RECORD, verifications=times)


def test_three_runs_on_two_days_one_of_them_judged_by_code_promote() -> None:
    assert judge_promotion(held(0, 0, 1)).is_due


@pytest.mark.parametrize(
    ("learning", "lacks"),
    [
        (held(0, 1), "it held 2 of 3 times"),
        (held(0, 0, 0), "on 1 of 2 days"),
        (held(0, 1, 2, check="model"), "nothing but a model's word speaks for it"),
        (replace(held(0, 1, 2), status="superseded"), "it is superseded"),
    ],
)
def test_what_is_missing_is_said(learning: Learning, lacks: str) -> None:
    assert lacks in judge_promotion(learning).lacks


def test_the_same_run_counts_once_however_often_it_looked() -> None:
    one_run = tuple(Verification("run-1", DAY + timedelta(days=n), "test") for n in range(5))
    assert "in 1 of 3 runs" in judge_promotion(replace(RECORD, verifications=one_run)).lacks


def test_what_held_before_a_contradiction_counts_no_more() -> None:
    against = Verification("run-9", DAY + timedelta(days=2), "test", is_ok=False)
    assert not judge_promotion(with_verification(held(0, 0, 1), against)).is_due
    again = replace(with_verification(held(0, 0, 1), against), verifications=held(3, 3, 4).verifications)
    assert judge_promotion(again).is_due


@pytest.mark.parametrize(("origin", "trust"), [("external", 0), ("external", 3), ("tool", 0), ("agent", 1)])
def test_what_is_not_trusted_waits_for_the_person_however_often_it_held(origin: str, trust: int) -> None:
    outside = replace(held(*range(50)), origin=origin, trust=trust)  # type: ignore[arg-type]
    assert judge_promotion(outside).waits_for_person
    assert not judge_promotion(outside).is_due
    assert judge_promotion(replace(outside, is_approved=True)).is_due


def test_what_the_person_said_is_proven() -> None:
    assert judge_promotion(replace(RECORD, origin="human", trust=3)).is_due


def test_a_run_says_the_same_once_and_the_first_success_verifies() -> None:
    once = with_verification(RECORD, Verification("run-1", DAY, "test"))
    assert once.status == "verified"
    assert with_verification(once, Verification("run-1", DAY, "test")) == once


@given(st.floats(0, 5000), st.floats(0, 5000), st.integers(0, 500))
def test_age_takes_at_most_a_tenth_and_more_of_it_never_raises_a_score(one: float, two: float, times: int) -> None:
    younger, older = sorted((one, two))
    assert 0.9 <= with_age(1.0, older, times) <= with_age(1.0, younger, times) <= 1.0
    assert retrievability(older, times) <= retrievability(older, times + 1)


def test_ages_are_told_in_words() -> None:
    assert age_in_words(DAY - timedelta(days=41), DAY) == "verified 41 days ago"
    assert (age_in_words(DAY, DAY), age_in_words(DAY - timedelta(days=1), DAY)) == (
        "verified today",
        "verified yesterday",
    )
    assert age_in_words(None, DAY) == "never verified"
