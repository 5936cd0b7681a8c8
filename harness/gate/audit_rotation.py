"""Rotating the audit log: what is full of a day goes into the folder beside it, and the chain goes on.

The new file begins with a line that names the one before and is chained to its end. At every moment of the rotation
the log's name leads to a file that can be written to; a crash leaves at most a file with two names, which the next
rotation recognises.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from harness.gate.audit import (
    ARCHIVE,
    archived_logs,
    chained_line,
    count_lines,
    end_of_log,
    is_being_rotated,
    locked_log,
    number_of,
)
from harness.store.durable_file import sync_folder

ROTATED_FROM = "rotated_from"
"""What the first line of a file says that follows another: the name of that one."""

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Rotated:
    """What became an older file of the log, and how many lines it holds."""

    path: Path
    lines: int


def rotate_audit(path: Path, now: datetime, *, reached: Callable[[str], None] = lambda point: None) -> Rotated | None:
    """Put what the log holds into the archive and begin it anew; None if it holds nothing since it was begun.

    All but the newest archived file are compressed. `reached` is told the points at which a crash would matter.
    """
    folder = path.parent / ARCHIVE
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    rotated = _rotate(path, folder, now, reached)
    for archived in archived_logs(path)[:-1]:
        if archived.suffix != ".gz":
            _compress(archived, reached)
    return rotated


def _rotate(path: Path, folder: Path, now: datetime, reached: Callable[[str], None]) -> Rotated | None:
    with locked_log(path) as descriptor:
        size, last = end_of_log(descriptor, os.fstat(descriptor).st_size)
        lines = count_lines(path)
        if lines == 0 or (lines == 1 and _is_beginning(path)):
            return None
        archived = _link(path, folder, now)
        reached("archived")
        following = path.with_name(f"{path.name}.next")
        beginning = {"at": now.isoformat(), ROTATED_FROM: archived.name, "lines": lines, "bytes": size}
        _write(following, chained_line(beginning, last) + b"\n")
        reached("begun")
        following.replace(path)
        sync_folder(path.parent)
    return Rotated(archived, lines)


def _link(path: Path, folder: Path, now: datetime) -> Path:
    """Give the file its name in the archive, unless a rotation that broke off has done so."""
    archived = archived_logs(path)
    if archived and is_being_rotated(path, archived[-1]):
        return archived[-1]
    number = number_of(archived[-1]) + 1 if archived else 1
    target = folder / f"audit-{number:05}-{now.date().isoformat()}.jsonl"
    os.link(path, target)
    sync_folder(folder)
    return target


def _is_beginning(path: Path) -> bool:
    """Say whether the first line only tells which file went before."""
    with path.open("rb") as file:
        try:
            return ROTATED_FROM in json.loads(file.readline())
        except ValueError:
            return False


def _compress(archived: Path, reached: Callable[[str], None]) -> None:
    """Put a compressed file in the place of this one; both are there for a moment, and hold the same."""
    target, aside = archived.with_name(f"{archived.name}.gz"), archived.with_name(f".{archived.name}.gz.new")
    with archived.open("rb") as source, aside.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        # Without a name and a time of its own: the same lines are the same bytes.
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
            shutil.copyfileobj(source, packed, _BLOCK)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(target)
    sync_folder(archived.parent)
    reached("compressed")
    archived.unlink()
    sync_folder(archived.parent)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
