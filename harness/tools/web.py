"""Reading a page of the web."""

from __future__ import annotations

from harness.collectors.fetch import source_name
from harness.collectors.page import reduce_page
from harness.collectors.parse import FeedParser
from harness.domain.errors import Refused, ToolError
from harness.gate.caller import Caller
from harness.gate.registry import Arguments, Tool, Traits, define_tool
from harness.ports import Web

MAX_BYTES = 2_000_000
TIMEOUT_S = 20.0


class ReadArguments(Arguments):
    url: str


def web_tools(web: Web, parser: FeedParser) -> tuple[Tool, ...]:
    """Return the tools that read the web through the given door; pages are parsed where they can be killed."""

    async def read(arguments: ReadArguments, caller: Caller) -> str:
        if not arguments.url.lower().startswith(("http://", "https://")):
            raise Refused("egress", "only http and https addresses are read")
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

    traits = Traits(effect="read", is_untrusted=True, timeout_s=TIMEOUT_S + 20)
    return (define_tool("web.read", "Read a web page as plain text.", ReadArguments, read, traits),)
