"""The recorded steps of a run, written down as the harness records them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from harness.domain.contract import Contract, Violation
from harness.domain.job import Job
from harness.domain.message import Message, ModelReply, ToolCall
from harness.domain.tool import ToolResult
from harness.memory.capture import Showing
from harness.memory.transcript import read_transcript
from harness.ports import RecordedStep
from harness.runs.plan import Method, RunPlan
from harness.runs.verdict import Verdict
from harness.store.json_codec import to_json

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
DAY = date(2026, 11, 21)

Called = tuple[str, Mapping[str, Any], ToolResult]


def failed(text: str = "no such field", kind: Any = "failed", rule: str | None = None) -> ToolResult:
    return ToolResult(text, error_kind=kind, rule=rule)


@dataclass
class Recorded:
    """A run whose model made each of the calls in a reply of its own."""

    calls: Sequence[Called] = ()
    first: Sequence[Violation] | None = None
    second: Sequence[Violation] | None = None
    contract: Contract = field(default_factory=Contract)
    prompt: str = "# Your task\nRank it."
    method: Method = "model"

    def steps(self) -> tuple[RecordedStep, ...]:
        job = Job("scout", "morning", "Rank it.", (), "UTC", contract=self.contract)
        plan = RunPlan("cron:scout/morning:1", job, NOW, NOW, self.method)
        values: list[tuple[str, str, Any]] = [
            ("begin", "begin", to_json(RunPlan, plan)),
            ("assemble", "prompt", {"messages": to_json(tuple[Message, ...], (Message("user", self.prompt),))}),
        ]
        for number, (name, arguments, result) in enumerate(self.calls, start=1):
            call = ToolCall(f"call_{number}", name, json.dumps(arguments))
            reply = ModelReply("", "test-model", (call,), finish="tool_calls")
            values.append(("model", f"model-{number}", {"reply": to_json(ModelReply, reply), "elapsed_s": 1.0}))
            values.append(("tool", f"model-{number}.1", {"result": to_json(ToolResult, result), "elapsed_s": 0.1}))
        for name, violations in (("check-1", self.first), ("check-2", self.second)):
            if violations is not None:
                values.append(("check", name, to_json(Verdict, Verdict(tuple(violations)))))
        return tuple(
            RecordedStep(place, kind, call_id, "hash", json.loads(json.dumps(value)))
            for place, (kind, call_id, value) in enumerate(values, start=1)
        )

    def showing(self, run: str = "cron:scout/morning:1", day: date = DAY) -> Showing:
        return Showing(run, "scout", "scout/morning", day, read_transcript(self.steps()))
