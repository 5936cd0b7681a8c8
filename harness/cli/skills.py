"""`harness skills`: what agents know how to do, who is offered it, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.cli.failures import UnknownName
from harness.cli.lazy_group import noun_app
from harness.cli.loading import load_whole
from harness.cli.options import JsonOption, SkillArgument, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import Place, find_place
from harness.cli.skill_edit import EDIT_EXAMPLES, edit_skill
from harness.cli.skill_findings import LINT_EXAMPLES, lint_skills
from harness.cli.skill_making import NEW_EXAMPLES, PACK_EXAMPLES, new_skill, pack_skill
from harness.cli.skill_offers import Offers, offers_of
from harness.cli.skill_review import REVIEW_EXAMPLES, review_skills
from harness.cli.table import table_lines, terminal_width
from harness.domain.errors import Finding
from harness.domain.skill import Skill
from harness.workspace.load import Loaded
from harness.workspace.skill_folder import is_hidden, list_files
from harness.workspace.skill_install import pins_of
from harness.workspace.skills import SKILL_FILE

app = noun_app("The skills, who is offered them, and what became of them.")

_KEYS = """skill, description, path, origin (workspace, installed,
shipped), used_by [agent], offered_to [agent], withheld [{agent, why}],
problem (null unless it cannot be used)"""
_LIST_EXAMPLES = f"""\b
Examples:
  harness skills
  harness skills list --json | jq '.[] | select(.withheld != [])'

\b
JSON: [{{{_KEYS}}}]."""
_SHOW_EXAMPLES = f"""\b
Examples:
  harness skills show rank-items

\b
JSON: {_KEYS}, when_to_use, license,
compatibility, tags, needs {{bins, any_bins, env, systems, tools, settings}},
applies {{paths, jobs, agents, words}}, is_always, source, accepted_at, files
[path], body."""


@app.command("list", epilog=_LIST_EXAMPLES)
def list_skills(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the skills: where each comes from, and who is offered it.

    A skill of the workspace takes the place of one that the harness ships. Who is granted a skill and not offered
    it stands there with the reason: a program that is missing, a change that nobody accepted.
    """
    place = find_place(workspace)
    loaded = load_whole(place)
    offers = offers_of(loaded.workspace, place.environ)
    skills = [loaded.workspace.skills[name] for name in sorted(loaded.workspace.skills)]
    broken = _broken(loaded)
    if as_json:
        emit_json([*(_skill_json(skill, offers) for skill in skills), *(_broken_json(*one) for one in broken.items())])
        return
    rows = [(skill.name, _ORIGINS[skill.origin], _users(skill.name, offers), skill.description) for skill in skills]
    rows += [(name, "broken", "nobody", str(finding)) for name, finding in broken.items()]
    rows.sort()
    for line in table_lines(rows, terminal_width(), ("skill", "from", "offered to", "description")) if rows else ():
        say(line)
    for name, withheld in sorted(offers.withheld.items()):
        for agent, why in withheld.items():
            say(f"{name} is not offered to {agent}: {why}")
    if not rows:
        say("no skills; write one with: harness skills new NAME")


