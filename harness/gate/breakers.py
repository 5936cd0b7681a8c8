"""Endpoints that do not answer are left alone for a while: the circuit breakers, as rows that all daemons share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo

from harness.domain.breaker import Breaker, after_answer, after_failure, after_no_verdict, is_held_back, let_through
from harness.domain.cause import endpoint_cause
from harness.domain.errors import TransientError
from harness.store.breakers import load_breaker, save_breaker
from harness.store.database import Database
from harness.store.incidents import resolve_incident

T = TypeVar("T")

log = logging.getLogger("harness.breakers")


class Breakers:
    """The breakers of one database. `zone` returns the zone in which a time is told to the person."""

    def __init__(self, database: Database, now: Callable[[], datetime], zone: Callable[[], str]) -> None:
        self._database = database
        self._now = now
        self._zone = zone

    async def call(
        self, endpoint: str, work: Callable[[], Awaitable[T]], *, problem_in: Callable[[T | Exception], str | None]
    ) -> T:
        """Do the work, which asks the endpoint (`host:port`), and remember whether it answered.

        `problem_in` looks at what the work returned or raised: what is wrong, if the endpoint did not
        answer; the empty text if it did, whatever it said; None if it shows neither.
        Raises TransientError, with the endpoint's cause and without doing the work, while it is left alone.
        """
        await asyncio.to_thread(self._pass, endpoint)
        try:
            result = await work()
        except Exception as error:
            await self._remember(endpoint, problem_in(error))
            raise
        except BaseException:
            await self._remember(endpoint, None)
            raise
        await self._remember(endpoint, problem_in(result))
        return result

    def _pass(self, endpoint: str) -> None:
        """Let a call through, or raise."""
        with self._database.read() as connection:
            breaker = load_breaker(connection, endpoint)
        if breaker.state == "closed":
            return
        if not is_held_back(breaker, self._now()):
            with self._database.write() as connection:
                breaker = load_breaker(connection, endpoint, for_change=True)
                # Of several that come at the same moment, one is let through.
                if not is_held_back(breaker, self._now()):
                    save_breaker(connection, let_through(breaker, self._now()))
                    return
        raise TransientError(self._why_held_back(breaker), cause=endpoint_cause(endpoint), failure="network")

    async def _remember(self, endpoint: str, problem: str | None) -> None:
        await asyncio.to_thread(self._change, endpoint, partial(_after, problem=problem, now=self._now()))

    def _change(self, endpoint: str, change: Callable[[Breaker], Breaker]) -> None:
        with self._database.read() as connection:
            breaker = load_breaker(connection, endpoint)
        if change(breaker) == breaker:
            return  # nearly always: it works, and nothing is on the disk
        with self._database.write() as connection:
            before = load_breaker(connection, endpoint, for_change=True)
            after = change(before)
            save_breaker(connection, after)
            if after.is_new:
                resolve_incident(connection, endpoint_cause(endpoint), self._now())
        if before.state == "closed" and after.state == "open":
            log.warning("%s; it is left alone for a while", self._why_held_back(after))
        elif before.state != "closed" and after.state == "closed":
            log.warning("%s answers again", endpoint)

    def _why_held_back(self, breaker: Breaker) -> str:
        times = f"{breaker.endpoint} has not answered {breaker.failures_in_a_row} times in a row"
        last = f" ({breaker.problem})" if breaker.problem else ""
        if breaker.state == "half-open" or breaker.retry_at is None:
            return f"{times}{last}; a call is under way that tries it again"
        retry_at = breaker.retry_at.astimezone(ZoneInfo(self._zone()))
        return f"{times}{last}; it is tried again at {retry_at:%H:%M:%S}"


def _after(breaker: Breaker, problem: str | None, now: datetime) -> Breaker:
    if problem is None:
        return after_no_verdict(breaker, now)
    return after_failure(breaker, now, problem) if problem else after_answer(breaker)
