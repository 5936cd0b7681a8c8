"""The page of contracts says what the code does: every key, every kind of number that is none, every end."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from harness.domain.answer_rules import rules_of_actions, rules_of_answers
from harness.domain.contract import Contract, ItemRule, ShareLimit, SignalRule
from harness.domain.no_figures import NO_FIGURES
from harness.runs.left_out import NEVER_WITHOUT
from harness.workspace.job_contract import REMINDER_CHARS, ContractShape, EveryItemShape

PAGE = (Path(__file__).parents[2] / "docs/contracts.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """Return the rows of the first table below the heading, by their first cells."""
    table = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line.strip("|").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in lines[1:]}


def keys_of(cell: str) -> list[str]:
    return [found.partition(":")[0] for found in re.findall(r"`([^`]+)`", cell)]


def test_every_key_of_a_contract_stands_on_the_page_and_no_other() -> None:
    told = {key for cell in rows("The keys") for key in keys_of(cell)}
    assert told - {"reminder"} == set(ContractShape.model_fields)
    items = {cell for cell in rows("The keys") if cell.startswith("`every_item")}
    assert len(items) == len(EveryItemShape.model_fields)


def test_the_page_says_failed_where_nothing_is_delivered_and_cannot_be_taken_out() -> None:
    ends = {key: cells[-1] for cell, cells in rows("The keys").items() for key in keys_of(cell)}
    refused = {key for key, end in ends.items() if end.startswith("**failed**")}
    assert refused == {"min_chars", "must_include", "sections", "cite", "reminder"}
    assert refused <= NEVER_WITHOUT
    left_out = {key for key, end in ends.items() if "left out" in end}
    assert left_out == {"must_not_include", "every_item", "max_share", "numbers", "signals"}
    assert {"must_not_include", "max_share", "numbers", "signals", "every_item.priority"} <= NEVER_WITHOUT
    assert {key for key, end in ends.items() if end.startswith("delivered whole")} == {
        "min_items", "max_items", "max_chars", "confidence",
    }  # fmt: skip


def test_every_kind_of_number_that_is_none_stands_on_the_page() -> None:
    assert list(rows("Numbers")) == list(NO_FIGURES)


def test_the_page_names_the_length_of_a_reminder() -> None:
    assert f"at most {REMINDER_CHARS} characters" in PAGE


def test_the_page_names_what_holds_for_answers_to_requests_and_for_what_is_to_be_done_next() -> None:
    rules = Contract(
        min_items=1, max_items=2, min_chars=3, max_chars=4, must_include=("a",), every_item=ItemRule(), unseen_for_s=5,
        numbers="collected", signals=SignalRule(), confidence="labelled", sections=("Facts",), disclaimer="b",
        max_share=(ShareLimit("ai", 40),), must_not_include=("c",), cite=("d/e",), reminder_chars=49,
    )  # fmt: skip
    told = PAGE.partition("## Answers to requests\n")[2].partition("\nhold for")[0]
    answers = rules_of_answers(rules)
    assert {key.name for key in fields(Contract) if getattr(answers, key.name)} == set(re.findall(r"`(\w+)`", told)), (
        "all that is promised of a text, and nothing that is a digest's"
    )
    dropped = {
        key.name
        for key in fields(Contract)
        if getattr(answers, key.name) and not getattr(rules_of_actions(answers), key.name)
    }
    assert dropped == {"disclaimer", "confidence"}
    assert "(but for `disclaimer`\nand `confidence`)" in PAGE
