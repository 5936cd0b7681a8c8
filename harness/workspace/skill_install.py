"""Bringing skills into a workspace, and accepting or undoing what became of them since.

Whatever breaks off in between leaves a skill that is not there, or one that is offered to nobody: the pin is written
before the folder, and a folder changes its place in one step.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from tomlkit.exceptions import TOMLKitError

from harness.domain.errors import Finding, OwnerError
from harness.domain.skill import Skill
from harness.store.durable_file import read_if_there
from harness.workspace.report import Report
from harness.workspace.skill_folder import Files, SkillFile, folder_sha256, read_files, write_files
from harness.workspace.skill_pins import COPIES_FOLDER, Pin, read_pins, write_pin
from harness.workspace.skills import SKILL_FILE, read_skill
from harness.workspace.snapshot import PINS_FILE


def skill_of(files: Files, source: str, folder: str) -> tuple[Skill | None, tuple[Finding, ...]]:
    """Return the skill that the files are, under the name that it gives itself, and what is wrong with it.

    `folder` is how the one is called from which it comes, for a skill that gives itself no name. None if it cannot be
    used: then an error says why.
    """
    report = Report(f"{source}/{SKILL_FILE}")
    try:
        text = files[SKILL_FILE].content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        report.error(None, "it is no UTF-8 text", "save it as UTF-8")
        return None, tuple(entry.finding for entry in report.entries)
    named = read_skill(folder, text, Report(""))
    # The folder is made after the name, whatever the one was called from which it comes.
    skill = read_skill(folder if named is None else named.name, text, report)
    return (None if report.has_errors else skill), tuple(entry.finding for entry in report.entries)


def install(root: Path, name: str, files: Files, source: str, now: datetime) -> None:
    """Put the skill into the workspace, pinned as it is; one of the same name is replaced.

    Raises OwnerError if that cannot be written.
    """
    folder = root / "skills" / name
    with _writing(root):
        _keep_copy(root, name, files)
        write_pin(root, name, Pin(folder_sha256(files), source, now.isoformat(timespec="seconds")))
        _put_in_place(folder, files)


def create(root: Path, name: str, text: str) -> Path:
    """Write a new skill of the workspace's own; return its SKILL.md. Raises OwnerError if it cannot be written."""
    with _writing(root):
        _put_in_place(root / "skills" / name, {SKILL_FILE: SkillFile(text.encode())})
    return root / "skills" / name / SKILL_FILE


def accepted_files(root: Path, name: str) -> Files | None:
    """Return the skill as it was accepted, None if the copy of that is gone or damaged."""
    pin = pins_of(root).get(name)
    copy = root / COPIES_FOLDER / name
    if pin is None or not copy.is_dir():
        return None
    files = read_files(copy)
    return files if folder_sha256(files) == pin.sha256 else None


def accept(root: Path, name: str, now: datetime) -> None:
    """Take the skill as it lies there now for what was accepted. Raises OwnerError if that cannot be done."""
    pin = pins_of(root)[name]
    files = read_files(root / "skills" / name)
    with _writing(root):
        _keep_copy(root, name, files)
        write_pin(root, name, Pin(folder_sha256(files), pin.source, now.isoformat(timespec="seconds")))


def undo(root: Path, name: str) -> None:
    """Put the skill back as it was accepted. Raises OwnerError if the copy of that is gone."""
    files = accepted_files(root, name)
    if files is None:
        fix = f"install the skill again: harness skills new --from PATH --replace, or take it out of {PINS_FILE}"
        raise OwnerError(root / COPIES_FOLDER / name, None, "what was accepted is not there any more", fix)
    with _writing(root):
        _put_in_place(root / "skills" / name, files)


def pins_of(root: Path) -> dict[str, Pin]:
    """Return the pins of the workspace. Raises OwnerError if they cannot be read."""
    report = Report(PINS_FILE)
    try:
        text = read_if_there(root / PINS_FILE)
    except (OSError, UnicodeDecodeError) as error:
        raise OwnerError(root / PINS_FILE, None, f"cannot be read: {error}", "make it readable, as UTF-8") from error
    pins = {} if text is None else read_pins(text, report)
    if pins is None:
        finding = report.entries[0].finding
        raise OwnerError(root / PINS_FILE, finding.line, finding.problem, finding.fix)
    return pins


def _keep_copy(root: Path, name: str, files: Files) -> None:
    _put_in_place(root / COPIES_FOLDER / name, files)


def _put_in_place(folder: Path, files: Files) -> None:
    """Let the folder hold these files and nothing else, in one step; what was there before is gone."""
    # Hidden names, which nobody takes for a skill.
    mark = secrets.token_hex(6)
    made, old = folder.with_name(f".{mark}.new"), folder.with_name(f".{mark}.old")
    try:
        write_files(made, files)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        folder.rename(old)
    made.rename(folder)
    if old.exists():
        shutil.rmtree(old)


@contextmanager
def _writing(root: Path) -> Iterator[None]:
    """Say of what cannot be written that the person must see to it."""
    try:
        yield
    except TOMLKitError as error:
        raise OwnerError(root / PINS_FILE, None, f"not TOML: {error}", "correct it") from error
    except OSError as error:
        problem = f"cannot be written: {error.strerror or error}"
        fix = "make it writable for you, with space left"
        raise OwnerError(error.filename or root / "skills", None, problem, fix) from error
