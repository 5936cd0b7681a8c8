"""A chat model that says what a test tells it to."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from harness.domain.message import ModelReply, ModelRequest

Reply = ModelReply | str | Exception
"""An answer, the text of one, or what is raised instead of answering."""


class ScriptedModel:
    """A ChatModel in memory that gives its replies in order and keeps the requests.

    `replies` may also be a function from request to reply. Raises AssertionError when it is asked more often
    than it has replies.
    """

    def __init__(
        self,
        replies: Iterable[Reply] | Callable[[ModelRequest], Reply],
        *,
        label: str = "scripted",
        is_language_model: bool = True,
    ) -> None:
        self.label = label
        self.is_language_model = is_language_model
        self.requests: list[ModelRequest] = []
        self._ask = replies if callable(replies) else _in_order(replies)

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the next reply, or raise it if it is an exception."""
        self.requests.append(request)
        reply = self._ask(request)
        if isinstance(reply, Exception):
            raise reply
        return ModelReply(reply, self.label) if isinstance(reply, str) else reply


def _in_order(replies: Iterable[Reply]) -> Callable[[ModelRequest], Reply]:
    left = iter(replies)

    def take(_: ModelRequest) -> Reply:
        reply = next(left, None)
        if reply is None:
            raise AssertionError("the scripted model has no further reply")
        return reply

    return take
