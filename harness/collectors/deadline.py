"""How long collecting may take as a whole: what is not finished by then is named, and what is finished is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from harness.domain.source import Gap
from harness.schedule.catchup import duration_in_words

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Deadline:
    """When all sources must be finished; `at` is a time of the event loop, `limit_s` what there was in all."""

    at: float
    limit_s: float

    @classmethod
    def after(cls, limit_s: float) -> Deadline:
        """Return the deadline so many seconds from now; to be called on the event loop."""
        return cls(asyncio.get_running_loop().time() + limit_s, limit_s)

    def gap(self, source: str) -> Gap:
        """Return the gap that a source is which was not finished."""
        return Gap(source, f"was not finished within {duration_in_words(self.limit_s)}, the job's timeout")


async def finish(work: Awaitable[T], deadline: Deadline | None) -> T | None:
    """Return what the work gives, or None if it was cancelled at the deadline."""
    if deadline is None:
        return await work
    limit = asyncio.timeout_at(deadline.at)
    try:
        async with limit:
            return await work
    except TimeoutError:
        if not limit.expired():
            raise
        return None
