from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from harness.domain.run import FireState
from harness.store.archive import read_archive
from harness.store.state_folder import StateFolder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import CommandLine, Ledger

EIGHT = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)


def test_backup_names_the_file_what_is_in_it_and_what_is_not(
    root: Path, state: StateFolder, ledger: Ledger, harness: CommandLine
) -> None:
    ledger.fire("scout/morning", EIGHT, FireState.DELIVERED)
    (root / ".env").write_text("KEY=1")
    ended = harness("backup")
    assert ended.returncode == 0, ended.stderr
    path, words = ended.stdout.splitlines()
    assert path.startswith(str(state.root / "backups" / "harness-backup-"))
    assert words.endswith("; 1 kept")
    assert "left out: workspace/.env: looks like a key" in ended.stderr


def test_backup_as_json_is_one_document_that_the_file_bears_out(
    ledger: Ledger, harness: CommandLine, tmp_path: Path
) -> None:
    ledger.fire("scout/morning", EIGHT, FireState.DELIVERED)
    ended = harness("backup", "--to", str(tmp_path / "safe"), "--json")
    document = json.loads(ended.stdout)
    assert set(document) == {
        "path", "size_bytes", "seconds", "made_at", "files", "rows", "tables", "left_out", "removed", "kept",
    }  # fmt: skip
    manifest = read_archive(tmp_path / "safe" / document["path"].rpartition("/")[2], lambda name: None)
    assert document["tables"] == manifest.tables
    assert (document["tables"]["fire"], document["files"]) == (1, len(manifest.files))


def test_backup_into_a_place_that_is_no_folder_is_the_owners_to_fix(
    ledger: Ledger, harness: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    ended = harness("backup", "--to", str(tmp_path / "file"))
    [line] = ended.stderr.splitlines()
    assert ended.returncode == 2
    assert "the backup cannot be made" in line
