"""What differs between two runs, part by part. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from harness.domain.message import Message, ToolSchema
from harness.prompt.assemble import AssembledPrompt, prompt_hash
from harness.prompt.outline import schema_json
from harness.runs.recording import Recording, why_no_artifacts, why_no_steps
from harness.runs.verdict import Verdict
from harness.store.json_codec import from_json

_CONTEXT_LINES = 2


@dataclass(frozen=True, slots=True)
class Part:
    """One thing in which two runs may differ, as lines of text.

    `is_set`: the order of the lines says nothing. `missing` says why there is nothing to compare.
    """

    name: str
    then: tuple[str, ...] = ()
    now: tuple[str, ...] = ()
    is_set: bool = False
    missing: str = ""

    @property
    def is_same(self) -> bool | None:
        """Whether there is no difference; None where it cannot be said."""
        if self.missing:
            return None
        return set(self.then) == set(self.now) if self.is_set else self.then == self.now

    def changes(self, wrap: Callable[[str], Sequence[str]] = lambda line: (line,)) -> tuple[str, ...]:
        """Return what differs, each line with `-` (only in the first), `+` (only in the second) or a space.

        `wrap` breaks long lines before they are compared, so that only what changed in them is shown.
        """
        if self.is_same is not False:
            return ()
        then, now = ([piece for line in lines for piece in (wrap(line) or ("",))] for lines in (self.then, self.now))
        if self.is_set:
            only_then, only_now = (
                [line for line in dict.fromkeys(ours) if line not in theirs]
                for ours, theirs in ((self.then, self.now), (self.now, self.then))
            )
            return (*_marked("-", only_then, wrap), *_marked("+", only_now, wrap))
        return tuple(unified_diff(then, now, lineterm="", n=_CONTEXT_LINES))[2:]


def compare_runs(first: Recording, second: Recording) -> tuple[Part, ...]:
    """Return every part of two runs, from what they were told to do to what it cost."""
    return (
        _recorded_part("job", first, second, _job_lines),
        _recorded_part("inputs", first, second, _input_lines, is_set=True),
        _recorded_part("prompt", first, second, prompt_lines),
        _recorded_part("answers", first, second, _answer_lines),
        _recorded_part("tools", first, second, _tool_lines),
        _recorded_part("contract", first, second, contract_lines),
        Part("outcome", outcome_lines(first), outcome_lines(second)),
        digest_part(first, second),
        Part("cost", (_cost_line(first),), (_cost_line(second),)),
        Part("duration", (_duration_line(first),), (_duration_line(second),)),
    )


def compare_replay(recorded: Recording, replayed: Recording) -> tuple[Part, ...]:
    """Return the parts of a replay that can differ from what was recorded."""
    return (
        Part("prompt", prompt_lines(recorded), prompt_lines(replayed)),
        Part("contract", contract_lines(recorded), contract_lines(replayed)),
        Part("outcome", outcome_lines(recorded), outcome_lines(replayed)),
        digest_part(recorded, replayed),
    )


def compare_prompt(recording: Recording, prompt: AssembledPrompt) -> tuple[Part, ...]:
    """Return the parts of the prompt that the run was sent at first, and of that of now."""
    recorded = recording.value("assemble", "prompt")
    if recorded is None:
        missing = why_no_steps(recording.run.forgotten_at) if not recording.steps else "no model was sent a prompt"
        return (Part("prompt", missing=f"{recording.run.id}: {missing}"),)
    messages = from_json(tuple[Message, ...], recorded["messages"])
    tools = from_json(tuple[ToolSchema, ...], recorded["tools"])
    return (
        *(
            Part(f"{before.role} message", tuple(before.content.splitlines()), tuple(after.content.splitlines()))
            for before, after in zip(messages, prompt.messages, strict=True)
        ),
        Part("tools", _schema_lines(tools), _schema_lines(prompt.tools)),
    )


def _schema_lines(tools: Sequence[ToolSchema]) -> tuple[str, ...]:
    return tuple(json.dumps(schema_json(tool), ensure_ascii=False) for tool in tools)


def prompt_sha256(recording: Recording) -> str | None:
    """Return the hash of what the model was sent at first; None if no prompt was assembled."""
    prompt = recording.value("assemble", "prompt")
    if prompt is None:
        return None
    return prompt_hash(
        from_json(tuple[Message, ...], prompt["messages"]), from_json(tuple[ToolSchema, ...], prompt["tools"])
    )


def prompt_lines(recording: Recording) -> tuple[str, ...]:
    """Return the messages and tool schemas that the model was sent at first; or the text of a template."""
    filled = recording.value("assemble", "template")
    if filled is not None:
        return tuple(str(filled).splitlines())
    prompt = recording.value("assemble", "prompt")
    if prompt is None:
        return ()
    lines = [f"sha256 {prompt_sha256(recording)}"]
    for message in prompt["messages"]:
        lines += [f"[{message['role']}]", *message["content"].splitlines()]
    lines += [f"[tool] {json.dumps(tool, sort_keys=True, ensure_ascii=False)}" for tool in prompt["tools"]]
    return tuple(lines)


def contract_lines(recording: Recording) -> tuple[str, ...]:
    """Return what was wrong with each answer, and what could not be judged."""
    lines: list[str] = []
    for call_id, value in recording.values("check").items():
        verdict = from_json(Verdict, value)
        found = (*map(str, verdict.violations), *(f"not judged: {gap}" for gap in verdict.gaps))
        lines += [f"{call_id}: {line}" for line in found or ("holds",)]
    return tuple(lines)


def outcome_lines(recording: Recording) -> tuple[str, ...]:
    """Return how the run itself decided to end, before its channels had their say."""
    published = recording.value("publish")
    decided = published["outcome"] if published is not None else recording.run.outcome
    if not isinstance(decided, dict):
        decided = {} if recording.fire is None else {"state": recording.fire.state, "reason": recording.fire.reason}
    if "again" in decided:
        return (f"begun again: {decided['again']}",)
    shown = [("state", decided.get("state")), ("reason", decided.get("reason"))]
    shown += [(name, decided.get(name)) for name in ("items", "gaps")]
    shown += [("ended by", published["stop"] if published is not None else recording.run.stop)]
    return tuple(f"{name}: {value}" for name, value in shown if value not in (None, ""))


def digest_part(first: Recording, second: Recording) -> Part:
    """Return the texts that were made, if both are still there."""
    for one in (first, second):
        if one.digest is None and one.run.artifacts_deleted_at is not None:
            return Part("digest", missing=f"{one.run.id}: {why_no_artifacts(one.run.artifacts_deleted_at)}")
    then, now = (tuple((one.digest or "").splitlines()) for one in (first, second))
    return Part("digest", then, now)


def _recorded_part(
    name: str,
    first: Recording,
    second: Recording,
    lines: Callable[[Recording], tuple[str, ...]],
    *,
    is_set: bool = False,
) -> Part:
    for one in (first, second):
        if not one.steps:
            return Part(name, missing=f"{one.run.id}: {why_no_steps(one.run.forgotten_at)}")
    return Part(name, lines(first), lines(second), is_set)


def _job_lines(recording: Recording) -> tuple[str, ...]:
    plan = recording.value("begin")
    if plan is None:
        return ()
    lines = [f"method: {plan['method']}"]
    for name, value in plan["job"].items():
        if name == "prompt":
            lines += [f"prompt: {line}" for line in str(value).splitlines()]
        elif name != "prompt_line":
            lines.append(f"{name}: {json.dumps(value, ensure_ascii=False)}")
    lines += [f"input {name}: {value}" for name, value in plan["inputs"].items()]
    return tuple(lines)


def _input_lines(recording: Recording) -> tuple[str, ...]:
    inputs = recording.value("collect")
    if inputs is None:
        return ()
    lines = [f"{item['title']}  {item['url']}" for item in inputs["items"]]
    for one in inputs["collected"]:
        if one["text"].strip():
            lines.append(f"{one['read']}: {len(one['text']):,} characters ({_short_hash(one['text'])})")
        lines += [f"{one['read']}: gap: {gap['source']}: {gap['problem']}" for gap in one["gaps"]]
    return tuple(lines)


def _answer_lines(recording: Recording) -> tuple[str, ...]:
    lines: list[str] = []
    for call_id, value in recording.values("model").items():
        reply = value["reply"]
        if reply is None:
            lines.append(f"[{call_id}] no answer in time")
            continue
        lines += [f"[{call_id}] {reply['model']}, {reply['finish']}", *reply["text"].splitlines()]
    return tuple(lines)


def _tool_lines(recording: Recording) -> tuple[str, ...]:
    asked: dict[str, dict[str, Any]] = {}
    for call_id, value in recording.values("model").items():
        for number, call in enumerate((value["reply"] or {}).get("tool_calls", ()), start=1):
            asked[f"{call_id}.{number}"] = call
    lines: list[str] = []
    for call_id, value in recording.values("tool").items():
        call, result = asked.get(call_id, {}), value["result"]
        came = result["error_kind"] or f"{len(result['content']):,} characters ({_short_hash(result['content'])})"
        lines.append(f"[{call_id}] {call.get('name', 'a tool')} {call.get('arguments', '')} -> {came}")
    return tuple(lines)


def _cost_line(recording: Recording) -> str:
    spending = recording.spending
    if not spending.calls:
        return "no model call was paid for"
    calls = "1 call" if spending.calls == 1 else f"{spending.calls} calls"
    tokens = f"{spending.input_tokens:,} tokens in, {spending.output_tokens:,} out"
    return f"${spending.cost_usd:.4f}: {calls}, {tokens} ({', '.join(spending.models)})"


def _duration_line(recording: Recording) -> str:
    run = recording.run
    if run.started_at is None or run.ended_at is None:
        return "it never began" if run.started_at is None else "it has not ended"
    return f"{run.ended_at - run.started_at:.1f} s"


def _marked(mark: str, lines: Sequence[str], wrap: Callable[[str], Sequence[str]]) -> list[str]:
    return [
        f"{mark if number == 0 else ' '}{piece}" for line in lines for number, piece in enumerate(wrap(line) or ("",))
    ]


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
