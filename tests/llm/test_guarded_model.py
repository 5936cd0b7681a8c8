"""The circuit breaker around a model, against a real server that goes down and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from harness.domain.breaker import FIRST_PAUSE_S, OPENS_AFTER
from harness.domain.cause import endpoint_cause, profile_cause, rate_limit_cause
from harness.domain.errors import LimitReached, OwnerError, TransientError
from harness.domain.message import Message, ModelReply, ModelRequest
from harness.domain.settings import Profile
from harness.gate.breakers import Breakers
from harness.llm.endpoint import endpoint_of
from harness.llm.guarded_model import GuardedModel
from harness.llm.openai import OpenAIModel
from harness.store.breakers import load_breaker
from harness.store.database import Database
from harness.testing.clock import VirtualClock
from harness.testing.openai_server import (
    ChatAnswer,
    ChatRequest,
    OpenAIServer,
    cut_connection,
    exceed_context,
    fail,
    filter_out,
    limit_rate,
    refuse,
    say,
)

NOW = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
REQUEST = ModelRequest((Message("user", "Hello"),))


async def _no_time(_seconds: float) -> None:
    """Wait for nothing."""


def _ask(server: OpenAIServer, database: Database, clock: VirtualClock) -> ModelReply:
    profile = Profile("cheap", "openai", model="small-1", base_url=server.base_url, attempts=2)
    inner = OpenAIModel(profile, api_key=None, sleep=_no_time, jitter=lambda: 0.0)
    breakers = Breakers(database, clock.now, lambda: "UTC")
    model = GuardedModel(inner, endpoint_of(profile).name, breakers)
    assert (model.label, model.is_language_model) == ("small-1", True)
    return asyncio.run(model.complete(REQUEST))


def _endpoint(server: OpenAIServer) -> str:
    return endpoint_of(Profile("cheap", "openai", model="m", base_url=server.base_url)).name


@pytest.mark.parametrize("down", [fail(500), fail(503), cut_connection()])
def test_a_model_that_is_down_is_not_asked_until_its_pause_is_over(database: Database, down: ChatAnswer) -> None:
    clock, is_down = VirtualClock(NOW), True

    def answer(_: ChatRequest) -> ChatAnswer:
        return down if is_down else say("Hi!")

    with OpenAIServer(answer) as server:
        for _ in range(OPENS_AFTER):
            with pytest.raises(TransientError, match="failed in 2 attempts") as caught:
                _ask(server, database, clock)
            assert caught.value.cause == endpoint_cause(_endpoint(server))
        asked = len(server.requests)
        with pytest.raises(TransientError, match="has not answered 5 times in a row") as held_back:
            _ask(server, database, clock)
        assert held_back.value.cause == endpoint_cause(_endpoint(server))
        assert len(server.requests) == asked
        clock.jump_to(NOW + timedelta(seconds=FIRST_PAUSE_S))
        is_down = False
        assert _ask(server, database, clock).text == "Hi!"
    with database.read() as connection:
        assert load_breaker(connection, _endpoint(server)).is_new


@pytest.mark.parametrize(
    "answer", [fail(400), fail(401), fail(403), fail(404), limit_rate(), refuse("No."), filter_out(), exceed_context()]
)
def test_only_an_endpoint_that_is_down_opens_it(database: Database, answer: ChatAnswer) -> None:
    with OpenAIServer(lambda _: answer) as server:
        for _ in range(OPENS_AFTER + 2):
            try:
                _ask(server, database, VirtualClock(NOW))
            except (OwnerError, TransientError, LimitReached) as error:
                assert "has not answered" not in str(error)
    with database.read() as connection:
        assert load_breaker(connection, _endpoint(server)).is_new


def test_an_endpoint_that_asks_to_come_back_later_is_there(database: Database) -> None:
    down, later = fail(503), limit_rate()
    answers = [down] * 2 * (OPENS_AFTER - 1) + [later] * 2 + [down] * 2 * (OPENS_AFTER - 1)
    with OpenAIServer(answers) as server:
        for _ in range(2 * OPENS_AFTER - 1):
            with pytest.raises(TransientError, match=r"^profile .* failed in 2 attempts"):
                _ask(server, database, VirtualClock(NOW))


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (fail(401), lambda endpoint: profile_cause("cheap")),
        (fail(404), lambda endpoint: profile_cause("cheap")),
        (fail(503), endpoint_cause),
        (limit_rate(), rate_limit_cause),
    ],
)
def test_jobs_that_fail_for_the_same_profile_or_endpoint_can_be_told_together(
    database: Database, answer: ChatAnswer, cause: Callable[[str], str]
) -> None:
    with OpenAIServer(lambda _: answer) as server, pytest.raises((OwnerError, TransientError)) as caught:
        _ask(server, database, VirtualClock(NOW))
    assert caught.value.cause == cause(_endpoint(server))
