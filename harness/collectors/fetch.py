"""One source over the network: conditional, capped, and with its failures in words."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from harness.collectors.context import CachedSource, CollectContext
from harness.domain.errors import LimitReached, Refused, TransientError
from harness.domain.source import Item
from harness.ports import WebResponse

_ACCEPT_FEED = "application/atom+xml, application/rss+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5"


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The source answered that nothing is new since these items were read."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The source gave nothing; `problem` follows its name."""

    problem: str


async def fetch_source(
    url: str, context: CollectContext, *, explained: tuple[int, ...] = ()
) -> WebResponse | Unchanged | Unreachable:
    """Ask for the URL, with what the cache knows of it. Never raises for what the source does.

    Answers of a status in `explained` come back as they are: their body says more than the number.
    """
    cached = context.cache.load(url)
    try:
        response = await context.web.get(
            url,
            max_bytes=context.limits.max_bytes,
            timeout_s=context.limits.timeout_s,
            headers={"accept": _ACCEPT_FEED, **_validators(cached)},
        )
    except Refused as error:
        return Unreachable(f"was refused: {error.reason}")
    except LimitReached:
        return Unreachable(f"is larger than {context.limits.max_bytes / 1_000_000:g} MB")
    except TransientError as error:
        return Unreachable(str(error))
    if response.status == HTTPStatus.NOT_MODIFIED and cached is not None:
        return Unchanged(cached.items)
    if response.status not in explained and not 200 <= response.status < 300:
        return Unreachable(words_for_status(response.status))
    return response


def keep_answer(url: str, response: WebResponse, items: tuple[Item, ...], context: CollectContext) -> None:
    """Remember what was read, for the next conditional GET.

    Only for an answer without gaps: a 304 would hide them from then on.
    """
    etag, last_modified = response.headers.get("etag"), response.headers.get("last-modified")
    if etag or last_modified:
        context.cache.save(CachedSource(url, etag, last_modified, items, context.now))


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
    known = {"if-none-match": cached.etag, "if-modified-since": cached.last_modified}
    return {name: value for name, value in known.items() if value}
