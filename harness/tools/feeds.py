"""Reading the newest items of a feed list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from pydantic import Field

from harness.domain.source import Collected
from harness.gate.caller import Caller
from harness.gate.outside import item_line
from harness.gate.registry import Arguments, Tool, Traits, define_tool
from harness.gate.sanitise import one_line

FetchList = Callable[[str], Awaitable[Collected]]
"""Takes a list's name and returns what its feeds yield. Raises ToolError naming the lists if there is none such."""


class FeedsArguments(Arguments):
    name: str
    limit: Annotated[int, Field(ge=1, le=100)] = 20


def feed_tools(fetch_list: FetchList) -> tuple[Tool, ...]:
    """Return the tools that read feed lists with the given function."""

    async def feeds(arguments: FeedsArguments, caller: Caller) -> str:
        return newest_lines(await fetch_list(arguments.name), arguments.limit)

    traits = Traits(effect="read", is_untrusted=True, timeout_s=120.0)
    return (define_tool("feeds", "Get the newest items of a feed list.", FeedsArguments, feeds, traits),)


def newest_lines(collected: Collected, limit: int) -> str:
    """Return the newest items, a line each, then what could not be read; undated items come last."""
    newest = sorted(
        collected.items,
        key=lambda item: item.published_at.timestamp() if item.published_at else float("-inf"),
        reverse=True,
    )
    lines = [item_line(number, item) for number, item in enumerate(newest[:limit], start=1)]
    if len(newest) > limit:
        lines.append(f"{len(newest) - limit} older items are not shown.")
    lines += [f"Not available: {one_line(str(gap))}" for gap in collected.gaps]
    return "\n".join(lines) or "The list has no items."
