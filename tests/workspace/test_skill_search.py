"""Finding skills by what they say of themselves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.domain.skill import Skill
from harness.workspace.skill_search import SkillIndex, query_words


def skill(name: str, description: str, *tags: str) -> Skill:
    return Skill(name, description, f"skills/{name}/SKILL.md", "Body.", tags=tags)


SKILLS = (
    skill("tide-tables", "Read when the water of a harbour is high."),
    skill("boat-repair", "Mend hulls and sails.", "harbour"),
    skill("summaries", "Summarise long texts for somebody who has no time."),
    skill("größen", "Convert sizes and weights."),
)
INDEX = SkillIndex(SKILLS)
ALL = {one.name for one in SKILLS}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Summarize nothing; write a summary of these texts", ("summaries",)),
        ("repairing a boat", ("boat-repair",)),
        ("the harbour", ("boat-repair", "tide-tables")),
        ("GROSSEN", ()),
        ("Größen", ("größen",)),
        ("what is to be done with it", ()),
        ('harbour" OR name:"x* NEAR(', ("boat-repair", "tide-tables")),
        ("", ()),
    ],
)
def test_the_words_of_a_text_find_the_skills_that_mean_them_best_first(text: str, found: tuple[str, ...]) -> None:
    assert INDEX.find(text, among=ALL, limit=5) == found


def test_only_what_is_asked_for_is_found_and_not_more_of_it() -> None:
    assert INDEX.find("harbour", among={"tide-tables", "gone"}, limit=5) == ("tide-tables",)
    assert INDEX.find("harbour", among=ALL, limit=1) == ("boat-repair",)
    assert INDEX.find("harbour", among=(), limit=5) == ()
    assert SkillIndex(()).find("harbour", among=ALL, limit=5) == ()


def test_what_means_the_text_far_less_than_the_best_is_left_out_if_that_is_wanted() -> None:
    text = "repair the sails of a boat in the harbour"
    assert INDEX.find(text, among=ALL, limit=5) == ("boat-repair", "tide-tables")
    assert INDEX.find(text, among=ALL, limit=5, least_share=0.3) == ("boat-repair",)
    assert INDEX.find(text, among={"tide-tables"}, limit=5, least_share=0.3) == ("tide-tables",)


def test_any_thread_may_ask() -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: INDEX.find("harbour", among=ALL, limit=5), range(64)))
    assert answers == {("boat-repair", "tide-tables")}


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_the_search(text: str) -> None:
    assert set(INDEX.find(text, among=ALL, limit=3)) <= ALL


def test_a_long_text_is_searched_by_its_first_words_that_say_something() -> None:
    words = query_words("the and of " * 50 + " ".join(f"word{number}" for number in range(200)))
    assert words[0] == "word0" and len(words) < 100
