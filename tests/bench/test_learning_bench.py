"""The recurrence benchmark: its families say what they claim, and memory does what the page says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.learning.catalogue import FAMILIES
from bench.learning.family import Family
from bench.learning.policy import Told, act, applies
from bench.learning.report import as_json, page
from bench.learning.trial import ARMS, lessons_of, meaning_by, run_seed
from harness.memory.promotion import words_of

by_name = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
FEW = FAMILIES[::9]


@by_name
def test_the_detector_fires_on_the_mistake_and_not_on_the_right_way(family: Family) -> None:
    for task in (family.exposing, family.same, family.paraphrase):
        assert family.is_mistake(task, task.call)
        assert not family.is_mistake(task, family.mended(task))
        assert not family.is_misapplied(task, family.mended(task))


@by_name
def test_in_the_near_miss_the_habit_is_right_and_the_lesson_is_not(family: Family) -> None:
    task = family.near_miss
    assert not family.is_mistake(task, task.call)
    assert not family.is_misapplied(task, task.call)
    assert family.is_misapplied(task, family.mended(task))


@by_name
def test_the_harness_makes_one_lesson_of_the_mistake_that_says_what_is_right_and_is_understood(family: Family) -> None:
    (lesson,) = lessons_of(family)
    assert family.cue in words_of(lesson)
    assert applies(f"- {words_of(lesson)}", family, family.same)


def test_there_are_enough_families_of_enough_kinds_and_no_two_texts_are_the_same() -> None:
    assert len(FAMILIES) >= 40
    assert len({family.domain for family in FAMILIES}) >= 8
    texts = [each.text for family in FAMILIES for each in (family.exposing, family.paraphrase, family.near_miss)]
    assert len(set(texts)) == len(texts) == 3 * len(FAMILIES)
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    meaning_by(FAMILIES)  # raises where two mistakes would be one to the harness


def test_a_lesson_without_circumstances_misleads_and_one_with_them_does_not() -> None:
    family = next(each for each in FAMILIES if each.name == "billboard-buy-field")
    for trigger, is_misled in (("calling market.rank", True), ('calling market.rank with table "billboard"', False)):
        told = Told(f"Trigger: {trigger}\nRight: {family.cue}", family.name)
        done = act(family, family.near_miss, [told], _Always())  # type: ignore[arg-type]
        assert family.is_misapplied(family.near_miss, done.call) == is_misled


def test_memory_is_better_than_none_and_the_same_seed_gives_the_same_figures() -> None:
    counts = run_seed(1, FEW, [0, 5])
    assert counts == run_seed(1, FEW, [0, 5])
    for level in (0, 5):
        again = {arm: sum(counts[arm, level].recurred.values()) for arm in ARMS}
        assert again["none"] > again["retrieve"] >= again["oracle"]
        assert counts["poisoned", level].planted_promoted == 0
        assert counts["poisoned", level].planted_records > 0
        assert counts["none", level].tokens == 0 < counts["retrieve", level].tokens
    told = as_json([counts], FEW)
    assert {row["arm"] for row in told["rows"]} == set(ARMS)


def test_the_page_is_of_this_benchmark() -> None:
    written = (Path(__file__).parents[2] / "docs" / "bench-learning.md").read_text(encoding="utf-8")
    made = page([run_seed(1, FEW[:2], [0])])
    prose = [line for line in made.splitlines() if line and line[0] not in "|-" and not line.startswith("Mean over")]
    assert [line for line in prose if line not in written and "times that each was tried" not in line] == []


class _Always:
    """Draws under which every habit and every lesson is followed."""

    def random(self) -> float:
        return 0.0
