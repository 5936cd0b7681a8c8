"""The gate: what every tool call passes, in this order.

known and granted → arguments valid → not known to fail → executed with a timeout, under the policies of paths and
egress → sanitised, redacted, capped, fenced → audit line. Paths are judged where files are opened, and addresses where
connections are made, so that nothing can change between the check and the use.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from harness.domain.errors import HarnessError, Refused
from harness.domain.message import ToolCall
from harness.domain.tool import Claim, Told, ToolResult, ToolSpec
from harness.gate.audit import AuditLog
from harness.gate.caller import Caller
from harness.gate.outside import fence
from harness.gate.permission import InvalidArguments, permitted_tool, read_arguments
from harness.gate.redact import redact
from harness.gate.registry import KNOWN_MISTAKE, Arguments, Lessons, Tool, ToolRegistry
from harness.gate.results import keep_whole
from harness.gate.sanitise import sanitise
from harness.gate.wrong_arguments import short_form
from harness.ports import Clock

_LOG = logging.getLogger(__name__)
_AUDITED_CHARS = 500
_AUDITED_NAME_CHARS = 100
_ERROR_CHARS = 1_000
"""What an error may say: it quotes arguments, addresses and field names, whose length others choose."""
_REDACTED_CHARS = 20_000
_FAILED_TWICE = 2


class Gate:
    """The one way to a tool.

    `secrets` are values, such as keys from the environment, that never reach a model or the audit log. `lessons` say
    which calls failed before.
    """

    def __init__(
        self,
        *,
        registry: ToolRegistry,
        audit: AuditLog,
        clock: Clock,
        secrets: Iterable[str] = (),
        lessons: Lessons | None = None,
    ) -> None:
        self._registry = registry
        self._audit = audit
        self._clock = clock
        self._secrets = tuple(secrets)
        self._lessons = lessons

    async def call(self, call: ToolCall, caller: Caller) -> ToolResult:
        """Return what the call gave back; whatever goes wrong with the tool is a result with its error_kind.

        Raises OwnerError if the audit log cannot be written; cancellation passes through, audited.
        """
        started_at = self._clock.now()
        try:
            result = await self._pass(call, caller)
        except asyncio.CancelledError:
            self._record(call, caller, started_at, ToolResult("cancelled", error_kind="cancelled"))
            raise
        # Off the event loop: a line is on disk before the result counts, and a disk can take its time.
        await asyncio.to_thread(self._record, call, caller, started_at, result)
        return result

    async def _pass(self, call: ToolCall, caller: Caller) -> ToolResult:
        try:
            tool = permitted_tool(call.name, self._registry.find(call.name), caller.tools)
            arguments = read_arguments(call.arguments, tool.arguments)
        except Refused as refusal:
            return self._refused(refusal)
        except InvalidArguments as error:
            return self._error(f"{call.name}: {error}{self._reminder(call.name, caller)}", "invalid")
        lesson = None if self._lessons is None else self._lessons.before(call, caller)
        if lesson is not None:
            content = redact(sanitise(f"refused ({KNOWN_MISTAKE}): {lesson}"), self._secrets)
            return ToolResult(content, error_kind="refused", rule=KNOWN_MISTAKE)
        if tool.spec.effect != "read":
            # Written before the effect, so that one cut short by a crash has left its trace.
            begun = {**_what(call, caller, self._secrets), "at": self._clock.now().isoformat(), "outcome": "started"}
            await asyncio.to_thread(self._audit.append, begun)
        return await self._execute(tool, arguments, call, caller)

    def claim(self, call: ToolCall, caller: Caller) -> Claim:
        """Return what the call needs for itself while it runs; nothing, if it will not come to that."""
        try:
            tool = permitted_tool(call.name, self._registry.find(call.name), caller.tools)
            return tool.claim(read_arguments(call.arguments, tool.arguments))
        except (Refused, InvalidArguments):
            return frozenset()

    def _reminder(self, name: str, caller: Caller) -> str:
        """Return how the tool is called, for a model that has failed at it before."""
        caller.misused[name] += 1
        tool = self._registry.find(name)
        if tool is None or caller.misused[name] < _FAILED_TWICE:
            return ""
        return f". Call it like this: {short_form(name, tool.spec.schema.parameters)}"

    async def _execute(self, tool: Tool, arguments: Arguments, call: ToolCall, caller: Caller) -> ToolResult:
        spec = tool.spec
        try:
            async with asyncio.timeout(spec.timeout_s) as deadline:
                answer = await tool.run(arguments, caller)
            told = answer if isinstance(answer, Told) else None
            result = await asyncio.to_thread(self._finished, spec, told.text if told else str(answer), call, caller)
            return result if told is None else replace(result, signal=told.signal)
        except Refused as refusal:
            return self._refused(refusal)
        except HarnessError as error:
            return self._error(f"{spec.name}: {error}", "failed")
        except Exception as error:  # noqa: BLE001 - the dispatch boundary: a broken tool must not end the run
            if isinstance(error, TimeoutError) and deadline.expired():
                return self._error(f"{spec.name} gave no answer within {spec.timeout_s:g} s", "timeout")
            _LOG.exception("run %s: tool %s broke", caller.run_id, spec.name)
            reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            return self._error(f"{spec.name} failed: {reason}", "failed")

    def _finished(self, spec: ToolSpec, text: str, call: ToolCall, caller: Caller) -> ToolResult:
        content = redact(sanitise(text), self._secrets)
        file = None
        if len(content) > spec.cap_chars:
            content, file = keep_whole(content, spec, call.id, caller)
        if spec.is_untrusted:
            content = fence(content, f"{spec.name} {call.arguments}")
        return ToolResult(content, file=file, is_untrusted=spec.is_untrusted)

    def _refused(self, refusal: Refused) -> ToolResult:
        return replace(self._error(f"refused ({refusal.rule}): {refusal.reason}", "refused"), rule=refusal.rule)

    def _error(self, text: str, kind: Any) -> ToolResult:
        # A tool's error may quote what it read outside: it goes the way of every result.
        content = redact(sanitise(text), self._secrets)
        if len(content) > _ERROR_CHARS:
            content = f"{content[: _ERROR_CHARS - 1]}…"
        return ToolResult(content, error_kind=kind)

    def _record(self, call: ToolCall, caller: Caller, started_at: datetime, result: ToolResult) -> None:
        now = self._clock.now()
        self._audit.append(
            {
                **_what(call, caller, self._secrets),
                "at": now.isoformat(),
                "outcome": result.error_kind or "ok",
                "rule": result.rule,
                "duration_ms": round((now - started_at).total_seconds() * 1000),
                "result_sha256": hashlib.sha256(result.content.encode()).hexdigest(),
                "file": result.file,
            }
        )


def _what(call: ToolCall, caller: Caller, secrets: Iterable[str]) -> dict[str, Any]:
    """Who called what. Long arguments are cut, after redaction; their hash tells them apart."""
    return {
        "run_id": caller.run_id,
        "agent": caller.agent,
        "tool": sanitise(call.name)[:_AUDITED_NAME_CHARS],
        "call_id": sanitise(call.id)[:_AUDITED_NAME_CHARS],
        "arguments": redact(call.arguments[:_REDACTED_CHARS], secrets)[:_AUDITED_CHARS],
        "arguments_sha256": hashlib.sha256(call.arguments.encode("utf-8", "surrogatepass")).hexdigest(),
    }
