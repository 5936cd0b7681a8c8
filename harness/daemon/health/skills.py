"""Skills that agents are granted and do not get on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.daemon.health.facts import HealthFacts, WithheldSkill
from harness.daemon.health.finding import HealthFinding
from harness.domain.sizes import counted
from harness.domain.workspace import Workspace
from harness.gate.offering import host_of, why_lacking

_NAMED = 5


def withheld_skills(workspace: Workspace, environ: Mapping[str, str], platform: str) -> tuple[WithheldSkill, ...]:
    """Return the skills that this machine lacks something for, each with the agents that are granted it.

    A change that nobody accepted is not among them: that is an error of the workspace's files.
    """
    host = host_of(environ, platform)
    granted = {name for agent in workspace.agents.values() for name in agent.skills if name in workspace.skills}
    sound = (workspace.skills[name] for name in sorted(granted) if not workspace.skills[name].held_back)
    lacking = {skill.name: why_lacking(skill.needs, host) for skill in sound}
    return tuple(
        WithheldSkill(
            skill,
            tuple(name for name, agent in sorted(workspace.agents.items()) if skill in agent.skills),
            why,
            is_named=any(skill in agent.named_skills for agent in workspace.agents.values()),
        )
        for skill, why in lacking.items()
        if why
    )


def judge_skills(facts: HealthFacts) -> Iterable[HealthFinding]:
    """Return what agents do without: an error where one names the skill, one note for all that patterns grant."""
    for withheld in facts.withheld_skills:
        if withheld.is_named:
            message = f"skill {withheld.skill} is not offered to {', '.join(withheld.agents)}: {withheld.why}"
            yield HealthFinding("skill", withheld.skill, message, "put that right, or take it out of agent.toml")
    by_pattern = [withheld.skill for withheld in facts.withheld_skills if not withheld.is_named]
    if by_pattern:
        more = ", …" if len(by_pattern) > _NAMED else ""
        how_many = counted(len(by_pattern), "skill that a pattern grants is", "skills that patterns grant are")
        message = f"{how_many} not offered here: {', '.join(by_pattern[:_NAMED])}{more}"
        yield HealthFinding("skill", "patterns", message, "harness skills says what each lacks", severity="note")
