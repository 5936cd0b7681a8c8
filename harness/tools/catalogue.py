"""All tools of this version. Importing this module loads no heavy library: names are needed for checking files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.collectors.parse import FeedParser
    from harness.gate.registry import ToolRegistry
    from harness.ports import Web
    from harness.tools.feeds import FetchList

TOOL_NAMES: frozenset[str] = frozenset({"feeds", "web.read", "files.read", "files.list", "files.write"})


def build_registry(*, web: Web, parser: FeedParser, fetch_list: FetchList) -> ToolRegistry:
    """Return the registry of all tools, reaching the world only through what is given."""
    # Imported here because the tools' schemas load pydantic, which `harness check` of a name does not need.
    from harness.gate.registry import ToolRegistry
    from harness.tools.feeds import feed_tools
    from harness.tools.files import file_tools
    from harness.tools.web import web_tools

    return ToolRegistry((*feed_tools(fetch_list), *web_tools(web, parser), *file_tools()))
