"""What a host asks of robots, fetched at most once a day and obeyed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import urlsplit

from harness.collectors.context import CollectContext
from harness.collectors.hosts import HostNote
from harness.collectors.politeness import Pace, host_of, is_own_machine, origin_of
from harness.collectors.robots_rules import MAX_BYTES, may_read, read_robots
from harness.domain.errors import LimitReached, Refused, TransientError

VALID_FOR = timedelta(days=1)
"""So long rules are not asked for again, as RFC 9309 allows."""

ASK_AGAIN_AFTER = timedelta(minutes=10)
"""So long a host whose rules could not be read is not asked for them: all its other feeds would wait for that too."""

_OPEN = ""
_ALONE = Pace(1, 0.0)
# GitHub documents its Atom feeds for subscribing to, and closes them only to what crawls.
_FEEDS_TO_SUBSCRIBE_TO = {"github.com": ".atom"}


async def why_not_to_read(url: str, context: CollectContext) -> str | None:
    """Return why the host does not want the URL read by robots, to follow the source's name, or None if it may be.

    A host without robots.txt allows everything. Where it cannot be read, what was kept of it counts, and without
    that nothing is closed: the source itself then tells whether the host answers at all.
    """
    origin = origin_of(url)
    if not origin or is_own_machine(url) or _is_for_subscribers(url):
        return None
    # All feeds of a host ask at the same moment: the first one fetches, the others find what it kept.
    async with context.turns.hold(f"robots.txt of {origin}", _ALONE):
        note = await asyncio.to_thread(context.hosts.load, origin)
        if not _is_valid(note, context):
            note = await _fetch(origin, note, context)
    parts = urlsplit(url)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    if may_read(read_robots(note.robots), path):
        return None
    return "is closed to robots by the robots.txt of its host"


def _is_for_subscribers(url: str) -> bool:
    ending = _FEEDS_TO_SUBSCRIBE_TO.get(host_of(url))
    return ending is not None and urlsplit(url).path.endswith(ending)


def _is_valid(note: HostNote, context: CollectContext) -> bool:
    return note.robots_read_at is not None and context.now - note.robots_read_at < VALID_FOR


async def _fetch(origin: str, known: HostNote, context: CollectContext) -> HostNote:
    """Return the host's rules as they are now, and keep them; what is known if it does not say."""
    try:
        async with context.turns.take(origin, context.pace):
            response = await context.web.get(
                f"{origin}/robots.txt", max_bytes=MAX_BYTES, timeout_s=context.limits.timeout_s
            )
    except (TransientError, Refused, LimitReached):
        # Nobody answered, it leads where we do not go, or it is no robots.txt: the source will say what is wrong.
        return await _keep_known(origin, known, context)
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return await _keep_known(origin, known, context)
    is_there = HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES
    robots = response.body.decode("utf-8", "replace").replace("\0", "") if is_there else _OPEN
    await asyncio.to_thread(context.hosts.keep_robots, origin, robots, context.now)
    return HostNote(robots, context.now, known.leave_until)


async def _keep_known(origin: str, known: HostNote, context: CollectContext) -> HostNote:
    """Go by what is known for a while."""
    as_if_read_at = context.now - VALID_FOR + ASK_AGAIN_AFTER
    await asyncio.to_thread(context.hosts.keep_robots, origin, known.robots, as_if_read_at)
    return known
