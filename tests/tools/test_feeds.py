"""The tool that reads a feed list."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.domain.errors import ToolError
from harness.domain.message import ToolCall
from harness.domain.source import Collected, Gap, Item
from harness.gate.audit import AuditLog
from harness.gate.caller import Caller
from harness.gate.paths import PathRules
from harness.gate.pipeline import Gate
from harness.gate.registry import ToolRegistry
from harness.testing.clock import VirtualClock
from harness.tools.feeds import feed_tools, newest_lines

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def item(number: int, hours_old: int | None) -> Item:
    published = None if hours_old is None else NOW - timedelta(hours=hours_old)
    return Item(f"Title {number}", f"https://a.org/{number}", "Blog", published_at=published)


def test_the_newest_items_come_first_and_undated_ones_last() -> None:
    lines = newest_lines(Collected("feeds/ai", (item(1, 9), item(2, None), item(3, 1))), 20).splitlines()
    assert [line.split(" | ")[0] for line in lines] == ["1. Title 3", "2. Title 1", "3. Title 2"]


def test_what_is_not_shown_and_what_could_not_be_read_is_said() -> None:
    collected = Collected("feeds/ai", tuple(item(n, n) for n in range(5)), (Gap("Blog", "answered 500\nand more"),))
    assert newest_lines(collected, 2).splitlines()[2:] == [
        "3 older items are not shown.",
        "Not available: Blog: answered 500 and more",
    ]


def test_a_list_without_items_says_so() -> None:
    assert newest_lines(Collected("feeds/ai"), 20) == "The list has no items."


async def fetch(name: str) -> Collected:
    if name != "ai":
        raise ToolError(f"there is no list {name}; there are: ai")
    return Collected("feeds/ai", (item(1, 1),))


@pytest.mark.parametrize(
    ("arguments", "kind", "says"),
    [
        ('{"name": "ai"}', None, "1. Title 1 | Blog | 2026-11-21 | https://a.org/1"),
        ('{"name": "none"}', "failed", "feeds: there is no list none; there are: ai"),
        ('{"name": "ai", "limit": 0}', "invalid", "limit: Input should be greater than or equal to 1"),
        ('{"name": "ai", "limit": 101}', "invalid", "limit: Input should be less than or equal to 100"),
    ],
)
def test_a_list_is_fetched_by_name_through_the_gate(
    tmp_path: Path, arguments: str, kind: str | None, says: str
) -> None:
    gate = Gate(
        registry=ToolRegistry(feed_tools(fetch)), audit=AuditLog(tmp_path / "audit.jsonl"), clock=VirtualClock(NOW)
    )
    caller = Caller("scout", "r", frozenset({"feeds"}), PathRules(tmp_path), tmp_path / "run")
    result = asyncio.run(gate.call(ToolCall("1", "feeds", arguments), caller))
    assert result.error_kind == kind
    assert says in result.content
    assert result.is_untrusted == (kind is None)
