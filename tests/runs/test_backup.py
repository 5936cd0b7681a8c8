from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tarfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from harness.domain.errors import OwnerError, TransientError
from harness.domain.run import FireState
from harness.domain.settings import Backups, Channel, Settings
from harness.pytest_plugin import NOW, Workbench
from harness.runs.backup import Backup, BackupSource, back_up, backups_in
from harness.store.address import file_address
from harness.store.archive import read_archive
from harness.store.database import Database
from harness.store.state_folder import StateFolder
from harness.testing.workspace import write_workspace_files

AT = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
KILLED = """\
import os, signal, sys, time
from datetime import UTC, datetime
from pathlib import Path
from harness.domain.settings import Settings
from harness.runs.backup import BackupSource, back_up
from harness.store.address import file_address
from harness.store.state_folder import StateFolder
root, wanted = Path(sys.argv[1]), sys.argv[2]
state = StateFolder(root / ".harness")
def reached(what, done, total):
    if what == wanted:
        os.kill(os.getpid(), signal.SIGKILL)
back_up(
    BackupSource(root, state, Settings(), file_address(state.database)), root / ".harness/backups",
    now=datetime(2026, 11, 21, tzinfo=UTC), stopwatch=time.monotonic, progress=reached,
)
"""


@pytest.fixture
def source(tmp_path: Path) -> BackupSource:
    root = write_workspace_files(tmp_path / "team")
    state = StateFolder(root / ".harness")
    state.create()
    state.executor_id.write_text("me\n")
    state.audit_log.write_text("{}\n")
    database = Database(state.database)
    database.migrate()
    with database.write() as connection:
        connection.execute(text("INSERT INTO seen_item VALUES ('a/b', 'https://x', 1)"))
    database.close()
    return BackupSource(root, state, Settings(), file_address(state.database))


def make(source: BackupSource, folder: Path | None = None, at: datetime = AT) -> Backup:
    return back_up(source, folder or source.folder, now=at, stopwatch=itertools.count().__next__)


def names(backup: Backup) -> set[str]:
    return {file.path for file in backup.manifest.files}


def test_backup_holds_the_workspace_and_what_nobody_can_make_again(source: BackupSource) -> None:
    for name in (
        "logs/harness.log",
        "heartbeat",
        "daemon.lock",
        "artifacts/a/b/1-cron/digest.json",
        "last-good/USER.md",
    ):
        path = source.state.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    backup = make(source)
    assert {name for name in names(backup) if not name.startswith("workspace/")} == {
        "database/harness.db", "state/executor-id", "state/audit.jsonl", "state/artifacts/a/b/1-cron/digest.json",
        "state/last-good/USER.md",
    }  # fmt: skip
    assert {"workspace/harness.toml", "workspace/agents/scout/SOUL.md"} <= names(backup)
    assert backup.manifest.tables["seen_item"] == 1
    assert backup.path.name == "harness-backup-20261121T110000Z.tar.gz"
    assert backup.path.stat().st_mode & 0o777 == 0o600
    assert read_archive(backup.path, lambda name: None) == backup.manifest
    assert sorted(path.name for path in source.folder.iterdir()) == [".harness-backup.lock", backup.path.name]


def test_what_the_file_channel_delivered_is_in_the_backup(source: BackupSource) -> None:
    settings = Settings(
        channels={"digest": Channel("digest", "file", "digests"), "away": Channel("away", "file", "/x")}
    )
    (source.state.root / "digests").mkdir()
    (source.state.root / "digests/page.md").write_text("a page")
    assert "state/digests/page.md" in names(make(BackupSource(source.root, source.state, settings, source.database)))


def test_keys_are_left_out_and_named_while_notes_about_them_stay(source: BackupSource) -> None:
    for name in (".env", ".env.local", "keys/id_ed25519", "api-key.txt", "memory/passwords.md"):
        path = source.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    backup = make(source)
    assert {one.path for one in backup.manifest.left_out} == {
        "workspace/.env", "workspace/.env.local", "workspace/keys/id_ed25519", "workspace/api-key.txt",
    }  # fmt: skip
    assert "workspace/memory/passwords.md" in names(backup)
    with tarfile.open(backup.path) as tar:
        assert not any("id_ed25519" in name for name in tar.getnames())


