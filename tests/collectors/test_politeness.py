"""Hosts are not hurried: how many requests at a time, how far apart, and who waits for whom."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from harness.collectors.politeness import HostTurns, Pace, origin_of
from harness.domain.settings import Egress
from harness.domain.source import Collected
from harness.gate.egress import WebDoor
from harness.testing.web_server import HostTable, WebReply, WebRequest, WebServer

ARXIV = "https://export.arxiv.org/api/query?search_query=cat:cs.AI"
SLOWLY = Pace(1, 3.0)
FEED = b"<rss version='2.0'><channel><item><title>N</title><link>https://x.test/1</link></item></channel></rss>"


class Waits:
    """A clock and a sleep that takes no real time; remembers what it was asked for."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.now = 100.0

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    def monotonic(self) -> float:
        return self.now

    def turns(self) -> HostTurns:
        return HostTurns(sleep=self.sleep, monotonic=self.monotonic)


async def ask(turns: HostTurns, url: str, log: list[str], pace: Pace) -> None:
    async with turns.take(url, pace):
        log.append("begin")
        await asyncio.sleep(0)
        log.append("end")


def ask_at_once(turns: HostTurns, urls: list[str], pace: Pace) -> list[str]:
    async def all_of_them() -> list[str]:
        log: list[str] = []
        await asyncio.gather(*(ask(turns, url, log, pace) for url in urls))
        return log

    return asyncio.run(all_of_them())


def test_requests_to_one_host_are_as_many_at_a_time_and_as_far_apart_as_its_pace_says() -> None:
    waits = Waits()
    urls = [ARXIV, ARXIV.upper().replace("HTTPS", "http"), "https://export.arxiv.org./"]

    log = ask_at_once(waits.turns(), urls, SLOWLY)

    assert log == ["begin", "end"] * 3
    assert waits.seconds == [3.0, 3.0]


def test_two_at_a_time_are_two_and_no_third() -> None:
    log = ask_at_once(Waits().turns(), [ARXIV] * 5, Pace(2, 0.0))

    under_way = [log[: place + 1].count("begin") - log[: place + 1].count("end") for place in range(len(log))]
    assert (max(under_way), under_way[-1], log.count("end")) == (2, 0, 5)


def test_a_pause_that_has_passed_already_is_not_waited_for_again() -> None:
    waits = Waits()
    turns = waits.turns()
    ask_at_once(turns, [ARXIV], SLOWLY)
    waits.now += 2.0
    ask_at_once(turns, [ARXIV], SLOWLY)
    waits.now += 60.0
    ask_at_once(turns, [ARXIV], SLOWLY)

    assert waits.seconds == [1.0]


def test_other_hosts_do_not_wait() -> None:
    waits = Waits()
    urls = ["https://arxiv.example/", "https://news.example/", "http://[::1", "http://b.example/"]

    assert ask_at_once(waits.turns(), urls, SLOWLY) == ["begin"] * 4 + ["end"] * 4
    assert waits.seconds == []


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:9"])
def test_the_own_machine_needs_no_politeness(host: str) -> None:
    waits = Waits()

    assert ask_at_once(waits.turns(), [f"http://{host}/"] * 3, SLOWLY) == ["begin"] * 3 + ["end"] * 3
    assert waits.seconds == []


def test_a_request_that_fails_or_is_cancelled_gives_up_its_turn() -> None:
    async def fail_and_cancel() -> None:
        turns = Waits().turns()
        with pytest.raises(ConnectionError):
            async with turns.take(ARXIV, SLOWLY):
                raise ConnectionError
        async with turns.take(ARXIV, SLOWLY):
            waiting = asyncio.create_task(ask(turns, ARXIV, [], SLOWLY))
            await asyncio.sleep(0)
            waiting.cancel()
        await asyncio.wait_for(ask(turns, ARXIV, [], SLOWLY), 5)

    asyncio.run(fail_and_cancel())


def test_a_request_that_is_cancelled_while_it_is_given_its_turn_passes_it_on() -> None:
    async def cancel_at_the_hand_over() -> None:
        turns, log = Waits().turns(), list[str]()
        async with turns.take(ARXIV, SLOWLY):
            first = asyncio.create_task(ask(turns, ARXIV, [], SLOWLY))
            await asyncio.sleep(0)
            second = asyncio.create_task(ask(turns, ARXIV, log, SLOWLY))
            await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait_for(second, 5)
        assert log == ["begin", "end"]

    asyncio.run(cancel_at_the_hand_over())


