"""What an older harness recorded of an answer is read, and judged by the rules of that time."""

from __future__ import annotations

from typing import Any

from harness.domain.contract import Contract, Violation
from harness.runs.collecting import Inputs
from harness.runs.verdict import Surroundings, Verdict
from harness.store.json_codec import from_json, to_json

OLD_VIOLATION = {"rule": "min_items", "detail": "1 item, at least 2 needed", "url": None, "remedy": ""}
OLD_CONTRACT: dict[str, Any] = {
    "min_items": 2, "max_items": None, "min_chars": None, "max_chars": None, "must_include": [],
    "every_item": {"url_collected": True, "reachable": False}, "unseen_for_s": None,
}  # fmt: skip


def test_a_verdict_without_surroundings_is_one_of_a_model_that_had_none() -> None:
    old = {"violations": [OLD_VIOLATION], "gaps": ["x"], "reachability": {}}
    verdict = from_json(Verdict, old)
    assert verdict.violations == (Violation("min_items", "1 item, at least 2 needed"),)
    assert verdict.surroundings == Surroundings(writer="model")


def test_a_contract_of_before_the_hard_rules_promises_none_of_them() -> None:
    contract = from_json(Contract, OLD_CONTRACT)
    assert contract == Contract(min_items=2, every_item=contract.every_item)
    assert contract.every_item is not None
    assert not contract.every_item.priority


def test_inputs_of_before_there_were_nudges_have_none() -> None:
    assert from_json(Inputs, {"collected": [], "sources": [], "items": [], "already_delivered": 0}).nudged == ()


def test_a_verdict_comes_back_as_it_was_recorded() -> None:
    surroundings = Surroundings(
        {"a/b": "2026-11-15"}, {"https://a.example": ("ai",)}, {"words:1": "2026-11-20"}, "extract"
    )
    verdict = Verdict((Violation("numbers", "x", None, "y", (3, 4)),), ("gap",), {}, surroundings)
    assert from_json(Verdict, to_json(Verdict, verdict)) == verdict
