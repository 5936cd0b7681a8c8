"""Reading a page of the web, and searching it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from pydantic import Field

from harness.collectors.fetch import source_name
from harness.collectors.page import reduce_page
from harness.collectors.parse import FeedParser
from harness.collectors.search import check_search
from harness.domain.errors import Refused, ToolError
from harness.domain.source import Collected
from harness.gate.caller import Caller
from harness.gate.registry import Arguments, Tool, Traits, define_tool
from harness.ports import Web
from harness.tools.feeds import newest_lines

MAX_BYTES = 2_000_000
TIMEOUT_S = 20.0


WhyNot = Callable[[str], Awaitable[str | None]]
"""Takes an address and returns why its host does not want it read by robots, or None if it may be."""

SearchWeb = Callable[[str, int], Awaitable[Collected]]
"""Takes words and how many results at most, and returns what is found. What cannot be had is a gap."""


class ReadArguments(Arguments):
    url: str


class SearchArguments(Arguments):
    words: str
    limit: Annotated[int, Field(ge=1, le=20)] = 8


def web_tools(web: Web, parser: FeedParser, *, why_not: WhyNot, search: SearchWeb) -> tuple[Tool, ...]:
    """Return the tools that read the web through the given door; pages are parsed where they can be killed.

    What an agent picks is read only where the host does not close it to robots.
    """

    async def read(arguments: ReadArguments, caller: Caller) -> str:
        if not arguments.url.lower().startswith(("http://", "https://")):
            raise Refused("egress", "only http and https addresses are read")
        reason = await why_not(arguments.url)
        if reason is not None:
            raise Refused("robots", f"{source_name(arguments.url)} {reason}")
        response = await web.get(arguments.url, max_bytes=MAX_BYTES, timeout_s=TIMEOUT_S)
        # Only the host: whoever redirects here has chosen the words of the rest, and an error is not fenced.
        host = source_name(response.url)
        if not 200 <= response.status < 300:
            raise ToolError(f"{host} answered with status {response.status}")
        page = await reduce_page(response, parser)
        if page.problem:
            raise ToolError(f"what {host} answered {page.problem}")
        if not page.text:
            raise ToolError(f"{host} answered with no readable text; the page may need a browser to show itself")
        return f"# {page.title}\n\n{page.text}" if page.title else page.text

    async def find(arguments: SearchArguments, caller: Caller) -> str:
        problem = check_search(arguments.words)
        if problem is not None:
            raise ToolError(f"the search {problem}")
        found = await search(arguments.words.strip(), arguments.limit)
        if found.gaps and not found.items:
            raise ToolError("; ".join(str(gap) for gap in found.gaps))
        return newest_lines(found, arguments.limit)

    traits = Traits(effect="read", is_untrusted=True, timeout_s=TIMEOUT_S + 20)
    return (
        define_tool("web.read", "Read a web page as plain text.", ReadArguments, read, traits),
        define_tool("web.search", "Search the web.", SearchArguments, find, traits),
    )
