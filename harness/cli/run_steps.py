"""The recorded steps of a run, numbered, as a person chooses one to fork from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from harness.cli.bus_lines import first_line
from harness.cli.fires import iso
from harness.cli.table import table_lines, wrap
from harness.daemon.wording import local_time
from harness.domain.sizes import counted
from harness.ports import RecordedStep
from harness.runs.recording import last_fork_point, step_name

_LONGEST_REASON = 160


def steps_json(steps: Sequence[RecordedStep]) -> list[dict[str, Any]]:
    """Return the steps with stable keys; times are ISO 8601 in UTC."""
    called = _called(steps)
    return [
        {
            "step": step.position,
            "kind": step.kind,
            "call_id": step.call_id,
            "started_at": iso(step.started_at),
            "ended_at": iso(step.ended_at),
            "took_s": _took_s(step),
            "detail": _detail(step, called),
            "error": step.error,
        }
        for step in steps
    ]


def step_lines(
    run_id: str, steps: Sequence[RecordedStep], zone: str, now: datetime, width: int, *, can_fork: bool
) -> list[str]:
    """Return a line a step, and how to fork from one where that can be done."""
    called = _called(steps)
    rows = [
        (
            str(step.position),
            step_name(step.kind, step.call_id),
            "" if step.started_at is None else _clock(step.started_at, zone, now),
            _in_words(_took_s(step)),
            f"failed: {step.error}" if step.error is not None else _detail(step, called),
        )
        for step in steps
    ]
    lines = table_lines(rows, width, ("step", "what", "began", "took", ""))
    if not can_fork:
        return lines
    last = last_fork_point(steps)
    steps_words = "step 1" if last == 1 else f"steps 1 to {last}"
    hint = f"fork from one of {steps_words}: harness runs fork {run_id} --step N"
    return [*lines, "", *wrap(hint, width)]


def passed_over(steps: Sequence[RecordedStep]) -> tuple[str, ...]:
    """Return which profiles could not answer in the run, each with the reason that it had first."""
    replies = (step.value["reply"] for step in steps if step.kind == "model" and step.failure is None)
    said = [why for reply in replies if reply is not None for why in reply.get("passed_over", ())]
    first = {why.partition(":")[0]: why for why in reversed(said)}
    return tuple(first[name] for name in dict.fromkeys(why.partition(":")[0] for why in said))


def stand_in_lines(passed: Sequence[str], width: int) -> list[str]:
    """Return a line or more for each profile that could not answer, as `passed_over` names it."""
    return [line for absent in passed for line in wrap(f"-> another profile answered for {absent}", width)]


def _called(steps: Sequence[RecordedStep]) -> dict[str, str]:
    """Return the name of the tool by the id of the call: the step of a call itself does not hold it."""
    replies = ((step.call_id, step.value["reply"]) for step in steps if step.kind == "model" and step.failure is None)
    return {
        f"{call_id}.{number}": call["name"]
        for call_id, reply in replies
        if reply is not None
        for number, call in enumerate(reply["tool_calls"], 1)
    }


def _detail(step: RecordedStep, called: Mapping[str, str]) -> str:
    value = step.value
    match step.kind:
        case "collect" if step.failure is None:
            items, gaps = len(value["items"]), sum(len(one["gaps"]) for one in value["collected"])
            return f"{counted(items, 'item')}, {counted(gaps, 'gap')}" if gaps else counted(items, "item")
        case "model" if step.failure is None:
            return _reply(value["reply"])
        case "tool" if step.failure is None:
            return _tool_call(called.get(step.call_id, ""), value["result"])
        case "keep" if step.failure is None:
            return f"{counted(len(value['files']), 'text')} taken out of the conversation"
        case "check" if step.failure is None:
            violations = len(value["violations"])
            return counted(violations, "violation") if violations else "the contract holds"
        case "publish" if step.failure is None:
            return str(value["outcome"]["state"])
        case _:
            return ""


def _reply(reply: dict[str, Any] | None) -> str:
    if reply is None:
        return "no answer in time"
    calls = Counter(call["name"] for call in reply["tool_calls"])
    asked = ", ".join(name if times == 1 else f"{name} ({times} times)" for name, times in calls.items())
    said = f"asks for {asked}" if calls else str(reply["model"])
    absent = [why.partition(":")[0] for why in reply.get("passed_over", ())]
    return f"{said}, {reply['profile']} in place of {', '.join(absent)}" if absent else said


def _tool_call(name: str, result: Mapping[str, Any]) -> str:
    """Return which tool was called, and of a call that came to nothing why."""
    if result["error_kind"] is None:
        return name
    said = next(iter(result["content"].strip().splitlines()), "")
    why = first_line(said, _LONGEST_REASON).removeprefix(f"{name}: ").rstrip(":")
    return f"{name} {why}" if why.startswith(result["error_kind"]) else f"{name} {result['error_kind']}: {why}"


def _took_s(step: RecordedStep) -> float | None:
    if step.started_at is None or step.ended_at is None:
        return None
    return round(step.ended_at - step.started_at, 3)


def _in_words(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"


def _clock(at: float, zone: str, now: datetime) -> str:
    return local_time(datetime.fromtimestamp(at, UTC), zone, now)
