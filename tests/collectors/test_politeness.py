"""Hosts that ask not to be hurried."""

import asyncio
import threading
from collections.abc import Callable, Iterator

from harness.collectors.politeness import PAUSES_S, HostTurns
from harness.domain.source import Collected
from harness.testing.web_server import WebReply, WebServer

ARXIV = "https://export.arxiv.org/api/query?search_query=cat:cs.AI"
FEED = b"<rss version='2.0'><channel><item><title>N</title><link>https://x.test/1</link></item></channel></rss>"


class Waits:
    """A sleep that takes no time and remembers what it was asked for."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


async def ask(turns: HostTurns, url: str, log: list[str]) -> None:
    async with turns.take(url):
        log.append("begin")
        await asyncio.sleep(0)
        log.append("end")


def ask_at_once(turns: HostTurns, urls: list[str]) -> list[str]:
    async def all_of_them() -> list[str]:
        log: list[str] = []
        await asyncio.gather(*(ask(turns, url, log) for url in urls))
        return log

    return asyncio.run(all_of_them())


def test_arxiv_is_asked_one_request_at_a_time_and_three_seconds_apart() -> None:
    waits = Waits()

    log = ask_at_once(HostTurns(sleep=waits), [ARXIV, ARXIV.upper().replace("HTTPS", "http"), ARXIV])

    assert log == ["begin", "end"] * 3
    assert waits.seconds == [3.0, 3.0]
    assert PAUSES_S == {"export.arxiv.org": 3.0}


def test_other_hosts_pass_at_once() -> None:
    waits = Waits()
    urls = ["https://arxiv.example/", "https://news.example/", "http://[::1", ""]

    assert ask_at_once(HostTurns(sleep=waits), urls) == ["begin"] * 4 + ["end"] * 4
    assert waits.seconds == []


def test_a_request_that_fails_or_is_cancelled_gives_up_its_turn() -> None:
    async def fail_and_cancel() -> None:
        turns = HostTurns(sleep=Waits())
        try:
            async with turns.take(ARXIV):
                raise ConnectionError
        except ConnectionError:
            pass
        async with turns.take(ARXIV):
            waiting = asyncio.create_task(ask(turns, ARXIV, []))
            await asyncio.sleep(0)
            waiting.cancel()
        await asyncio.wait_for(ask(turns, ARXIV, []), 5)

    asyncio.run(fail_and_cancel())


def test_what_is_collected_waits_for_its_turn(collected: Callable[..., Collected]) -> None:
    lock, under_way, peaks, waits = threading.Lock(), [0], [0], Waits()

    def slow_feed() -> Iterator[bytes]:
        with lock:
            under_way[0] += 1
            peaks.append(under_way[0])
        threading.Event().wait(0.02)
        with lock:
            under_way[0] -= 1
        yield FEED

    with WebServer(lambda _: WebReply(slow_feed)) as server:
        feeds = [("", server.url(f"/{number}")) for number in range(4)]
        collected("feeds/ai", lists={"ai": feeds}, turns=HostTurns({"127.0.0.1": 1.5}, sleep=waits))

    assert max(peaks) == 1
    assert waits.seconds == [1.5] * 3
