"""What the judging of an answer came to, and what it was judged by: recorded with the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.domain.contract import Violation
from harness.runs.reachability import Reach

Writer = Literal["model", "extract", "template"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an answer is judged by beside its own words and what was collected.

    `days`: of each job that is to be cited, the day of its latest result, empty if it has none. `baskets` are those
    of the collected items, by their keys. `said` are the words of the agent's reminders of late, hashed, with the day
    on which each was delivered. `writer` is who wrote the answer.
    """

    days: Mapping[str, str] = field(default_factory=dict)
    baskets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    said: Mapping[str, str] = field(default_factory=dict)
    writer: Writer = "model"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with an answer, and what could not be judged; `reachability` is keyed by item URL.

    `surroundings` are those that it was judged in: by them it is judged again before it is published.
    """

    violations: tuple[Violation, ...] = ()
    gaps: tuple[str, ...] = ()
    reachability: Mapping[str, Reach] = field(default_factory=dict)
    surroundings: Surroundings = field(default_factory=Surroundings)

    @property
    def bad_urls(self) -> frozenset[str]:
        """The links of items that must not be delivered as they are."""
        return frozenset(violation.url for violation in self.violations if violation.url is not None)
