"""The steps of a fork: what another run has recorded is taken over, everything else is done anew.

What is taken over is recorded again as the fork's own, so that a fork that crashed goes on like any run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from harness.domain.errors import HarnessError
from harness.ports import Json, RecordedStep, Step, Steps
from harness.runs.recording import LIVE_KINDS, step_name
from harness.store.step_records import args_hash

Adapt = Callable[[RecordedStep], Json]
"""Turns another run's recorded value into the fork's own; called in a thread."""


@dataclass(frozen=True, slots=True)
class Fork:
    """What a run takes over from the run `of`: the steps before `from_step`, counted from 1.

    Without `from_step` it takes over what was there before the prompt was assembled, but not the plan: the
    job is as it is today.
    """

    of: str
    from_step: int | None = None


class ForkedSteps:
    """Steps that another run may have done before.

    `reserve` raises HarnessError where the run comes to another step than the recorded one.
    """

    def __init__(self, steps: Steps, fork: Fork, records: Sequence[RecordedStep], adapt: Adapt) -> None:
        self._steps = steps
        self._fork = fork
        self._adapt = adapt
        self._place = 0
        self._by_place = {step.position: step for step in records}
        self._by_name = {(step.kind, step.call_id): step for step in inputs_of(records)}

    def reserve(self, kind: str, call_id: str, args: Json) -> Step:
        """Reserve the next place; what fills it may be a record."""
        self._place += 1
        if self._fork.from_step is None:
            record = self._by_name.get((kind, call_id))
            inner = self._steps.reserve(kind, call_id, args)
            return inner if record is None else _TakenOver(inner, record, self._adapt)
        if self._place >= self._fork.from_step or kind in LIVE_KINDS:
            return self._steps.reserve(kind, call_id, args)
        record = self._by_place.get(self._place)
        if record is not None:
            self._check(record, kind, call_id, args_hash(args))
        return _TakenOver(self._steps.reserve(kind, call_id, args), record, self._adapt)

    def _check(self, record: RecordedStep, kind: str, call_id: str, hashed: str) -> None:
        fix = f"fork from there: harness runs fork {self._fork.of} --step {record.position}"
        where = f"step {record.position} of {self._fork.of}"
        if (record.kind, record.call_id) != (kind, call_id):
            raise HarnessError(
                f"{where} was {step_name(record.kind, record.call_id)}, and the fork comes to "
                f"{step_name(kind, call_id)} instead; {fix}"
            )
        if record.args_hash != hashed:
            raise HarnessError(f"{where} ({step_name(kind, call_id)}) was given something else then; {fix}")


class _TakenOver:
    """A step of the fork whose work is to return what another run recorded, or to raise it."""

    def __init__(self, inner: Step, record: RecordedStep | None, adapt: Adapt) -> None:
        self._inner = inner
        self._record = record
        self._adapt = adapt

    async def run(self, work: Callable[[], Awaitable[Json]]) -> Json:
        return await self._inner.run(self._take_over)

    async def _take_over(self) -> Json:
        if self._record is None:
            raise HarnessError("the recorded step that was to be taken over has been deleted since")
        if self._record.failure is not None:
            raise self._record.failure
        return await asyncio.to_thread(self._adapt, self._record)


def inputs_of(records: Sequence[RecordedStep]) -> tuple[RecordedStep, ...]:
    """Return what was there before the prompt was assembled, without the plan; empty if it never was."""
    if not any(step.kind == "assemble" for step in records):
        return ()
    before = takewhile(lambda step: step.kind != "assemble", records)
    return tuple(step for step in before if step.kind != "begin")
