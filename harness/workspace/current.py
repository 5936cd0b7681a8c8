"""The workspace that is in force while files are being edited."""

from __future__ import annotations

from collections.abc import Callable

from harness.domain.workspace import Workspace
from harness.workspace.load import Loaded


class CurrentWorkspace:
    """The snapshot that is in force; replaced as a whole when files change, never changed."""

    def __init__(self, load: Callable[[], Loaded]) -> None:
        self._load = load
        self._loaded = load()

    def __call__(self) -> Workspace:
        return self._loaded.workspace

    @property
    def loaded(self) -> Loaded:
        """The workspace with what was found wrong in it."""
        return self._loaded

    def reload(self) -> Loaded:
        """Read the files again. Raises OwnerError if harness.toml is gone and has no last good version."""
        self._loaded = self._load()
        return self._loaded
