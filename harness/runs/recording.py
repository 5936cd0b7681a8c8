"""What is known of a run afterwards: its row, its steps, what it cost and what it made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from harness.domain.run import Fire
from harness.ports import Json, RecordedStep
from harness.store.peek import Peek
from harness.store.records import RunRecord, Spending
from harness.store.state_folder import StateFolder

LIVE_KINDS = frozenset({"publish", "deliver", "close"})
"""What leaves traces outside of the run's records is done by every run itself."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One run that has ended.

    `steps` is empty where retention deleted them, `digest` (Markdown) is None where there is none, or none
    any more. `fire` is None for a run that another one of the same fire has replaced.
    """

    run: RunRecord
    fire: Fire | None = None
    steps: tuple[RecordedStep, ...] = ()
    spending: Spending = field(default_factory=Spending)
    digest: str | None = None

    def value(self, kind: str, call_id: str | None = None) -> Json:
        """Return what the step recorded, or None if it did not end well or there is no such step."""
        step = find_step(self.steps, kind, call_id)
        return None if step is None else step.value

    def values(self, kind: str) -> dict[str, Any]:
        """Return what the steps of a kind recorded, by their call ids, in their order."""
        return {step.call_id: step.value for step in self.steps if step.kind == kind and step.failure is None}


def find_step(steps: Sequence[RecordedStep], kind: str, call_id: str | None = None) -> RecordedStep | None:
    """Return the first step of that kind, and of that id if one is given."""
    return next((step for step in steps if step.kind == kind and call_id in (None, step.call_id)), None)


def step_name(kind: str, call_id: str) -> str:
    """Return how a step is called: `model-2` is a model call, `collect` needs no second name."""
    return kind if kind == call_id else f"{kind} {call_id}"


def last_fork_point(records: Sequence[RecordedStep]) -> int:
    """Return the highest step from which a fork can go on: behind it everything is done anew in any case."""
    position = 1
    for step in records:
        if step.position != position or step.kind in LIVE_KINDS or _was_not_made(step):
            break
        position += 1
    return position


def _was_not_made(step: RecordedStep) -> bool:
    """Say whether it is a model call for which a budget of the day had no room: another day has."""
    return step.kind == "model" and isinstance(step.value, dict) and "budget" in step.value


def read_recording(look: Peek, state: StateFolder, run_id: str) -> Recording | None:
    """Return what is known of the run; None if there is no such run."""
    run = look.run(run_id)
    if run is None:
        return None
    return Recording(
        run,
        look.fire_of_run(run_id),
        look.steps_of_run(run_id),
        look.spending_of_run(run_id),
        _read_digest(state, run),
    )


def why_no_steps(forgotten_at: float | None) -> str:
    """Return why nothing is recorded of a run: it never began, or since when it is deleted, and by which setting."""
    if forgotten_at is None:
        return "it never began, so nothing is recorded of it"
    return f"its recorded steps were {deleted_by_retention(forgotten_at, 'runs')}"


def why_no_artifacts(deleted_at: float) -> str:
    """Return since when what the run made is deleted, and by which setting."""
    return f"what it made was {deleted_by_retention(deleted_at, 'artifacts')}"


def deleted_by_retention(at: float, setting: str) -> str:
    """Return `deleted by retention on 2026-11-21 ([retention] runs in harness.toml)`."""
    return f"deleted by retention on {datetime.fromtimestamp(at, UTC):%Y-%m-%d} ([retention] {setting} in harness.toml)"


def _read_digest(state: StateFolder, run: RunRecord) -> str | None:
    artifact = run.outcome.get("artifact") if isinstance(run.outcome, dict) else None
    if not artifact:
        return None
    page = (state.root / str(artifact)).with_suffix(".md")
    try:
        return page.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
