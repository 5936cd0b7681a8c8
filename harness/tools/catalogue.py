"""All tools of this version. Importing this module loads no heavy library: names are needed for checking files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.collectors.parse import FeedParser
    from harness.gate.registry import Tool, ToolRegistry
    from harness.ports import Web
    from harness.tools.bus import Desk
    from harness.tools.feeds import FetchList
    from harness.tools.skills import FindSkills
    from harness.tools.web import SearchWeb, WhyNot

TOOL_NAMES: frozenset[str] = frozenset(
    {"feeds", "web.read", "web.search", "files.read", "files.list", "files.write", "scratchpad", "delegate", "learn"}
    | {"radar_propose", "radar_evaluate", "radar_decide"}
)


def build_registry(
    *,
    web: Web,
    parser: FeedParser,
    fetch_list: FetchList,
    search: SearchWeb,
    why_not: WhyNot,
    desk: Desk | None = None,
    find_skills: FindSkills | None = None,
) -> ToolRegistry:
    """Return the registry of all tools, reaching the world only through what is given.

    Those of the bus and of the radar are there where there is a desk; a run is given those of the bus by whom it may
    ask, and who asked it. The one that loads skills is there where there is a search for them; a run is given it with
    its skills.
    """
    # Imported here because the tools' schemas load pydantic, which `harness check` of a name does not need.
    from harness.gate.registry import ToolRegistry
    from harness.tools.delegate import delegate_tools
    from harness.tools.feeds import feed_tools
    from harness.tools.files import file_tools
    from harness.tools.learn import learn_tools
    from harness.tools.scratchpad import scratchpad_tools
    from harness.tools.web import web_tools

    of_turn = (*scratchpad_tools(), *delegate_tools(), *learn_tools())
    at_desk = () if desk is None else _at_desk(desk)
    of_skills = () if find_skills is None else _of_skills(find_skills)
    always = (*feed_tools(fetch_list), *web_tools(web, parser, why_not=why_not, search=search), *file_tools(), *of_turn)
    return ToolRegistry((*always, *at_desk, *of_skills))


def _at_desk(desk: Desk) -> tuple[Tool, ...]:
    from harness.tools.bus import bus_tools
    from harness.tools.radar import radar_tools

    return (*bus_tools(desk), *radar_tools(desk))


def _of_skills(find_skills: FindSkills) -> tuple[Tool, ...]:
    from harness.tools.skills import skill_tools

    return skill_tools(find_skills)
