"""The list of all tools."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from harness.collectors.parse import FeedParser
from harness.domain.errors import TransientError
from harness.domain.settings import Egress
from harness.domain.source import Collected
from harness.domain.tokens import estimate_request_tokens
from harness.gate.egress import SystemResolver, WebDoor
from harness.gate.registry import ToolRegistry
from harness.store.database import Database
from harness.store.state_folder import StateFolder
from harness.testing.clock import VirtualClock
from harness.tools.bus import ASK, HANDOFF, ON_REQUEST, Desk
from harness.tools.catalogue import TOOL_NAMES, build_registry
from harness.tools.radar import RADAR_TOOLS
from tests.bus.team_of import NOW, team_of


async def fetch(name: str) -> Collected:
    raise TransientError("not asked for here")


async def search(words: str, limit: int) -> Collected:
    raise TransientError("not asked for here")


async def closed_nowhere(url: str) -> str | None:
    return None


def registry() -> ToolRegistry:
    web = WebDoor(Egress(), SystemResolver())
    database = Database(Path("never-opened.db"))
    desk = Desk(database, StateFolder(Path("unused")), VirtualClock(NOW), lambda: team_of("zoe"), lambda: None)
    return build_registry(
        web=web, parser=FeedParser(), fetch_list=fetch, search=search, why_not=closed_nowhere, desk=desk
    )


def test_the_names_that_files_may_use_are_those_of_the_tools() -> None:
    by_request = {ASK, HANDOFF, *ON_REQUEST}
    assert frozenset(registry()) - by_request == TOOL_NAMES


def test_each_tool_costs_few_tokens_of_a_prompt() -> None:
    for schema in registry().schemas(sorted(TOOL_NAMES)):
        # An estimate counts each sign of the JSON: what is sent is about half of it.
        most = 225 if schema.name in ("scratchpad", "delegate", "learn", *RADAR_TOOLS) else 140
        assert estimate_request_tokens((), (schema,)) < most, schema.name


def test_only_reading_tools_skip_the_trace_before_their_effect() -> None:
    effects = {name: tool.spec.effect for name in TOOL_NAMES if (tool := registry().find(name))}
    assert {name for name, effect in effects.items() if effect != "read"} == {"files.write", *RADAR_TOOLS}


def test_the_names_are_known_without_loading_a_heavy_library() -> None:
    code = "import sys, json; import harness.tools.catalogue; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
    assert not {"pydantic", "httpx2", "asyncio", "jinja2"} & set(loaded)
