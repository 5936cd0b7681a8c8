"""Requests that cannot fit into the model's context."""

from dataclasses import replace

import pytest

from harness.domain.errors import LimitReached
from harness.domain.message import Message, ModelRequest, ToolCall, ToolSchema
from harness.domain.settings import Profile
from harness.domain.tokens import estimate_request_tokens
from harness.llm.context import refuse_what_cannot_fit

PROFILE = Profile("cheap", "openai", model="m", base_url="http://h/v1", max_output_tokens=500)
READ = ToolSchema("web.read", "A page as text", {"type": "object", "properties": {"url": {"type": "string"}}})


def conversation(tokens: int) -> ModelRequest:
    """A request of that many tokens, as they are estimated."""
    request = ModelRequest((Message("user", "x " * tokens),))
    while estimate_request_tokens(request.messages, ()) > tokens:
        request = replace(request, messages=(Message("user", request.messages[0].content[:-2]),))
    return request


def test_a_conversation_that_leaves_no_room_for_the_answer_is_not_sent() -> None:
    profile = replace(PROFILE, context_window=2_000, max_output_tokens=500)
    fits, too_long = conversation(1_500), conversation(1_502)

    refuse_what_cannot_fit(profile, fits)
    refuse_what_cannot_fit(profile, replace(too_long, max_output_tokens=400))
    with pytest.raises(LimitReached, match=r"^context: about 1,50\d tokens .* more than the 2,000 of profile 'cheap'"):
        refuse_what_cannot_fit(profile, too_long)


def test_tool_schemas_and_earlier_calls_count_as_conversation() -> None:
    profile = replace(PROFILE, context_window=1_000, max_output_tokens=500)
    called = Message("assistant", "", (ToolCall("c", "web.read", "x " * 500),))

    with pytest.raises(LimitReached):
        refuse_what_cannot_fit(profile, ModelRequest((called,)))
    with pytest.raises(LimitReached):
        refuse_what_cannot_fit(profile, ModelRequest((), (replace(READ, description="x " * 500),)))
