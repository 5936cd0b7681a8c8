"""An answer that was cut is asked for once more, with more room for it."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from harness.domain.errors import HarnessError, OwnerError, TransientError
from harness.domain.message import ModelReply, Spent, Usage
from harness.domain.run import Completed
from harness.turn.compaction import size_of
from harness.turn.rules import TurnRules, rules_for
from harness.turn.talk import Transition, Turn
from tests.turn.talking import LIMITS, REQUEST, Scene, call, said

RULES = rules_for(100_000, 4_000)
CUT = said("half a sen", finish="length")


def play(*replies: ModelReply | Exception, rules: TurnRules = RULES, **limits: float) -> tuple[Turn, list[int]]:
    scene = Scene(list(replies))
    turn = scene.play(limits=replace(LIMITS, **limits), rules=rules)  # type: ignore[arg-type]
    return turn, [request.max_output_tokens for request in scene.model.requests]


def test_a_cut_answer_is_asked_for_once_more_with_all_that_the_model_gives() -> None:
    turn, asked = play(CUT, said("half a sentence more."))
    assert (turn.text, turn.is_truncated, turn.transitions) == ("half a sentence more.", False, (Transition.RAISED,))
    assert asked == [1_000, 4_000]
    assert [message.content for message in turn.messages] == ["You are scout.", "Report.", "half a sentence more."]


def test_what_is_cut_again_is_delivered_as_far_as_it_goes_and_says_so() -> None:
    turn, asked = play(CUT, said("half a sentence mo", finish="length"))
    assert (turn.text, turn.is_truncated, asked) == ("half a sentence mo", True, [1_000, 4_000])


def test_of_two_cut_answers_the_longer_one_is_kept() -> None:
    assert play(CUT, said("ha", finish="length"))[0].text == "half a sen"


@pytest.mark.parametrize(
    "error", [TransientError("overloaded"), OwnerError("harness.toml", 3, "max_tokens", "lower it")]
)
def test_where_more_is_not_to_be_had_the_cut_answer_stands(error: HarnessError) -> None:
    turn, asked = play(CUT, error)
    assert (turn.stop, turn.text, turn.is_truncated) == (Completed(), "half a sen", True)
    assert len(asked) == 2


def test_what_was_paid_for_asking_in_vain_counts_against_the_budget_also_on_replay() -> None:
    error = TransientError("malformed body")
    error.paid = Spent(Usage(900, 0, 300), 0.5)
    scene = Scene([CUT, error])
    first = scene.play(rules=RULES)
    again = Scene([], records=scene.steps.records).play(rules=RULES)
    assert [turn.progress.cost_usd for turn in (first, again)] == [0.5, 0.5]
    assert first.usage == again.usage == Usage(900, 0, 300)

    turn, _ = play(said("Hi", usage=Usage(10, 0, 1), cost_usd=0.25, lost=error.paid))
    assert (turn.progress.cost_usd, turn.usage) == (0.75, Usage(910, 0, 301))


def test_the_time_of_asking_in_vain_counts_also_on_replay() -> None:
    ticks = itertools.count(0, 10)
    scene = Scene([CUT, TransientError("no answer")], stopwatch=lambda: float(next(ticks)))
    first = scene.play(rules=RULES)
    again = Scene([], records=scene.steps.records).play(rules=RULES)
    assert [turn.progress.elapsed_s for turn in (first, again)] == [30.0, 30.0]


def test_neither_the_budget_nor_the_iterations_nor_the_context_are_exceeded_for_it() -> None:
    assert play(CUT, budget_tokens=2_000)[1] == [1_000]
    assert play(CUT, max_iterations=1)[1] == [1_000]
    assert play(CUT, rules=rules_for(1_000, 4_000))[1] == [1_000]
    assert play(CUT, said("whole"), rules=rules_for(2_000, 4_000))[1] == [1_000, 2_000 - size_of(REQUEST)]


@pytest.mark.parametrize("rules", [TurnRules(), rules_for(100_000, 1_000)])
def test_where_there_is_no_more_or_the_run_knows_of_none_it_is_not_asked_again(rules: TurnRules) -> None:
    turn, asked = play(CUT, rules=rules)
    assert (turn.is_truncated, asked, turn.transitions) == (True, [1_000], ())


def test_what_follows_in_the_turn_may_be_as_long_and_is_not_raised_again() -> None:
    turn, asked = play(CUT, said("", call(1)), said("half", finish="length"))
    assert (turn.text, turn.is_truncated, asked) == ("half", True, [1_000, 4_000, 4_000])


def test_both_answers_are_paid_for() -> None:
    turn, _ = play(replace(CUT, usage=Usage(10, 0, 1_000)), said("whole", usage=Usage(10, 0, 1_200)))
    assert (turn.usage, turn.progress.model_calls) == (Usage(20, 0, 2_200), 2)


def test_a_replay_asks_nobody_and_comes_to_the_same() -> None:
    scene = Scene([CUT, said("whole")])
    turn = scene.play(rules=RULES)
    assert Scene([], records=scene.records).play(REQUEST, rules=RULES) == turn
