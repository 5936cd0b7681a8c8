"""Fitting sections into their budgets: whole records stay or go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.domain.errors import LimitReached, OwnerError
from harness.domain.tokens import estimate_tokens
from harness.prompt.sections import Record, Section, group_tokens, record_tokens, title_tokens

_LEAST_TOKENS = estimate_tokens("\n")
"""No record costs less than its line end."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A section with what was kept, in its order, and what was dropped. `tokens` is an upper bound."""

    section: Section
    kept: tuple[Record, ...]
    dropped: tuple[Record, ...]
    tokens: int


def fit(sections: Sequence[Section], total_tokens: int) -> tuple[Fitted, ...]:
    """Return the sections, in their order, fitted into their budgets and into the total.

    Required sections are served first, then the others by priority, so that a section of high priority keeps
    its budget however long the inputs are. Inside a section, records are kept by rank.
    Raises OwnerError if a required section is over its own budget, LimitReached (`context`) if the required
    ones together are over the total.
    """
    remaining = total_tokens
    fitted: dict[int, Fitted] = {}
    for index in sorted(range(len(sections)), key=lambda i: (not sections[i].is_required, sections[i].priority, i)):
        section = sections[index]
        if section.is_required:
            fitted[index] = _whole(section)
            if fitted[index].tokens > remaining:
                raise LimitReached("context", f"no room for {section.name} in a prompt of {total_tokens:,} tokens")
        else:
            fitted[index] = _by_rank(section, min(section.budget_tokens, remaining))
        remaining -= fitted[index].tokens
    return tuple(fitted[index] for index in range(len(sections)))


def _whole(section: Section) -> Fitted:
    groups = dict.fromkeys(record.group for record in section.records)
    tokens = sum(record_tokens(section, record) for record in section.records)
    tokens += sum(group_tokens(section, group) for group in groups)
    tokens += title_tokens(section) if section.records else 0
    if tokens > section.budget_tokens:
        problem = f"{section.name} takes {tokens:,} tokens of a prompt, over its {section.budget_tokens:,}"
        raise OwnerError(section.origin or section.name, None, problem, "shorten it")
    return Fitted(section, section.records, (), tokens)


def _by_rank(section: Section, allowance: int) -> Fitted:
    spent = title_tokens(section)
    kept: set[int] = set()
    open_groups: set[str] = set()
    for index in sorted(range(len(section.records)), key=lambda i: (section.records[i].rank, i)):
        if spent + _LEAST_TOKENS > allowance:  # of a long input most records are never counted
            break
        record = section.records[index]
        cost = record_tokens(section, record)
        if record.group not in open_groups:
            cost += group_tokens(section, record.group)
        if spent + cost <= allowance:
            spent += cost
            kept.add(index)
            open_groups.add(record.group)
    return Fitted(
        section,
        kept=tuple(record for index, record in enumerate(section.records) if index in kept),
        dropped=tuple(record for index, record in enumerate(section.records) if index not in kept),
        tokens=spent if kept else 0,
    )
