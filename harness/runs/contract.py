"""Gathers the evidence that `harness.domain.judgement` judges."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from harness.bus.read_texts import texts_read
from harness.domain.contract import Contract, Evidence, Violation
from harness.domain.job import Job
from harness.domain.judgement import gaps, judge
from harness.domain.known_numbers import KnownNumbers
from harness.domain.message import Message
from harness.domain.number_sources import known_numbers
from harness.domain.passages import without_lines
from harness.domain.settings import SourceLimits
from harness.domain.source import Collected, Item
from harness.ports import Web
from harness.runs.collecting import Inputs
from harness.runs.handed_on import links_handed_on
from harness.runs.plan import RunPlan
from harness.runs.reachability import Reach, check_links
from harness.runs.report import Report, evidence_of, parse_report
from harness.runs.said_before import mark_of_words
from harness.runs.verdict import Surroundings, Verdict

_OWN_WORDS = re.compile(r"(?m)^\*[^*\n]+\*$")
"""What the extractive selection says of itself, in italics between the words of its sources."""


@dataclass(frozen=True)
class Grounds:
    """What an answer of the job is judged on: all that was there when it was written.

    `read` are the texts that the work on a request had before it, beside what was collected.
    """

    job: Job
    collected: Sequence[Collected]
    items: Sequence[Item]
    surroundings: Surroundings
    task: str = ""
    read: tuple[str, ...] = ()

    def evidence(self, report: Report, reachability: Mapping[str, Reach]) -> Evidence:
        """Return the report as the contract's judge sees it."""
        found = evidence_of(report, reachability=reachability, baskets=self.surroundings.baskets)
        said_on = self.surroundings.said.get(mark_of_words(report.text), "") if self.job.reminder else ""
        return replace(
            found,
            known=self._known(report.text),
            days=self.surroundings.days,
            said_on=said_on,
            is_judged=self.surroundings.writer == "model",
        )

    def _known(self, text: str) -> KnownNumbers:
        if self.job.contract.numbers is None:
            return KnownNumbers()
        if self.surroundings.writer != "extract":
            return self._known_numbers
        return known_numbers(self.collected, self.job.prompt, self.task, *_OWN_WORDS.findall(text))

    @cached_property
    def _known_numbers(self) -> KnownNumbers:
        return known_numbers(self.collected, self.job.prompt, self.task, *self.read)


def grounds_of(
    plan: RunPlan, inputs: Inputs, surroundings: Surroundings, conversation: Sequence[Message], folder: Path
) -> Grounds:
    """Return what an answer of the run is judged on.

    `conversation` is the one in which it was written, `folder` the run's: where a request is answered, it counts what
    tools gave back.
    """
    task = "" if plan.request is None else plan.request.task
    # Not what is shown: a number that somebody made up at a roundtable is not collected by being quoted.
    items = (*inputs.items, *links_handed_on(inputs.collected, inputs.items))
    read = () if plan.request is None else texts_read(plan.request, conversation, folder)
    return Grounds(plan.job, inputs.collected, items, surroundings, task, read)


async def examine(text: str, grounds: Grounds, web: Web, limits: SourceLimits) -> Verdict:
    """Judge an answer against the job's contract; links are tried over the network if it asks for that.

    Items delivered before are not among those of the grounds, so that linking one counts as linking what was not
    collected.
    """
    contract = grounds.job.contract
    report = parse_report(text, grounds.items)
    reachability: Mapping[str, Reach] = {}
    if contract.every_item is not None and contract.every_item.reachable:
        reachability = await check_links(report.urls, web, concurrency=limits.concurrency, timeout_s=limits.timeout_s)
    # All numbers of a hundred feeds take a second, in which the event loop has other runs to serve.
    evidence = await asyncio.to_thread(grounds.evidence, report, reachability)
    violations = tuple(dict.fromkeys((*judge(contract, evidence), *lost_with_items(report, grounds))))
    return Verdict(violations, gaps(evidence, contract), reachability, grounds.surroundings)


def lost_with_items(report: Report, grounds: Grounds) -> tuple[Violation, ...]:
    """Return the promises about words that only hold by items whose links were not collected: nobody reads those."""
    if all(item.is_collected for item in report.items):
        return ()
    all_of_it = grounds.job.contract
    contract = Contract(
        must_include=all_of_it.must_include,
        sections=all_of_it.sections,
        cite=all_of_it.cite,
        disclaimer=all_of_it.disclaimer,
    )
    return judge(contract, Evidence(as_delivered(report), days=grounds.surroundings.days))


def as_delivered(report: Report) -> str:
    """Return the answer without the items that a digest does not take: what they say keeps no promise."""
    return without_lines(report.text, [item.lines for item in report.items if not item.is_collected])