def test_repositories_caches_rehearsals_and_the_state_itself_are_not_packed(source: BackupSource) -> None:
    (source.root / "day/workspace").mkdir(parents=True)
    (source.root / "day/workspace/.harness-rehearsal").write_text("")
    for name in (".git/HEAD", ".venv/bin/python", "a/__pycache__/x.pyc", "day/state/harness.db", ".mypy_cache/x"):
        path = source.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    packed = names(make(source))
    assert not any(
        part in name for name in packed for part in (".git", ".venv", "__pycache__", "day/", "cache", ".harness/")
    )


def test_state_folder_and_backups_of_another_name_inside_the_workspace_are_not_packed_twice(
    source: BackupSource,
) -> None:
    state = StateFolder(source.root / "run/state")
    source.state.root.rename(source.root / "moved")
    state.root.parent.mkdir()
    (source.root / "moved").rename(state.root)
    moved = BackupSource(source.root, state, Settings(), file_address(state.database))
    make(moved, source.root / "safe")
    packed = names(make(moved, source.root / "safe", AT + timedelta(days=1)))
    assert not any(name.startswith(("workspace/run/", "workspace/safe/")) for name in packed)


def test_links_are_kept_inside_and_left_out_where_they_lead_out(source: BackupSource) -> None:
    (source.root / "zoe").symlink_to("agents/scout")
    (source.root / "absolute").symlink_to(source.root / "USER.md")
    (source.root / "passwd").symlink_to("/etc/passwd")
    (source.root / "loop").symlink_to("loop")
    (source.root / "empty").mkdir()
    backup = make(source)
    assert {(link.path, link.leads_to) for link in backup.manifest.links} >= {("workspace/zoe", "agents/scout")}
    assert {one.path for one in backup.manifest.left_out} >= {"workspace/passwd", "workspace/loop"}
    assert "workspace/empty" in backup.manifest.folders
    assert not any(name.startswith("workspace/zoe/") for name in names(backup))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_that_cannot_be_read_is_named_and_the_rest_is_packed(source: BackupSource) -> None:
    (source.root / "private.md").write_text("x")
    (source.root / "private.md").chmod(0)
    backup = make(source)
    assert [one.path for one in backup.manifest.left_out if one.is_unread] == ["workspace/private.md"]
    assert "workspace/harness.toml" in names(backup)


def test_state_behind_a_link_whose_end_is_gone_is_named_as_unread(source: BackupSource) -> None:
    artifacts = source.state.artifacts
    if artifacts.exists():
        artifacts.rename(artifacts.with_name("elsewhere"))
    artifacts.symlink_to("/not-mounted/artifacts")
    backup = make(source)
    assert [one.path for one in backup.manifest.left_out if one.is_unread] == ["state/artifacts"]


def test_pipe_and_socket_in_the_workspace_do_not_hang_the_backup(source: BackupSource) -> None:
    os.mkfifo(source.root / "pipe")
    assert "workspace/pipe" in {one.path for one in make(source).manifest.left_out}


def test_the_newest_backups_stay_and_those_of_another_team_in_the_folder_too(
    source: BackupSource, tmp_path: Path
) -> None:
    other = BackupSource(write_workspace_files(tmp_path / "other"), source.state, Settings(), source.database)
    folder = tmp_path / "shared"
    foreign = make(other, folder, AT - timedelta(days=400))
    (folder / "harness-backup-20200101T000000Z.tar.gz").write_text("somebody's own file of that name")
    keeping = BackupSource(source.root, source.state, Settings(backups=Backups(keep=3)), source.database)
    made = [make(keeping, folder, AT + timedelta(days=day)) for day in range(5)]
    assert backups_in(folder) == [
        folder / "harness-backup-20200101T000000Z.tar.gz", foreign.path, *(backup.path for backup in made[-3:])
    ]  # fmt: skip
    assert (made[-1].removed, made[-1].kept) == ((made[1].path,), 3)


