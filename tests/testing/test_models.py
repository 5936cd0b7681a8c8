"""The scripted model."""

import asyncio

import pytest

from harness.domain.errors import TransientError
from harness.domain.message import Message, ModelReply, ModelRequest
from harness.ports import ChatModel
from harness.testing.models import ScriptedModel

REQUEST = ModelRequest((Message("user", "hello"),))


def test_replies_come_in_order_and_requests_are_kept() -> None:
    scripted = ScriptedModel(["one", ModelReply("two", "other")])
    model: ChatModel = scripted

    assert asyncio.run(model.complete(REQUEST)) == ModelReply("one", "scripted")
    assert asyncio.run(model.complete(REQUEST)) == ModelReply("two", "other")
    assert scripted.requests == [REQUEST, REQUEST]


def test_an_exception_among_the_replies_is_raised() -> None:
    with pytest.raises(TransientError, match="overloaded"):
        asyncio.run(ScriptedModel([TransientError("overloaded")]).complete(REQUEST))


def test_a_function_answers_by_what_it_is_asked() -> None:
    model = ScriptedModel(lambda request: request.messages[-1].content.upper())

    assert asyncio.run(model.complete(REQUEST)).text == "HELLO"


def test_a_question_too_many_fails_loudly() -> None:
    with pytest.raises(AssertionError, match="no further reply"):
        asyncio.run(ScriptedModel([]).complete(REQUEST))
