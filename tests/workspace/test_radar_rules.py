"""`[radar]` of harness.toml."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.domain.radar import RadarRules
from harness.testing.workspace import write_workspace_files
from harness.wiring.files import check, load

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def with_radar(root: Path, table: str) -> Path:
    write_workspace_files(root, {"harness.toml": f'home = "UTC"\n{table}'})
    return root


def findings(root: Path) -> list[str]:
    return [str(one) for one in check(root, now=NOW) if one.path == "harness.toml"]


def test_without_a_table_nobody_is_asked(tmp_path: Path) -> None:
    assert load(with_radar(tmp_path, ""), {}, now=NOW).workspace.settings.radar == RadarRules("")


def test_the_coder_is_an_agent_of_the_team(tmp_path: Path) -> None:
    with_radar(tmp_path, '[radar]\ncoder = "scout"\n')
    assert findings(tmp_path) == []
    assert load(tmp_path, {}, now=NOW).workspace.settings.radar == RadarRules("scout")


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (
            'coder = "scuot"',
            "harness.toml:3: there is no agent 'scuot': what the Tech Radar adopts or tries is rejected",
        ),
        ('coder = ""', "harness.toml:3: "),
        ('codder = "scout"', "harness.toml:3: "),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_line(tmp_path: Path, table: str, problem: str) -> None:
    (found,) = findings(with_radar(tmp_path, f"[radar]\n{table}\n"))
    assert found.startswith(problem)
