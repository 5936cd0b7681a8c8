from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.daemon.lock import executor_lock
from harness.domain.run import FireState
from harness.store.state_folder import StateFolder

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine, Ledger

EIGHT = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)


@pytest.fixture
def backup(root: Path, ledger: Ledger, harness: CommandLine, tmp_path: Path) -> Path:
    ledger.fire("scout/morning", EIGHT, FireState.RUNNING)
    ledger.database.close()
    made = json.loads(harness("backup", "--json").stdout)["path"]
    return Path(shutil.copy(made, tmp_path / "kept.tar.gz"))


def test_restore_says_what_was_set_aside_what_was_closed_and_where_to_go(
    root: Path, backup: Path, harness: CommandLine
) -> None:
    (root / "USER.md").write_text("Somebody else.\n")
    refused = harness("restore", str(backup))
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    ended = harness("restore", str(backup), "--force")
    assert ended.returncode == 0, ended.stderr
    assert f"{root}: restored from the backup of " in ended.stdout
    assert f"what was there is kept: {root}.before-restore-" in ended.stdout
    assert "1 run was open when the backup was made" in ended.stdout
    assert f"cd {root}" in ended.stdout
    assert (root / "USER.md").read_text() != "Somebody else.\n"
    ledger = json.loads(harness("ledger", "--all", "--date", "2026-11-20", "--json").stdout)
    assert [(fire["state"], fire["reason"][:27]) for fire in ledger["fires"]] == [
        ("failed", "restored from a backup of 2")
    ]


def test_restore_while_another_process_works_there_is_to_be_tried_again(
    state: StateFolder, backup: Path, harness: CommandLine
) -> None:
    with executor_lock(state, "harness up"):
        ended = harness("restore", str(backup), "--force")
    assert ended.returncode == 75
    assert "harness up" in ended.stderr


def test_restore_into_a_new_folder_needs_no_workspace_around_it(
    backup: Path, harness: CommandLine, tmp_path: Path
) -> None:
    ended = harness("restore", str(backup), "--to", str(tmp_path / "new"), "--json")
    document = json.loads(ended.stdout)
    assert set(document) == {"root", "made_at", "set_aside", "carried", "fires_closed"}
    assert (document["root"], document["set_aside"], document["fires_closed"]) == (str(tmp_path / "new"), [], 1)
    assert harness("check", "--workspace", str(tmp_path / "new")).returncode == 0


def test_command_in_a_folder_that_was_set_aside_says_so(root: Path, backup: Path, harness: CommandLine) -> None:
    assert harness("restore", str(backup), "--force").returncode == 0
    [aside] = root.parent.glob("team.before-restore-*")
    ended = harness("run", "scout/morning", "--workspace", str(aside))
    assert ended.returncode == 2
    assert "this was set aside by a restore" in ended.stderr
    assert f"the team is in {root} now" in ended.stderr


def test_restore_of_nothing_says_what_it_wants(ledger: Ledger, harness: CommandLine) -> None:
    ended = harness("restore")
    assert ended.returncode == 2
    assert "name the backup: harness restore FILE" in ended.stderr


def test_restore_of_another_file_says_that_it_is_none_in_plain_words(
    ledger: Ledger, root: Path, harness: CommandLine
) -> None:
    other = root / "USER.md"
    done = harness("restore", str(other))
    assert done.returncode == 2
    assert done.stderr == f"{other}: this is no sound backup: it is no .tar.gz file; use another one\n"
