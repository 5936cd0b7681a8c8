"""The page of a night for the person: what the day was, what was learned of it, and what changed. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

from harness.domain.sizes import counted
from harness.gate.sanitise import in_short, one_line
from harness.reflection.plan import NightPlan

_MOST_LINES = 20
_DIFF_LINES = 200
_LONGEST = 240


def render_page(plan: NightPlan, after: Mapping[str, str], notes: Iterable[str] = ()) -> str:
    """Return the page as Markdown; `after` are the texts that the files have now, of those named in the plan.

    `notes` are what else is to be told, such as that git refused.
    """
    sections = {
        "The day": _day_lines(plan),
        "Learned today": _records(plan, plan.learned),
        "Promoted": _records(plan, promoted_ids(plan, after)),
        "Contradicted": _records(plan, plan.contradicted),
        "Changed": _change_lines(plan),
        "Shared with the team": [
            f"{_record(plan, each.learning.id, each.learning.title)} ({each.why})" for each in plan.shared
        ],
        "Tomorrow's follow-ups": [f"{each.importance} {each.owner}: {_in_code(each.words)}" for each in plan.needs],
        "Waiting for you": _for_person(plan),
        "Left alone": [*map(_in_code, plan.problems), *map(_in_code, plan.refused), *map(_in_code, notes)],
    }
    parts = [f"## {title}\n\n{_listed(lines)}" for title, lines in sections.items() if lines]
    diff = diff_of(plan.before, after)
    if diff:
        parts.append(f"## What changed in the files\n\n{_fenced(diff)}")
    return "\n\n".join(parts) + "\n"


def reason_of(plan: NightPlan, after: Mapping[str, str]) -> str:
    """Return the night in one sentence."""
    counts = {
        "learned": len(plan.learned),
        "promoted": len(promoted_ids(plan, after)),
        "contradicted": len(plan.contradicted),
        "shared": len(plan.shared),
        "waiting for you": len(plan.for_person) + len(plan.disputed) + len(plan.at_odds),
    }
    said = ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "nothing learned"
    return f"{said} ({counted(plan.done.fires, 'run')} on {plan.day})"


def is_worth_telling(plan: NightPlan, after: Mapping[str, str], notes: Iterable[str] = ()) -> bool:
    """Say whether the night has anything that the person does not know from the night before."""
    news = (plan.learned, plan.changes, plan.contradicted, plan.disputed, plan.at_odds, plan.shared, plan.needs)
    return any(news) or bool(plan.problems or plan.refused or tuple(notes)) or bool(diff_of(plan.before, after))


def promoted_ids(plan: NightPlan, after: Mapping[str, str]) -> tuple[str, ...]:
    """Return the ids of the due records that stand in MEMORY.md now."""
    memory = after.get(f"agents/{plan.agent}/MEMORY.md", "")
    return tuple(each for each in plan.due if re.search(rf"\^{re.escape(each)}\s*$", memory, re.MULTILINE))


def diff_of(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Return what changed as a unified diff, cut at a line with the number of those left out."""
    lines: list[str] = []
    for name in sorted(after):
        old, new = before.get(name, ""), after[name]
        if old != new:
            lines += difflib.unified_diff(
                old.splitlines(), new.splitlines(), f"a/{name}", f"b/{name}", n=1, lineterm=""
            )
    left_out = len(lines) - _DIFF_LINES
    if left_out > 0:
        lines = [*lines[:_DIFF_LINES], f"… and {counted(left_out, 'more line')}: see the files"]
    return "\n".join(lines)


def _day_lines(plan: NightPlan) -> list[str]:
    day = plan.done
    outcomes = ", ".join(f"{count} {state}" for state, count in day.outcomes.items())
    lines = [f"{counted(day.fires, 'run')}{f': {outcomes}' if outcomes else ''}"]
    for each in day.troubles:
        said = "; ".join([each.reason, *each.details]) if each.reason else "; ".join(each.details)
        lines.append(f"{each.job_id} {each.state}: {_in_code(said or 'no reason given')}")
    lines += [
        f"{'open' if each.is_open else 'over'}: {_in_code(f'{each.cause}: {each.message}')} ({each.occurrences} ×)"
        for each in day.incidents
    ]
    if day.requests_made or day.requests_received or day.requests_ended:
        made = counted(day.requests_made, "request")
        lines.append(f"{made} made, {day.requests_received} received, {day.requests_ended} ended")
    if day.model_calls:
        lines.append(f"{counted(day.model_calls, 'model call')}, {day.tokens:,} tokens, ${day.cost_usd:.2f}")
    return lines


def _records(plan: NightPlan, ids: Iterable[str]) -> list[str]:
    return [_record(plan, each, plan.titles.get(each, "")) for each in ids]


def _record(plan: NightPlan, learning_id: str, title: str) -> str:
    return f"{learning_id}: {_in_code(title)}" if title else learning_id


def _change_lines(plan: NightPlan) -> list[str]:
    return [
        f"{each.after.id}: {_became(each.before.status, each.after.status)}{_in_code(each.why)}"
        for each in plan.changes
    ]


def _became(before: str, after: str) -> str:
    return "" if before == after else f"{before} → {after}, "


def _for_person(plan: NightPlan) -> list[str]:
    lines = [
        f"{_record(plan, each, plan.titles.get(each, ''))}: proven, but not from the team itself; "
        f"`harness memory promote {each}`, or `harness memory forget {each}`"
        for each in plan.for_person
    ]
    lines += [
        f"{_record(plan, each, plan.titles.get(each, ''))}: yours, and it did not hold today" for each in plan.disputed
    ]
    return lines + [f"{one} and {other} may contradict each other" for one, other in plan.at_odds]


def _listed(lines: list[str]) -> str:
    left_out = len(lines) - _MOST_LINES
    shown = lines[:_MOST_LINES] + ([f"… and {left_out} more"] if left_out > 0 else [])
    return "\n".join(f"- {line}" for line in shown)


def _in_code(text: str) -> str:
    """Return the text as code: what a record quotes is no Markdown of ours."""
    shown = in_short(one_line(text), _LONGEST).replace("`", "'")
    return f"`{shown}`" if shown else ""


def _fenced(text: str) -> str:
    longest = max((len(found) for found in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * max(3, longest + 1)
    return f"{fence}diff\n{text}\n{fence}"
