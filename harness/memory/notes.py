"""Daily notes: `memory/<agent>/YYYY-MM-DD.md`, one bullet for each thing that happened, added by whoever comes by.

A line is added in one write at the file's end, so that nobody's is lost or torn, however many write at once; what a
person wrote there stays as it is.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path, PurePosixPath

from harness.domain.errors import OwnerError
from harness.gate.sanitise import in_short
from harness.store.durable_file import sync_folder

_MOST_CHARS = 500


def note_path(agent: str, day: date) -> PurePosixPath:
    """Return the file of an agent's notes of a day of the home zone, relative to the workspace."""
    return PurePosixPath("memory", agent, f"{day:%Y-%m-%d}.md")


def add_note(path: Path, fact: str) -> None:
    """Add the fact to the file as a line of its own, which is on disk when this returns.

    Raises OSError if it cannot be written.
    """
    line = f"- {in_short(fact, _MOST_CHARS)}\n".encode("utf-8", "replace")
    is_new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        # A person's editor may have left the last line without an end.
        content = line if _ends_a_line(descriptor) else b"\n" + line
        written = os.write(descriptor, content)
        if written != len(content):
            # What a full disk left of it is ended by the next line; nobody takes it for a whole one.
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        sync_folder(path.parent)


def add_notes(path: Path, facts: Sequence[str]) -> tuple[str, ...]:
    """Add those of the facts that do not stand in the file yet; return them. Done again, it adds nothing.

    Whoever adds the same facts at the same moment may add them twice. Raises as `add_note`, and OwnerError for a file
    that is no text.
    """
    try:
        known = set(path.read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        known = set()
    except UnicodeDecodeError as error:
        raise OwnerError(path, None, "is no UTF-8 text", "save the file as UTF-8") from error
    new = tuple(fact for fact in dict.fromkeys(facts) if f"- {in_short(fact, _MOST_CHARS)}" not in known)
    for fact in new:
        add_note(path, fact)
    return new


def _ends_a_line(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
