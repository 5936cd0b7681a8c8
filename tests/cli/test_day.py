"""`harness day`, as a person starts it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import CommandLine

CHECK = "---\nschedule: daily 06:00\naction: self-check\n---\nLook.\n"


@pytest.fixture
def checked(root: Path) -> Path:
    (root / "agents/scout/jobs/check.md").write_text(CHECK)
    return root


def test_it_ends_with_the_ledger_what_each_agent_did_and_where_everything_lies(
    checked: Path, harness: CommandLine, tmp_path: Path
) -> None:
    ended = harness("day", "--date", "2026-11-20", "--out", str(tmp_path / "day"))
    assert ended.returncode == 0, ended.stderr
    assert "scout/check" in ended.stdout
    assert "scout" in ended.stdout and "fires" in ended.stdout
    assert f"{tmp_path / 'day' / 'ledger.txt'}" in ended.stdout
    assert max(len(line) for line in ended.stdout.splitlines() if str(tmp_path) not in line) <= 80


def test_several_days_are_told_in_numbers_and_every_line_stands_in_the_file(
    checked: Path, harness: CommandLine, tmp_path: Path
) -> None:
    out = tmp_path / "week"
    ended = harness("day", "--date", "2026-10-30", "--days", "3", "--out", str(out))
    assert ended.returncode == 0, ended.stderr
    assert "06:00" not in ended.stdout
    assert (out / "ledger.txt").read_text().count("scout/check") == 3


def test_as_json_it_says_whether_promises_were_kept_and_what_waits(
    checked: Path, harness: CommandLine, tmp_path: Path
) -> None:
    ended = harness("day", "--date", "2026-11-20", "--out", str(tmp_path / "day"), "--json")
    document = json.loads(ended.stdout)
    assert (document["is_complete"], document["broken"], document["discrepancies"]) == (True, [], [])
    assert sum(document["agents"]["scout"].values()) == len(document["fires"])
    assert isinstance(document["waiting"], list)


@pytest.mark.parametrize(
    "arguments", [("--broken", "half"), ("--broken", "120%"), ("--broken", "50%", "--world", "live")]
)
def test_a_share_that_is_none_or_has_no_world_to_break_is_refused(
    checked: Path, harness: CommandLine, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    ended = harness("day", "--out", str(tmp_path / "day"), *arguments)
    [line] = ended.stderr.splitlines()
    assert ended.returncode == 2
    assert "--broken" in line
    assert not (tmp_path / "day").exists()
