"""Tools and their calls as providers let them be written: names, ids, arguments. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from harness.domain.message import ModelRequest, ToolSchema

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")


def wire_names(tools: Sequence[ToolSchema]) -> dict[str, str]:
    """Return each tool's name on the wire, where only letters, digits, `_` and `-` may stand: `web.read`
    goes as `web_read`, and one that would collide gets a number."""
    names: dict[str, str] = {}
    taken = {tool.name for tool in tools if not _NOT_IN_NAMES.search(tool.name)}
    for tool in tools:
        wire = tool.name
        if _NOT_IN_NAMES.search(wire):
            wire = numbered(plain(wire), taken)
            taken.add(wire)
        names[tool.name] = wire
    return names


def plain(name: str) -> str:
    """Return the name with `_` for every character that may not stand on the wire."""
    return _NOT_IN_NAMES.sub("_", name)


def numbered(name: str, taken: set[str]) -> str:
    """Return the name, with a number if it is taken."""
    free, number = name, 2
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def sendable_object(arguments: str) -> dict[str, Any]:
    """Return the arguments of an earlier call as the object that they should be.

    Endpoints that render their own prompt parse them and answer 400 or 500 when they are no object, which would end
    the very run in which the model is about to correct itself.
    """
    try:
        parsed = json.loads(arguments)
    except (ValueError, RecursionError):
        parsed = None
    return parsed if isinstance(parsed, dict) else {"invalid_json": arguments}


def made_up_id(request: ModelRequest, index: int) -> str:
    """Return an id for a call that came without one; it depends on nothing but the request."""
    said = json.dumps([[m.role, m.content, m.tool_call_id] for m in request.messages])
    return f"call_{hashlib.sha256(said.encode()).hexdigest()[:12]}_{index}"
