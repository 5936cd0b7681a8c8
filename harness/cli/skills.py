"""`harness skills`: what agents know how to do, and who uses which."""

from __future__ import annotations

from typing import Any

from harness.cli.failures import UnknownName
from harness.cli.lazy_group import noun_app
from harness.cli.loading import load_workspace
from harness.cli.options import JsonOption, SkillArgument, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import find_place
from harness.cli.table import table_lines, terminal_width
from harness.domain.skill import Skill
from harness.domain.workspace import Workspace

app = noun_app("The skills and who uses them.")

_LIST_EXAMPLES = """\b
Examples:
  harness skills

\b
JSON: [{skill, description, path, used_by [agent]}]."""
_SHOW_EXAMPLES = """\b
Examples:
  harness skills show rank-items

\b
JSON: skill, description, path, used_by [agent], body."""


@app.command("list", epilog=_LIST_EXAMPLES)
def list_skills(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the skills."""
    loaded = load_workspace(find_place(workspace))
    skills = [loaded.skills[name] for name in sorted(loaded.skills)]
    if as_json:
        emit_json([_skill_json(skill, loaded) for skill in skills])
        return
    rows = [(skill.name, ", ".join(_users(skill, loaded)) or "nobody", skill.description) for skill in skills]
    for line in table_lines(rows, terminal_width(), ("skill", "used by", "description")) if rows else ["no skills"]:
        say(line)


@app.command("show", epilog=_SHOW_EXAMPLES)
def show_skill(skill: SkillArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show one skill as an agent reads it."""
    loaded = load_workspace(find_place(workspace))
    if skill not in loaded.skills:
        raise UnknownName("skill", skill, list(loaded.skills), "harness skills")
    shown = loaded.skills[skill]
    if as_json:
        emit_json({**_skill_json(shown, loaded), "body": shown.body})
        return
    rows = [
        ("skill", shown.name),
        ("file", shown.path),
        ("used by", ", ".join(_users(shown, loaded)) or "nobody"),
        ("description", shown.description),
    ]
    for line in table_lines(rows, terminal_width()):
        say(line)
    say(f"\n{shown.body.strip()}")


def _skill_json(skill: Skill, workspace: Workspace) -> dict[str, Any]:
    return {
        "skill": skill.name,
        "description": skill.description,
        "path": skill.path,
        "used_by": _users(skill, workspace),
    }


def _users(skill: Skill, workspace: Workspace) -> list[str]:
    return sorted(name for name, agent in workspace.agents.items() if skill.name in agent.skills)
