"""What Anthropic's API refuses of a request, in its own words. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

KNOWN_ARGUMENTS = frozenset((
    "cache_control", "container", "diagnostics", "inference_geo", "max_tokens", "messages", "metadata", "model",
    "output_config", "service_tier", "speed", "stop_sequences", "stream", "system", "thinking", "tool_choice", "tools",
    "user_profile_id",
))  # fmt: skip
_REMOVED = ("temperature", "top_k", "top_p")
_REMOVED_IN = "2026-10-21"
_FIELDS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "text": (frozenset(("type", "text")), frozenset(("cache_control", "citations"))),
    "tool_use": (frozenset(("type", "id", "name", "input")), frozenset(("cache_control", "caller"))),
    "tool_result": (frozenset(("type", "tool_use_id")), frozenset(("content", "is_error", "cache_control"))),
    "thinking": (frozenset(("type", "thinking", "signature")), frozenset()),
    "redacted_thinking": (frozenset(("type", "data")), frozenset()),
}
"""For each kind of block the fields that it must have, and those that it may have."""

_OF_ROLE = {"user": ("text", "tool_result"), "assistant": ("text", "tool_use", "thinking", "redacted_thinking")}
_TOOL_FIELDS = frozenset(("name", "description", "input_schema", "cache_control", "type", "strict"))
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_MOST_MARKS = 4


class Objection(Exception):
    """A request is not taken; the message is what the API says."""


def check_request(body: Mapping[str, Any], version: str, is_own_thought: Callable[[Mapping[str, Any]], bool]) -> None:
    """Raise Objection for what the real API does not take.

    `is_own_thought` says whether a block of thinking is one that the model had, unchanged.
    """
    _check_top_level(body, version)
    _check_tools(body.get("tools", []))
    for index, block in enumerate(_blocks(body.get("system", []), "system")):
        _check_block(block, f"system.{index}", ("text",))
    _check_roles(body["messages"])
    for place, block, role in _said(body["messages"]):
        _check_block(block, place, _OF_ROLE[role])
        if block["type"] == "thinking" and not is_own_thought(block):
            raise Objection(f"{place}: Invalid `signature` in `thinking` block")
    _check_pairs(body["messages"])
    _check_marks(body)


def _check_top_level(body: Mapping[str, Any], version: str) -> None:
    for key in ("model", "max_tokens", "messages"):
        if key not in body:
            raise Objection(f"{key}: Field required")
    allowed = KNOWN_ARGUMENTS if version >= _REMOVED_IN else KNOWN_ARGUMENTS.union(_REMOVED)
    for key in body:
        if key not in allowed:
            raise Objection(f"{key}: Extra inputs are not permitted")
    if not isinstance(body["max_tokens"], int) or body["max_tokens"] < 1:
        raise Objection("max_tokens: Input should be greater than or equal to 1")
    if not body["messages"]:
        raise Objection("messages: at least one message is required")


def _check_tools(tools: list[dict[str, Any]]) -> None:
    for index, tool in enumerate(tools):
        place = f"tools.{index}.custom"
        for key in tool:
            if key not in _TOOL_FIELDS:
                raise Objection(f"{place}.{key}: Extra inputs are not permitted")
        if not _TOOL_NAME.fullmatch(str(tool.get("name"))):
            raise Objection(f"{place}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
        if tool.get("input_schema", {}).get("type") != "object":
            raise Objection(f"{place}.input_schema.type: Field required")
    if len({tool["name"] for tool in tools}) < len(tools):
        raise Objection("tools: Tool names must be unique.")


def _check_roles(messages: list[dict[str, Any]]) -> None:
    before = None
    for index, message in enumerate(messages):
        if set(message) != {"role", "content"}:
            raise Objection(f"messages.{index}: role and content are required, and nothing else is permitted")
        role = message["role"]
        if role not in _OF_ROLE:
            raise Objection(
                f'messages: Unexpected role "{role}". The Messages API accepts a top-level `system` parameter.'
            )
        if before is None and role != "user":
            raise Objection('messages: first message must use the "user" role')
        if role == before:
            raise Objection(
                f'messages: roles must alternate between "user" and "assistant", but found multiple "{role}" roles '
                "in a row"
            )
        before = role


def _check_block(block: Mapping[str, Any], place: str, allowed: tuple[str, ...]) -> None:
    kind = block.get("type")
    if not isinstance(kind, str) or kind not in allowed:
        raise Objection(f"{place}: Input tag {kind!r} found using 'type' does not match any of the expected tags")
    needed, possible = _FIELDS[kind]
    for key in sorted(needed - set(block)):
        raise Objection(f"{place}.{kind}.{key}: Field required")
    for key in sorted(set(block) - needed - possible):
        raise Objection(f"{place}.{kind}.{key}: Extra inputs are not permitted")
    if kind == "text":
        _check_text(block, place)
    if kind == "tool_use":
        if not isinstance(block["input"], dict):
            raise Objection(f"{place}.tool_use.input: Input should be a valid dictionary")
        if not _ID.fullmatch(block["id"]):
            raise Objection(f"{place}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
    if kind == "tool_result":
        for index, inner in enumerate(_blocks(block.get("content", []), f"{place}.tool_result")):
            _check_block(inner, f"{place}.tool_result.content.{index}", ("text",))


def _check_text(block: Mapping[str, Any], place: str) -> None:
    if not block["text"]:
        raise Objection(
            f"{place}.text: cache_control cannot be set for empty text blocks"
            if "cache_control" in block
            else "messages: text content blocks must be non-empty"
        )
    if not block["text"].strip():
        raise Objection("messages: text content blocks must contain non-whitespace text")


def _check_pairs(messages: list[dict[str, Any]]) -> None:
    used: set[str] = set()
    waiting: list[str] = []
    for index, message in enumerate(messages):
        blocks = list(_blocks(message["content"], f"messages.{index}"))
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        for position, asked in enumerate(results):
            if asked not in waiting:
                raise Objection(
                    f"messages.{index}.content.{position}: unexpected `tool_use_id` found in `tool_result` blocks: "
                    f"{asked}. Each `tool_result` block must have a corresponding `tool_use` block in the previous "
                    "message."
                )
        first = [block.get("tool_use_id") for block in blocks[: len(waiting)]]
        if missing := [asked for asked in waiting if asked not in first]:
            raise Objection(_unanswered(index - 1, missing))
        waiting = [block["id"] for block in blocks if block["type"] == "tool_use"]
        if used.intersection(waiting) or len(set(waiting)) < len(waiting):
            raise Objection("messages: `tool_use` ids must be unique")
        used.update(waiting)
    if waiting:
        raise Objection(_unanswered(len(messages) - 1, waiting))


def _unanswered(index: int, ids: list[str]) -> str:
    return (
        f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
        f"{', '.join(ids)}. Each `tool_use` block must have a corresponding `tool_result` block in the next message."
    )


def _check_marks(body: Mapping[str, Any]) -> None:
    system = _blocks(body.get("system", []), "system")
    marked = [*body.get("tools", []), *system, *(block for _, block, _ in _said(body["messages"])), body]
    marks = [block["cache_control"] for block in marked if block.get("cache_control") is not None]
    for mark in marks:
        if mark.get("type") != "ephemeral" or mark.get("ttl", "5m") not in ("5m", "1h"):
            raise Objection("cache_control: Input should be {'type': 'ephemeral'}, with a ttl of '5m' or '1h'")
    if len(marks) > _MOST_MARKS:
        raise Objection(f"A maximum of {_MOST_MARKS} blocks with cache_control may be provided. Found {len(marks)}.")


def _said(messages: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any], str]]:
    for index, message in enumerate(messages):
        for position, block in enumerate(_blocks(message["content"], f"messages.{index}")):
            yield f"messages.{index}.content.{position}", block, message["role"]


def _blocks(content: Any, place: str) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise Objection(f"{place}: Input should be a valid string or a list of blocks")
    if not content and place.startswith("messages.") and "tool_result" not in place:
        raise Objection(f"{place}: all messages must have non-empty content")
    return content
