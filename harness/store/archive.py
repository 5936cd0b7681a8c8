"""The file that a backup is: a compressed tar with a manifest, written whole and believed only when read back.

Its first member, `about.json`, says whose it is; its last, `manifest.json`, names every other member with
its size and hash. Members lie below `workspace/`, `state/` and `database/` and are regular files only: links
and empty folders stand in the manifest.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from io import BytesIO
from itertools import takewhile
from pathlib import Path, PurePosixPath
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from harness.domain.errors import OwnerError

FORMAT = 1
ABOUT, MANIFEST = "about.json", "manifest.json"
PARTS = ("workspace", "state", "database")

_BLOCK = 1 << 20
_IN_MEMORY = 8 << 20
_MAX_MANIFEST = 256 << 20
_MAX_ABOUT = 1 << 16
# A file where a folder should be, or twice the same: that comes from the archive, as it is unpacked into nothing.
_DAMAGES = (
    tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError, FileExistsError, NotADirectoryError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class About:
    """Whose backup it is. `made_at` is ISO 8601 in UTC, `workspace` the absolute path that was backed up."""

    format: int
    harness: str
    made_at: str
    team: str
    workspace: str


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """A member; `path` begins with one of PARTS, `mode` are the permission bits."""

    path: str
    size: int
    sha256: str
    mode: int


@dataclass(frozen=True, slots=True)
class ArchivedLink:
    """A symbolic link that stays within its part: `path` and what it leads to, relative to where it lies."""

    path: str
    leads_to: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that is not in the backup, and why."""

    path: str
    why: str

    @property
    def is_unread(self) -> bool:
        """Whether it should be in the backup, and the disk did not let it be read."""
        return self.why.startswith("cannot be read")

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that is in a backup. `tables` are the rows of each table of the database; `database` is its kind."""

    about: About
    schema_version: int
    database: str
    tables: Mapping[str, int]
    files: tuple[ArchivedFile, ...]
    links: tuple[ArchivedLink, ...] = ()
    folders: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def rows(self) -> int:
        return sum(self.tables.values())


class DamagedBackup(OwnerError):
    """The file is no backup, or not the one that was written."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(path, None, f"this is no sound backup: {problem}", "use another one")


class ArchiveWriter:
    """Writes a backup into an open file; nothing counts before `finish`.

    Raises OSError as the disk does.
    """

    def __init__(self, file: IO[bytes], about: About) -> None:
        self._about = about
        self._files: list[ArchivedFile] = []
        self._tar = tarfile.open(fileobj=file, mode="w:gz", format=tarfile.PAX_FORMAT, compresslevel=6)  # noqa: SIM115
        self._add_text(ABOUT, asdict(about))

    def add(self, source: Path, name: str) -> None:
        """Add the file's present content under the name. Raises OSError if it cannot be read."""
        with source.open("rb") as origin, SpooledTemporaryFile(_IN_MEMORY) as content:
            status = source.stat()
            # A file may grow or shrink while it is read; the header before it has to know its size.
            digest, size = hashlib.sha256(), 0
            while block := origin.read(_BLOCK):
                digest.update(block)
                size += content.write(block)
            content.seek(0)
            header = _header(name, size, mode=status.st_mode & 0o777, modified_at=status.st_mtime)
            self._tar.addfile(header, content)
        self._files.append(ArchivedFile(name, size, digest.hexdigest(), header.mode))

    def finish(
        self,
        *,
        schema_version: int,
        database: str,
        tables: Mapping[str, int],
        links: tuple[ArchivedLink, ...],
        folders: tuple[str, ...],
        left_out: tuple[LeftOut, ...],
    ) -> Manifest:
        """Write the manifest and the end of the file, and return what it says."""
        manifest = Manifest(self._about, schema_version, database, tables, tuple(self._files), links, folders, left_out)
        self._add_text(MANIFEST, asdict(manifest))
        self._tar.close()
        return manifest

    def abandon(self) -> None:
        """Give up writing, on a disk that may take nothing more."""
        with suppress(OSError):  # what cannot be flushed is deleted anyway
            if self._tar.fileobj is not None:
                self._tar.fileobj.close()

    def _add_text(self, name: str, document: Mapping[str, Any]) -> None:
        content = json.dumps(document, ensure_ascii=False, indent=1).encode()
        self._tar.addfile(_header(name, len(content), mode=0o600, modified_at=0), BytesIO(content))


def read_about(path: Path) -> About:
    """Return whose backup it is, from its first member alone. Raises DamagedBackup."""
    with _opened(path) as (tar, _):
        member = tar.next()
        if member is None or member.name != ABOUT:
            raise DamagedBackup(path, f"it does not begin with {ABOUT}")
        return _about_from(path, _read_small(path, tar, member, _MAX_ABOUT))


