"""Puts the shipped workspace into the wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WORKSPACE = ("harness.toml", "USER.md", "agents", "skills", "shared-context", "memory", "launchd")


class ShippedWorkspace(BuildHookInterface):  # type: ignore[type-arg]
    """The repository is itself the workspace that `harness init` writes out: a wheel carries a copy of it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the copy as `harness/_workspace`, but not to an editable install, which has the original."""
        if version == "editable":
            return
        for name in WORKSPACE:
            build_data["force_include"][str(Path(self.root, name))] = f"harness/_workspace/{name}"