def test_runs_on_different_event_loops_wait_for_each_other() -> None:
    turns, lock, under_way, peaks = HostTurns(), threading.Lock(), [0], [0]

    async def ask_often() -> None:
        for _ in range(20):
            async with turns.take(ARXIV, Pace(1, 0.0)):
                with lock:
                    under_way[0] += 1
                    peaks.append(under_way[0])
                await asyncio.sleep(0)
                with lock:
                    under_way[0] -= 1

    threads = [threading.Thread(target=lambda: asyncio.run(ask_often())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert not any(thread.is_alive() for thread in threads)
    assert (max(peaks), len(peaks)) == (1, 81)


def test_what_is_collected_waits_for_its_turn_also_from_run_to_run(collected: Callable[..., Collected]) -> None:
    lock, under_way, peaks, waits = threading.Lock(), [0], [0], Waits()

    def slow_feed() -> Iterator[bytes]:
        with lock:
            under_way[0] += 1
            peaks.append(under_way[0])
        threading.Event().wait(0.02)
        with lock:
            under_way[0] -= 1
        yield FEED

    turns = waits.turns()
    with WebServer(lambda _: WebReply(slow_feed)) as server:
        web = WebDoor(Egress(loopback=True), HostTable({"news.test": ("127.0.0.1", 0)}))
        feeds = [("", server.url(f"/{number}", host="news.test")) for number in range(2)]
        for _ in range(2):
            limits = {"per_host": 1, "host_pause_s": 1.5, "robots": False}
            collected("feeds/ai", lists={"ai": feeds}, turns=turns, limits=limits, web=web)

    assert max(peaks) == 1
    assert waits.seconds == [1.5] * 3


@pytest.mark.parametrize("host", ["export.arxiv.org", "mirror.test"])
def test_arxiv_and_who_stands_in_for_it_are_asked_once_in_three_seconds(
    collected: Callable[..., Collected], host: str
) -> None:
    waits = Waits()
    turns = waits.turns()
    with WebServer(lambda _: WebReply(FEED)) as server:
        web = WebDoor(Egress(loopback=True), HostTable({host: ("127.0.0.1", 0)}))
        limits = {"arxiv_url": server.url("/api/query", host=host)}
        for query in ("cat:cs.AI", "cat:cs.CL", "cat:cs.AI"):
            collected(f"arxiv/{query}", turns=turns, limits=limits, web=web)

    assert waits.seconds == [3.0, 3.0]


def test_120_feeds_of_many_hosts_are_read_with_few_requests_at_a_time_to_each(
    collected: Callable[..., Collected],
) -> None:
    """Some hosts have many feeds, some are slow, some are dead; nobody is hurried, and every feed is accounted for."""
    lock, under_way, peaks = threading.Lock(), dict[str, int](), dict[str, int]()

    def answer(request: WebRequest) -> WebReply | None:
        host, number = request.host, request.path.strip("/")
        if number == "robots.txt":
            return None
        if host.startswith("dead"):
            return WebReply(b"down", status=503)

        def body() -> Iterator[bytes]:
            with lock:
                under_way[host] = under_way.get(host, 0) + 1
                peaks[host] = max(peaks.get(host, 0), under_way[host])
            threading.Event().wait(0.2 if host.startswith("slow") else 0.01)
            with lock:
                under_way[host] -= 1
            link = f"https://{host}/{number}"
            yield FEED.replace(b"https://x.test/1", link.encode())

        return WebReply(body)

    names = [f"{kind}{number}.test" for kind in ("fine", "slow", "dead", "busy") for number in range(8)]
    paths = [(name, n) for name in names for n in range(10 if name.startswith("busy") else 2)][:128]
    waits = Waits()
    with WebServer(answer) as server:
        web = WebDoor(Egress(loopback=True), HostTable(dict.fromkeys(names, ("127.0.0.1", 0))))
        feeds = [(f"{name} {n}", server.url(f"/{n}", host=name)) for name, n in paths]
        result = collected("feeds/ai", lists={"ai": feeds}, limits={"per_host": 2}, web=web, turns=waits.turns())
        asked = {(request.host, request.path) for request in server.requests}
        robots = [request.host for request in server.requests if request.path == "/robots.txt"]

    assert len(feeds) >= 120
    assert max(peaks.values()) <= 2
    assert sorted(robots) == sorted(names)
    assert {(urlsplit(url).hostname, urlsplit(url).path) for _, url in feeds} <= asked
    dead = [name for name, _ in feeds if name.startswith("dead")]
    assert [gap.source for gap in result.gaps] == dead
    assert len({source for item in result.items for source in (item.source, *item.also_in)}) == len(feeds) - len(dead)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://A.example./x?y", "https://a.example"),
        ("http://a.example:8080/", "http://a.example:8080"),
        ("http://[::1]:80/", "http://[::1]:80"),
        ("http://[::1", ""),
        ("nothing", ""),
        ("http://a:99999999/", ""),
    ],
)
def test_the_origin_of_an_address(url: str, origin: str) -> None:
    assert origin_of(url) == origin
