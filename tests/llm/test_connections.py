"""Connections that are kept from call to call, against a real server."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.domain.errors import OwnerError, TransientError
from harness.domain.message import Message, ModelRequest
from harness.domain.settings import Profile
from harness.llm.connections import Connections
from harness.llm.openai import OpenAIModel
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, drop_connection, fail, say

REQUEST = ModelRequest((Message("user", "Hello"),))


async def no_wait(seconds: float) -> None:
    """Return at once."""


def model_for(
    server: OpenAIServer, connections: Connections | None = None, *, api_key: str | None = None, attempts: int = 1
) -> OpenAIModel:
    profile = Profile("cheap", "openai", model="small-1", base_url=server.base_url, attempts=attempts)
    return OpenAIModel(profile, api_key=api_key, sleep=no_wait, jitter=lambda: 0.0, connections=connections)


async def ask(model: OpenAIModel, times: int = 1) -> list[str]:
    return [(await model.complete(REQUEST)).text for _ in range(times)]


def test_calls_of_different_models_go_over_one_connection() -> None:
    async def several(server: OpenAIServer) -> None:
        connections = Connections()
        for _ in range(3):
            await ask(model_for(server, connections), 2)

    with OpenAIServer(lambda _: say("hi")) as server:
        asyncio.run(several(server))
        assert (len(server.requests), server.connections) == (6, 1)


def test_a_model_without_connections_to_share_leaves_none_open() -> None:
    with OpenAIServer(lambda _: say("hi")) as server:
        asyncio.run(ask(model_for(server), 3))
        assert server.connections == 3


def test_every_key_has_connections_of_its_own() -> None:
    async def both(server: OpenAIServer) -> None:
        connections = Connections()
        for key in ("one", "two", "one"):
            await ask(model_for(server, connections, api_key=key))

    with OpenAIServer(lambda _: say("hi")) as server:
        asyncio.run(both(server))
        assert server.connections == 2
        sent = [request.headers["authorization"] for request in server.requests]
    assert sent == ["Bearer one", "Bearer two", "Bearer one"]


def test_no_answer_leaves_a_cookie_behind() -> None:
    marked = ChatAnswer(say("hi").body, headers={"Set-Cookie": "seen=1; Path=/"})
    with OpenAIServer([marked, say("hi")]) as server:
        asyncio.run(ask(model_for(server, Connections()), 2))
        assert "cookie" not in server.requests[1].headers


def test_one_after_the_other_and_beside_each_other_each_event_loop_has_its_own() -> None:
    together = threading.Barrier(4)

    async def ask_together(model: OpenAIModel) -> list[str]:
        await ask(model)
        await asyncio.to_thread(together.wait, 30)
        return await ask(model, 5)

    with OpenAIServer(lambda _: say("hi")) as server:
        model = model_for(server, Connections())
        for _ in range(2):
            assert asyncio.run(ask(model, 2)) == ["hi"] * 2
        assert server.connections == 2
        with ThreadPoolExecutor(4) as threads:
            running = [threads.submit(asyncio.run, ask_together(model)) for _ in range(4)]
            assert [future.result(60) for future in running] == [["hi"] * 5] * 4
        assert server.connections == 6


def test_a_hundred_calls_at_once_all_come_back() -> None:
    async def many(model: OpenAIModel) -> list[list[str]]:
        return await asyncio.gather(*[ask(model) for _ in range(100)])

    with OpenAIServer(lambda _: say("hi")) as server:
        assert asyncio.run(many(model_for(server, Connections()))) == [["hi"]] * 100


def test_a_connection_that_ends_as_it_is_used_again_fails_no_call() -> None:
    with OpenAIServer([say("one"), drop_connection(), say("two")]) as server:
        assert asyncio.run(ask(model_for(server, Connections(), attempts=1), 2)) == ["one", "two"]
        assert server.connections == 2


def test_connections_that_the_server_gave_up_between_calls_fail_no_call() -> None:
    async def twice(server: OpenAIServer) -> list[str]:
        model = model_for(server, Connections(), attempts=1)
        first = await asyncio.gather(*[ask(model) for _ in range(5)])
        await asyncio.to_thread(server.drop_idle)
        return [*first[0], *await ask(model)]

    with OpenAIServer(lambda _: say("hi")) as server:
        assert asyncio.run(twice(server)) == ["hi", "hi"]


def test_a_new_connection_that_ends_without_an_answer_is_a_failure() -> None:
    with (
        OpenAIServer([drop_connection()]) as server,
        pytest.raises(TransientError, match=r"connection cut \(1x\)") as caught,
    ):
        asyncio.run(ask(model_for(server, Connections(), attempts=1)))
    assert caught.value.failure == "network"


def test_a_kept_connection_that_ends_within_an_answer_is_a_failure() -> None:
    cut = ChatAnswer(say("you will not read this to its end").body, is_cut=True)
    with OpenAIServer([say("one"), cut, say("two")]) as server, pytest.raises(TransientError, match="connection cut"):
        asyncio.run(ask(model_for(server, Connections(), attempts=1), 2))


def test_an_error_answer_leaves_the_connection_usable() -> None:
    with OpenAIServer([fail(500), say("better")]) as server:
        assert asyncio.run(ask(model_for(server, Connections(), attempts=2))) == ["better"]
        assert server.connections == 1


@pytest.mark.parametrize("script", [lambda request: say("hi"), lambda request: fail(400)])
def test_what_an_event_loop_held_is_closed_when_it_ends(script: Callable[[ChatRequest], ChatAnswer]) -> None:
    async def fail_or_not(model: OpenAIModel) -> None:
        try:
            await model.complete(REQUEST)
        except OwnerError as error:
            assert "HTTP 400" in str(error)

    connections = Connections()
    with OpenAIServer(script) as server:
        asyncio.run(fail_or_not(model_for(server, connections)))
        assert connections.open_clients == 0
