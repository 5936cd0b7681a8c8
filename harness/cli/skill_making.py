"""`harness skills new` and `pack`: bringing a skill into the workspace, and into one file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.failures import MUST_FIX, Misused, UnknownName
from harness.cli.options import JsonOption, SkillArgument, WorkspaceOption
from harness.cli.output import emit_json, note, say
from harness.cli.place import Place, find_place
from harness.domain.errors import Finding, OwnerError
from harness.domain.sizes import counted
from harness.domain.skill import Skill
from harness.store.durable_file import sync_folder
from harness.workspace.skill_archive import ARCHIVE_SUFFIX, pack, read_skill_at
from harness.workspace.skill_changes import changes_between
from harness.workspace.skill_folder import Files, folder_sha256, read_files
from harness.workspace.skill_install import create, install, skill_of
from harness.workspace.skill_lint import lint
from harness.workspace.skills import LONGEST_NAME, is_skill_name

NEW_EXAMPLES = """\b
Examples:
  harness skills new summaries --description "Sum up. Use for long texts."
  harness skills new --from ~/Downloads/pdf.skill
  harness skills new --from ../others/pdf --replace

\b
JSON: skill, path, origin (workspace or installed), sha256 (null for your
own), files [path]."""
PACK_EXAMPLES = """\b
Examples:
  harness skills pack rank-items
  harness skills pack rank-items --out /tmp/rank-items.skill

\b
JSON: skill, path, sha256 (of the archive), files [path]."""

_SKELETON = """\
---
name: {name}
description: {description}
# What is not needed can go. What it needs, or it is not offered:
# requires: {{bins: [jq], env: [TOKEN], os: [linux, macos], tools: [web.read]}}
# Where it applies, so that an agent is told of it: what a run reads, and jobs, agents, words.
# paths: ["feeds/*"]
# when: {{jobs: ["agent/job"], words: [digest]}}
---
# {title}

1. Say what to do first, as to a colleague who does it for the first time.
2. Say how it is known that it is done well.

Long tables and examples go to references/, which is read only when it is needed.
"""
_DESCRIPTION = "Say here what it does, in a sentence. Use when somebody asks for what it does."


def new_skill(
    skill: Annotated[str | None, typer.Argument(metavar="[SKILL]", show_default=False)] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="PATH", help="Install a folder or an archive of a skill.", show_default=False),
    ] = None,
    description: Annotated[
        str | None,
        typer.Option("--description", metavar="TEXT", help="What it does and when to use it.", show_default=False),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="With --from: take the place of the one here.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a new skill, or install one from elsewhere.

    What is installed is pinned in skills/pins.toml as it is: when anything in its folder changes later, it is offered
    to nobody until you have seen the change (harness skills review). Nothing of it is run.
    """
    place = find_place(workspace)
    if source is None:
        if skill is None or replace:
            raise Misused("name the skill, or say where it is: harness skills new NAME, harness skills new --from PATH")
        _write_new(place, skill, description, as_json=as_json)
    else:
        if description is not None:
            raise Misused("a skill from elsewhere comes as it is; without --from, --description is that of a new one")
        _install(place, skill, source.expanduser(), replace=replace, as_json=as_json)


