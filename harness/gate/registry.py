"""The tools that the harness has, with the functions behind them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from harness.domain.message import ToolCall, ToolSchema
from harness.domain.tool import Claim, Effect, Told, ToolSpec
from harness.gate.caller import Caller


class Arguments(BaseModel):
    """What a tool is called with: exactly these fields, of exactly these types."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


AnyArguments = TypeVar("AnyArguments", bound=Arguments)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: what is told of it, what it takes, and what it does.

    `run` returns the result as text, with a signal where the run is to do something about it; it raises
    ToolError for what the model can adapt to and Refused for what a policy forbids. `claims` says what a call with
    such arguments needs for itself; without it what reads needs nothing, and whatever acts needs all.
    """

    spec: ToolSpec
    arguments: type[Arguments]
    run: Callable[[Any, Caller], Awaitable[str | Told]]
    claims: Callable[[Any], Claim] | None = None

    def claim(self, arguments: Arguments) -> Claim:
        """Return what this call needs for itself while it runs."""
        if self.claims is not None:
            return self.claims(arguments)
        return frozenset() if self.spec.effect == "read" else None

    def runs_alone(self, arguments: Arguments) -> bool:
        """Say whether no other call may run beside this one."""
        return self.claim(arguments) is None


class ToolRegistry:
    """All tools by name."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            if tool.spec.name in self._tools:
                raise ValueError(f"two tools are named {tool.spec.name}")
            self._tools[tool.spec.name] = tool

    def __iter__(self) -> Iterator[str]:
        return iter(self._tools)

    def find(self, name: str) -> Tool | None:
        """Return the tool, or None if there is none of that name."""
        return self._tools.get(name)

    def schemas(self, names: Iterable[str]) -> tuple[ToolSchema, ...]:
        """Return what a model is told of the named tools, in that order; unknown names are left out."""
        return tuple(self._tools[name].spec.schema for name in names if name in self._tools)


KNOWN_MISTAKE = "known-mistake"
"""The rule by which a call is answered once with what is known of it, instead of being made."""


class Lessons(Protocol):
    """What is known of calls that failed before; `harness.memory.known_mistakes.KnownMistakes` is behind it."""

    def before(self, call: ToolCall, caller: Caller) -> str | None:
        """Return what is to be told instead of making the call; None if it is to be made."""
        ...


@dataclass(frozen=True, slots=True)
class Traits:
    """What the gate must know of a tool; see ToolSpec, and Tool for `claims`."""

    effect: Effect = "read"
    is_untrusted: bool = False
    timeout_s: float = 30.0
    cap_chars: int = 8_000
    claims: Callable[[Any], Claim] | None = None


def define_tool(
    name: str,
    description: str,
    arguments: type[AnyArguments],
    run: Callable[[AnyArguments, Caller], Awaitable[str | Told]],
    traits: Traits,
) -> Tool:
    """Return the tool with its schema written from the arguments' model."""
    schema = ToolSchema(name, description, _short(arguments.model_json_schema()))
    spec = ToolSpec(schema, traits.effect, traits.is_untrusted, traits.timeout_s, traits.cap_chars)
    return Tool(spec, arguments, run, traits.claims)


def _short(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without pydantic's titles and the model's docstring, which cost tokens and tell nothing new."""
    properties = {name: _short_field(field) for name, field in schema.get("properties", {}).items()}
    kept = {key: value for key, value in schema.items() if key not in ("title", "description")}
    return {**kept, "properties": properties}


def _short_field(field: dict[str, Any]) -> dict[str, Any]:
    """The field without a default that is nothing: what is not required may be left out in any case."""
    types = [one for one in field.get("anyOf", ()) if one != {"type": "null"}]
    if len(types) == 1 and field.get("default", 0) is None:
        field = {**field, **types[0]}
        del field["anyOf"]
    has_nothing = field.get("default", 0) in (None, "", []) or field.get("default") is False
    return {key: value for key, value in field.items() if key != "title" and not (key == "default" and has_nothing)}
