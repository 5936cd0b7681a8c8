"""A file as input: text, an HTML page, or a feed that was saved."""

from __future__ import annotations

import asyncio
from pathlib import Path, PurePosixPath

from harness.collectors.context import CollectContext
from harness.collectors.feeds import parse_feed
from harness.collectors.freshness import settle_dates
from harness.collectors.sniff import looks_like_feed, looks_like_html
from harness.domain.source import Collected, Gap

_FEED_SUFFIXES = (".xml", ".rss", ".atom", ".rdf")


class _Unusable(Exception):
    """The file cannot be an input; the message follows its name."""


async def collect_file(read: str, path: str, context: CollectContext) -> Collected:
    """Return the content of the file, whose path starts at the workspace.

    Outside the workspace (also by way of a link) only where `[egress] file_sources` grants it. Feeds become
    items. The text counts as the team's own unless it comes from outside or lies where an agent may write.
    """
    try:
        file, body = await asyncio.to_thread(_read, path, context)
    except _Unusable as unusable:
        return Collected(read, gaps=(Gap(path, str(unusable)),))
    if looks_like_feed(body) or file.suffix.lower() in _FEED_SUFFIXES:
        feed = await parse_feed(body, "", "", context, unnamed=path)
        return Collected(read, items=settle_dates(feed.items, context.now), gaps=feed.gaps)
    if looks_like_html(body):
        page = await context.parser.read_page(body)
        text, problem = page.text, page.problem
    else:
        text, problem = _decode(body)
    if problem or not text.strip():
        return Collected(read, gaps=(Gap(path, problem or "is empty"),))
    return Collected(read, text=text, is_untrusted=_is_untrusted(file, context))


def _read(path: str, context: CollectContext) -> tuple[Path, bytes]:
    root = context.workspace.root.resolve()
    try:
        file = (root / path).resolve(strict=True)
        is_inside = file.is_relative_to(root)
        if not is_inside and not context.workspace.settings.egress.file_sources:
            raise _Unusable("lies outside the workspace; [egress] file_sources = true in harness.toml grants that")
        if not file.is_file():
            raise _Unusable("is not a file")
        with file.open("rb") as stream:
            body = stream.read(context.limits.max_bytes + 1)
    except FileNotFoundError as error:
        raise _Unusable("does not exist") from error
    except (OSError, ValueError, RuntimeError) as error:  # a NUL in the name, a loop of links
        raise _Unusable(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(body) > context.limits.max_bytes:
        raise _Unusable(f"is larger than {context.limits.max_bytes / 1_000_000:g} MB")
    return file, body


def _decode(body: bytes) -> tuple[str, str]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "", "is not UTF-8 text"
    return ("", "is not text") if "\0" in text else (text, "")


def _is_untrusted(file: Path, context: CollectContext) -> bool:
    root = context.workspace.root.resolve()
    if not file.is_relative_to(root):
        return True
    place = PurePosixPath(file.relative_to(root).as_posix())
    writable = (folder for agent in context.workspace.agents.values() for folder in agent.write_paths)
    return any(place.is_relative_to(PurePosixPath(folder)) for folder in writable)
