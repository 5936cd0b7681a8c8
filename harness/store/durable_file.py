"""Files that change in one moment and stay changed: a reader, or a crash, meets the old text or the new one.

Standard library only: fast commands import this.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from pathlib import Path

_NO_SYNC_HERE = (errno.EINVAL, errno.ENOTSUP)
"""What some network file systems say to a folder that is to be flushed: they have no such thing."""


def replace_text(path: Path, text: str) -> None:
    """Make `text` what the file holds, in UTF-8 and as it is; on disk when this returns.

    A link stays a link, permissions stay, and the folder is made. Raises OSError with the file's own name if it
    cannot be written; then the file is as it was.
    """
    path = Path(os.path.realpath(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, text.encode("utf-8"))
    except OSError as error:
        # The person knows the file, not the one that was to take its place.
        raise OSError(error.errno, error.strerror, str(path)) from error


def read_if_there(path: Path) -> str | None:
    """Return the text of the file, None if there is none.

    Raises OSError if it cannot be read: that is not the same as nothing being there.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None


def sync_folder(folder: Path) -> None:
    """Let the names in the folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC_HERE:
            raise
    finally:
        os.close(descriptor)


def _replace(path: Path, content: bytes) -> None:
    # A name that nobody else has: two writers of one file must not write into the same place. Hidden, and short
    # also where the file's own name is as long as names may be.
    aside = path.with_name(f".{secrets.token_hex(6)}.new")
    try:
        with aside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, aside)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
