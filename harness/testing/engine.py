"""An engine in memory that keeps its promises within one process, for tests of what runs on an engine."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from harness.domain.errors import HarnessError, ReplayMismatch
from harness.ports import Json, RecordedStep, Step, Steps, Workflow


class MemorySteps:
    """Steps whose records are a list of the caller's: hand the same list to a second pass, and it replays."""

    def __init__(self, records: list[dict[str, Any] | None]) -> None:
        self.records = records
        self.performed: list[str] = []
        self._next = 0

    def reserve(self, kind: str, call_id: str, args: Json) -> Step:
        """Reserve the next place."""
        place = self._next
        self._next += 1
        while len(self.records) <= place:
            self.records.append(None)
        hashed = hashlib.sha256(json.dumps(args, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
        return _MemoryStep(self, place, {"kind": kind, "call_id": call_id, "args_hash": hashed})


class _MemoryStep:
    def __init__(self, steps: MemorySteps, place: int, identity: dict[str, str]) -> None:
        self._steps = steps
        self._place = place
        self._identity = identity

    async def run(self, work: Callable[[], Awaitable[Json]]) -> Json:
        record = self._steps.records[self._place]
        if record is None:
            self._steps.performed.append(self._identity["call_id"])
            record = dict(self._identity)
            try:
                record["value"] = json.loads(json.dumps(await work()))
            except HarnessError as error:
                record["error"] = error
            self._steps.records[self._place] = record
        if any(record[key] != self._identity[key] for key in self._identity):
            raise ReplayMismatch(f"the record is of {record['kind']} {record['call_id']}, not of {self._identity}")
        if "error" in record:
            raise record["error"]
        return json.loads(json.dumps(record["value"]))


class MemoryEngine:
    """Runs each started workflow at once, to its end, on an event loop of its own."""

    def __init__(self) -> None:
        self._workflow: Workflow | None = None
        self._states: dict[str, str] = {}
        self.records: dict[str, list[dict[str, Any] | None]] = {}
        self.others: dict[str, str] = {}
        """The executors that have the runs which are theirs, to rehearse several of them."""

    def launch(self, workflow: Workflow, executor_id: str) -> None:
        """Open for business."""
        self._workflow = workflow

    def start(self, run_id: str) -> None:
        """Run the workflow to its end; starting it again changes nothing."""
        if self._workflow is None:
            raise HarnessError("the engine is not launched")
        if run_id in self._states:
            return
        self._states[run_id] = "running"
        steps: Steps = MemorySteps(self.records.setdefault(run_id, []))
        try:
            asyncio.run(_to_end(self._workflow(run_id, steps)))
        except Exception:  # noqa: BLE001 - as the real one: a workflow that raises has failed
            self._states[run_id] = "failed"
        else:
            self._states[run_id] = "ended"

    def cancel(self, run_id: str) -> None:
        """Mark the run as cancelled."""
        self._states[run_id] = "cancelled"

    def state(self, run_id: str) -> str | None:
        """Return what became of the run."""
        return self._states.get(run_id)

    def is_executing(self, run_id: str) -> bool:
        """Nothing is, between two calls: each run ends within its start."""
        return False

    def answer_soon(self, answered: Callable[[], None]) -> None:
        """Answer at once, as nothing is at work between two calls."""
        answered()

    def take_over(self, run_id: str) -> bool:
        """Go on with a run that is said to be unfinished, from its records."""
        if self._states.get(run_id) != "running":
            return False
        del self._states[run_id]
        self.start(run_id)
        return True

    def unfinished(self) -> Mapping[str, str]:
        """Return those runs of `others` that are said to be running."""
        return {run_id: executor for run_id, executor in self.others.items() if self._states.get(run_id) == "running"}

    def recorded(self, run_id: str) -> tuple[RecordedStep, ...]:
        """Return the finished steps of the run."""
        records = enumerate(self.records.get(run_id, []), start=1)
        return tuple(_recorded(position, record) for position, record in records if record is not None)

    def forget(self, run_ids: Sequence[str]) -> None:
        """Delete what is kept of runs that have ended."""
        for run_id in run_ids:
            if self._states.get(run_id) not in (None, "running"):
                del self._states[run_id]
                self.records.pop(run_id, None)

    def set_state(self, run_id: str, state: str) -> None:
        """Say what the engine knows of a run, to rehearse what a crash leaves behind."""
        self._states[run_id] = state

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop."""
        self._workflow = None


def _recorded(position: int, record: dict[str, Any]) -> RecordedStep:
    error = record.get("error")
    return RecordedStep(
        position,
        record["kind"],
        record["call_id"],
        record["args_hash"],
        value=record.get("value"),
        error=None if error is None else str(error),
        failure=error,
    )


async def _to_end(work: Awaitable[Json]) -> Json:
    return await work