def test_keeping_none_still_keeps_the_one_that_was_just_made(source: BackupSource) -> None:
    backup = make(BackupSource(source.root, source.state, Settings(backups=Backups(keep=0)), source.database))
    assert backups_in(source.folder) == [backup.path]


def test_two_backups_of_one_second_are_two(source: BackupSource) -> None:
    first, second = make(source), make(source)
    assert [first.path, second.path] == backups_in(source.folder)
    assert second.path.name == "harness-backup-20261121T110000Z-2.tar.gz"


@pytest.mark.parametrize("stage", ["database", "files", "reading back"])
def test_backup_that_was_killed_leaves_no_backup_and_is_cleared_by_the_next(source: BackupSource, stage: str) -> None:
    (source.root / "big.txt").write_bytes(os.urandom(3_000_000))
    first = make(source)
    ended = subprocess.run([sys.executable, "-c", KILLED, str(source.root), stage], check=False)
    assert ended.returncode == -9
    assert backups_in(source.folder) == [first.path]
    assert len(list(source.folder.glob(".harness-backup-*"))) == 1, "it left something to clear"
    second = make(source, at=AT + timedelta(hours=1))
    assert backups_in(source.folder) == [first.path, second.path]
    assert list(source.folder.glob(".harness-backup-*")) == []


def test_backup_that_does_not_read_back_is_deleted_and_fails(source: BackupSource) -> None:
    (source.root / "big.bin").write_bytes(os.urandom(2_000_000))
    (source.root / "zzz.txt").write_text("packed last")
    older = make(source)

    def a_disk_that_loses_a_block(what: str, done: int, total: int) -> None:
        if what == "files" and done == total:
            [unfinished] = source.folder.glob(".harness-backup-*/backup.tar.gz")
            with unfinished.open("r+b") as file:
                file.seek(100_000)
                file.write(bytes(4096))

    with pytest.raises(OwnerError, match="no sound backup"):
        back_up(source, source.folder, now=AT, stopwatch=time.monotonic, progress=a_disk_that_loses_a_block)
    assert backups_in(source.folder) == [older.path]
    assert list(source.folder.glob(".harness-backup-*")) == []


def test_second_backup_at_the_same_time_is_told_to_come_again(source: BackupSource) -> None:
    def meanwhile(what: str, done: int, total: int) -> None:
        if what == "files" and done == 1:
            with pytest.raises(TransientError, match="another backup is being made"):
                make(source)

    back_up(source, source.folder, now=AT, stopwatch=time.monotonic, progress=meanwhile)
    assert len(backups_in(source.folder)) == 1


def test_workspace_that_never_ran_can_be_backed_up(tmp_path: Path) -> None:
    root = write_workspace_files(tmp_path / "team")
    state = StateFolder(root / ".harness")
    backup = make(BackupSource(root, state, Settings(), file_address(state.database)))
    assert (backup.manifest.tables, "workspace/harness.toml" in names(backup)) == ({}, True)


def test_job_backs_up_silently_and_says_what_was_verified(workbench: Workbench) -> None:
    job = "---\nschedule: daily 08:00\naction: backup\ndeliver: terminal\n---\n"
    workbench.write({"agents/scout/jobs/morning.md": None, "agents/scout/jobs/backup.md": job})
    workbench.tick_at(NOW + timedelta(minutes=1))
    [fire] = workbench.fires()
    assert fire.state is FireState.SILENT, fire.reason
    assert fire.reason.startswith("harness-backup-20261121T160000Z.tar.gz: ")
    assert "tables, read back in" in fire.reason
    assert len(backups_in(workbench.system.state.root / "backups")) == 1
    assert workbench.printed.getvalue() == ""


def test_job_whose_backup_cannot_be_written_fails_with_the_reason(workbench: Workbench) -> None:
    workbench.write({"agents/scout/jobs/backup.md": "---\nschedule: daily 03:00\naction: backup\n---\n"})
    (workbench.root / ".harness").mkdir(exist_ok=True)
    (workbench.root / ".harness/backups").write_text("a file is in the way")
    fire = workbench.run("scout/backup")
    assert fire.state is FireState.FAILED
    assert "the backup cannot be made (File exists" in fire.reason
