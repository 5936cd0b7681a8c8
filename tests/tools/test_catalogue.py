"""The list of all tools."""

from __future__ import annotations

import json
import subprocess
import sys

from harness.collectors.parse import FeedParser
from harness.domain.errors import TransientError
from harness.domain.settings import Egress
from harness.domain.source import Collected
from harness.domain.tokens import estimate_request_tokens
from harness.gate.egress import SystemResolver, WebDoor
from harness.gate.registry import ToolRegistry
from harness.tools.catalogue import TOOL_NAMES, build_registry


async def fetch(name: str) -> Collected:
    raise TransientError("not asked for here")


def registry() -> ToolRegistry:
    return build_registry(web=WebDoor(Egress(), SystemResolver()), parser=FeedParser(), fetch_list=fetch)


def test_the_names_that_files_may_use_are_those_of_the_tools() -> None:
    assert frozenset(registry()) == TOOL_NAMES


def test_each_tool_costs_few_tokens_of_a_prompt() -> None:
    for schema in registry().schemas(sorted(TOOL_NAMES)):
        # An estimate counts each sign of the JSON: what is sent is about half of it.
        most = 210 if schema.name in ("scratchpad", "delegate", "learn") else 140
        assert estimate_request_tokens((), (schema,)) < most, schema.name


def test_only_reading_tools_skip_the_trace_before_their_effect() -> None:
    effects = {name: tool.spec.effect for name in TOOL_NAMES if (tool := registry().find(name))}
    assert {name for name, effect in effects.items() if effect != "read"} == {"files.write"}


def test_the_names_are_known_without_loading_a_heavy_library() -> None:
    code = "import sys, json; import harness.tools.catalogue; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
    assert not {"pydantic", "httpx2", "asyncio", "jinja2"} & set(loaded)
