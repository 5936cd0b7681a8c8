"""Promises about what a text claims: its numbers, its entry signals, and how sure its judgements are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.domain.confidence import unlabelled
from harness.domain.contract import Contract, Evidence, Violation
from harness.domain.number_sources import untraced
from harness.domain.promised_words import excerpt, span_of
from harness.domain.signals import FORM, faults_of, signals_in

# What differs from run to run stands in brackets: a mistake is recognised by the rest.


def judge_numbers(contract: Contract, evidence: Evidence) -> Iterator[Violation]:
    """Yield every number that was not collected and does not follow from what was."""
    if contract.numbers is None:
        return
    for numeral in untraced(evidence.text, evidence.known):
        line = numeral.line
        yield Violation(
            "numbers",
            f"a number was not collected (line {line}: {numeral.text}, in “{excerpt(evidence.text, line)}”)",
            remedy=f"use a collected number in place of {numeral.text}, or leave it out; write mere counts in words",
            lines=span_of(evidence.text, line),
        )


def judge_signals(contract: Contract, evidence: Evidence) -> Iterator[Violation]:
    """Yield every entry signal that lacks its stop, has it on the wrong side, or should wait."""
    rule = contract.signals
    if rule is None:
        return
    for signal in signals_in(evidence.text):
        where = re.sub(r"[()]", "", signal.name)
        for fault in faults_of(signal, needs_stop=rule.stop, wait_below=rule.wait_below):
            detail = f"a signal {fault.problem} (line {signal.lines[0]}: {where}{fault.aside})"
            yield Violation("signals", detail, remedy=fault.remedy or f"write it as {FORM}", lines=signal.lines)


def judge_confidence(contract: Contract, evidence: Evidence) -> Iterator[Violation]:
    """Yield every judgement that does not say how sure it is."""
    if contract.confidence is None:
        return
    for passage, problem, particulars in unlabelled(evidence.text, contract.disclaimer):
        line = passage.lines[0]
        yield Violation(
            "confidence",
            f"a judgement {problem} (line {line}: {particulars}{excerpt(evidence.text, line)})",
            remedy="add confidence: high (over 70 %), medium or low (under 50 %)",
        )
