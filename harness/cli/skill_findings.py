"""`harness skills lint`: everything that there is to say of skills, all of it at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli.completion import complete_skill
from harness.cli.failures import DONE, MUST_FIX, UnknownName
from harness.cli.loading import load_whole
from harness.cli.options import JsonOption, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import Place, find_place
from harness.cli.skill_offers import Offers, offers_of
from harness.domain.errors import Finding, OwnerError
from harness.workspace.load import Loaded
from harness.workspace.skill_archive import read_skill_at
from harness.workspace.skill_folder import read_files
from harness.workspace.skill_install import skill_of
from harness.workspace.skill_lint import lint

LINT_EXAMPLES = """\b
Examples:
  harness skills lint
  harness skills lint rank-items
  harness skills lint ~/Downloads/pdf.skill

\b
JSON: findings [{path, line, problem, fix, severity}], errors, warnings.
Exit code 2 if there are errors; warnings and notes alone are 0."""

SkillsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SKILL|PATH]...",
        help="Skills of the workspace, or folders and archives elsewhere; without any, all of the workspace.",
        show_default=False,
        autocompletion=complete_skill,
    ),
]


def lint_skills(skills: SkillsArgument = None, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Check skills: format, length, broken references, scripts, and what they lack here.

    Errors keep a skill from being used or from doing what it says, warnings are worth a look, and notes say what a
    key of another maker means here.
    """
    place = find_place(workspace)
    loaded = load_whole(place) if not skills or any(_is_name(place, skill) for skill in skills) else None
    findings: list[Finding] = []
    for skill in skills or _all_names(place):
        findings += _findings(skill, place, loaded)
    tell_findings(findings, as_json=as_json)
    raise typer.Exit(MUST_FIX if any(finding.severity == "error" for finding in findings) else DONE)


def tell_findings(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print findings as `harness check` does."""
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = sum(finding.severity == "warning" for finding in findings)
    if as_json:
        emit_json({"findings": [_finding_json(one) for one in findings], "errors": errors, "warnings": warnings})
        return
    for finding in findings:
        say(f"{finding}{'' if finding.severity == 'error' else f' ({finding.severity})'}")
    if not findings:
        say("no findings")


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "path": finding.path,
        "line": finding.line,
        "problem": finding.problem,
        "fix": finding.fix,
        "severity": finding.severity,
    }


def _all_names(place: Place) -> list[str]:
    folder = place.root / "skills"
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._#")


def _is_name(place: Place, skill: str) -> bool:
    return "/" not in skill and (place.root / "skills" / skill).is_dir()


def _findings(skill: str, place: Place, loaded: Loaded | None) -> Iterator[Finding]:
    if loaded is None or not _is_name(place, skill):
        yield from _findings_elsewhere(skill, place)
        return
    try:
        yield from lint(skill, read_files(place.root / "skills" / skill), f"skills/{skill}")
    except OwnerError as error:
        yield Finding(_relative(error.path, place), error.line, error.problem, error.fix)
    # What was accepted of it, and what keeps its folder from being read.
    yield from (finding for finding in loaded.findings if finding.path == f"skills/{skill}")
    yield from _offers(skill, offers_of(loaded.workspace, place.environ))


def _findings_elsewhere(skill: str, place: Place) -> Iterator[Finding]:
    path = Path(skill).expanduser()
    if not path.exists():
        raise UnknownName("skill", skill, _all_names(place), "harness skills")
    files = read_skill_at(path)
    folder = path.resolve().name if path.is_dir() else path.stem
    named, _ = skill_of(files, str(path), folder)
    yield from lint(folder if named is None else named.name, files, str(path))


def _offers(skill: str, offers: Offers) -> Iterator[Finding]:
    path = f"skills/{skill}"
    for agent, why in offers.withheld.get(skill, {}).items():
        fix = f"see to it, or take it out of agents/{agent}/agent.toml"
        yield Finding(path, None, f"not offered to {agent}: {why}", fix, "warning")
    if skill not in offers.offered and skill not in offers.withheld:
        yield Finding(path, None, "no agent is granted it", f'write skills = ["{skill}"] into an agent.toml', "note")


def _relative(path: str, place: Place) -> str:
    found = Path(path)
    return found.relative_to(place.root).as_posix() if found.is_relative_to(place.root) else path
