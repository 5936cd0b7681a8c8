"""Whatever moment a restore is killed at, one whole state is there, and the next command goes on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from harness.daemon.lock import executor_lock
from harness.domain.errors import HarnessError, OwnerError, TransientError
from harness.domain.run import FireState
from harness.domain.settings import Channel, Settings
from harness.pytest_plugin import NOW, Workbench
from harness.runs.backup import BackupSource, back_up, backups_in
from harness.runs.restore import Restored, go_on, is_interrupted, restore
from harness.runs.restore_staging import Target
from harness.store.address import database_address
from harness.store.archive import DamagedBackup
from harness.store.database import Database
from harness.store.nodes import NodeRow, add_node
from harness.store.state_folder import state_folder
from harness.testing.workspace import write_workspace_files
from harness.wiring.files import check
from tests.postgres_server import Server

MADE_AT = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
STEPS = ("checked", "begun", "unpacked", "prepared", "announced", "set aside", "put in place", "carried", "finished")
KILLED = """\
import json, os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from harness.runs.restore import go_on, restore
from harness.runs.restore_staging import Target
backup, root, environ, wanted, count = sys.argv[1:]
count = int(count)
def reached(step):
    global count
    if step == wanted:
        count -= 1
        if count == 0:
            os.kill(os.getpid(), signal.SIGKILL)
target = Target(Path(root), json.loads(environ))
if backup:
    restore(Path(backup), target, is_forced=True, now=datetime(2026, 11, 21, 12, tzinfo=UTC), reached=reached)
else:
    go_on(target, reached=reached)
