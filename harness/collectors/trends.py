"""The trends of a basket: what the feeds report that shared-context/baskets.md names for it."""

from __future__ import annotations

import re

from harness.collectors.context import CollectContext
from harness.collectors.feeds import collect_feeds
from harness.domain.source import Collected, Gap
from harness.domain.workspace import Workspace

_BASKET = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def check_trends(rest: str) -> str | None:
    """Return what is wrong with what stands after `trends/`, and how to write it."""
    if _BASKET.fullmatch(rest):
        return None
    return "names no basket; write trends/NAME for a heading of shared-context/baskets.md"


async def collect_trends(read: str, context: CollectContext) -> Collected:
    """Return the items of all feeds of the basket `trends/<basket>`, in the basket's order."""
    name = read.partition("/")[2]
    basket = context.workspace.baskets.get(name)
    if basket is None:
        known = ", ".join(context.workspace.baskets) or "none"
        problem = f"shared-context/baskets.md has no basket {name!r}; there are: {known}"
        return Collected(read, gaps=(Gap(read, problem),))
    if not basket.feeds:
        return Collected(read, gaps=(Gap(read, "the basket has no feed"),))
    return await collect_feeds(read, basket.feeds, context)


def count_basket_feeds(read: str, workspace: Workspace) -> int:
    """Return how many feeds the basket has."""
    basket = workspace.baskets.get(read.partition("/")[2])
    return len(basket.feeds) or 1 if basket is not None else 1
