"""What is said to a model and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.domain.source import Item

Role = Literal["system", "user", "assistant", "tool"]
Finish = Literal["stop", "tool_calls", "length", "refused"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asks for; `arguments` is JSON text exactly as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation; a `tool` message answers the call `tool_call_id`.

    `thinking` is what the model wants to have back with its tool calls, unchanged: text that only the adapter that
    made it understands, and others leave out. Where what stands before the message is changed, it is to be dropped.
    """

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    thinking: str = ""


@dataclass(frozen=True, slots=True)
class ToolSchema:
    """What a model is told about a tool; `parameters` is a JSON Schema object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One model call.

    `sources` are the collected items beside the messages: adapters that speak to a language model
    ignore them (they stand in the messages already), the extractive adapter reads nothing else.
    `min_items` and `max_items` say how many items the output should hold. `key` is the idempotency key,
    `<run>/<call>`: the same for every try, also for one that is repeated after a crash. Empty outside of a run.
    """

    messages: tuple[Message, ...]
    tools: tuple[ToolSchema, ...] = ()
    sources: tuple[Item, ...] = ()
    min_items: int = 0
    max_items: int = 30
    max_output_tokens: int = 4096
    key: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or more calls, as the provider counted them.

    `cached_tokens` (read from the provider's cache) and `cache_write_tokens` (put there) are part of `input_tokens`.
    """

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cache_write_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.cached_tokens + other.cached_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
        )


@dataclass(frozen=True, slots=True)
class Spent:
    """What calls used and what that cost, in US dollars."""

    usage: Usage = field(default_factory=Usage)
    cost_usd: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.usage + other.usage, self.cost_usd + other.cost_usd)


@dataclass(frozen=True, slots=True)
class ModelReply:
    """A model's answer; `model` is the name to show the person, such as `extractive, no model`.

    `profile` is the profile that answered: where the first choice could not, one of its fallbacks. `thinking` goes into
    the message that the conversation goes on with: see there. `passed_over` says which profiles could not answer
    before it did, and why; `lost` is what those were paid for it, which is booked already.
    """

    text: str
    model: str
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = field(default_factory=Usage)
    finish: Finish = "stop"
    cost_usd: float = 0.0
    profile: str = ""
    thinking: str = ""
    passed_over: tuple[str, ...] = ()
    lost: Spent = field(default_factory=Spent)
