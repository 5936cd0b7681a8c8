"""Endpoints that go down and come back: real servers on loopback, a clock that is moved by hand."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.domain.breaker import FIRST_PAUSE_S, OPENS_AFTER
from harness.domain.cause import endpoint_cause
from harness.domain.errors import Refused, TransientError
from harness.domain.settings import Egress
from harness.gate.breakers import Breakers
from harness.gate.egress import SystemResolver, WebDoor
from harness.gate.guarded_web import GuardedWeb
from harness.store.breakers import load_breaker
from harness.store.database import Database
from harness.store.incidents import open_incident, open_incidents
from harness.testing.clock import VirtualClock
from harness.testing.web_server import WebReply, WebServer

NOW = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
PAUSE = timedelta(seconds=FIRST_PAUSE_S)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True


@contextmanager
def _listening(port: int, served: list[str]) -> Iterator[int]:
    """A server that can be started again on the port that it had."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.append(self.path)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = _Listener(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _guarded(database: Database, clock: VirtualClock) -> GuardedWeb:
    breakers = Breakers(database, clock.now, lambda: "America/Los_Angeles")
    return GuardedWeb(WebDoor(Egress(loopback=True), SystemResolver()), breakers)


def _fetch(web: GuardedWeb, url: str) -> int:
    return asyncio.run(web.get(url, max_bytes=1000, timeout_s=5.0)).status


def test_a_host_that_goes_down_is_left_alone_and_asked_once_before_all_ask_again(database: Database) -> None:
    clock, served = VirtualClock(NOW), list[str]()
    with _listening(0, served) as port:
        url = f"http://127.0.0.1:{port}/feed"
        assert _fetch(_guarded(database, clock), url) == 200
    for _ in range(OPENS_AFTER):
        with pytest.raises(TransientError, match="no connection to 127"):
            _fetch(_guarded(database, clock), url)
    with _listening(port, served):
        # It is back, and nobody knows: it is not asked before the pause is over, by no process.
        clock.jump_to(NOW + PAUSE - timedelta(seconds=1))
        with pytest.raises(TransientError) as caught:
            _fetch(_guarded(database, clock), url)
        assert len(served) == 1
        clock.jump_to(NOW + PAUSE)
        assert _fetch(_guarded(database, clock), url) == 200
    endpoint = f"127.0.0.1:{port}"
    assert str(caught.value).startswith(f"{endpoint} has not answered 5 times in a row (no connection to 127.0.0.1")
    assert str(caught.value).endswith("it is tried again at 14:00:30")
    assert caught.value.cause == endpoint_cause(endpoint)
    with database.read() as connection:
        assert load_breaker(connection, endpoint).is_new


def test_one_request_is_let_through_to_see_whether_it_answers_again(database: Database) -> None:
    clock = VirtualClock(NOW)
    with WebServer() as server:
        url = server.serve("/feed", WebReply(b"", status=503))
        for _ in range(OPENS_AFTER):
            assert _fetch(_guarded(database, clock), url) == 503
        clock.jump_to(NOW + PAUSE)

        async def many() -> list[int | BaseException]:
            fetches = (_guarded(database, clock).get(url, max_bytes=1000, timeout_s=5.0) for _ in range(8))
            answers = await asyncio.gather(*fetches, return_exceptions=True)
            return [answer if isinstance(answer, BaseException) else answer.status for answer in answers]

        answers = asyncio.run(many())
        assert [answer for answer in answers if not isinstance(answer, TransientError)] == [503]
        assert server.count("/feed") == OPENS_AFTER + 1


@pytest.mark.parametrize("status", [200, 301, 304, 401, 404, 429])
def test_what_is_answered_closes_it_whatever_it_says(database: Database, status: int) -> None:
    clock = VirtualClock(NOW)
    with WebServer() as server:
        url = server.serve("/feed", WebReply(b"", status=500))
        for _ in range(OPENS_AFTER - 1):
            _fetch(_guarded(database, clock), url)
        server.serve("/feed", WebReply(b"", status=status))
        assert _fetch(_guarded(database, clock), url) == status
    with database.read() as connection:
        assert load_breaker(connection, f"127.0.0.1:{server.port}").is_new


def test_an_answer_ends_the_incident_of_the_endpoint(database: Database) -> None:
    clock = VirtualClock(NOW)
    with WebServer() as server:
        url = server.serve("/feed", WebReply(b"", status=500))
        _fetch(_guarded(database, clock), url)
        with database.write() as connection:
            open_incident(connection, endpoint_cause(f"127.0.0.1:{server.port}"), "it answers 500", NOW, job_id="a/x")
        server.serve("/feed", WebReply(b"", status=200))
        _fetch(_guarded(database, clock), url)
    with database.read() as connection:
        assert open_incidents(connection) == []


def test_an_address_that_is_refused_says_nothing_about_the_host(database: Database) -> None:
    web = _guarded(database, VirtualClock(NOW))
    for _ in range(OPENS_AFTER + 1):
        with pytest.raises(Refused):
            asyncio.run(web.get("http://10.0.0.1/feed", max_bytes=1000, timeout_s=5.0))
    with database.read() as connection:
        assert load_breaker(connection, "10.0.0.1:80").is_new


def test_a_call_that_is_cancelled_gives_its_place_to_the_next(database: Database) -> None:
    clock = VirtualClock(NOW)
    breakers = Breakers(database, clock.now, lambda: "UTC")

    async def fails() -> None:
        raise TransientError("no connection", cause=endpoint_cause("h:1"))

    def problem_in(result: object) -> str | None:
        return str(result) if isinstance(result, TransientError) else ""

    async def fail_and_cancel(asked: Callable[[], None]) -> None:
        for _ in range(OPENS_AFTER):
            with pytest.raises(TransientError):
                await breakers.call("h:1", fails, problem_in=problem_in)
        clock.jump_to(NOW + PAUSE)
        begun = asyncio.Event()

        async def hangs() -> None:
            begun.set()
            await asyncio.Event().wait()

        probe = asyncio.ensure_future(breakers.call("h:1", hangs, problem_in=problem_in))
        await begun.wait()
        with pytest.raises(TransientError, match="a call is under way that tries it again"):
            await breakers.call("h:1", fails, problem_in=problem_in)
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)

        async def answers() -> None:
            asked()

        await breakers.call("h:1", answers, problem_in=problem_in)

    answered: list[bool] = []
    asyncio.run(fail_and_cancel(partial(answered.append, True)))
    assert answered == [True]
