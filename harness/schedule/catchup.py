"""What becomes of slots that passed while nobody was there to fire them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from harness.domain.schedule import CatchUp


@dataclass(frozen=True, slots=True)
class PlannedSlot:
    """One slot and what happens to it; `reason` is in words, and empty for a slot that is simply on time."""

    due_at: datetime
    decision: Literal["plan", "miss", "skip"]
    reason: str = ""


def _never_excluded(slot: datetime) -> str | None:
    return None


def plan_slots(
    slots: Iterable[datetime],
    now: datetime,
    policy: CatchUp,
    why_excluded: Callable[[datetime], str | None] = _never_excluded,
) -> list[PlannedSlot]:
    """Decide for each slot of one job whether it runs, oldest first.

    A slot for which `why_excluded` has a reason is skipped, however old it is: nothing was due then. Of the
    others, one that is at most `policy.grace_s` seconds old is on time and always runs; older ones follow
    the policy. With `latest`, at most one of the missed slots runs, and none if a slot that is on time runs
    anyway.
    """
    excluded = {slot: why_excluded(slot) for slot in sorted(set(slots))}
    allowed_s = max(policy.grace_s, policy.within_s)
    due = [slot for slot, why in excluded.items() if why is None]
    newest = next((slot for slot in reversed(due) if _age_s(slot, now) <= allowed_s), None)
    return [
        _plan_slot(slot, now, policy, is_newest=slot == newest) if why is None else PlannedSlot(slot, "skip", why)
        for slot, why in excluded.items()
    ]


def _plan_slot(slot: datetime, now: datetime, policy: CatchUp, *, is_newest: bool) -> PlannedSlot:
    age_s = _age_s(slot, now)
    if age_s <= policy.grace_s:
        return PlannedSlot(slot, "plan")
    late = f"{duration_in_words(age_s)} late"
    if policy.run == "none":
        return PlannedSlot(slot, "miss", f"{late}; if_missed runs none")
    if age_s > policy.within_s:
        return PlannedSlot(slot, "miss", f"{late}; if_missed allows {duration_in_words(policy.within_s)}")
    if policy.run == "latest" and not is_newest:
        return PlannedSlot(slot, "miss", f"{late}; a newer slot of the same job runs instead")
    return PlannedSlot(slot, "plan", f"{late}; if_missed runs {policy.run}")


def duration_in_words(seconds: float) -> str:
    """Return the duration in its two largest units: `45 s`, `3 h 12 min`, `2 d 5 h`. Fractions are cut."""
    rest = int(seconds)
    parts: list[str] = []
    for name, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {name}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def _age_s(slot: datetime, now: datetime) -> float:
    return (now - slot).total_seconds()
