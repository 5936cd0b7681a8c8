"""Feeds and pages are parsed in a few long-lived processes that can be killed, never in this one."""

from __future__ import annotations

import asyncio
import codecs
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

import harness
from harness.collectors.frames import read_frame, write_frame

MAX_PAGE_CHARS = 40_000
START_TIMEOUT_S = 60.0
_END_TIMEOUT_S = 5.0
_CLOSING = "was not parsed: the harness is closing"
# Codecs of Python's that are no charset of the web: punycode takes quadratic time, the others make half characters.
_NO_CHARSETS = ("punycode", "raw-unicode-escape", "unicode-escape", "utf-7")


@dataclass(frozen=True, slots=True)
class ParsedEntry:
    """One entry of a feed; `url` is absolute, texts are plain, `published_at` aware UTC."""

    title: str
    url: str
    summary: str
    authors: tuple[str, ...]
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """A feed that was read, or `problem`: why not, in words that follow the source's name.

    `notes` say what is wrong although entries could be read.
    """

    title: str = ""
    entries: tuple[ParsedEntry, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """An HTML page as plain text, or `problem`: why not."""

    title: str = ""
    text: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ParsedEvent:
    """One event of a calendar; both moments in the zone that was asked for. `end` of whole days is the last one's."""

    uid: str
    title: str
    start: datetime
    end: datetime
    is_all_day: bool
    location: str


@dataclass(frozen=True, slots=True)
class ParsedCalendar:
    """The events of a few days, or `problem`: why not. `notes` say what is wrong although events could be read."""

    title: str = ""
    events: tuple[ParsedEvent, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""


class FeedParser:
    """Parses untrusted documents in at most `workers` processes, started when they are first needed.

    A process that takes longer than `timeout_s` for one document, or more than `memory_bytes`, is killed and
    replaced; that document costs a problem and nothing else. May be used from several event loops and threads.
    Close it, or use `async with`.
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        timeout_s: float = 15.0,
        memory_bytes: int = 512_000_000,
        python: str = sys.executable,
    ) -> None:
        count = workers or min(4, os.cpu_count() or 1)
        self._timeout_s = timeout_s
        self._command = (
            # -P: the current folder is the workspace, and a module that an agent writes there must not be run.
            python, "-P", "-m", "harness.collectors.parse_worker", str(memory_bytes), str(int(timeout_s) + 1)
        )  # fmt: skip
        # One thread for each process: asyncio's own subprocesses belong to the loop that started them.
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="feed-parser")
        self._lock = threading.Lock()
        self._workers: set[_Worker] = set()
        self._idle: list[_Worker] = []
        self._is_closed = False

    async def parse(self, body: bytes, *, url: str, max_items: int) -> ParsedFeed:
        """Return the feed's newest entries; `url` is where its relative links start."""
        answer = await self._ask({"kind": "feed", "url": url, "max_items": max_items}, body)
        if answer.get("problem"):
            return ParsedFeed(problem=answer["problem"])
        return ParsedFeed(answer["title"], tuple(map(_entry, answer["entries"])), tuple(answer["notes"]))

    async def read_page(self, body: bytes, *, charset: str = "utf-8", max_chars: int = MAX_PAGE_CHARS) -> ParsedPage:
        """Return the text of an HTML page; an unknown charset counts as UTF-8."""
        header = {"kind": "page", "charset": known_charset(charset), "max_chars": max_chars}
        answer = await self._ask(header, body)
        if answer.get("problem"):
            return ParsedPage(problem=answer["problem"])
        return ParsedPage(answer["title"], answer["text"])

    async def read_calendar(self, body: bytes, *, zone: str, first: date, days: int, max_events: int) -> ParsedCalendar:
        """Return the events of the `days` days from `first` on, as they are in the IANA zone."""
        header = {"kind": "calendar", "zone": zone, "first": first.isoformat(), "days": days, "max_events": max_events}
        answer = await self._ask(header, body)
        if answer.get("problem"):
            return ParsedCalendar(problem=answer["problem"])
        events = tuple(_event(event, ZoneInfo(zone)) for event in answer["events"])
        return ParsedCalendar(answer["title"], events, tuple(answer["notes"]))

    async def read_trending(self, body: bytes) -> Mapping[str, Any]:
        """Return what `read_trending` of the page of trends does: its rows, or a problem."""
        return await self._ask({"kind": "trending"}, body)

    def worker_ids(self) -> tuple[int, ...]:
        """Return the ids of the processes that are there now."""
        with self._lock:
            return tuple(sorted(worker.pid for worker in self._workers))

    def close(self) -> None:
        """End all processes and threads; what is being parsed comes back as a problem."""
        with self._lock:
            self._is_closed = True
            for worker in self._workers:
                worker.kill()
        self._threads.shutdown(wait=True)
        for worker in self._workers:
            worker.close()
        self._workers.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.close)

    async def _ask(self, header: Mapping[str, Any], body: bytes) -> dict[str, Any]:
        with self._lock:  # close() sets the flag behind the same lock before it shuts the threads down
            if self._is_closed:
                return {"problem": _CLOSING}
            exchange = self._threads.submit(self._exchange, json.dumps(header).encode(), body)
        return await asyncio.wrap_future(exchange)

    def _exchange(self, header: bytes, body: bytes) -> dict[str, Any]:
        try:
            worker = self._take()
        except OSError as error:
            return {"problem": f"was not parsed: the parser cannot be started ({error.strerror})"}
        if worker is None:
            return {"problem": _CLOSING}
        answer = worker.ask(header, body, self._timeout_s)
        if isinstance(answer, dict):
            with self._lock:
                self._idle.append(worker)
            return answer
        with self._lock:
            self._workers.discard(worker)
        worker.close()
        return {"problem": answer}

    def _take(self) -> _Worker | None:
        """Return a process that nobody else uses, or None once this is closed."""
        with self._lock:
            if self._is_closed:
                return None
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive():
                    return worker
                self._workers.discard(worker)
                worker.close()
            worker = _Worker(self._command)
            self._workers.add(worker)
            return worker


class _Worker:
    """One process and its two pipes, used by one thread at a time."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            # Ctrl-C in the terminal is for the harness, which then lets its runs finish.
            start_new_session=True,
        )
        self.pid = self._process.pid
        self._is_ready = False

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, header: bytes, body: bytes, timeout_s: float) -> dict[str, Any] | str:
        """Return the process's answer, or the words for a process that gave none and must be closed."""
        if not self._is_ready:
            # A busy machine that takes long to start Python is not the document's fault.
            greeting, _ = self._within(START_TIMEOUT_S, self._receive)
            if greeting is None:
                return f"was not parsed: the parser did not start ({self._ending()})"
            self._is_ready = True
        answer, is_in_time = self._within(timeout_s, lambda: self._exchange(header, body))
        if not is_in_time:
            return f"took longer than {timeout_s:g} s to parse"
        if answer is None:
            return f"ended the parser ({self._ending()})"
        try:
            decoded = json.loads(answer)
        except ValueError:
            decoded = None
        return decoded if isinstance(decoded, dict) else "made the parser answer what cannot be understood"

    def _exchange(self, header: bytes, body: bytes) -> bytes | None:
        assert self._process.stdin is not None
        try:
            write_frame(self._process.stdin, header)
            write_frame(self._process.stdin, body)
        except BrokenPipeError:
            return None
        return self._receive()

    def _receive(self) -> bytes | None:
        assert self._process.stdout is not None
        return read_frame(self._process.stdout)

    def _within(self, timeout_s: float, work: Callable[[], bytes | None]) -> tuple[bytes | None, bool]:
        """Return what the work gave and whether it was in time; afterwards the process is killed, which also
        ends a read or a write that waits for it."""
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self.kill()

        deadline = threading.Timer(timeout_s, expire)
        deadline.start()
        try:
            answer = work()
        finally:
            deadline.cancel()
            deadline.join()
        return answer, not expired.is_set()

    def _ending(self) -> str:
        """Say how the process ended, of which nothing more is to be read."""
        try:
            code = self._process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:  # it closed its output and lives on
            self.kill()
            code = self._process.wait()
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        """End the process and wait for it; it never takes part in anything again."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:
                # Closing flushes what the dead process did not take; the descriptor is closed all the same.
                continue


def _environment() -> dict[str, str]:
    """Return what a worker needs to find its modules, and nothing of what the person keeps in the environment."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PATH") if name in os.environ}
    # The harness need not be installed where it runs from a clone, and the clone need not be the current folder.
    home = str(Path(str(harness.__file__)).resolve().parent.parent)
    path = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(path)}


def known_charset(charset: str) -> str:
    """Return the charset, or UTF-8 if Python does not know it as one that a page may be in."""
    try:
        b" ".decode(charset, "replace")  # of no bytes at all it would not even look the name up
        is_refused = codecs.lookup(charset).name in _NO_CHARSETS
    except (LookupError, ValueError):
        return "utf-8"
    return "utf-8" if is_refused else charset


def _event(event: Mapping[str, Any], zone: ZoneInfo) -> ParsedEvent:
    start, end = (_moment(event[name], zone) for name in ("start", "end"))
    return ParsedEvent(event["uid"], event["title"], start, end, event["is_all_day"], event["location"])


def _moment(text: str, zone: ZoneInfo) -> datetime:
    moment = datetime.fromisoformat(text)
    return datetime.combine(moment.date(), time(), zone) if moment.tzinfo is None else moment.astimezone(zone)


def _entry(entry: Mapping[str, Any]) -> ParsedEntry:
    published = entry["published"]
    return ParsedEntry(
        entry["title"],
        entry["url"],
        entry["summary"],
        tuple(entry["authors"]),
        None if published is None else datetime.fromisoformat(published),
    )
