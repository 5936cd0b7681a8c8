"""The one way from a job's `read` entry to what it yields."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from dataclasses import replace
from typing import Literal
from urllib.parse import unquote, urlsplit

from harness.collectors.context import CollectContext
from harness.collectors.deadline import finish
from harness.collectors.dedupe import merge_items
from harness.collectors.families import FAMILIES, family_of
from harness.collectors.fetch import gap_of_fault
from harness.collectors.file import collect_file
from harness.collectors.freshness import keep_recent
from harness.collectors.output import collect_output
from harness.collectors.page import collect_page
from harness.domain.errors import HarnessError
from harness.domain.source import Collected, Gap

ReadKind = Literal["family", "url", "output", "file"]

_NAME = r"[a-z0-9][a-z0-9_-]*"
_OUTPUT = re.compile(rf"{_NAME}/{_NAME}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_FORMS = (
    f"use {', '.join(family.form for family in FAMILIES.values())}, AGENT/JOB, a path in the workspace, "
    "or an http(s) address"
)


async def collect(read: str, context: CollectContext) -> Collected:
    """Return what the entry yields now, each story once.

    Never raises for a bad source: its failure is a gap in words for the person, and the other sources of the
    entry are not affected. Items older than the job's `max_age` are left out, except from what the person
    put in place of the entry and from what another agent chose to deliver.
    Raises HarnessError where what all sources need is broken, such as a database on a full disk.
    """
    try:
        return await _collect(read, context)
    except HarnessError:
        raise
    except Exception as error:  # noqa: BLE001 - the boundary of an entry: whatever breaks, the others go on
        return Collected(read, gaps=(gap_of_fault(read, error, context),))


async def _collect(read: str, context: CollectContext) -> Collected:
    stand_in = find_override(read, context)
    if stand_in is not None:
        collected = await _in_time(read, _collect_address(read, stand_in, context), context)
        return replace(collected, items=merge_items(collected.items))
    kind, family = read_kind(read), family_of(read)
    if kind == "output":
        return collect_output(read, context)
    if kind == "family" and family is not None:
        reading = family.collect(read, context)
        collected = await (reading if family.keeps_its_time else _in_time(read, reading, context))
        if not family.is_recent:
            return replace(collected, items=merge_items(collected.items))
    else:
        collected = await _in_time(read, _collect_address(read, read, context), context)
    return replace(collected, items=merge_items(keep_recent(collected.items, context.now, context.job.max_age_s)))


async def _in_time(read: str, work: Awaitable[Collected], context: CollectContext) -> Collected:
    collected = await finish(work, context.deadline)
    if collected is None:
        assert context.deadline is not None, "nothing else ends it early"
        return Collected(read, gaps=(context.deadline.gap(read),))
    return collected


def check_read(read: str) -> str | None:
    """Return what is wrong with the entry's form and how to write it, or None.

    Whether the list, job or file exists is not looked at.
    """
    scheme = _SCHEME.match(read)
    head, _, rest = read.partition("/")
    if not read.strip() or read != read.strip():
        return f"{read!r} is not something to read; {_FORMS}"
    if scheme:
        if scheme.group(1).lower() not in ("http", "https"):
            return f"{read!r}: only http and https addresses are read; {_FORMS}"
        return None if read_kind(read) == "url" else f"{read!r} names no host; write https://example.com/feed.xml"
    family = FAMILIES.get(head)
    if family is not None:
        problem = family.check(rest)
        return None if problem is None else f"{read!r} {problem}"
    if read.startswith("~"):
        return f"{read!r}: write the path in full, or from the workspace"
    if "/" not in read and "." not in read:
        return f"{read!r} is not something to read; {_FORMS} (./{read} for a file of that name)"
    return None


def read_kind(read: str) -> ReadKind:
    """Return what collects the entry: a family of sources, or what its form says; what is nothing else is a path."""
    if is_address(read):
        return "url"
    if read.partition("/")[0] in FAMILIES:
        return "family"
    return "output" if _OUTPUT.fullmatch(read) else "file"


def is_address(text: str) -> bool:
    """Return whether the text is an http(s) address with a host."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def find_override(read: str, context: CollectContext) -> str | None:
    """Return what the person put in place of the entry: by its whole text, or by what stands before its slash."""
    head = read.partition("/")[0]
    return context.overrides.get(read, context.overrides.get(head))


async def _collect_address(read: str, address: str, context: CollectContext) -> Collected:
    if is_address(address):
        return await collect_page(read, address, context)
    try:
        path = unquote(urlsplit(address).path) if address.lower().startswith("file:") else address
    except ValueError as error:
        return Collected(read, gaps=(Gap(address, f"is no address of a file ({error})"),))
    return await collect_file(read, path, context)
