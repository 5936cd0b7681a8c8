from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.fallbacks import cycles, is_among, order_for
from harness.domain.job import Job, WithoutModel
from harness.domain.settings import Profile

JOB = Job("scout", "morning", "agents/scout/jobs/morning.md", (), "UTC")
NAMES = "abcdef"


def profiles(**fallbacks: str) -> dict[str, Profile]:
    """Return profiles by name, whose model has the same name; `a="bc"` falls back to b and c."""
    return {name: Profile(name, "openai", name, fallbacks=tuple(others)) for name, others in fallbacks.items()}


def test_the_fallbacks_of_a_fallback_stand_behind_it_and_before_the_next() -> None:
    team = profiles(a="bc", b="d", c="", d="")
    assert order_for(team["a"], team, JOB).names == ("a", "b", "d", "c")


def test_a_fallback_that_the_job_was_not_made_for_is_left_out_with_the_reason_and_its_own_are_asked() -> None:
    team = {**profiles(a="b"), "b": Profile("b", "openai", "b", fallbacks=("ab2",)), **profiles(ab2="")}
    order = order_for(team["a"], team, replace(JOB, models=("a*",)))
    assert order.names == ("a", "ab2")
    assert [(one.profile, one.reason) for one in order.left_out] == [
        ("b", "the job was made for a*, and profile 'b' is b")
    ]


@pytest.mark.parametrize(("without_model", "names"), [("extract", ("a", "x")), ("skip", ("a",)), ("template", ("a",))])
def test_the_extractive_default_stands_in_only_where_the_job_lets_it(
    without_model: WithoutModel, names: tuple[str]
) -> None:
    team = {**profiles(a="x"), "x": Profile("x", "extractive")}
    job = replace(JOB, without_model=without_model, models=("a*",))
    assert order_for(team["a"], team, job).names == names


@pytest.mark.parametrize(
    ("model", "pattern", "fits"),
    [
        ("gpt-5-mini", "gpt-5*", True),
        ("gpt-4.1-mini", "gpt-5*", False),
        ("openai/gpt-5", "gpt-5", True),
        ("openai/gpt-5", "openai/*", True),
        ("Qwen3:8b", "qwen3*", True),
        ("claude-sonnet-4-5", "claude-*-4-[56]", True),
        ("my-gpt-5", "gpt-5*", False),
        ("", "*", True),
    ],
)
def test_a_pattern_fits_the_whole_name_with_or_without_its_maker(model: str, pattern: str, fits: bool) -> None:
    assert is_among(model, (pattern,)) is fits


def test_a_circle_is_told_once_from_the_profile_that_stands_first() -> None:
    assert cycles({"a": "b", "b": "c", "c": "a", "d": "a", "e": "e"}) == [("a", "b", "c", "a")]
    assert cycles({"a": ["b", "gone"], "b": []}) == []


@given(st.fixed_dictionaries({name: st.lists(st.sampled_from(NAMES + "x"), max_size=4) for name in NAMES}))
def test_every_order_begins_with_the_first_choice_and_holds_each_reachable_profile_once(
    fallbacks: dict[str, list[str]],
) -> None:
    team = profiles(**{name: "".join(others) for name, others in fallbacks.items()})
    reachable, grows = {"a"}, True
    while grows:
        more = {other for name in reachable for other in team[name].fallbacks if other in team}
        grows, reachable = not more <= reachable, reachable | more
    names = order_for(team["a"], team, JOB).names
    assert names[0] == "a"
    assert sorted(names) == sorted(reachable)


@given(st.fixed_dictionaries({name: st.lists(st.sampled_from(NAMES), max_size=3) for name in NAMES}))
def test_what_is_called_a_circle_is_one_and_without_any_there_is_a_last_resort(fallbacks: dict[str, list[str]]) -> None:
    found = cycles(fallbacks)
    for chain in found:
        assert chain[0] == chain[-1] and len(chain) > 2
        assert all(after in fallbacks[before] for before, after in pairwise(chain))
    if not found:
        others = {name: [other for other in after if other != name] for name, after in fallbacks.items()}
        while others:
            last = [name for name, after in others.items() if not after]
            assert last, "there is a circle that was not found"
            others = {n: [o for o in after if o not in last] for n, after in others.items() if n not in last}
