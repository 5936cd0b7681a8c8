from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.schedule import CatchUp
from harness.schedule.catchup import duration_in_words, plan_slots

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def ago(**amount: int) -> datetime:
    return NOW - timedelta(**amount)


def decisions(ages_s: list[int], policy: CatchUp) -> list[tuple[int, str, str]]:
    planned = plan_slots([ago(seconds=age) for age in ages_s], NOW, policy)
    return [(int((NOW - p.due_at).total_seconds()), p.decision, p.reason) for p in planned]


def test_slot_within_the_grace_time_runs_under_every_policy() -> None:
    for run in ("latest", "all", "none"):
        assert decisions([60], CatchUp(run, within_s=1)) == [(60, "plan", "")]


def test_latest_runs_the_newest_missed_slot_and_names_why_the_others_do_not() -> None:
    assert decisions([4 * 3600, 7200, 720], CatchUp("latest", within_s=3 * 3600)) == [
        (4 * 3600, "miss", "4 h late; if_missed allows 3 h"),
        (7200, "miss", "2 h late; a newer slot of the same job runs instead"),
        (720, "plan", "12 min late; if_missed runs latest"),
    ]


def test_latest_runs_no_missed_slot_beside_one_that_is_on_time() -> None:
    assert decisions([300, 0], CatchUp("latest")) == [
        (300, "miss", "5 min late; a newer slot of the same job runs instead"),
        (0, "plan", ""),
    ]


def test_all_runs_every_slot_that_is_not_too_old() -> None:
    assert decisions([11_520, 3600, 600], CatchUp("all", within_s=3 * 3600)) == [
        (11_520, "miss", "3 h 12 min late; if_missed allows 3 h"),
        (3600, "plan", "1 h late; if_missed runs all"),
        (600, "plan", "10 min late; if_missed runs all"),
    ]


def test_none_runs_nothing_that_was_missed() -> None:
    assert decisions([61], CatchUp("none")) == [(61, "miss", "1 min 1 s late; if_missed runs none")]


def test_grace_of_the_policy_decides_what_is_on_time() -> None:
    patient = CatchUp("none", within_s=1, grace_s=600)
    assert decisions([601, 600], patient) == [(601, "miss", "10 min 1 s late; if_missed runs none"), (600, "plan", "")]
    assert decisions([1], CatchUp("none", grace_s=0)) == [(1, "miss", "1 s late; if_missed runs none")]


def test_excluded_slots_are_skipped_whatever_their_age() -> None:
    ages_s = [9 * 86_400, 3600, 0]
    planned = plan_slots([ago(seconds=age) for age in ages_s], NOW, CatchUp("latest"), lambda slot: "closed")
    assert [(p.decision, p.reason) for p in planned] == [("skip", "closed")] * 3


def test_excluded_slot_is_not_the_newest_slot_that_runs_instead_of_the_others() -> None:
    slots = [ago(seconds=age) for age in (7200, 3600, 1800, 0)]
    excluded = set(slots[2:])
    planned = plan_slots(slots, NOW, CatchUp("latest"), lambda slot: "quiet" if slot in excluded else None)
    assert [(p.decision, p.reason) for p in planned] == [
        ("miss", "2 h late; a newer slot of the same job runs instead"),
        ("plan", "1 h late; if_missed runs latest"),
        ("skip", "quiet"),
        ("skip", "quiet"),
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3600, "1 h"),
        (3605, "1 h"),
        (11_520, "3 h 12 min"),
        (190_000, "2 d 4 h"),
    ],
)
def test_durations_are_told_in_their_two_largest_units(seconds: float, words: str) -> None:
    assert duration_in_words(seconds) == words


@given(
    st.dictionaries(st.integers(0, 50_000), st.sampled_from(["closed", None]), max_size=20),
    st.builds(CatchUp, st.sampled_from(["latest", "all", "none"]), st.integers(1, 40_000), st.integers(0, 5000)),
)
def test_every_slot_is_decided_once_and_every_slot_that_does_not_run_has_a_reason(
    excluded: dict[int, str | None], policy: CatchUp
) -> None:
    whys = {ago(seconds=age): why for age, why in excluded.items()}
    planned = plan_slots(whys, NOW, policy, whys.__getitem__)
    assert [p.due_at for p in planned] == sorted(whys)
    assert all(p.reason for p in planned if p.decision != "plan")
    assert {p.due_at for p in planned if p.decision == "skip"} == {slot for slot, why in whys.items() if why}
    late = [p for p in planned if p.decision == "plan" and p.reason]
    assert len(late) <= {"latest": 1, "none": 0, "all": len(planned)}[policy.run]