def pack_skill(
    skill: SkillArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="The archive to write; SKILL.skill here.", show_default=False),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a skill of the workspace into one file, which `harness skills new --from` installs.

    The same skill makes the same bytes, whoever packs it and when.
    """
    place = find_place(workspace)
    folder = place.root / "skills" / skill
    if not folder.is_dir():
        raise UnknownName("skill", skill, [path.name for path in folder.parent.glob("[!.]*/")], "harness skills")
    files = read_files(folder)
    refuse_errors(lint(skill, files, f"skills/{skill}"), f"{skill} is not packed as long as it has errors")
    path = Path(f"{skill}{ARCHIVE_SUFFIX}") if out is None else out.expanduser()
    archive = pack(skill, files)
    _write(path, archive)
    sha256 = hashlib.sha256(archive).hexdigest()
    if as_json:
        emit_json({"skill": skill, "path": str(path), "sha256": sha256, "files": sorted(files)})
        return
    say(f"{path}: {skill}, {counted(len(files), 'file')}, {len(archive):,} bytes, sha256 {sha256}")


def refuse_errors(findings: tuple[Finding, ...], why: str) -> None:
    """Say all errors and end with exit code 2 if there are any."""
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        for finding in errors:
            note(str(finding))
        note(why)
        raise typer.Exit(MUST_FIX)


def _write_new(place: Place, name: str, description: str | None, *, as_json: bool) -> None:
    if not is_skill_name(name):
        raise Misused(
            f"{name!r} is no name of a skill: lower-case words with hyphens, at most {LONGEST_NAME} characters"
        )
    folder = place.root / "skills" / name
    if folder.exists():
        raise OwnerError(folder, None, "there is a skill of this name", f"change it: harness skills edit {name}")
    title = name.replace("-", " ").capitalize()
    # A JSON text is one of YAML too, whatever stands in it.
    quoted = json.dumps(description, ensure_ascii=False) if description else _DESCRIPTION
    path = create(place.root, name, _SKELETON.format(name=name, description=quoted, title=title))
    _tell(place, name, "workspace", read_files(folder), as_json=as_json)
    if not as_json:
        note(f"Next: harness skills edit {name}, or open {path}")
        _say_how_to_grant(name)


def _install(place: Place, name: str | None, source: Path, *, replace: bool, as_json: bool) -> None:
    files = read_skill_at(source)
    folder = source.resolve().name if source.is_dir() else source.stem
    skill, findings = skill_of(files, str(source), folder)
    refuse_errors(findings, f"nothing was installed: {source} cannot be used as it is")
    assert skill is not None, "what has no errors can be used"
    if name is not None and name != skill.name:
        raise Misused(f"this skill is called {skill.name}, and comes as it is; leave out {name}")
    present = place.root / "skills" / skill.name
    if present.exists():
        _show_replaced(present, files, is_wanted=replace)
    install(place.root, skill.name, files, str(source), place.now)
    _tell(place, skill.name, "installed", files, as_json=as_json)
    if not as_json:
        _say_what_to_look_at(skill, files)
        _say_how_to_grant(skill.name)


def _show_replaced(present: Path, files: Files, *, is_wanted: bool) -> None:
    changes = changes_between(read_files(present), files)
    for change in changes:
        note(change.diff)
    if not is_wanted:
        told = (
            f"the one here differs in {counted(len(changes), 'file')}, as shown"
            if changes
            else "the one here is the same"
        )
        raise OwnerError(present, None, f"there is a skill of this name; {told}", "take the other one with --replace")


def _tell(place: Place, name: str, origin: str, files: Files, *, as_json: bool) -> None:
    sha256 = folder_sha256(files) if origin == "installed" else None
    path = place.root / "skills" / name
    if as_json:
        emit_json({"skill": name, "path": str(path), "origin": origin, "sha256": sha256, "files": sorted(files)})
    elif sha256 is None:
        say(f"{path}: a new skill")
    else:
        say(f"{path}: installed, {counted(len(files), 'file')}, pinned by sha256 {sha256}")


def _say_what_to_look_at(skill: Skill, files: Files) -> None:
    findings = [finding for finding in lint(skill.name, files, f"skills/{skill.name}") if finding.severity != "note"]
    for finding in findings:
        note(f"{finding} ({finding.severity})")
    scripts = [path for path in sorted(files) if path.startswith("scripts/")]
    if scripts:
        note(f"It brings scripts, which agents can read and nothing runs: {', '.join(scripts[:10])}")
    note("Agents will take what it says for your word: read it before you grant it.")


def _say_how_to_grant(name: str) -> None:
    note(f'Grant it: skills = ["{name}"] in agents/AGENT/agent.toml; see who has it: harness skills')


def _write(path: Path, content: bytes) -> None:
    """Write a whole file, or leave what was there."""
    aside = path.with_name(f".{path.name}.new")
    try:
        aside.write_bytes(content)
        aside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        aside.unlink(missing_ok=True)
        problem = f"cannot be written: {(error.strerror or str(error)).lower()}"
        raise OwnerError(path, None, problem, "name another file with --out") from error
