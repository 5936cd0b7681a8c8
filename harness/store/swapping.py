"""Putting new folders and files where old ones were, by renaming alone, so that a crash loses neither.

A journal says what is to be renamed before the first of it is; whoever comes after a crash goes on from it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from harness.domain.errors import OwnerError
from harness.store.durable_file import read_if_there, replace_text, sync_folder

Stage = Literal["unpacking", "swapping"]


@dataclass(frozen=True, slots=True)
class Aside:
    """Something that is renamed out of the way: it is done once `target` is there."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class IntoPlace:
    """Something that is renamed to where it belongs: it is done once `source` is gone."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Journal:
    """What a restore has set out to do. All paths are absolute.

    `aside` and `into_place` are done in this order; `staging` is what to delete if it is given up. While the
    stage is `unpacking` nothing of the old has been touched. `made_at` is when the backup was made. `dump` is
    where the tables of a server are, to be loaded before anything is renamed.
    """

    backup: str
    made_at: str
    stamp: str
    stage: Stage
    staging: tuple[str, ...]
    aside: tuple[Aside, ...] = ()
    into_place: tuple[IntoPlace, ...] = ()
    dump: str = ""

    def write(self, path: Path) -> None:
        """Write the journal whole, on disk when this returns."""
        replace_text(path, json.dumps(asdict(self), indent=1))

    def at(self, stage: Stage) -> Journal:
        return replace(self, stage=stage)


def journal_of(root: Path) -> Path:
    """Return where the journal of a restore to `root` stands: beside it, as `root` itself is renamed."""
    return root.parent / f".{root.name}.restore.json"


def read_journal(path: Path) -> Journal | None:
    """Return what a restore that was interrupted had set out to do; None if there was none.

    Raises OwnerError if the journal cannot be understood.
    """
    try:
        text = read_if_there(path)
        return None if text is None else _journal_from(json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        fix = "nothing was lost: look for folders named .…restore… and ….before-restore… beside it, then delete it"
        raise OwnerError(path, None, "the journal of a restore cannot be read", fix) from error


def swap(journal: Journal, reached: Callable[[str], None]) -> None:
    """Rename everything, from wherever an earlier try has come to. `reached` is told after each step.

    Raises OwnerError if something is in the way, or the system refuses.
    """
    for move in journal.aside:
        if not _exists(move.target) and _exists(move.source):
            _rename(move.source, move.target)
        reached("set aside")
    for place in journal.into_place:
        if _exists(place.source):
            _rename(place.source, place.target)
        reached("put in place")


def has_begun(journal: Journal) -> bool:
    """Say whether anything was renamed yet."""
    return any(_exists(move.target) for move in journal.aside) or any(
        not _exists(place.source) for place in journal.into_place
    )


def discard(journal: Journal, path: Path) -> None:
    """Delete what was unpacked, and then the journal."""
    for staging in journal.staging:
        if Path(staging).is_dir():
            shutil.rmtree(staging)
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def _rename(source: str, target: str) -> None:
    try:
        os.rename(source, target)  # noqa: PTH104 - an empty folder in the way is replaced, a full one is not
    except OSError as error:
        problem = f"cannot be renamed to {target} ({error.strerror})"
        raise OwnerError(source, None, problem, "move away what is there, then: harness restore") from error
    for folder in {Path(source).parent, Path(target).parent}:
        sync_folder(folder)


def _exists(path: str) -> bool:
    return os.path.lexists(path)


def _journal_from(document: Any) -> Journal:
    if document["stage"] not in ("unpacking", "swapping"):
        raise ValueError(document["stage"])
    return Journal(
        backup=str(document["backup"]),
        made_at=str(document["made_at"]),
        stamp=str(document["stamp"]),
        stage=document["stage"],
        staging=tuple(map(str, document["staging"])),
        aside=tuple(Aside(**move) for move in document["aside"]),
        into_place=tuple(IntoPlace(**move) for move in document["into_place"]),
        dump=str(document["dump"]),
    )
