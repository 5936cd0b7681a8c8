"""Who is offered which skill on this machine, for the commands that show it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from harness.domain.workspace import Workspace
from harness.gate.offering import host_of, offer


@dataclass(frozen=True, slots=True)
class Offers:
    """By skill: the agents that are offered it, and those that are granted it and are not, with the reason."""

    offered: Mapping[str, tuple[str, ...]]
    withheld: Mapping[str, Mapping[str, str]]


def offers_of(workspace: Workspace, environ: Mapping[str, str]) -> Offers:
    """Return who is offered what as things are now, as a run that began here would see it."""
    host = host_of(environ, sys.platform)
    offered: dict[str, list[str]] = {}
    withheld: dict[str, dict[str, str]] = {}
    for name in sorted(workspace.agents):
        found = offer(workspace.skills, workspace.agents[name], host)
        for skill in found.skills:
            offered.setdefault(skill, []).append(name)
        for skill, why in found.withheld.items():
            withheld.setdefault(skill, {})[name] = why
    return Offers({skill: tuple(agents) for skill, agents in offered.items()}, withheld)
