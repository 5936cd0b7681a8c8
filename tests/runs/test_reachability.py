from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from harness.domain.errors import Refused, TransientError
from harness.ports import WebResponse
from harness.runs.reachability import Reach, check_links


class Pages(BaseHTTPRequestHandler):
    """`/<status for HEAD>/<status for GET>/…`"""

    asked: list[tuple[str, str]]

    def _answer(self, status: int) -> None:
        self.asked.append((self.command, self.path))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_HEAD(self) -> None:
        self._answer(int(self.path.split("/")[1]))

    def do_GET(self) -> None:
        self._answer(int(self.path.split("/")[2]))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


class LoopbackWeb:
    """Real requests to loopback; `.test` names are refused or do not resolve, as the gate would say."""

    def __init__(self) -> None:
        self.side_by_side = 0
        self.most_side_by_side = 0
        self.names_tried: list[str] = []

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> WebResponse:
        parts = urlsplit(url)
        assert parts.hostname is not None
        if parts.hostname.endswith(".test"):
            self.names_tried.append(url)
            await asyncio.sleep(0)
            if parts.hostname == "private.test":
                raise Refused("egress", "10.0.0.1 is a private address")
            raise TransientError(f"{parts.hostname} has no address")
        self.side_by_side += 1
        self.most_side_by_side = max(self.most_side_by_side, self.side_by_side)
        try:
            return await asyncio.to_thread(self._get, url, method, timeout_s)
        finally:
            self.side_by_side -= 1

    def _get(self, url: str, method: str, timeout_s: float) -> WebResponse:
        parts = urlsplit(url)
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
        try:
            connection.request(method, parts.path)
            response = connection.getresponse()
            return WebResponse(response.status, url, response.read())
        finally:
            connection.close()


@contextmanager
def serving() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    asked: list[tuple[str, str]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Counted", (Pages,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def check(urls: list[str], web: LoopbackWeb, concurrency: int = 8) -> Mapping[str, Reach]:
    return asyncio.run(check_links(urls, web, concurrency=concurrency, timeout_s=5))


def test_an_answer_is_read_as_there_gone_or_unknown() -> None:
    with serving() as (base, _):
        expected = {
            "/200/500": True, "/301/500": True, "/403/200": True, "/405/200": True, "/501/204": True, "/404/200": True,
            "/404/404": False, "/405/410": False, "/403/403": None, "/500/500": None, "/401/401": None,
        }  # fmt: skip
        found = check([base + path for path in expected], LoopbackWeb())
    assert {url.removeprefix(base): reach.is_reachable for url, reach in found.items()} == expected
    assert list(found) == [base + path for path in expected], "in the order in which they were given"
    assert found[f"{base}/405/410"] == Reach(False, "answered 410", 410)


def test_a_page_is_asked_for_once_and_with_head_where_that_is_enough() -> None:
    with serving() as (base, asked):
        check([f"{base}/200/200", f"{base}/200/200", f"{base}/405/200"], LoopbackWeb())
    assert asked == [("HEAD", "/200/200"), ("HEAD", "/405/200"), ("GET", "/405/200")]


def test_a_host_is_asked_for_one_link_at_a_time() -> None:
    with serving() as (base, _):
        web = LoopbackWeb()
        check([f"{base}/200/200/{number}" for number in range(10)], web)
    assert web.most_side_by_side == 1


def test_a_host_that_asks_to_slow_down_is_left_alone() -> None:
    with serving() as (base, asked):
        found = check([f"{base}/429/200/a", f"{base}/200/200/b"], LoopbackWeb())
    assert asked == [("HEAD", "/429/200/a")]
    assert [reach.is_reachable for reach in found.values()] == [None, None]
    assert found[f"{base}/200/200/b"].reason == "not asked: its host answered 429 before"


def test_refusals_and_failures_are_unknown_with_their_reason() -> None:
    web = LoopbackWeb()
    urls = ["http://private.test/x", *(f"http://down.test/{number}" for number in range(20))]
    found = check(urls, web)
    assert found["http://private.test/x"] == Reach(None, "egress: 10.0.0.1 is a private address")
    assert found["http://down.test/0"] == Reach(None, "down.test has no address")
    assert all(reach.is_reachable is None for reach in found.values())
    assert len([url for url in web.names_tried if "down" in url]) == 2, "a dead host costs two timeouts, not twenty"


class MeetingWeb:
    """Answers nobody until `party` hosts are asked at the same time; counts how many ever were."""

    def __init__(self, party: int) -> None:
        self.barrier = asyncio.Barrier(party)
        self.inside = self.most = 0

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> WebResponse:
        self.inside += 1
        self.most = max(self.most, self.inside)
        async with asyncio.timeout(10):
            await self.barrier.wait()
        self.inside -= 1
        return WebResponse(200, url, b"")


def test_hosts_are_asked_side_by_side_up_to_the_limit() -> None:
    async def ask() -> MeetingWeb:
        web = MeetingWeb(party=2)
        await check_links([f"http://host{number}.test/" for number in range(6)], web, concurrency=2, timeout_s=5)
        return web

    assert asyncio.run(ask()).most == 2


def test_a_fault_of_the_harness_is_raised_under_its_own_name() -> None:
    class Broken:
        async def get(self, url: str, **_options: object) -> WebResponse:
            raise RuntimeError("a bug behind the door")

    with pytest.raises(RuntimeError, match="a bug behind the door"):
        asyncio.run(check_links(["https://a.test/", "https://b.test/"], Broken(), concurrency=2, timeout_s=1))
