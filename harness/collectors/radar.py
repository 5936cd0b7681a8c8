"""The Tech Radar as something to read: what waits for an evaluation, for a decision, and what is on trial."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import get_args

from harness.bus.radar.folder import RadarFolder, path_of
from harness.collectors.context import CollectContext
from harness.domain.radar import Decision, Technology
from harness.domain.sizes import counted
from harness.domain.source import Collected, Gap, Item
from harness.domain.workspace import Workspace
from harness.gate.sanitise import in_short

PARTS = ("discovered", "evaluated", *get_args(Decision))
"""What may stand behind `radar/`."""
WAITING = ("discovered", "evaluated", "trial")
"""What the bare entry yields."""

_SOURCE = "Tech Radar"
_SUMMARY_CHARS = 600
_IN_WORDS = {
    "discovered": "waits for an evaluation",
    "evaluated": "evaluated, waits for a decision",
    "trial": "on trial",
}


def check_radar(rest: str) -> str | None:
    """Return what is wrong with what stands behind `radar`, or None."""
    if rest in ("", *PARTS):
        return None
    return f"names no part of the Tech Radar; write radar, or radar/ and one of {', '.join(PARTS)}"


async def collect_radar(read: str, context: CollectContext) -> Collected:
    """Return the technologies as items, those first that wait longest; pages that cannot be read are gaps."""
    radar = await asyncio.to_thread(RadarFolder(context.workspace.root).read)
    part = read.partition("/")[2]
    wanted = (part,) if part else WAITING
    found = [one for name in wanted for one in _oldest_first(radar.technologies, name)]
    gaps = tuple(Gap(problem.path, f"line {problem.line}: {problem.problem}") for problem in radar.problems)
    counts = (
        f"{counted(len(_oldest_first(found, one)), 'technology', 'technologies')} {_words(one)}" for one in wanted
    )
    # Without anything that waits there is nothing to write about.
    text = f"{_SOURCE}: {'; '.join(counts)}." if found else ""
    return Collected(read, items=tuple(map(_item, found)), gaps=gaps, text=text)


def count_pages(read: str, workspace: Workspace) -> int:
    """Return how many pages there are: the entry has failed where not one can be read."""
    radar = RadarFolder(workspace.root).read()
    return len(radar.technologies) + len({problem.path for problem in radar.problems}) or 1


def _oldest_first(technologies: Sequence[Technology], part: str) -> list[Technology]:
    found = [one for one in technologies if _part(one) == part]
    return sorted(found, key=lambda one: (one.moves[-1].day.toordinal() if one.moves else 0, one.slug))


def _part(technology: Technology) -> str:
    return technology.ring if technology.stage == "decided" else technology.stage


def _item(technology: Technology) -> Item:
    """Return the technology with what happened last; its page stands in the summary, for whoever reads on."""
    last = technology.moves[-1] if technology.moves else None
    said = f" {last.day.isoformat()}: {last.reason}" if last else ""
    found = f"found by {technology.found_by}. " if technology.found_by else ""
    asked = f"Request {technology.request}. " if technology.request else ""
    summary = (
        f"{_words(_part(technology))}. {technology.quadrant}; {found}{asked}Page {path_of(technology.slug)}.{said}"
    )
    return Item(technology.name, technology.url, _SOURCE, in_short(summary, _SUMMARY_CHARS))


def _words(part: str) -> str:
    return _IN_WORDS.get(part, part)
