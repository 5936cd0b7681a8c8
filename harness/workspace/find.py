"""Where the workspace is."""

from __future__ import annotations

from pathlib import Path

from harness.domain.errors import OwnerError

SETTINGS_FILE = "harness.toml"
REHEARSAL_MARKER = ".harness-rehearsal"
"""Stands in a workspace that is a rehearsal's copy."""


def find_workspace(start: Path) -> Path:
    """Return the nearest folder upwards from `start`, itself included, that holds harness.toml.

    Raises OwnerError if there is none.
    """
    folder = start.resolve()
    for candidate in (folder, *folder.parents):
        if (candidate / SETTINGS_FILE).is_file():
            return candidate
    raise OwnerError(
        start,
        None,
        f"no {SETTINGS_FILE} here or in a folder above",
        "make a workspace with `harness init DIR`, or name one with `--workspace DIR`",
    )
