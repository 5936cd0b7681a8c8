"""`harness skills edit`: a skill in the person's editor, put in force only if it is right."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import typer

from harness.cli.failures import MUST_FIX, Misused, UnknownName
from harness.cli.loading import load_whole
from harness.cli.options import SkillArgument, WorkspaceOption
from harness.cli.output import is_terminal, note, say
from harness.cli.place import Place, find_place
from harness.domain.errors import OwnerError
from harness.domain.skill import Skill
from harness.store.durable_file import replace_text
from harness.workspace.skill_folder import SkillFile, folder_sha256, read_files, write_files
from harness.workspace.skill_install import accept, pins_of
from harness.workspace.skill_lint import lint
from harness.workspace.skills import SKILL_FILE

EDIT_EXAMPLES = """\b
Examples:
  harness skills edit rank-items
  EDITOR="code --wait" harness skills edit rank-items"""


def edit_skill(skill: SkillArgument, workspace: WorkspaceOption = None) -> None:
    """Open a skill in your editor ($VISUAL or $EDITOR), check it, and put it in force.

    What has errors changes nothing: it is kept beside the skill, and the next edit goes on with it. A skill that comes
    with the harness is copied into the workspace first, where yours takes its place. An edit of an installed skill
    is accepted with it.
    """
    place = find_place(workspace)
    folder = _own_folder(skill, place)
    is_pinned = skill in pins_of(place.root)
    if is_pinned and folder_sha256(read_files(folder)) != pins_of(place.root)[skill].sha256:
        problem = "it is not what you accepted when it was installed"
        raise OwnerError(folder, None, problem, f"see to that first: harness skills review {skill}")
    path, draft = folder / SKILL_FILE, folder.with_name(f".{skill}.draft.md")
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    if draft.is_file():
        note(f"going on with {draft}")
    else:
        draft.write_text(before, encoding="utf-8")
    text = _edited(skill, folder, draft, place.environ)
    draft.unlink()
    if text == before:
        say(f"{path}: not changed")
        return
    replace_text(path, text)
    if is_pinned:
        accept(place.root, skill, place.now)
    say(f"{path}: in force for the next run")


def _own_folder(name: str, place: Place) -> Path:
    """Return the folder of the workspace's own skill, made of the one that the harness ships if that is meant."""
    folder = place.root / "skills" / name
    if folder.is_dir():
        return folder
    known: Mapping[str, Skill] = load_whole(place).workspace.skills
    if name not in known:
        raise UnknownName("skill", name, list(known), "harness skills")
    write_files(folder, read_files(known[name].folder))
    note(f"{name} comes with the harness; now it is yours, in {folder}")
    return folder


def _edited(name: str, folder: Path, draft: Path, environ: Mapping[str, str]) -> str:
    """Return what the person made of the draft; it is asked for again until it has no errors or is given up."""
    while True:
        _open_editor(draft, environ)
        try:
            text = draft.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise OwnerError(draft, None, "is no UTF-8 text", "save it as UTF-8, and edit again") from error
        files = {**read_files(folder), SKILL_FILE: SkillFile(text.encode())}
        findings = lint(name, files, f"skills/{name}")
        for finding in findings:
            note(f"{finding}{'' if finding.severity == 'error' else f' ({finding.severity})'}")
        if not any(finding.severity == "error" for finding in findings):
            return text
        can_ask = is_terminal(sys.stdin) and is_terminal(sys.stderr)
        if not (can_ask and typer.confirm("Edit again?", default=True, err=True)):
            note(f"nothing was changed; what you wrote is in {draft}, and harness skills edit {name} goes on with it")
            raise typer.Exit(MUST_FIX)


def _open_editor(path: Path, environ: Mapping[str, str]) -> None:
    command = environ.get("VISUAL") or environ.get("EDITOR") or shutil.which("vi", path=environ.get("PATH")) or ""
    words = shlex.split(command)
    if not words:
        raise Misused("there is no editor: set EDITOR, or open the file yourself and run harness skills lint")
    try:
        code = subprocess.run([*words, os.fspath(path)], check=False).returncode
    except OSError as error:
        raise Misused(f"the editor {command} cannot be started ({error.strerror}): set EDITOR") from error
    if code != 0:
        raise OwnerError(path, None, f"the editor {command} ended with {code}", "edit again, or remove this draft")
