"""Fitting sections into budgets."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.errors import LimitReached, OwnerError
from harness.domain.tokens import estimate_tokens
from harness.prompt.budget import Fitted, fit
from harness.prompt.sections import Record, Section, group_tokens, record_tokens, render_section

_TEXT = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["<<<END a1b2c3d4e5f6>>>", "\r\n\r\n", "\x1b[31m", "word " * 30, "日本語" * 9, "a1" * 30, "a\r" * 30]
    ),
)
_RECORDS = st.lists(
    st.builds(
        Record, st.text(max_size=4), _TEXT, st.integers(0, 3), st.sampled_from(["", "feeds/ai", "b", "x\n<<<END"])
    ),
    max_size=8,
).map(tuple)
_OPTIONAL = st.lists(
    st.builds(
        Section,
        name=st.text(max_size=3),
        records=_RECORDS,
        budget_tokens=st.integers(0, 200),
        priority=st.integers(0, 3),
        title=st.sampled_from(["", "Title"]),
        style=st.sampled_from(["plain", "headed", "fenced"]),
    ),
    max_size=5,
)


def rendered(part: Fitted) -> str:
    return render_section(part.section, part.kept)


@given(_OPTIONAL, st.integers(0, 500))
def test_no_section_and_no_prompt_is_ever_over_its_budget(sections: list[Section], total: int) -> None:
    fitted = fit(sections, total)
    for part in fitted:
        assert estimate_tokens(rendered(part)) <= part.tokens <= part.section.budget_tokens
    assert estimate_tokens("\n\n".join(text for part in fitted if (text := rendered(part)))) <= total


@given(_OPTIONAL, st.integers(0, 500))
def test_every_record_is_kept_whole_or_dropped_whole_and_none_twice(sections: list[Section], total: int) -> None:
    for section, part in zip(sections, fit(sections, total), strict=True):
        assert part.section is section
        assert sorted(map(id, (*part.kept, *part.dropped))) == sorted(map(id, section.records))
        positions = [next(i for i, r in enumerate(section.records) if r is kept) for kept in part.kept]
        assert positions == sorted(positions)


@given(_OPTIONAL, st.integers(0, 500))
def test_the_same_sections_are_fitted_in_the_same_way(sections: list[Section], total: int) -> None:
    assert fit(sections, total) == fit(list(sections), total)


@given(_OPTIONAL, st.integers(0, 400))
def test_what_is_kept_of_the_first_priority_does_not_depend_on_the_others(sections: list[Section], total: int) -> None:
    memory = Section("MEMORY", tuple(Record(str(n), f"fact {n}") for n in range(20)), 100, priority=-1)
    assert fit([*sections, memory], total)[-1].kept == fit([memory], total)[0].kept


def test_a_record_of_better_rank_stays_where_a_worse_one_goes() -> None:
    records = (Record("old", "old words", rank=1), Record("pinned", "pinned words", rank=0))
    cost = estimate_tokens("pinned words\n")
    (part,) = fit([Section("MEMORY", records, cost)], 1_000)
    assert ([r.name for r in part.kept], [r.name for r in part.dropped]) == (["pinned"], ["old"])


def test_several_inputs_lose_their_last_items_first() -> None:
    records = tuple(Record(f"{group}{n}", f"item {n}", n, group) for group in ("a", "b") for n in range(50))
    (part,) = fit([Section("inputs", records, 200, style="fenced")], 1_000)
    kept = [sum(record.group == group for record in part.kept) for group in ("a", "b")]
    assert 0 < kept[0] < 50
    assert kept[0] - kept[1] in (0, 1)


def test_the_fence_of_an_input_is_paid_once_however_many_items_it_holds() -> None:
    records = tuple(Record(str(n), f"item {n}", n, "feeds/ai") for n in range(9))
    section = Section("inputs", records, 1_000, style="fenced")
    cost = group_tokens(section, "feeds/ai") + sum(record_tokens(section, record) for record in records)
    for allowance, kept in ((cost, 9), (cost - 1, 8)):
        (part,) = fit([replace(section, budget_tokens=allowance)], 1_000)
        assert (len(part.kept), part.tokens <= allowance) == (kept, True)


def test_a_fence_says_how_much_of_an_input_is_shown() -> None:
    records = tuple(Record(str(n), f"item {n}", n, "feeds/ai") for n in range(50))
    (part,) = fit([Section("inputs", records, 120, style="fenced")], 1_000)
    assert f"feeds/ai ({len(part.kept)} of 50 shown)>>>" in rendered(part).splitlines()[0]


def test_a_required_section_over_its_budget_names_the_file_to_shorten() -> None:
    soul = Section("SOUL", (Record("SOUL", "word " * 100),), 50, is_required=True, origin="agents/a/SOUL.md")
    with pytest.raises(OwnerError, match=r"^agents/a/SOUL\.md: SOUL takes 122 tokens of a prompt, over its 50"):
        fit([soul], 1_000)


def test_required_sections_that_exceed_the_model_stop_the_run_and_are_never_cut() -> None:
    soul = Section("SOUL", (Record("SOUL", "word " * 100),), 500, is_required=True)
    with pytest.raises(LimitReached) as reached:
        fit([soul], 100)
    assert reached.value.limit == "context"


def test_required_sections_are_served_before_any_other_however_it_is_ordered() -> None:
    filler = Section("inputs", tuple(Record(str(n), "word " * 10) for n in range(50)), 1_000, priority=-5)
    job = Section("job", (Record("job", "word " * 20),), 500, is_required=True)
    fitted = fit([filler, job], 100)
    assert fitted[1].kept == job.records
    assert 0 < len(fitted[0].kept) < 50
