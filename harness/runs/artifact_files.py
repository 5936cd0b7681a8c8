"""What a run made, as files of its folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from harness.domain.errors import OwnerError
from harness.store.durable_file import sync_folder


def write_files(folder: Path, texts: Mapping[str, str]) -> None:
    """Write the texts under these names, whole, and on disk with their names when this returns.

    A kill or a power cut in between leaves no name with half a text. Writing again gives the same bytes.
    Raises OwnerError if the disk is full or read-only.
    """
    if not texts:
        return
    contents = {folder / name: text.encode() for name, text in texts.items()}
    drafts = {path: path.with_name(f".{path.name}.{_mark(content)}") for path, content in contents.items()}
    path, begun = folder, dict[Path, BinaryIO]()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            for path, content in contents.items():
                begun[path] = opened.enter_context(drafts[path].open("wb"))
                begun[path].write(content)
                begun[path].flush()
            # All are on their way before the first is waited for: that one takes most of the others along.
            for path in begun:
                os.fsync(begun[path].fileno())
        for path in begun:
            drafts[path].replace(path)
        path = folder
        sync_folder(folder)
    except OSError as error:
        for unfinished in begun:
            drafts[unfinished].unlink(missing_ok=True)
        reason = error.strerror or type(error).__name__
        raise OwnerError(
            path, None, f"cannot be written ({reason})", "free some space or fix the permissions"
        ) from error


def _mark(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:8]
