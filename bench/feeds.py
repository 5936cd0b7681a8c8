"""A hundred feeds of a hundred hosts in one run, beside a bare loop that fetches the same without reading them.

The server is on loopback and answers as the sizes of real feeds are: what differs is what the harness does with them.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from harness.collectors.cache import DatabaseSourceCache
from harness.collectors.collect import collect
from harness.collectors.context import CollectContext, SharedMeans
from harness.collectors.hosts import HostsInDatabase
from harness.collectors.parse import FeedParser
from harness.domain.feed import FeedEntry
from harness.domain.job import Job
from harness.domain.settings import Egress, Settings
from harness.domain.workspace import Workspace
from harness.gate.egress import WebDoor
from harness.store.address import file_address
from harness.store.database import Database
from harness.testing.web_server import HostTable

_ENTRIES = 30
_WORDS = "what was found out, by whom, and what follows from it for those who run agents all day long. "
_SERVER = """
import sys
from harness.testing.web_server import WebReply, WebServer
body = sys.stdin.buffer.read()
def answer(request):
    if request.path != "/feed.xml":
        return None
    own = body.replace(b"HOST", request.host.encode())
    return WebReply(own, etag='"%d"' % len(own))
with WebServer(answer) as server:
    print(server.port, flush=True)
    import threading
    threading.Event().wait()
"""


@dataclass(frozen=True, slots=True)
class FeedTimes:
    """Seconds for all feeds: the first time (robots.txt, whole answers, parsing), again (nothing new), and bare."""

    feeds: int
    items: int
    first_s: float
    again_s: float
    bare_s: float


def measure_feeds(feeds: int, rounds: int) -> FeedTimes:
    """Fetch so many feeds, each of a host of its own, and return medians; the parser is warm, as a daemon's is."""
    first, again, bare, items = [], [], [], 0
    hosts = [f"host{number}.test" for number in range(feeds)]
    with _server() as port, closing(FeedParser()) as parser:
        asyncio.run(parser.parse(_document(), url="http://warm.test/", max_items=60))
        for _ in range(rounds):
            with _database() as database:
                context = _context(hosts, port, parser, database)
                seconds, items = _timed(context)
                first.append(seconds)
                again.append(_timed(context)[0])
            bare.append(asyncio.run(_bare_loop(hosts, port)))
    return FeedTimes(feeds, items, *map(statistics.median, (first, again, bare)))


def _timed(context: CollectContext) -> tuple[float, int]:
    began = time.perf_counter()
    found = asyncio.run(collect("feeds/all", context))
    taken = time.perf_counter() - began
    if found.gaps:
        raise RuntimeError(f"a feed could not be read: {found.gaps[0]}")
    return taken, len(found.items)


async def _bare_loop(hosts: list[str], port: int) -> float:
    """Fetch every feed with one client, as many at a time as the harness does, and look at none of them."""
    places = asyncio.Semaphore(Settings().sources.concurrency)
    began = time.perf_counter()
    async with httpx2.AsyncClient(trust_env=False) as client:

        async def fetch(host: str) -> int:
            async with places:
                answer = await client.get(f"http://127.0.0.1:{port}/feed.xml", headers={"host": host})
                return len(answer.content)

        await asyncio.gather(*(fetch(host) for host in hosts))
    return time.perf_counter() - began


def _context(hosts: list[str], port: int, parser: FeedParser, database: Database) -> CollectContext:
    feeds = tuple(FeedEntry(host, f"http://{host}:{port}/feed.xml") for host in hosts)
    table = HostTable(dict.fromkeys(hosts, ("127.0.0.1", 0)))
    return CollectContext(
        workspace=Workspace(Path("unused"), Settings(), feed_lists={"all": feeds}),
        job=Job("bench", "feeds", "agents/bench/jobs/feeds.md", (), "UTC"),
        web=WebDoor(Egress(loopback=True), table),
        now=datetime.now(UTC),
        cache=DatabaseSourceCache(database),
        parser=parser,
        latest_output=lambda job_id: None,
        shared=SharedMeans(hosts=HostsInDatabase(database)),
    )


@contextmanager
def _database() -> Iterator[Database]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        database = Database.connect(file_address(Path(folder) / "harness.db"))
        with closing(database):
            database.migrate()
            yield database


def _document() -> bytes:
    items = "".join(
        f"<item><title>Story {number} of HOST</title><link>http://HOST/{number}</link>"
        f"<pubDate>Sat, 21 Nov 2026 {number % 24:02}:00:00 GMT</pubDate><description>{_WORDS * 12}</description></item>"
        for number in range(_ENTRIES)
    )
    return f"<?xml version='1.0'?><rss version='2.0'><channel><title>HOST</title>{items}</channel></rss>".encode()


@contextmanager
def _server() -> Iterator[int]:
    """Serve in a process of its own: in this one it would take turns with what is measured."""
    command = [sys.executable, "-c", _SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(_document())
        process.stdin.close()
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()
