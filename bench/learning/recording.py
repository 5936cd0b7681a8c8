"""The recorded steps of a simulated run, as the harness records those of its own: what its capture reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from bench.learning.family import Task
from harness.domain.contract import Violation
from harness.domain.job import Job
from harness.domain.message import Message, ModelReply, ToolCall
from harness.domain.tool import ToolResult
from harness.memory.capture import Showing
from harness.memory.transcript import read_transcript
from harness.ports import RecordedStep
from harness.runs.plan import RunPlan
from harness.runs.verdict import Verdict
from harness.store.json_codec import to_json

AGENT = "scout"


@dataclass(frozen=True, slots=True)
class Called:
    """One tool call, made in a reply of its own, and what the world answered."""

    tool: str
    arguments: Mapping[str, Any]
    result: ToolResult


@dataclass(frozen=True, slots=True)
class Run:
    """What happened in a run. `checks` are the violations of its answers, the first and the repaired one."""

    name: str
    day: date
    task: Task
    calls: Sequence[Called] = ()
    checks: Sequence[Sequence[Violation]] = ()
    told: str = ""

    def showing(self) -> Showing:
        """Return what the harness sees of the run."""
        job = f"{AGENT}/{self.name.partition('.')[0]}"
        return Showing(self.id, AGENT, job, self.day, read_transcript(self._steps()))

    @property
    def id(self) -> str:
        """What the run is called."""
        return f"cron:{AGENT}/{self.name.replace('.', '-')}:{self.day:%Y%m%d}"

    def _steps(self) -> tuple[RecordedStep, ...]:
        at = datetime.combine(self.day, time(8), UTC)
        job = Job(AGENT, self.name, "", (), "UTC", self.task.text, contract=self.task.contract)
        prompt = f"{self.told}\n\n# Your task\n{self.task.text}".strip()
        values: list[tuple[str, str, Any]] = [
            ("begin", "begin", to_json(RunPlan, RunPlan(self.id, job, at, at, "model"))),
            ("assemble", "prompt", {"messages": to_json(tuple[Message, ...], (Message("user", prompt),))}),
        ]
        for number, called in enumerate(self.calls, start=1):
            call = ToolCall(f"call_{number}", called.tool, json.dumps(called.arguments, ensure_ascii=False))
            reply = ModelReply("", "scripted", (call,), finish="tool_calls")
            values.append(("model", f"model-{number}", {"reply": to_json(ModelReply, reply), "elapsed_s": 1.0}))
            values.append(("tool", f"model-{number}.1", {"result": to_json(ToolResult, called.result)}))
        for number, violations in enumerate(self.checks, start=1):
            values.append(("check", f"check-{number}", to_json(Verdict, Verdict(tuple(violations)))))
        return tuple(
            RecordedStep(place, kind, call_id, "", json.loads(json.dumps(value)))
            for place, (kind, call_id, value) in enumerate(values, start=1)
        )
