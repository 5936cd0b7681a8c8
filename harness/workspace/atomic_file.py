"""Files that change in one moment: a reader sees the old text or the new one, never half of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Make `text` what the file holds; a link stays a link, permissions stay, and the folder is made.

    Raises OSError with the file's own name if it cannot be written; then the file is as it was.
    """
    path = path.resolve()
    try:
        _replace(path, text)
    except OSError as error:
        # The person knows the file, not the one that was to take its place.
        raise OSError(error.errno, error.strerror, str(path)) from error


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, temporary)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
