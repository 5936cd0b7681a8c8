from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.domain.errors import OwnerError
from harness.workspace.find import find_workspace


def test_nearest_folder_upwards_is_the_workspace(tmp_path: Path) -> None:
    inner = tmp_path / "team" / "agents" / "scout"
    inner.mkdir(parents=True)
    (tmp_path / "harness.toml").touch()
    assert find_workspace(inner) == tmp_path.resolve()
    (tmp_path / "team" / "harness.toml").touch()
    assert find_workspace(inner) == find_workspace(tmp_path / "team") == (tmp_path / "team").resolve()


def test_without_a_workspace_the_person_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(OwnerError, match=r"harness init DIR.*--workspace DIR"):
        find_workspace(tmp_path)


def test_finding_the_workspace_loads_no_heavy_library() -> None:
    heavy = "('pydantic', 'yaml', 'jinja2', 'asyncio')"
    code = f"import sys, harness.workspace.find; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
