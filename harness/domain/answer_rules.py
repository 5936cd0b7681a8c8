"""What an agent promises for the answers that it gives to requests: the rules of its contract about their words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.domain.contract import Contract, Evidence, Violation
from harness.domain.judgement import in_order, judge
from harness.domain.known_numbers import KnownNumbers

BROKEN = "your answer breaks what you promise for all of them"
"""Stands in what a model is told of its `finish`, and by this it is known that it was told."""


def rules_of_answers(contract: Contract) -> Contract:
    """Return what of an agent's contract holds for an answer as well.

    How many items there are, which sections, of which baskets and with which links is promised of a digest.
    """
    return Contract(
        numbers=contract.numbers,
        signals=contract.signals,
        confidence=contract.confidence,
        disclaimer=contract.disclaimer,
        must_not_include=contract.must_not_include,
    )


def rules_of_actions(contract: Contract) -> Contract:
    """Return what of these rules holds for each next action: a line of its own needs no disclaimer."""
    return replace(contract, disclaimer=None, confidence=None)


def judge_answer(
    contract: Contract, conclusion: str, actions: Sequence[str], known: KnownNumbers
) -> tuple[Violation, ...]:
    """Return what is wrong with a conclusion, and with the actions that are to follow from it."""
    below = rules_of_actions(contract)
    return (
        *judge(contract, Evidence(conclusion, known=known)),
        *(fault for action in actions for fault in judge(below, Evidence(action, known=known))),
    )


def answer_refusal(violations: Sequence[Violation]) -> str:
    """Return what is said once to a model whose answer breaks a rule: exactly what is wrong, and what comes of it."""
    return (
        f"{BROKEN}. Fix exactly these points and call finish again; what is still wrong then is left out, and named:\n"
        + in_order(violations)
    )