def read_archive(
    path: Path,
    place: Callable[[str], Path | None],
    *,
    max_bytes: int | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Manifest:
    """Read every byte, compare it with the manifest, and return the manifest; what is placed may be used then.

    `place` says where to write a member, or None to only read it; nothing else is written, and never through
    a link or over a file. `max_bytes` is how much may be written. `progress` is told how many bytes were read.
    Raises DamagedBackup for anything that is not exactly as it was packed, OSError as the disk does.
    """
    found: dict[str, tuple[int, str, int]] = {}
    manifest: Manifest | None = None
    done, room = 0, max_bytes
    with _opened(path) as (tar, plain):
        for member in tar:
            if manifest is not None or member.name in found:
                raise DamagedBackup(path, f"{member.name!r} stands where nothing should")
            if member.name == MANIFEST:
                manifest = _manifest_from(path, _read_small(path, tar, member, _MAX_MANIFEST))
                continue
            if member.name == ABOUT:
                _about_from(path, _read_small(path, tar, member, _MAX_ABOUT))
                continue
            _check_member(path, member)
            target = place(member.name)
            if target is not None and room is not None:
                room -= member.size
                if room < 0:
                    raise OwnerError(path, None, "there is not enough space to unpack it", "free some space")
            content = tar.extractfile(member)
            assert content is not None, "it is a regular file"
            found[member.name] = (*_copy(content, target, member), member.mode & 0o777)
            done += member.size
            progress(done)
        while plain.read(_BLOCK):  # at its very end stands the checksum of everything
            continue
    if manifest is None:
        raise DamagedBackup(path, "it has no manifest: it was never finished")
    _compare(path, manifest, found)
    return manifest


def is_inside(path: str) -> bool:
    """Return whether a member's name stays below one of PARTS."""
    parts = path.split("/")
    return (
        len(parts) > 1
        and parts[0] in PARTS
        and not any(part in ("", ".", "..") or "\0" in part for part in parts)
        and not PurePosixPath(path).is_absolute()
    )


def _check_member(path: Path, member: tarfile.TarInfo) -> None:
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
        raise DamagedBackup(path, f"{member.name!r} is no regular file")
    if not is_inside(member.name):
        raise DamagedBackup(path, f"{member.name!r} leads out of the backup")


def _copy(content: IO[bytes], target: Path | None, member: tarfile.TarInfo) -> tuple[int, str]:
    if target is None:
        return _pass(content, lambda block: None)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as out:
        copied = _pass(content, out.write)
    target.chmod(member.mode & 0o777)
    os.utime(target, (member.mtime, member.mtime))  # what must be fresh is as old as it was
    return copied


def _pass(content: IO[bytes], write: Callable[[bytes], object]) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    while block := content.read(_BLOCK):
        digest.update(block)
        write(block)
        size += len(block)
    return size, digest.hexdigest()


def _compare(path: Path, manifest: Manifest, found: Mapping[str, tuple[int, str, int]]) -> None:
    expected = {file.path: (file.size, file.sha256, file.mode) for file in manifest.files}
    for name in sorted(expected.keys() ^ found.keys()):
        raise DamagedBackup(path, f"{name} is missing" if name in expected else f"{name} is not in its manifest")
    for name, packed in expected.items():
        if found[name] != packed:
            raise DamagedBackup(path, f"{name} is not as it was packed")
    links = {link.path for link in manifest.links}
    for inside in (*manifest.folders, *links):
        if not is_inside(inside) or any(str(parent) in links for parent in PurePosixPath(inside).parents):
            raise DamagedBackup(path, f"{inside!r} leads out of the backup")
    for link in manifest.links:
        if not _stays_inside(link):
            raise DamagedBackup(path, f"the link {link.path!r} leads out of the backup")


def _stays_inside(link: ArchivedLink) -> bool:
    """Say whether a link leads up and then down to somewhere in its own part, in words alone."""
    steps = link.leads_to.split("/")
    up = sum(1 for _ in takewhile(lambda step: step == "..", steps))
    rest = steps[up:]
    return up <= len(link.path.split("/")) - 2 and not any(step in ("", "..") or "\0" in step for step in rest)


def _read_small(path: Path, tar: tarfile.TarFile, member: tarfile.TarInfo, limit: int) -> Any:
    content = tar.extractfile(member)
    if content is None or member.size > limit:
        raise DamagedBackup(path, f"{member.name} is not what it should be")
    try:
        return json.loads(content.read())
    except (ValueError, RecursionError) as error:
        raise DamagedBackup(path, f"{member.name} is not JSON") from error


def _about_from(path: Path, document: Any) -> About:
    try:
        about = About(**document)
    except TypeError as error:
        raise DamagedBackup(path, f"{ABOUT} is not what it should be") from error
    if about.format != FORMAT:
        fix = "restore it with the harness that made it, or a newer one"
        raise OwnerError(path, None, f"the backup has format {about.format}, and this harness knows {FORMAT}", fix)
    return about


def _manifest_from(path: Path, document: Any) -> Manifest:
    try:
        return Manifest(
            about=_about_from(path, document["about"]),
            schema_version=int(document["schema_version"]),
            database=str(document["database"]),
            tables={str(name): int(rows) for name, rows in document["tables"].items()},
            files=tuple(ArchivedFile(**file) for file in document["files"]),
            links=tuple(ArchivedLink(**link) for link in document["links"]),
            folders=tuple(str(folder) for folder in document["folders"]),
            left_out=tuple(LeftOut(**one) for one in document["left_out"]),
        )
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise DamagedBackup(path, f"{MANIFEST} is not what it should be") from error


def _header(name: str, size: int, *, mode: int, modified_at: float) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size, header.mode, header.mtime = size, mode, int(modified_at)
    return header


@contextmanager
def _opened(path: Path) -> Iterator[tuple[tarfile.TarFile, gzip.GzipFile]]:
    """Open an archive to be read once, from its beginning; every way of being damaged is named as such."""
    try:
        with gzip.open(path) as plain, tarfile.open(fileobj=plain, mode="r|") as tar:
            yield tar, plain
    except _DAMAGES as error:
        is_other = isinstance(error, gzip.BadGzipFile) and str(error).startswith("Not a gzipped file")
        problem = "it is no .tar.gz file" if is_other else str(error) or "it ends too early"
        raise DamagedBackup(path, problem) from error
