"""One source over the network: conditional, capped, and with its failures in words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus
from urllib.parse import urlsplit

from harness.collectors.context import CachedSource, CollectContext, SourceYield
from harness.collectors.politeness import PACES, Pace, host_of, origin_of
from harness.collectors.retry_after import leave_alone_until
from harness.collectors.robots import why_not_to_read
from harness.domain.errors import LimitReached, Refused, TransientError
from harness.domain.source import Collected, Gap, Item
from harness.ports import WebResponse

_LOG = logging.getLogger(__name__)
_ACCEPT_FEED = "application/atom+xml, application/rss+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5"
_MAX_VALIDATOR_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The source answered that nothing is new since these items were read."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The source gave nothing; `problem` follows its name."""

    problem: str


async def fetch_source(
    url: str,
    context: CollectContext,
    *,
    explained: tuple[int, ...] = (),
    obeys_robots: bool = False,
    pace: Pace | None = None,
    headers: Mapping[str, str] | None = None,
) -> WebResponse | Unchanged | Unreachable:
    """Ask for the URL, with what the cache knows of it. Never raises for what the source does.

    Answers of a status in `explained` come back as they are: their body says more than the number. `obeys_robots`
    is for feeds and pages, which hosts may close to robots; an interface for programs has terms of its own. `pace`
    is how fast the host is asked if not as the settings say.
    """
    # The cache is a database, and this is the event loop that all runs share.
    cached = await asyncio.to_thread(context.cache.load, url)
    if obeys_robots and (reason := await why_not_to_read(url, context)) is not None:
        return Unreachable(reason)
    try:
        async with context.turns.take(url, pace or PACES.get(host_of(url), context.pace)):
            response = await _ask(url, {"accept": _ACCEPT_FEED, **(headers or {}), **_validators(cached)}, context)
    except Refused as error:
        return Unreachable(f"was refused: {error.reason}")
    except LimitReached:
        return Unreachable(f"is larger than {context.limits.max_bytes / 1_000_000:g} MB")
    except TransientError as error:
        return Unreachable(str(error))
    if isinstance(response, Unreachable):
        return response
    if response.status == HTTPStatus.NOT_MODIFIED and cached is not None:
        return Unchanged(cached.items)
    if response.status not in explained and not 200 <= response.status < 300:
        return Unreachable(words_for_status(response.status))
    return response


async def _ask(url: str, headers: Mapping[str, str], context: CollectContext) -> WebResponse | Unreachable:
    """Fetch the URL unless its host wants to be left alone, and remember it if it says so now."""
    origin = origin_of(url)
    note = await asyncio.to_thread(context.hosts.load, origin)
    if note.leave_until is not None and context.now < note.leave_until:
        return Unreachable(f"asked to be left alone until {_moment(note.leave_until)}")
    limits = context.limits
    response = await context.web.get(url, max_bytes=limits.max_bytes, timeout_s=limits.timeout_s, headers=headers)
    until = leave_alone_until(response, context.now)
    if until is None:
        return response
    await asyncio.to_thread(context.hosts.keep_away, origin, until)
    return Unreachable(f"{words_for_status(response.status)}, and asked to be left alone until {_moment(until)}")


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


async def keep_answer(url: str, response: WebResponse, items: tuple[Item, ...], context: CollectContext) -> None:
    """Remember what was read, for the next conditional GET.

    Only for an answer without gaps: a 304 would hide them from then on.
    """
    etag, last_modified = (_sendable(response.headers.get(name)) for name in ("etag", "last-modified"))
    if etag or last_modified:
        kept = CachedSource(url, etag, last_modified, items, context.now)
        await asyncio.to_thread(context.cache.save, kept)


async def record_health(url: str, result: SourceYield | Collected, context: CollectContext) -> None:
    """Record how the source at the URL did: with items it works, if not well where a gap stands beside them."""
    problem = "; ".join(gap.problem for gap in result.gaps)
    record = partial(context.cache.record, url, ok=bool(result.items), problem=problem, at=context.now)
    await asyncio.to_thread(record)


def gap_of_fault(name: str, error: Exception, context: CollectContext) -> Gap:
    """Return the gap that a fault of ours over one source is, and log the fault."""
    _LOG.error("%s: reading %s broke", context.job.id, name, exc_info=error)
    return Gap(name, f"could not be read: a fault in the harness ({type(error).__name__})")


def source_name(url: str) -> str:
    """Return what to call a source of which only the address is known."""
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url


def words_for_status(status: int) -> str:
    """Return what an HTTP status means, to follow the source's name."""
    try:
        return f"answered {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"answered {status}"


def _validators(cached: CachedSource | None) -> dict[str, str]:
    if cached is None:
        return {}
    known = {"if-none-match": _sendable(cached.etag), "if-modified-since": _sendable(cached.last_modified)}
    return {name: value for name, value in known.items() if value}


def _sendable(validator: str | None) -> str | None:
    """Return the validator if a header can carry it back: a server may put anything into one."""
    if not validator or len(validator) > _MAX_VALIDATOR_CHARS:
        return None
    return validator if validator.isascii() and validator.isprintable() else None
