"""Which of its skills an agent is offered, on this machine: what a skill needs must be there."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from harness.domain.agent import Agent
from harness.domain.skill import Needs, Skill


@dataclass(frozen=True, slots=True)
class Host:
    """What there is on a machine; `system` is `linux`, `macos` or `windows`, or another one's own name."""

    system: str
    has_program: Callable[[str], bool]
    has_variable: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Offer:
    """What an agent is offered of its skills, and why not of the others."""

    skills: Mapping[str, Skill] = field(default_factory=dict)
    withheld: Mapping[str, str] = field(default_factory=dict)


def host_of(environ: Mapping[str, str], platform: str) -> Host:
    """Return what this machine has now; `platform` is what Python calls the system. Programs are looked up once."""
    system = {"darwin": "macos", "win32": "windows"}.get(platform, platform)

    @functools.cache
    def has_program(name: str) -> bool:
        return shutil.which(name, path=environ.get("PATH", "")) is not None

    return Host(system, has_program, lambda name: bool(environ.get(name)))


def offer(skills: Mapping[str, Skill], agent: Agent, host: Host) -> Offer:
    """Return which of the agent's skills it is offered, in the order of its grants."""
    granted = [skills[name] for name in agent.skills if name in skills]
    why = {skill.name: why_withheld(skill, agent, host) for skill in granted}
    return Offer(
        skills={skill.name: skill for skill in granted if not why[skill.name]},
        withheld={name: reason for name, reason in why.items() if reason},
    )


def why_withheld(skill: Skill, agent: Agent, host: Host) -> str:
    """Return why the agent is not offered the skill that it is granted; empty if it is."""
    if skill.held_back:
        return skill.held_back
    if skill.is_by_name_only and skill.name not in agent.named_skills:
        return "its maker wants a person to choose it: name it in agent.toml, as a pattern does not grant it"
    return why_lacking(skill.needs, host) or _lacking_tools(skill.needs, agent.tools)


def why_lacking(needs: Needs, host: Host) -> str:
    """Return what this machine lacks of what a skill needs, all of it; empty if nothing."""
    if needs.systems and host.system not in needs.systems:
        return f"it is for {' and '.join(needs.systems)}, and this is {host.system}"
    return "; ".join(_lacks(needs, host))


def _lacks(needs: Needs, host: Host) -> Iterator[str]:
    programs = [name for name in needs.bins if not host.has_program(name)]
    if programs:
        yield f"no program {_listed(programs)} on the PATH"
    for group in needs.any_bins:
        if not any(map(host.has_program, group)):
            yield f"none of the programs {', '.join(group)} on the PATH"
    variables = [name for name in needs.env if not host.has_variable(name)]
    if variables:
        yield f"the environment has no {_listed(variables)}"
    if needs.settings:
        yield f"it needs the setting {_listed(needs.settings)} of the program that it was made for"


def _lacking_tools(needs: Needs, tools: Collection[str]) -> str:
    lacking = [name for name in needs.tools if name not in tools]
    return f"the agent is not granted the tool {_listed(lacking)}" if lacking else ""


def _listed(names: Collection[str]) -> str:
    return " and ".join(names)
