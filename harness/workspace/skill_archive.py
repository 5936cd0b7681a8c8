"""A skill in one file: a zip archive whose bytes depend on nothing but the skill."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from pathlib import Path

from harness.domain.errors import OwnerError
from harness.workspace.skill_folder import MOST_BYTES, MOST_FILES, Files, SkillFile, is_junk, read_files
from harness.workspace.skills import SKILL_FILE

ARCHIVE_SUFFIX = ".skill"

# A name that is no text is a ValueError.
_DAMAGE = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_SINCE_EVER = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


def pack(name: str, files: Files) -> bytes:
    """Return the archive of a skill, with its files in a folder of its name; equal skills make equal bytes.

    The files are stored as they are: what compresses them differs from machine to machine.
    """
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:
        for path in sorted(files):
            entry = zipfile.ZipInfo(f"{name}/{path}", _SINCE_EVER)
            entry.create_system = _UNIX
            entry.external_attr = (stat.S_IFREG | (0o755 if files[path].is_executable else 0o644)) << 16
            packed.writestr(entry, files[path].content)
    return archive.getvalue()


def read_skill_at(path: Path) -> dict[str, SkillFile]:
    """Return the files of the one skill that a folder or an archive holds, by their paths in the skill.

    A Markdown file by itself is a skill without other files. In a folder or an archive the skill may lie at the top or
    in the only folder there. Raises OwnerError for what is no skill, or no safe one.
    """
    if not path.exists():
        raise OwnerError(path, None, "there is nothing", "name a folder with a SKILL.md, or an archive of one")
    if path.suffix == ".md" and path.is_file():
        return {SKILL_FILE: _alone(path)}
    files = read_files(path) if path.is_dir() else _unpack(path)
    if SKILL_FILE in files:
        return files
    tops = {name.partition("/")[0] for name in files}
    inside = next(iter(tops)) if len(tops) == 1 else ""
    if f"{inside}/{SKILL_FILE}" in files:
        return {name.removeprefix(f"{inside}/"): file for name, file in files.items()}
    several = sorted(name.rpartition("/")[0] for name in files if name.endswith(f"/{SKILL_FILE}"))
    if several:
        problem = f"it holds {len(several)} skills: {', '.join(several[:5])}{', …' if len(several) > 5 else ''}"
        raise OwnerError(path, None, problem, "name one of their folders")
    raise OwnerError(
        path, None, f"there is no {SKILL_FILE} in it", f"name a folder or an archive that has {SKILL_FILE}"
    )


def _alone(path: Path) -> SkillFile:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise OwnerError(path, None, f"cannot be read: {error.strerror or error}", "correct its permissions") from error
    if len(content) > MOST_BYTES:
        raise OwnerError(path, None, f"it has more than {MOST_BYTES:,} bytes", "shorten it")
    return SkillFile(content)


def _unpack(path: Path) -> dict[str, SkillFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            return _entries(path, archive)
    except _DAMAGE as error:
        raise OwnerError(path, None, f"is no zip archive that can be read ({error})", "pack it again") from error
    except OSError as error:
        raise OwnerError(path, None, f"cannot be read: {error.strerror or error}", "correct its permissions") from error


def _entries(path: Path, archive: zipfile.ZipFile) -> dict[str, SkillFile]:
    files: dict[str, SkillFile] = {}
    room = MOST_BYTES
    for entry in archive.infolist():
        if entry.is_dir() or is_junk(entry.filename):
            continue
        name = _safe_name(path, entry)
        if name in files or len(files) >= MOST_FILES:
            problem = f"{name} is in it twice" if name in files else f"it has more than {MOST_FILES:,} files"
            raise OwnerError(path, None, problem, "pack it again")
        if entry.compress_type not in _METHODS:
            raise OwnerError(path, None, f"{name} in it is compressed in an unusual way", "pack it again, as plain zip")
        # What the archive says of its sizes need not be true.
        with archive.open(entry) as file:
            content = file.read(room + 1)
        room -= len(content)
        if room < 0:
            raise OwnerError(path, None, f"it has more than {MOST_BYTES:,} bytes", "keep in it only what is needed")
        files[name] = SkillFile(content, bool((entry.external_attr >> 16) & stat.S_IXUSR))
    return dict(sorted(files.items()))


def _safe_name(path: Path, entry: zipfile.ZipInfo) -> str:
    name = entry.filename
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise OwnerError(path, None, f"{name!r} in it is no file", "pack the skill without links")
    parts = name.split("/")
    is_unsafe = name.startswith("/") or "\\" in name or ":" in parts[0] or any(p in ("", ".", "..") for p in parts)
    if is_unsafe or any(ord(char) < 32 for char in name):
        raise OwnerError(path, None, f"{name!r} in it is no path inside of a skill", "do not use this archive")
    return name
