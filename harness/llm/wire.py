"""What a format of requests and answers has to say, so that one way of sending serves all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from harness.domain.message import Finish, ModelRequest, ToolCall, Usage
from harness.domain.settings import Profile
from harness.llm.failures import ErrorAnswer

_MOST_DIGITS = 30


class MalformedReply(ValueError):
    """A body that says 200 and is not an answer."""


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """What a body says that a model answered.

    `usage` is what the endpoint counted, true or not; None where it counted nothing. `is_paused`: the provider
    broke off, and goes on when it is given what it has said. `thinking`: see `harness.domain.message.Message`.
    """

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    finish: Finish = "stop"
    usage: Usage | None = None
    thinking: str = ""
    is_paused: bool = False


class WireFormat(Protocol):
    """One API's way of putting a request, and of reading an answer. Pure."""

    def headers(self, api_key: str | None) -> Mapping[str, str]:
        """Return the headers that this API wants, with the key if there is one."""
        ...

    def body(self, profile: Profile, request: ModelRequest) -> dict[str, Any]:
        """Return the body to send; the same request gives the same body, key order included."""
        ...

    def read(self, payload: Any, profile: Profile, request: ModelRequest) -> WireAnswer:
        """Return what the model answered. Raises MalformedReply, naming what is missing."""
        ...

    def usage(self, payload: Any) -> Usage | None:
        """Return what a body says that it cost, also one that is no answer; None if it says nothing."""
        ...

    def going_on(self, body: Mapping[str, Any], payload: Any, most_tokens: int) -> dict[str, Any]:
        """Return the body that goes on with a paused answer, and lets it be so much longer."""
        ...

    def otherwise(self, answer: ErrorAnswer) -> Self | None:
        """Return the format in which this endpoint may take the same request; None if there is no other."""
        ...


def counted(value: Any) -> int:
    """Return a count of tokens as it was sent, also one that cannot be true; 0 for what is no number."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**_MOST_DIGITS:
        return int(value)
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return min(value, 10**_MOST_DIGITS) if is_count else 0