"""


@dataclass
class Team:
    """A workspace with a backup of its old days, and new work since."""

    root: Path
    environ: dict[str, str]

    @property
    def target(self) -> Target:
        return Target(self.root, self.environ)

    def mark(self, mark: str) -> None:
        """Write the mark into a file, the state and the database."""
        (self.root / "memory").mkdir(exist_ok=True)
        (self.root / "memory/mark.md").write_text(mark)
        state = state_folder(self.root, self.environ)
        state.create()
        state.executor_id.write_text(mark)
        database = Database.connect(database_address(self.root, self.environ))
        database.migrate()
        with database.write() as connection:
            connection.execute(text("DELETE FROM seen_item"))
            connection.execute(text("INSERT INTO seen_item VALUES ('a/b', :mark, 1)"), {"mark": mark})
        database.close()

    def marks(self) -> set[str]:
        """Return the marks that are found: one, if the state is whole."""
        state = state_folder(self.root, self.environ)
        database = Database.connect(database_address(self.root, self.environ))
        with database.read() as connection:
            of_database = connection.execute(text("SELECT url FROM seen_item")).scalar_one()
        database.close()
        return {(self.root / "memory/mark.md").read_text(), state.executor_id.read_text(), of_database}

    def backup(self) -> Path:
        address = database_address(self.root, self.environ)
        source = BackupSource(self.root, state_folder(self.root, self.environ), Settings(), address)
        return back_up(source, source.folder, now=MADE_AT, stopwatch=time.monotonic).path

    def restore(self, backup: Path, *, is_forced: bool = True) -> Restored:
        return restore(backup, self.target, is_forced=is_forced, now=LATER)

    def kill(self, backup: Path | None, step: str, count: int = 1) -> None:
        arguments = [str(backup or ""), str(self.root), json.dumps(self.environ), step, str(count)]
        ended = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
        assert ended.returncode == -9

    def leftovers(self) -> list[str]:
        places = {self.root.parent, state_folder(self.root, self.environ).root.parent}
        return sorted(path.name for place in places for path in place.glob(".*restore*"))


@pytest.fixture(params=["state inside", "state elsewhere", "database elsewhere", "server"])
def team(request: pytest.FixtureRequest, tmp_path: Path) -> Team:
    environ = {}
    root = write_workspace_files(tmp_path / "team")
    if request.param == "state elsewhere":
        environ["HARNESS_HOME"] = str(tmp_path / "elsewhere/state")
        (tmp_path / "elsewhere").mkdir()
    if request.param == "database elsewhere":
        environ["HARNESS_DATABASE_URL"] = f"sqlite:///{tmp_path}/shared/team.db"
        (tmp_path / "shared").mkdir()
    if request.param == "server":
        environ["HARNESS_DATABASE_URL"] = request.getfixturevalue("postgres_url")
    return Team(root, environ)


@pytest.fixture
def backup(team: Team, tmp_path: Path) -> Path:
    """A backup of old, out of the way; the team has become new since."""
    team.mark("old")
    made = team.backup()
    kept = tmp_path / "kept.tar.gz"
    shutil.copy(made, kept)
    team.mark("new")
    return kept


def test_restored_team_is_the_old_one_and_the_new_one_is_set_aside_whole(team: Team, backup: Path) -> None:
    restored = team.restore(backup)
    assert team.marks() == {"old"}
    assert team.leftovers() == []
    assert {path.name for path in restored.set_aside} >= {"team.before-restore-20261121T120000Z"}
    aside = restored.set_aside[0]
    assert (aside / "memory/mark.md").read_text() == "new"
    with executor_lock(team.target.state, "a daemon"):
        assert not team.target.state.on_hold.exists()


@pytest.mark.parametrize("step", STEPS)
def test_restore_that_is_killed_leaves_one_whole_state_and_is_gone_on_with(team: Team, backup: Path, step: str) -> None:
    team.kill(backup, step)
    has_begun = STEPS.index(step) >= STEPS.index("announced")
    if not has_begun or step == "finished":
        assert team.marks() == {"old" if step == "finished" else "new"}
    if step not in ("checked", "begun", "unpacked", "finished") and team.target.state.root.is_dir():
        with pytest.raises(OwnerError, match="go on with: harness restore"), executor_lock(team.target.state, "up"):
            pass
    if step in ("checked", "finished"):
        assert not is_interrupted(team.target)
    else:
        with pytest.raises(OwnerError, match="go on with: harness restore"):
            team.restore(backup)
        done = go_on(team.target)
        assert (done is not None) == has_begun
    assert team.marks() == {"old" if has_begun else "new"}
    assert team.leftovers() == []
    with executor_lock(team.target.state, "up"):
        pass


@pytest.mark.parametrize(("step", "count"), [("set aside", 2), ("set aside", 3), ("put in place", 2)])
def test_restore_that_is_killed_between_two_renames_is_gone_on_with(tmp_path: Path, step: str, count: int) -> None:
    (tmp_path / "shared").mkdir()
    environ = {
        "HARNESS_HOME": str(tmp_path / "state"), "HARNESS_DATABASE_URL": f"sqlite:///{tmp_path}/shared/team.db",
    }  # fmt: skip
    team = Team(write_workspace_files(tmp_path / "team"), environ)
    team.mark("old")
    kept = tmp_path / "kept.tar.gz"
    shutil.copy(team.backup(), kept)
    team.mark("new")
    team.kill(kept, step, count)
    assert go_on(team.target) is not None
    assert team.marks() == {"old"}


def test_going_on_can_be_killed_as_well(team: Team, backup: Path) -> None:
    team.kill(backup, "announced")
    team.kill(None, "set aside")
    team.kill(None, "put in place")
    team.kill(None, "carried")
    assert go_on(team.target) is not None
    assert team.marks() == {"old"}
    assert team.leftovers() == []


def test_what_no_backup_holds_is_taken_along(tmp_path: Path) -> None:
    team = Team(write_workspace_files(tmp_path / "team"), {})
    team.mark("old")
    for name in (".git/HEAD", ".env", "agents/scout/id_ed25519", ".harness/logs/harness.log", ".harness/secrets"):
        path = team.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    made = team.backup()
    (team.root / "agents/later").mkdir()
    (team.root / ".harness/artifacts/a").mkdir(parents=True)
    restored = team.restore(made)
    assert set(restored.carried) == {
        ".git", ".env", "agents/scout/id_ed25519", ".harness/backups", ".harness/logs", ".harness/secrets",
    }  # fmt: skip
    assert (team.root / ".env").read_text() == ".env"
    assert backups_in(team.root / ".harness/backups") == [made]
    assert not (team.root / "agents/later").exists()
    assert not (team.root / ".harness/artifacts").exists(), "what the team made since belongs to the time set aside"


def test_backup_is_restored_on_another_machine_with_links_modes_times_and_empty_folders(tmp_path: Path) -> None:
    team = Team(write_workspace_files(tmp_path / "team", {"skills/x/run.sh": "#!/bin/sh\n"}), {})
    team.mark("old")
    (team.root / "skills/x/run.sh").chmod(0o755)
    (team.root / "today").symlink_to("memory")
    (team.root / "shared-context/empty").mkdir(parents=True)
    os.utime(team.root / "USER.md", (1_700_000_000, 1_700_000_000))
    shutil.copy(team.backup(), tmp_path / "kept.tar.gz")
    findings = check(team.root, now=LATER)
    shutil.rmtree(team.root)
    elsewhere = Team(tmp_path / "machines/two/my team", {})
    restored = elsewhere.restore(tmp_path / "kept.tar.gz", is_forced=False)
    assert elsewhere.marks() == {"old"}
    assert restored.set_aside == ()
    assert (elsewhere.root / "today").readlink() == Path("memory")
    assert (elsewhere.root / "today/mark.md").read_text() == "old"
    assert (elsewhere.root / "skills/x/run.sh").stat().st_mode & 0o777 == 0o755
    assert (elsewhere.root / "USER.md").stat().st_mtime == 1_700_000_000
    assert (elsewhere.root / "shared-context/empty").is_dir()
    assert check(elsewhere.root, now=LATER) == findings


def test_team_that_worked_since_is_not_replaced_without_force(team: Team, backup: Path) -> None:
    with pytest.raises(OwnerError, match=r"has worked since this backup was made \(2026-11-20 11:00 UTC\); .*--force"):
        team.restore(backup, is_forced=False)
    assert team.marks() == {"new"}
    assert team.leftovers() == []


def test_folder_that_is_no_workspace_is_not_replaced_even_with_force(team: Team, backup: Path, tmp_path: Path) -> None:
    mine = tmp_path / "thesis"
    mine.mkdir()
    (mine / "chapter.md").write_text("years of work")
    with pytest.raises(OwnerError, match="is not empty, and no workspace"):
        restore(backup, Target(mine, {}), is_forced=True, now=LATER)
    assert [path.name for path in mine.iterdir()] == ["chapter.md"]


def test_damaged_backup_changes_nothing(team: Team, backup: Path) -> None:
    content = bytearray(backup.read_bytes())
    content[len(content) // 2] ^= 0xFF
    backup.write_bytes(content)
    with pytest.raises(DamagedBackup):
        team.restore(backup)
    assert team.marks() == {"new"}
    assert team.leftovers() == []


def test_backup_of_a_newer_harness_is_not_restored(team: Team, tmp_path: Path) -> None:
    team.mark("old")
    database = Database.connect(database_address(team.root, team.environ))
    with database.write() as connection:
        connection.execute(text("INSERT INTO schema_version VALUES (99, 'of tomorrow')"))
    database.close()
    shutil.copy(team.backup(), tmp_path / "kept.tar.gz")
    with pytest.raises(OwnerError, match="upgrade the harness"):
        team.restore(tmp_path / "kept.tar.gz")
    assert team.leftovers() == []


def test_restore_without_anything_interrupted_wants_a_backup(team: Team) -> None:
    with pytest.raises(HarnessError, match="name the backup"):
        go_on(team.target)


def test_second_restore_at_the_same_time_is_told_to_come_again(team: Team, backup: Path) -> None:
    refused = []

    def meanwhile(step: str) -> None:
        if step == "unpacked":
            with pytest.raises(TransientError, match="another restore is at work"):
                team.restore(backup)
            refused.append(step)

    restore(backup, team.target, is_forced=True, now=LATER, reached=meanwhile)
    assert refused == ["unpacked"]
    assert team.marks() == {"old"}


def test_rename_that_the_system_refuses_changes_nothing(tmp_path: Path) -> None:
    team = Team(write_workspace_files(tmp_path / "team"), {})
    team.mark("old")
    shutil.copy(team.backup(), tmp_path / "kept.tar.gz")
    team.mark("new")
    in_the_way = tmp_path / "team.before-restore-20261121T120000Z.d"
    in_the_way.mkdir()

    def spoil(step: str) -> None:
        if step == "announced":  # a file where the set-aside folder would have to be
            (tmp_path / "team.before-restore-20261121T120000Z").symlink_to("nowhere")

    with pytest.raises(OwnerError):
        restore(tmp_path / "kept.tar.gz", team.target, is_forced=True, now=LATER, reached=spoil)
    assert team.marks() == {"new"}


# ── A database on a server ───────────────────────────────────────────────────────────────────────────


@pytest.fixture
def on_server(tmp_path: Path, postgres_url: str) -> Team:
    return Team(write_workspace_files(tmp_path / "team"), {"HARNESS_DATABASE_URL": postgres_url})


@pytest.fixture
def of_server(on_server: Team, tmp_path: Path) -> Path:
    on_server.mark("old")
    return Path(shutil.copy(on_server.backup(), tmp_path / "kept.tar.gz"))


def test_restore_that_is_killed_after_the_server_was_loaded_is_gone_on_with(on_server: Team, of_server: Path) -> None:
    on_server.mark("new")
    on_server.kill(of_server, "loaded")
    assert go_on(on_server.target) is not None
    assert on_server.marks() == {"old"}
    assert not (on_server.target.state.root / ".restored-database").exists()


def test_server_that_is_not_empty_is_restored_into_with_force_only_and_keeps_what_it_had(
    on_server: Team, of_server: Path, tmp_path: Path
) -> None:
    elsewhere = Team(tmp_path / "new", on_server.environ)
    with pytest.raises(OwnerError, match="this database is not empty"):
        elsewhere.restore(of_server, is_forced=False)
    assert not elsewhere.root.exists()
    assert elsewhere.leftovers() == []
    on_server.mark("new")
    on_server.restore(of_server)
    address = database_address(on_server.root, on_server.environ)
    with closing(Database.connect(address)) as database, database.read() as connection:
        aside = connection.execute(text("SELECT url FROM harness_before_restore_20261121t120000z.seen_item"))
        assert aside.scalar_one() == "new"


def test_server_that_a_daemon_uses_is_not_restored_into(on_server: Team, of_server: Path) -> None:
    node = NodeRow("n.1", 1, "mac", 1, 0.0, 0.0, "n", "mac", "up", None, "", "daemon")
    address = database_address(on_server.root, on_server.environ)
    with closing(Database.connect(address)) as database, database.write() as connection:
        add_node(connection, replace(node, heartbeat_at=database.now(LATER).timestamp()))
    with pytest.raises(TransientError, match=r"daemons use this database \(mac\)"):
        on_server.restore(of_server)
    assert on_server.leftovers() == []
    assert on_server.marks() == {"old"}


def test_server_that_went_away_leaves_everything_as_it_was(own_postgres: Server, tmp_path: Path) -> None:
    team = Team(write_workspace_files(tmp_path / "team"), {"HARNESS_DATABASE_URL": own_postgres.url})
    team.mark("old")
    kept = Path(shutil.copy(team.backup(), tmp_path / "kept.tar.gz"))
    (team.root / "memory/mark.md").write_text("new")

    def stop(step: str) -> None:
        if step == "announced":
            own_postgres.stop()

    with pytest.raises(TransientError):
        restore(kept, team.target, is_forced=True, now=LATER, reached=stop)
    assert (team.root / "memory/mark.md").read_text() == "new"
    own_postgres.start()
    assert go_on(team.target) is not None
    assert team.marks() == {"old"}


@pytest.mark.parametrize("kind", ["server", "file"])
def test_backup_of_a_file_is_not_put_on_a_server_nor_the_other_way_round(
    on_server: Team, of_server: Path, tmp_path: Path, kind: str
) -> None:
    if kind == "server":
        with pytest.raises(OwnerError, match="the backup holds the tables of a server"):
            Team(tmp_path / "new", {}).restore(of_server)
        return
    of_file = Team(write_workspace_files(tmp_path / "file"), {})
    of_file.mark("old")
    with pytest.raises(OwnerError, match="the backup holds a database file"):
        Team(tmp_path / "new", on_server.environ).restore(of_file.backup())


# ── What a restored team knows ───────────────────────────────────────────────────────────────────────


@pytest.fixture
def restorable(workbench: Workbench) -> Iterator[Workbench]:
    workbench.serve_stories(2)
    workbench.write({"agents/scout/jobs/morning.md": JOB})
    yield workbench


JOB = """\
---
schedule: every 1h
if_missed: {run: latest, within: 2h}
read: [feeds/ai]
deliver: digest
---
Report.
"""


def backup_of(workbench: Workbench) -> Path:
    system = workbench.system
    settings = Settings(channels={"digest": Channel("digest", "file")})
    source = BackupSource(workbench.root, system.state, settings, system.database.address)
    return back_up(source, workbench.root.parent, now=workbench.clock.now(), stopwatch=time.monotonic).path


def restore_into(workbench: Workbench, backup: Path) -> Restored:
    workbench.restart()
    return restore(backup, Target(workbench.root, {}), is_forced=True, now=workbench.clock.now())


def test_slots_since_the_backup_get_their_rows_by_catch_up_and_their_digests_say_that_they_may_repeat(
    restorable: Workbench,
) -> None:
    at = NOW + timedelta(minutes=1)
    restorable.tick_at(at)
    backup = backup_of(restorable)
    for hours in range(1, 6):
        restorable.tick_at(at + timedelta(hours=hours))
    assert [str(fire.state) for fire in restorable.fires()] == ["delivered"] * 6
    restorable.clock.jump_to(at + timedelta(hours=5, minutes=10))
    restore_into(restorable, backup)
    assert [str(fire.state) for fire in restorable.fires()][-1] == "planned", "the newest slot is within two hours"
    restorable.settle()
    fires = restorable.fires()
    assert [str(fire.state) for fire in fires] == ["delivered", "missed", "missed", "missed", "missed", "delivered"]
    pages = {path.read_text() for path in restorable.delivered()}
    assert sum("you may have read this before" in page for page in pages) == 1
    restorable.tick_at(at + timedelta(hours=6))
    assert restorable.fires()[-1].state is FireState.DELIVERED
    pages = {path.read_text() for path in restorable.delivered()}
    assert sum("you may have read this before" in page for page in pages) == 1, "what came after is news"


def test_delivery_that_was_waiting_is_closed_as_failed_and_never_sent(restorable: Workbench) -> None:
    blocked = restorable.root / ".harness/digests"
    blocked.parent.mkdir(exist_ok=True)
    blocked.write_text("a file where the folder of the channel should be")
    restorable.tick_at(NOW + timedelta(minutes=1))
    assert restorable.fires()[0].state is FireState.SUSPENDED
    backup = backup_of(restorable)
    blocked.unlink()
    restored = restore_into(restorable, backup)
    assert restored.fires_closed == 1
    (restorable.root / ".harness/digests").unlink(missing_ok=True)
    [fire] = restorable.fires()
    assert fire.state is FireState.FAILED
    assert fire.reason == "restored from a backup of 2026-11-21 16:00 UTC; it is not known whether this was finished"
    assert restorable.system.incidents.open_causes("job scout/morning") == ["job scout/morning"]
    restorable.system.reconcile()
    restorable.settle()
    assert restorable.delivered() == []
