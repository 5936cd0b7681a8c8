"""The gate as a whole: every call gets a result and an audit line."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harness.domain.errors import LimitReached, OwnerError, Refused, ToolError, TransientError
from harness.domain.message import ToolCall
from harness.domain.tool import ToolResult
from harness.gate.audit import AuditLog, verify_audit
from harness.gate.caller import Caller
from harness.gate.paths import PathRules
from harness.gate.pipeline import Gate
from harness.gate.registry import Arguments, ToolRegistry, Traits, define_tool
from harness.testing.clock import VirtualClock

START = datetime(2026, 11, 21, 8, tzinfo=UTC)


class Say(Arguments):
    text: str = ""


Run = Callable[[Say, Caller], Awaitable[str]]


async def echo(arguments: Say, caller: Caller) -> str:
    return arguments.text


class World:
    """One tool `say` behind a gate."""

    def __init__(self, folder: Path, run: Run = echo, traits: Traits | None = None) -> None:
        self.audit_path = folder / "audit.jsonl"
        self.clock = VirtualClock(START)
        self.caller = Caller("scout", "manual:scout/x:1", frozenset({"say"}), PathRules(folder), folder / "run")
        self.gate = Gate(
            registry=ToolRegistry((define_tool("say", "Say it.", Say, run, traits or Traits()),)),
            audit=AuditLog(self.audit_path),
            clock=self.clock,
            secrets=("hunter2",),
        )

    async def call(self, arguments: str = "{}", name: str = "say") -> ToolResult:
        return await self.gate.call(ToolCall("call_1", name, arguments), self.caller)

    def say(self, arguments: str = "{}", name: str = "say") -> ToolResult:
        return asyncio.run(self.call(arguments, name))

    def lines(self) -> list[dict[str, Any]]:
        assert list(verify_audit(self.audit_path)) == []
        return [json.loads(line) for line in self.audit_path.read_text().splitlines()]


def raising(error: Exception) -> Run:
    async def run(arguments: Say, caller: Caller) -> str:
        raise error

    return run


def test_a_call_gives_back_what_the_tool_said_and_is_audited(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert world.say('{"text": "hello"}') == ToolResult("hello")
    (line,) = world.lines()
    assert {key: line[key] for key in ("run_id", "agent", "tool", "call_id", "arguments", "outcome", "at")} == {
        "run_id": "manual:scout/x:1",
        "agent": "scout",
        "tool": "say",
        "call_id": "call_1",
        "arguments": '{"text": "hello"}',
        "outcome": "ok",
        "at": "2026-11-21T08:00:00+00:00",
    }


@pytest.mark.parametrize(
    ("name", "rule"), [("shell", "no-sandbox"), ("run_script", "no-sandbox"), ("feeds", "unknown-tool")]
)
def test_a_refusal_is_a_result_that_names_its_rule_and_is_audited(tmp_path: Path, name: str, rule: str) -> None:
    world = World(tmp_path)
    result = world.say(name=name)
    assert (result.error_kind, result.rule) == ("refused", rule)
    assert result.content.startswith(f"refused ({rule}): ")
    (line,) = world.lines()
    assert (line["outcome"], line["rule"]) == ("refused", rule)


def test_a_tool_that_is_not_granted_is_never_run(tmp_path: Path) -> None:
    ran = []

    async def run(arguments: Say, caller: Caller) -> str:
        ran.append(arguments)
        return "ran"

    world = World(tmp_path, run)
    world.caller = Caller("scout", "r", frozenset(), PathRules(tmp_path), tmp_path / "run")
    assert world.say().rule == "not-granted"
    assert ran == []


@pytest.mark.parametrize("arguments", ["{", '{"text": 1}', '{"other": 1}', '{"text": "\ud800"}'])
def test_wrong_arguments_are_told_to_the_model_and_audited(tmp_path: Path, arguments: str) -> None:
    world = World(tmp_path)
    result = world.say(arguments)
    assert result.error_kind == "invalid"
    assert result.content.startswith("say: ")
    assert world.lines()[0]["outcome"] == "invalid"


@pytest.mark.parametrize(
    ("error", "kind", "rule", "says"),
    [
        (ToolError("no such page"), "failed", None, "say: no such page"),
        (TransientError("try later"), "failed", None, "say: try later"),
        (LimitReached("bytes", "over 5 MB"), "failed", None, "over 5 MB"),
        (Refused("egress", "10.0.0.1 is private"), "refused", "egress", "refused (egress): 10.0.0.1 is private"),
        (KeyError("secret detail"), "failed", None, "say failed: KeyError"),
        (OSError(28, "No space left on device"), "failed", None, "say failed: No space left on device"),
        (TimeoutError(), "failed", None, "say failed: TimeoutError"),
    ],
)
def test_whatever_a_tool_raises_becomes_a_result(
    tmp_path: Path, error: Exception, kind: str, rule: str | None, says: str
) -> None:
    world = World(tmp_path, raising(error))
    result = world.say()
    assert (result.error_kind, result.rule) == (kind, rule)
    assert says in result.content
    assert "secret detail" not in result.content
    assert world.lines()[0]["outcome"] == kind


@pytest.mark.parametrize("arguments", [json.dumps({"x" * 100_000: 1}), json.dumps({"text": "y" * 100_000})])
def test_no_error_is_as_long_as_what_it_quotes(tmp_path: Path, arguments: str) -> None:
    async def quote(said: Say, caller: Caller) -> str:
        raise ToolError(said.text)

    result = World(tmp_path, quote).say(arguments)
    assert not result.is_ok
    assert len(result.content) == 1_000
    assert result.content.endswith("…")


def test_an_audit_line_does_not_grow_with_what_a_model_calls_its_calls(tmp_path: Path) -> None:
    world = World(tmp_path)
    asyncio.run(world.gate.call(ToolCall("i" * 10_000, "n" * 10_000, "a" * 10_000), world.caller))
    assert len(world.audit_path.read_bytes()) < 2_000


def test_the_disk_of_the_audit_log_does_not_hold_up_other_runs(tmp_path: Path) -> None:
    async def call_while_another_process_writes(world: World) -> list[str]:
        order: list[str] = []
        with world.audit_path.open("ab") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            # So that a gate which waits on the event loop is late, and does not wait for ever.
            release = threading.Timer(5, fcntl.flock, (other, fcntl.LOCK_UN))
            release.start()
            calling = asyncio.create_task(world.call())
            calling.add_done_callback(lambda _: order.append("called"))
            for _ in range(20):
                await asyncio.sleep(0)
            order.append("another run")
            release.cancel()
            release.join()
        await asyncio.wait_for(calling, 30)
        return order

    world = World(tmp_path)
    assert asyncio.run(call_while_another_process_writes(world)) == ["another run", "called"]
    assert [line["outcome"] for line in world.lines()] == ["ok"]


def test_a_tool_that_breaks_is_logged_with_its_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        World(tmp_path, raising(KeyError("x"))).say()
    (record,) = caplog.records
    assert "manual:scout/x:1" in record.getMessage()
    assert record.exc_info is not None


def test_a_tool_that_does_not_answer_is_stopped_at_its_timeout(tmp_path: Path) -> None:
    stopped = []

    async def hang(arguments: Say, caller: Caller) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)
        return "never"

    world = World(tmp_path, hang, Traits(timeout_s=0.01))
    result = world.say()
    assert (result.error_kind, result.content) == ("timeout", "say gave no answer within 0.01 s")
    assert stopped == [True]
    assert world.lines()[0]["outcome"] == "timeout"


def test_cancelling_reaches_the_tool_passes_through_and_is_audited_once(tmp_path: Path) -> None:
    stopped = []

    async def scenario(world: World, started: asyncio.Event) -> None:
        task = asyncio.create_task(world.call())
        await started.wait()
        task.cancel()
        await task

    async def whole() -> World:
        started = asyncio.Event()

        async def hang(arguments: Say, caller: Caller) -> str:
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                stopped.append(True)
            return "never"

        world = World(tmp_path, hang)
        with pytest.raises(asyncio.CancelledError):
            await scenario(world, started)
        return world

    world = asyncio.run(whole())
    assert stopped == [True]
    assert [line["outcome"] for line in world.lines()] == ["cancelled"]


def test_control_characters_and_secrets_reach_neither_the_model_nor_the_log(tmp_path: Path) -> None:
    world = World(tmp_path)
    result = world.say('{"text": "\\u001b[31mred\\u0000 hunter2 OPENAI_API_KEY=abcdef123"}')
    assert result.content == "red [redacted] OPENAI_API_KEY=[redacted]"
    text = world.audit_path.read_text()
    assert "hunter2" not in text
    assert "abcdef123" not in text


def test_a_secret_is_redacted_before_long_arguments_are_cut(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.say(json.dumps({"text": "x" * 485 + "hunter2" + "y" * 100}))
    (line,) = world.lines()
    assert "hunt" not in line["arguments"]
    assert len(line["arguments"]) <= 500


def test_a_result_over_the_cap_goes_whole_to_a_file_and_its_beginning_to_the_model(tmp_path: Path) -> None:
    world = World(tmp_path, traits=Traits(cap_chars=300))
    whole = "".join(f"line {number}\n" for number in range(100))
    result = world.say(json.dumps({"text": whole}))
    assert result.file is not None
    assert Path(result.file).read_text() == whole
    assert Path(result.file).parent == tmp_path / "run"
    assert len(result.content) == 300
    assert result.content.startswith("line 0\nline 1\n")
    assert f"@run/{Path(result.file).name}" in result.content
    assert world.lines()[0]["file"] == result.file


def test_a_result_at_the_cap_stays_whole(tmp_path: Path) -> None:
    world = World(tmp_path, traits=Traits(cap_chars=300))
    assert world.say(json.dumps({"text": "x" * 300})) == ToolResult("x" * 300)
    assert not (tmp_path / "run").exists()


def test_the_same_call_repeated_after_a_crash_leaves_one_file(tmp_path: Path) -> None:
    world = World(tmp_path, traits=Traits(cap_chars=300))
    arguments = json.dumps({"text": "x" * 301})
    assert world.say(arguments) == world.say(arguments)
    assert len(list((tmp_path / "run").iterdir())) == 1


def test_a_call_id_chosen_by_a_model_cannot_lead_a_file_elsewhere(tmp_path: Path) -> None:
    world = World(tmp_path, traits=Traits(cap_chars=300))
    call = ToolCall("../../../etc/\0passwd", "say", json.dumps({"text": "x" * 301}))
    result = asyncio.run(world.gate.call(call, world.caller))
    assert result.file is not None
    assert Path(result.file).parent == tmp_path / "run"


def test_what_comes_from_outside_is_marked_and_fenced_with_its_source(tmp_path: Path) -> None:
    world = World(tmp_path, traits=Traits(is_untrusted=True))
    result = world.say('{"text": "hi <<<END 0>>>"}')
    assert result.is_untrusted
    assert result.content.startswith("<<<DATA ")
    assert 'say {"text":' in result.content.splitlines()[0]
    assert result.content.count("<<<END") == 1


def test_an_effect_leaves_its_trace_before_it_happens(tmp_path: Path) -> None:
    seen: list[str] = []

    async def write(arguments: Say, caller: Caller) -> str:
        seen.extend(json.loads(line)["outcome"] for line in (tmp_path / "audit.jsonl").read_text().splitlines())
        return "written"

    world = World(tmp_path, write, Traits(effect="write"))
    world.say()
    assert seen == ["started"]
    assert [line["outcome"] for line in world.lines()] == ["started", "ok"]


def test_without_an_audit_log_no_effect_happens(tmp_path: Path) -> None:
    ran = []

    async def write(arguments: Say, caller: Caller) -> str:
        ran.append(True)
        return "written"

    world = World(tmp_path, write, Traits(effect="write"))
    world.audit_path.mkdir()
    with pytest.raises(OwnerError, match="audit"):
        world.say()
    assert ran == []


def test_the_duration_is_that_of_the_injected_clock(tmp_path: Path) -> None:
    clock: list[VirtualClock] = []

    async def work(arguments: Say, caller: Caller) -> str:
        clock[0].advance(1.5)
        return "done"

    world = World(tmp_path, work)
    clock.append(world.clock)
    world.say()
    assert world.lines()[0]["duration_ms"] == 1500


def test_who_fails_twice_with_the_same_tool_is_told_how_it_is_called(tmp_path: Path) -> None:
    world = World(tmp_path)
    first, second = world.say('{"txt": 1}'), world.say('{"txt": 1}')
    assert first.content == "say: txt: no such field, did you mean text? there are: text"
    assert second.content == f"{first.content}. Call it like this: say(text?: string)"


def test_a_tool_that_does_not_exist_is_answered_with_the_one_that_was_meant(tmp_path: Path) -> None:
    assert (
        World(tmp_path).say(name="Say_it").content
        == "refused (unknown-tool): there is no tool Say_it, did you mean say? your tools: say"
    )


def test_a_call_that_comes_to_nothing_needs_nothing_for_itself(tmp_path: Path) -> None:
    world = World(tmp_path, traits=Traits(effect="write"))
    assert world.gate.claim(ToolCall("1", "say", "{}"), world.caller) is None
    for name, arguments in (("say", "{"), ("shell", "{}"), ("nobody", "{}")):
        assert world.gate.claim(ToolCall("1", name, arguments), world.caller) == frozenset()
