"""What the daemon does beside the tick, again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from harness.daemon.supervise import Supervisor


@dataclass(frozen=True, slots=True)
class Duty:
    """Blocking work that is done every so often, never twice at a time; its name is that of its incident.

    It is first done after `every_s`, or at `begins_at`, however late that has become.
    """

    name: str
    every_s: float
    work: Callable[[], object]
    begins_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WaitingDuty:
    """A duty that waits on the event loop instead of blocking."""

    name: str
    every_s: float
    work: Callable[[], Awaitable[object]]


def timers_for(
    duties: Iterable[Duty | WaitingDuty], supervisor: Supervisor, loop: asyncio.AbstractEventLoop
) -> AsyncIOScheduler:
    """Return the timers of these duties, to be started; a duty that fails is told and done again."""
    timers = AsyncIOScheduler(timezone="UTC", event_loop=loop)
    for duty in duties:
        first: dict[str, Any] = {}
        if isinstance(duty, WaitingDuty):
            work = partial(supervisor.watched, duty.name, duty.work)
        else:
            work = partial(supervisor.guarded, duty.name, duty.work)
            if duty.begins_at is not None:
                first = {"next_run_time": duty.begins_at, "misfire_grace_time": None}
        timers.add_job(work, "interval", name=duty.name, seconds=duty.every_s, max_instances=1, coalesce=True, **first)
    return timers
