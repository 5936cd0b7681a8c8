"""Gathers the evidence that `harness.domain.contract` judges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.domain.contract import Violation, gaps, judge
from harness.domain.job import Job
from harness.domain.settings import SourceLimits
from harness.domain.source import Item
from harness.ports import Web
from harness.runs.reachability import Reach, check_links
from harness.runs.report import evidence_of, parse_report


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with an answer, and what could not be judged; `reachability` is keyed by item URL."""

    violations: tuple[Violation, ...] = ()
    gaps: tuple[str, ...] = ()
    reachability: Mapping[str, Reach] = field(default_factory=dict)

    @property
    def bad_urls(self) -> frozenset[str]:
        """The links of items that must not be delivered as they are."""
        return frozenset(violation.url for violation in self.violations if violation.url is not None)


async def examine(text: str, items: Sequence[Item], job: Job, web: Web, limits: SourceLimits) -> Verdict:
    """Judge an answer against the job's contract; links are tried over the network if it asks for that.

    Items delivered before are not among `items`, so that linking one counts as linking what was not collected.
    """
    report = parse_report(text, items)
    reachability: Mapping[str, Reach] = {}
    rule = job.contract.every_item
    if rule is not None and rule.reachable:
        reachability = await check_links(report.urls, web, concurrency=limits.concurrency, timeout_s=limits.timeout_s)
    evidence = evidence_of(report, reachability=reachability)
    return Verdict(judge(job.contract, evidence), gaps(evidence, job.contract), reachability)
