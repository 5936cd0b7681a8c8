"""The workspace that comes with the harness, and writing it out."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from pathlib import Path

import tomlkit

import harness
from harness.domain.errors import HarnessError, OwnerError
from harness.domain.skill import Skill
from harness.workspace.find import SETTINGS_FILE
from harness.workspace.quantities import BadValue
from harness.workspace.report import Report
from harness.workspace.skills import SKILL_FILE, read_skill
from harness.workspace.zones import parse_zone

_PARTS = ("USER.md", "agents", "skills", "shared-context", "memory", "launchd", SETTINGS_FILE)
"""Settings last: a folder is a workspace once it has them."""

_IGNORED_BY_GIT = ".harness/\nday/\n"
"""The state folder, and where `harness day` puts a rehearsal if it is not told otherwise."""

_LEFT_BEHIND = shutil.ignore_patterns("__pycache__", ".harness", ".DS_Store", "*.pyc", "*~", "*.swp")


def shipped_workspace() -> Path:
    """Return the folder of the workspace that the installed package carries, or of the checkout it runs from."""
    found = _shipped_folder()
    if found is None:
        package = _package()
        raise HarnessError(
            f"this installation carries no workspace: neither {package}/_workspace nor {package.parent} has one"
        )
    return found


def shipped_skills() -> dict[str, Skill]:
    """Return the skills that come with the harness, by name; none if the installation carries none."""
    folder = _shipped_folder()
    found: dict[str, Skill] = {}
    for path in sorted((folder / "skills").glob(f"[!.]*/{SKILL_FILE}")) if folder is not None else ():
        skill = read_skill(path.parent.name, path.read_text(encoding="utf-8"), Report(str(path)))
        if skill is not None:
            found[skill.name] = dataclasses.replace(skill, folder=path.parent, origin="shipped")
    return found


def _package() -> Path:
    return Path(harness.__file__).resolve().parent


def _shipped_folder() -> Path | None:
    package = _package()
    return next((one for one in (package / "_workspace", package.parent) if (one / SETTINGS_FILE).is_file()), None)


def write_workspace(
    target: Path, home_zone: str | None = None, source: Path | None = None, *, is_empty: bool = False
) -> list[Path]:
    """Write the shipped workspace (or `source`) out to `target` and return the files written, sorted.

    With `is_empty` it has one small agent to begin with in place of the team, and no skills of its own.

    `home_zone` becomes `home` in harness.toml, comments are kept; a `.gitignore` keeps state out of git.
    The files are made beside the target and moved there when complete, so that one that broke off can
    be begun again. Raises OwnerError for a target that is not empty (a `.git` does not count) or cannot be
    written, and for a zone that does not exist.
    """
    target = target.resolve()
    check_target(target)
    if home_zone is not None:
        _check_zone(target, home_zone)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
            made = Path(scratch) / target.name  # a folder as others are: the scratch folder is private
            made.mkdir()
            _copy_parts(source or shipped_workspace(), made)
            if is_empty:
                _put_starter_for_team(made)
            (made / ".gitignore").write_text(_IGNORED_BY_GIT, encoding="utf-8")
            if home_zone is not None:
                _set_home(made / SETTINGS_FILE, home_zone)
            return _move(made, target)
    except OSError as error:
        problem = f"the workspace cannot be written: {error.strerror or error}"
        raise OwnerError(target, None, problem, "choose a folder in which you may write, with space left") from error


def check_target(target: Path) -> None:
    """Raise OwnerError if a workspace cannot be written out to `target` because of what is there."""
    if (target / SETTINGS_FILE).is_file():
        raise OwnerError(target, None, "this is a workspace already", "name a new or an empty folder")
    if target.is_dir():
        present = sorted(entry.name for entry in target.iterdir() if entry.name != ".git")
        if present:
            problem = f"the folder is not empty: it holds {present[0]}" + (" and more" if len(present) > 1 else "")
            raise OwnerError(target, None, problem, "name a new or an empty folder")
    elif target.exists() or target.is_symlink():
        raise OwnerError(target, None, "this is not a folder", "name a new or an empty folder")


def _check_zone(target: Path, home_zone: str) -> None:
    try:
        parse_zone(home_zone)
    except BadValue as error:
        raise OwnerError(target / SETTINGS_FILE, None, error.problem, error.fix) from error


def _copy_parts(source: Path, made: Path) -> None:
    for name in _PARTS:
        part = source / name
        if part.is_dir():
            shutil.copytree(part, made / name, ignore=_LEFT_BEHIND)
        elif part.is_file():
            shutil.copyfile(part, made / name)


def _put_starter_for_team(made: Path) -> None:
    for folder in (made / "agents", made / "skills"):
        for entry in folder.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
    shutil.copytree(_package() / "workspace" / "starter", made, dirs_exist_ok=True, ignore=_LEFT_BEHIND)


def _set_home(settings: Path, home_zone: str) -> None:
    document = tomlkit.parse(settings.read_text(encoding="utf-8"))
    document["home"] = home_zone
    settings.write_text(tomlkit.dumps(document), encoding="utf-8")


def _move(made: Path, target: Path) -> list[Path]:
    """Put the finished workspace in place: in one step, or part by part into a folder that has a `.git`."""
    files = sorted(target / path.relative_to(made) for path in made.rglob("*") if path.is_file())
    if target.is_dir() and any(target.iterdir()):
        for name in (".gitignore", *_PARTS):
            if (made / name).exists():
                (made / name).replace(target / name)
    else:
        made.replace(target)
    return files