@app.command("show", epilog=_SHOW_EXAMPLES)
def show_skill(skill: SkillArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show one skill: what it needs, where it applies, its files, and what an agent reads of it."""
    place = find_place(workspace)
    loaded = load_whole(place)
    if skill not in loaded.workspace.skills:
        raise UnknownName("skill", skill, list(loaded.workspace.skills), "harness skills")
    shown = loaded.workspace.skills[skill]
    offers = offers_of(loaded.workspace, place.environ)
    document = _details_json(shown, offers, place)
    if as_json:
        emit_json(document)
        return
    for line in table_lines(list(_rows(document, offers)), terminal_width()):
        say(line)
    say(f"\n{shown.body.strip()}")


app.command("new", epilog=NEW_EXAMPLES)(new_skill)
app.command("edit", epilog=EDIT_EXAMPLES)(edit_skill)
app.command("lint", epilog=LINT_EXAMPLES)(lint_skills)
app.command("review", epilog=REVIEW_EXAMPLES)(review_skills)
app.command("pack", epilog=PACK_EXAMPLES)(pack_skill)

_ORIGINS: Mapping[str, str] = {"workspace": "you", "installed": "elsewhere", "shipped": "the harness"}


def _users(name: str, offers: Offers) -> str:
    offered = offers.offered.get(name, ())
    withheld = len(offers.withheld.get(name, ()))
    return ", ".join((*offered, *((f"{withheld} withheld",) if withheld else ()))) or "nobody"


def _broken(loaded: Loaded) -> dict[str, Finding]:
    """Return the skills that cannot be used at all, each with the first thing that is wrong with it."""
    found: dict[str, Finding] = {}
    for finding in loaded.errors:
        parts = finding.path.split("/")
        if parts[0] == "skills" and len(parts) > 1 and parts[1] not in loaded.workspace.skills:
            found.setdefault(parts[1], finding)
    return {name: finding for name, finding in found.items() if "." not in name}


def _skill_json(skill: Skill, offers: Offers) -> dict[str, Any]:
    withheld = offers.withheld.get(skill.name, {})
    return {
        "skill": skill.name,
        "description": skill.description,
        "path": skill.path,
        "origin": skill.origin,
        "used_by": sorted((*offers.offered.get(skill.name, ()), *withheld)),
        "offered_to": list(offers.offered.get(skill.name, ())),
        "withheld": [{"agent": agent, "why": why} for agent, why in withheld.items()],
        "problem": skill.held_back or None,
    }


def _broken_json(name: str, finding: Finding) -> dict[str, Any]:
    nothing = {"description": "", "path": finding.path, "origin": "workspace"}
    return {"skill": name, **nothing, "used_by": [], "offered_to": [], "withheld": [], "problem": str(finding)}


def _details_json(skill: Skill, offers: Offers, place: Place) -> dict[str, Any]:
    pin = pins_of(place.root).get(skill.name) if skill.origin == "installed" else None
    files = [path for path in list_files(skill.folder) if path != SKILL_FILE and not is_hidden(path)]
    return {
        **_skill_json(skill, offers),
        "when_to_use": skill.when_to_use,
        "license": skill.license,
        "compatibility": skill.compatibility,
        "tags": list(skill.tags),
        "needs": {
            "bins": list(skill.needs.bins),
            "any_bins": [list(group) for group in skill.needs.any_bins],
            "env": list(skill.needs.env),
            "systems": list(skill.needs.systems),
            "tools": list(skill.needs.tools),
            "settings": list(skill.needs.settings),
        },
        "applies": {
            "paths": list(skill.applies.paths),
            "jobs": list(skill.applies.jobs),
            "agents": list(skill.applies.agents),
            "words": list(skill.applies.words),
        },
        "is_always": skill.is_always,
        "source": None if pin is None else pin.source,
        "accepted_at": None if pin is None else pin.accepted_at,
        "files": files,
        "body": skill.body,
    }


def _rows(document: dict[str, Any], offers: Offers) -> list[tuple[str, str]]:
    origin = _ORIGINS[document["origin"]]
    if document["source"] is not None:
        origin = f"{document['source'] or 'elsewhere'}, accepted {document['accepted_at']}"
    needs = [
        f"{key.replace('_', ' ')} {' or '.join(value) if isinstance(value, list) else value}"
        for key, values in document["needs"].items()
        for value in values
    ]
    applies = [f"{key} {', '.join(values)}" for key, values in document["applies"].items() if values]
    rows = [
        ("skill", document["skill"]),
        ("file", document["path"]),
        ("from", origin),
        ("used by", ", ".join(document["used_by"]) or "nobody"),
        *((f"not {agent}", why) for agent, why in offers.withheld.get(document["skill"], {}).items()),
        ("problem", document["problem"] or ""),
        ("description", document["description"]),
        ("when", document["when_to_use"]),
        ("needs", "; ".join(needs)),
        ("applies to", "; ".join(applies)),
        ("directory", "always listed" if document["is_always"] else ""),
        ("tags", ", ".join(document["tags"])),
        ("license", document["license"]),
        ("made for", document["compatibility"]),
        ("files", ", ".join(document["files"])),
    ]
    return [(label, value) for label, value in rows if value]
