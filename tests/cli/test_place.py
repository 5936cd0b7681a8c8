from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.completion import agent_names, job_names, skill_names
from harness.cli.place import find_root, home_zone
from harness.domain.errors import OwnerError
from harness.store.state_folder import StateFolder
from harness.testing.workspace import write_workspace_files


def test_nearest_workspace_upwards_is_meant(tmp_path: Path) -> None:
    outer = write_workspace_files(tmp_path / "outer")
    inner = write_workspace_files(outer / "inner")
    assert find_root(None, inner / "agents" / "scout") == inner.resolve()
    assert find_root(None, outer / "agents") == outer.resolve()
    assert find_root(outer, inner) == outer


def test_named_folder_must_be_the_workspace_itself(tmp_path: Path) -> None:
    root = write_workspace_files(tmp_path / "team")
    with pytest.raises(OwnerError, match="harness init"):
        find_root(root / "agents", root)


def test_home_zone_survives_broken_settings_by_the_last_good_ones(tmp_path: Path) -> None:
    root = write_workspace_files(tmp_path / "team")
    state = StateFolder(root / ".harness")
    assert home_zone(root, state) == "America/Los_Angeles"
    for broken in ("home = [", 'home = "Mars/Olympus"', "home = 3", "user = 'x'"):
        (root / "harness.toml").write_text(broken)
        assert home_zone(root, state) == "UTC"
    state.last_good.mkdir(parents=True)
    (state.last_good / "harness.toml").write_text('home = "Asia/Tokyo"\n')
    assert home_zone(root, state) == "Asia/Tokyo"


def test_names_come_from_the_files_and_templates_are_no_jobs(tmp_path: Path) -> None:
    root = write_workspace_files(tmp_path / "team", {"agents/scout/jobs/morning.template.md": "x"})
    assert (agent_names(root), job_names(root), skill_names(root)) == (("scout",), ("scout/morning",), ("rank-items",))
