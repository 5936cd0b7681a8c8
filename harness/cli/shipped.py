"""The workspace that ships with the harness: inside the wheel, or the checkout that the code runs from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import harness
from harness.domain.errors import HarnessError
from harness.workspace.find import SETTINGS_FILE

PARTS = (SETTINGS_FILE, "USER.md", "agents", "skills", "shared-context", "memory", "launchd")
_NOT_SHIPPED = frozenset({"__pycache__", ".DS_Store", ".git"})


def shipped_workspace() -> Path:
    """Return the folder. Raises HarnessError if the installation has none."""
    package = Path(harness.__file__).parent
    for folder in (package / "_workspace", package.parent):
        if (folder / SETTINGS_FILE).is_file():
            return folder
    raise HarnessError("this installation carries no workspace; install it again from a wheel or a checkout")


def shipped_files(folder: Path) -> Iterator[Path]:
    """Yield the files of the workspace, relative to it."""
    for part in PARTS:
        path = folder / part
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            relative = file.relative_to(folder)
            if file.is_file() and _NOT_SHIPPED.isdisjoint(relative.parts):
                yield relative
