"""What a prompt says of skills: bounded, the same for the same, and never without what must be there."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.domain.skill import Applies, Skill
from harness.domain.tokens import estimate_tokens
from harness.prompt.skill_choice import (
    FOUND_TOKENS,
    LISTED_TOKENS,
    MOST_FOUND,
    Chosen,
    Task,
    choose,
    directory_line,
    left_out_line,
    matches,
    why_they_apply,
)
from harness.workspace.skill_search import SkillIndex

WORDS = ("kettle", "bridge", "letter", "garden", "ledger", "map", "engine", "song", "menu", "cloud", "tide", "lamp")


def skill(name: str, description: str = "Do it.", **settings: object) -> Skill:
    return replace(Skill(name, description, f"skills/{name}/SKILL.md", "Body."), **settings)  # type: ignore[arg-type]


def many(count: int) -> list[Skill]:
    return [
        skill(f"{WORDS[n % 12]}-{n:04d}", f"How to mend a {WORDS[n % 12]} of series {n}. Use it for {WORDS[n % 11]}s.")
        for n in range(count)
    ]


def chosen(skills: list[Skill], task: Task | None = None, *named: str) -> Chosen:
    return choose(skills, SkillIndex(skills), task or Task("scout", "scout/morning", "Rank what changed."), named=named)


def names(skills: tuple[Skill, ...]) -> list[str]:
    return [one.name for one in skills]


def test_what_fits_is_listed_by_name_whatever_the_run_is_about() -> None:
    skills = [skill("b"), skill("a", applies=Applies(jobs=("scout/*",))), skill("c")]
    about_c = chosen(skills, Task("scout", "scout/morning", "Use c for it."))
    assert names(about_c.listed) == ["a", "b", "c"]
    assert (about_c.by_search, about_c.left_out) == ((), 0)
    assert about_c.applies == (("a", "it is for scout/morning"), ("c", "the task names it"))
    assert chosen(skills, Task("zoe", "zoe/evening")).listed == about_c.listed


def test_of_a_thousand_the_prefix_names_those_that_are_named_and_always_there_and_a_search_finds_the_rest() -> None:
    skills = [*many(1000), skill("always-on", is_always=True), skill("zebra-crossing")]
    task = Task("scout", "scout/morning", "Repair the gardens of the neighbour, as zebra-crossing says.")
    found = chosen(skills, task, "song-0007", "map-0005")
    assert names(found.listed) == ["always-on", "map-0005", "song-0007"]
    assert found.by_search[0].name == "zebra-crossing"
    assert sum(name.startswith("garden-") for name in names(found.by_search)) >= 5
    assert found.applies == (("zebra-crossing", "the task names it"),)
    assert len(found.listed) + len(found.by_search) + found.left_out == 1002
    other = chosen(skills, Task("scout", "scout/evening", "Write a letter."), "song-0007", "map-0005")
    assert other.listed == found.listed and other.by_search != found.by_search


def test_what_is_always_to_be_there_goes_before_what_is_named_where_there_is_no_room_for_both() -> None:
    skills = [*many(30), skill("always-on", "x " * 40, is_always=True), skill("a-named", "x " * 40)]
    index = SkillIndex(skills)
    room = estimate_tokens(f"{directory_line(skills[-1])}\n") + 60
    found = choose(skills, index, Task(), named={"a-named"}, listed_tokens=room)
    assert names(found.listed) == ["always-on"]


def test_a_choice_among_a_thousand_takes_a_moment() -> None:
    skills = [replace(one, applies=Applies(paths=(f"{one.name}/**/*.md",))) for one in many(1000)]
    index = SkillIndex(skills)
    task = Task("scout", "scout/morning", " ".join(WORDS) * 100, tuple(f"feeds/{n}" for n in range(10)))
    taken = []
    for _ in range(7):
        begun = time.perf_counter()
        choose(skills, index, task)
        taken.append(time.perf_counter() - begun)
    assert min(taken) < 0.05  # some 5 ms; others may be at work on this machine


SKILLS = st.lists(
    st.builds(
        skill,
        st.from_regex(r"[a-e]{1,3}(-[a-e]{1,3}){0,2}", fullmatch=True),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=60).map(" ".join),
        is_always=st.booleans(),
        applies=st.builds(Applies, words=st.lists(st.sampled_from(WORDS), max_size=2).map(tuple)),
    ),
    max_size=80,
    unique_by=lambda one: one.name,
)
TEXT = st.lists(st.sampled_from((*WORDS, "a", "a-b", "b-c")), max_size=30).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(SKILLS, TEXT, st.integers(0, 900), st.integers(0, 900), st.data())
def test_the_room_is_kept_nothing_is_lost_or_told_twice_and_the_same_comes_to_the_same(
    skills: list[Skill], text: str, listed_tokens: int, found_tokens: int, data: st.DataObject
) -> None:
    index, task = SkillIndex(skills), Task("scout", "scout/morning", text)
    named = data.draw(st.sets(st.sampled_from([one.name for one in skills]))) if skills else set()

    def once(ordered: list[Skill]) -> Chosen:
        return choose(ordered, index, task, named=named, listed_tokens=listed_tokens, found_tokens=found_tokens)

    found = once(skills)
    assert found == once(skills[::-1])
    lines = [directory_line(one) for one in found.listed]
    if len(found.listed) < len(skills):
        lines.append(left_out_line(len(skills) - len(found.listed)))
    directory = "\n".join(["# Skills", *lines])
    assert not found.listed or estimate_tokens(directory) <= listed_tokens
    told = "\n".join(["# Skills for this task", *map(directory_line, found.by_search)])
    assert not found.by_search or estimate_tokens(told) <= found_tokens
    shown = [*names(found.listed), *names(found.by_search)]
    assert len(set(shown)) == len(shown) and len(found.by_search) <= MOST_FOUND
    assert len(shown) + found.left_out == len(skills)
    assert names(found.listed) == sorted(names(found.listed))


@settings(max_examples=40, deadline=None)
@given(SKILLS, st.data())
def test_what_agent_toml_names_is_always_listed_where_there_is_room_for_it(
    skills: list[Skill], data: st.DataObject
) -> None:
    known = [one.name for one in skills if not one.is_always]
    named = data.draw(st.sets(st.sampled_from(known), max_size=3)) if known else set()
    must = [one for one in skills if one.name in named or one.is_always]
    room = sum(estimate_tokens(f"{directory_line(one)}\n") for one in must) + 60
    found = choose(skills, SkillIndex(skills), Task(), named=named, listed_tokens=room)
    assert {one.name for one in must} <= set(names(found.listed))


def test_a_run_is_told_why_a_skill_applies_to_it() -> None:
    task = Task(
        "ainews", "ainews/arxiv", "Rank the papers of today. Switch off nothing.", ("arxiv/cat:cs.AI", "docs/a/b.md")
    )
    applies = {
        "by-job": Applies(jobs=("*/arxiv",)),
        "by-agent": Applies(agents=("ai*",)),
        "by-path": Applies(paths=("docs/**/*.md",)),
        "by-word": Applies(words=("PAPERS",)),
        "by-phrase": Applies(words=("switch off",)),
        "not-by-part-of-a-word": Applies(words=("paper", "rank-items")),
        "not-by-others": Applies(("feeds/*",), ("zoe/*",), ("zoe",), ("kettle",)),
        "without": Applies(),
    }
    reasons = why_they_apply([skill(name, applies=one) for name, one in applies.items()], task)
    assert reasons == {
        "by-job": "it is for ainews/arxiv",
        "by-agent": "it is for ainews",
        "by-path": "it is for docs/a/b.md",
        "by-word": "the task says PAPERS",
        "by-phrase": "the task says switch off",
    }


@pytest.mark.parametrize(
    ("pattern", "thing", "is_match"),
    [
        ("feeds/ai", "feeds/ai", True),
        ("feeds/*", "feeds/ai", True),
        ("feeds/*", "feeds/ai/x", False),
        ("**/*.md", "a.md", True),
        ("**/*.md", "x/y/a.md", True),
        ("docs/**", "docs/x/y.txt", True),
        ("docs/**", "docs", False),
        ("*.md", "x/y/a.md", True),
        ("*.{md,txt}", "a.txt", True),
        ("*.{md,t?t}", "a.tst", True),
        ("a[0-9].md", "a7.md", True),
        ("a[!0-9].md", "a7.md", False),
        ("./a.md", "a.md", True),
        ("a.md", "axmd", False),
        ("[z-a]", "x", False),
        ("(", "(", True),
        ("*", "", False),
    ],
)
def test_patterns_are_those_of_a_shell(pattern: str, thing: str, is_match: bool) -> None:
    assert matches(pattern, thing) is is_match


def test_the_room_of_skills_is_that_of_their_sections() -> None:
    assert (LISTED_TOKENS, FOUND_TOKENS) == (600, 600)
