"""Reporting a better way: what is new is noted, and what was recalled is not learned again."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.domain.message import Message, ToolCall
from harness.domain.tool import ToolResult
from harness.gate.audit import AuditLog
from harness.gate.caller import Caller
from harness.gate.outside import RECALLED_OWN, fence
from harness.gate.paths import PathRules
from harness.gate.pipeline import Gate
from harness.gate.registry import ToolRegistry
from harness.memory.learnings import parse_learnings
from harness.pytest_plugin import NOW, Workbench
from harness.testing.clock import VirtualClock
from harness.testing.openai_server import OpenAIServer, call_tools, say
from harness.tools.learn import learn_tools
from tests.runs.model_workspace import with_model
from tests.runs.test_asking import Models, agent, job, tool
from tests.runs.test_examining import EIGHT

BETTER = {"title": "count twice", "right": "Count the cups twice, from both sides."}


def learn(folder: Path, arguments: dict[str, str], *conversation: str) -> ToolResult:
    gate = Gate(
        registry=ToolRegistry(learn_tools()),
        audit=AuditLog(folder / "audit.jsonl"),
        clock=VirtualClock(datetime(2026, 11, 21, tzinfo=UTC)),
    )
    caller = Caller("scout", "r-1", frozenset({"learn"}), PathRules(folder), folder / "run")
    said = tuple(Message("user", content) for content in conversation)
    return asyncio.run(
        gate.call(ToolCall("call_1", "learn", json.dumps(arguments)), replace(caller, conversation=said))
    )


def test_a_better_way_is_noted(tmp_path: Path) -> None:
    result = learn(tmp_path, BETTER, "# Your task\nCount the cups.")
    assert (result.is_ok, result.content) == (True, "noted; it is kept as a candidate, and has to prove itself")


def test_what_was_recalled_is_not_learned_again(tmp_path: Path) -> None:
    recalled = fence("[ERR-1 · trust 2]\nRight: count the cups TWICE; from both sides!", RECALLED_OWN)
    result = learn(tmp_path, BETTER, f"# Memory\n{recalled}\n\n# Your task\nCount.")
    assert result.error_kind == "failed"
    assert "recalled for you" in result.content
    assert learn(tmp_path, {**BETTER, "right": "Count them in the morning."}, recalled).is_ok


@pytest.mark.parametrize("arguments", [{**BETTER, "right": " "}, {**BETTER, "title": ""}])
def test_what_says_nothing_is_not_noted(tmp_path: Path, arguments: dict[str, str]) -> None:
    assert learn(tmp_path, arguments).error_kind == "failed"


def test_what_a_run_reports_is_a_candidate_when_it_has_ended(workbench: Workbench) -> None:
    models = Models()
    with OpenAIServer(models.answer) as server:
        files = {**with_model(server), **agent("zoe"), **job("zoe"), "agents/scout/jobs/morning.md": None}
        files["agents/zoe/agent.toml"] = 'description = "zoe"\nprofile = "cheap"\ntools = ["learn"]\n'
        workbench.write(files)
        models.says = {"zoe": [call_tools(tool("learn", BETTER)), say("Six cups.")]}
        workbench.tick_at(EIGHT)
        workbench.system.learn()
    text = (workbench.root / "agents/zoe/.learnings/LEARNINGS.md").read_text(encoding="utf-8")
    (found,) = parse_learnings(text).found
    learning = found.learning
    assert learning.id.startswith(f"LRN-{NOW:%Y%m%d}-")
    assert (learning.title, learning.right, learning.origin, learning.trust) == (
        BETTER["title"],
        BETTER["right"],
        "agent",
        1,
    )
