"""A read-only workspace and a full disk: real file systems, in a mount namespace of their own.

Where such a mount is not permitted, or not known, these tests are skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.testing.web_server import WebReply, WebRequest, WebServer
from harness.testing.workspace import write_workspace_files

if TYPE_CHECKING:
    pass

ITEM = b"<item><title>A story</title><link>%s</link></item>"
FEED = b'<rss version="2.0"><channel><title>News</title>' + ITEM + b"</channel></rss>"
JOB = "---\nschedule: daily 03:00\nread: [feeds/ai]\ndeliver: digest\n---\nReport.\n"
TICK = "---\nschedule: every 1s\naction: self-check\n---\n"
FULL = "the disk is full; free some space; nothing already written is lost"


@dataclass
class Namespace:
    """A place with mounts that only the commands started by `command` see."""

    keeper: subprocess.Popen[str]

    def command(self, *words: str) -> list[str]:
        """Return the command that does this inside."""
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return ["nsenter", "--target", str(self.keeper.pid), "--mount", *user, *words]

    def run(self, *words: str) -> None:
        subprocess.run(self.command(*words), check=True, capture_output=True)


@contextmanager
def mounted(script: str, *arguments: Path) -> Iterator[Namespace]:
    """Make the mounts of the shell script ($1 is the first argument), or skip the test."""
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", "--mount", *user, "sh", "-ec", f"{script}\necho ready\nexec cat", "sh", *map(str, arguments)]
    try:
        keeper = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    except FileNotFoundError:
        pytest.skip("this system has no unshare")
    with keeper:
        assert keeper.stdout is not None
        assert keeper.stderr is not None
        if keeper.stdout.readline() != "ready\n":
            pytest.skip(f"mounts are not permitted here: {keeper.stderr.read().strip()}")
        try:
            yield Namespace(keeper)
        finally:
            keeper.kill()


@dataclass
class Team:
    """The workspace `root`, whose state lies on a disk of sixteen megabytes."""

    root: Path
    disk: Path
    inside: Namespace

    @property
    def environ(self) -> dict[str, str]:
        source = str(Path(__file__).parents[2])
        return {**os.environ, "HARNESS_HOME": str(self.disk / "state"), "PYTHONPATH": source, "COLUMNS": "200"}

    def command(self, *words: str) -> list[str]:
        return self.inside.command(sys.executable, "-m", "harness", *words, "--workspace", str(self.root))

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words), env=self.environ, capture_output=True, text=True, timeout=120, check=False
        )

    def read(self, *words: str) -> object:
        ended = self(*words, "--json")
        assert ended.stdout, ended.stderr
        return json.loads(ended.stdout)

    def states(self) -> list[tuple[str, str]]:
        document = self.read("ledger", "--all")
        assert isinstance(document, dict)
        return [(fire["job"], fire["state"]) for fire in document["fires"] if fire["kind"] == "manual"]

    def daemon_state(self) -> str:
        status = self.read("status")
        assert isinstance(status, dict)
        return str(status["daemon"]["state"])

    def incidents(self) -> list[str]:
        status = self.read("status")
        assert isinstance(status, dict)
        return [incident["cause"] for incident in status["incidents"]]

    def backups(self) -> list[str]:
        listed = self.inside.command("ls", "-A", f"{self.disk}/state/backups")
        return subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()

    def fill(self) -> None:
        subprocess.run(
            self.inside.command("dd", "if=/dev/zero", f"of={self.disk}/fill", "bs=1024"),
            capture_output=True,
            check=False,
        )

    def free(self) -> None:
        self.inside.run("rm", f"{self.disk}/fill")

    def pages(self) -> dict[str, str]:
        """Every digest that was delivered, by its name."""
        listed = self.inside.command("sh", "-c", f"cd {self.disk}/state/digests && head -v -c 100000 */*.md")
        whole = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
        parts = whole.split("==> ")[1:]
        return {part.partition(" <==")[0]: part for part in parts}

    @contextmanager
    def daemon(self) -> Iterator[subprocess.Popen[str]]:
        with subprocess.Popen(
            self.command("up"), env=self.environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        ) as process:
            wait_for_line(process, lambda line: line.startswith("ready"))
            try:
                yield process
            finally:
                process.kill()


def wait_for_line(process: subprocess.Popen[str], is_wanted: Callable[[str], bool]) -> list[str]:
    """Return what the process said up to the line that was waited for."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if is_wanted(line):
            return said
    raise AssertionError(f"it ended without saying so: {said}")


def wait_until(claim: Callable[[], bool]) -> None:
    """Return when the claim holds; the limit is generous, and no part of what is tested."""
    pause = threading.Event()
    for _ in range(600):
        if claim():
            return
        pause.wait(0.1)
    raise AssertionError("it never came about")


@dataclass
class SlowSource:
    """A feed that answers when it is let go."""

    url: str
    asked: threading.Event
    go: threading.Event


@pytest.fixture
def source() -> Iterator[SlowSource]:
    asked, go = threading.Event(), threading.Event()

    def answer(request: WebRequest) -> WebReply:
        if request.path == "/feed.xml":
            asked.set()
            go.wait(30)
            return WebReply(FEED % web.url("/story").encode())
        return WebReply(b"a page", content_type="text/plain")

    with WebServer(answer) as web:
        yield SlowSource(web.url("/feed.xml"), asked, go)
        go.set()


@pytest.fixture
def team(tmp_path: Path, source: SlowSource) -> Iterator[Team]:
    files = {
        "agents/scout/jobs/morning.md": JOB,
        "agents/scout/jobs/tick.md": TICK,
        "shared-context/feeds/ai.md": f"- [News]({source.url})\n",
    }
    root = write_workspace_files(tmp_path / "team", files)
    (tmp_path / "disk").mkdir()
    with mounted('mount -t tmpfs -o size=16m tmpfs "$1"', tmp_path / "disk") as inside:
        yield Team(root, tmp_path / "disk", inside)


@pytest.fixture
def read_only(root: Path) -> Iterator[Namespace]:
    with mounted('mount --bind "$1" "$1"; mount -o remount,ro,bind "$1"', root) as inside:
        yield inside


@pytest.mark.parametrize("words", ["run scout/morning", "up", "prompt show scout/morning"])
def test_command_that_must_write_into_a_read_only_workspace_says_so_in_one_line(
    root: Path, read_only: Namespace, words: str
) -> None:
    ended = in_workspace(root, read_only, words)
    [line] = ended.stderr.splitlines()
    assert (ended.returncode, ended.stdout) == (2, "")
    assert line.startswith(str(root / ".harness"))
    assert "Read-only file system" in line
    assert "make it writable" in line


@pytest.mark.parametrize("words", ["check", "status", "ledger", "runs", "jobs", "agents", "why scout/morning", "down"])
def test_command_that_looks_does_so_in_a_read_only_workspace(root: Path, read_only: Namespace, words: str) -> None:
    ended = in_workspace(root, read_only, words)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_doctor_names_a_read_only_workspace(root: Path, read_only: Namespace) -> None:
    ended = in_workspace(root, read_only, "doctor")
    assert ended.returncode == 1
    assert f"{root} cannot be written" in " ".join(ended.stdout.split())


def in_workspace(root: Path, inside: Namespace, words: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HARNESS_")}
    environ |= {"PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "200"}
    command = inside.command(sys.executable, "-m", "harness", *words.split(), "--workspace", str(root))
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def test_what_was_written_before_the_disk_was_full_can_still_be_read(team: Team, source: SlowSource) -> None:
    source.go.set()
    assert team("run", "scout/morning").returncode == 0
    before = team.pages()
    team.fill()
    refused = team("run", "scout/morning")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1), refused.stderr
    assert team.states() == [("scout/morning", "delivered")]
    assert team("status").returncode == 0
    assert "only 0 bytes of " in team("doctor").stdout
    assert team.pages() == before
    team.free()
    assert team("run", "scout/morning").returncode == 0
    assert {name: team.pages()[name] for name in before if "latest" not in name} == {
        name: page for name, page in before.items() if "latest" not in name
    }


def test_what_a_killed_daemon_left_can_be_read_from_a_full_disk(team: Team, source: SlowSource) -> None:
    source.go.set()
    with team.daemon() as daemon:
        assert team("run", "scout/morning").returncode == 0
        daemon.kill()
        daemon.wait()
    team.inside.run("sh", "-c", f"test -s {team.disk}/state/harness.db-wal && rm {team.disk}/state/harness.db-shm")
    team.fill()
    assert team.states() == [("scout/morning", "delivered")]
    assert team("doctor", "--overdue").returncode in (0, 1)


def test_run_on_a_disk_that_fills_up_says_so_in_a_line_and_is_done_when_there_is_room(
    team: Team, source: SlowSource
) -> None:
    command = team.command("run", "scout/morning")
    with subprocess.Popen(
        command, env=team.environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert source.asked.wait(30)
        team.fill()
        source.go.set()
        said = wait_for_line(process, lambda line: line.startswith("run manual:") and line.rstrip().endswith(FULL))
        assert all(len(line) < 300 and "Traceback" not in line for line in said)
        process.kill()  # a person's patience ends sooner than that of the run
    team.free()
    assert team("run", "scout/morning").returncode == 0
    assert [state for _, state in team.states()] == ["delivered", "delivered"]


def test_daemon_lives_through_a_full_disk_tells_of_it_and_goes_on(team: Team, source: SlowSource) -> None:
    source.go.set()
    with team.daemon() as daemon:
        assert team("run", "scout/morning").returncode == 0
        before = team.pages()
        team.fill()
        said = wait_for_line(daemon, lambda line: line.startswith("tick failed") and FULL in line)
        assert all(len(line) < 300 and "Traceback" not in line for line in said)
        refused = team("run", "scout/morning")
        assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1), refused.stderr
        assert "only 0 bytes of " in team("doctor").stdout
        assert team.incidents() == ["disk"], "it had been told before the disk was full"
        assert team.daemon_state() == "alive"
        team.free()
        wait_until(lambda: team("run", "scout/morning").returncode == 0)
        assert daemon.poll() is None
        assert team.daemon_state() == "alive"
        wait_until(lambda: team.incidents() == ["disk"])
    assert {state for _, state in team.states()} == {"delivered"}
    assert before.items() - team.pages().items() <= {("latest/scout-morning.md", before["latest/scout-morning.md"])}


def test_backup_on_a_full_disk_says_so_leaves_nothing_behind_and_keeps_the_older_ones(
    team: Team, source: SlowSource
) -> None:
    source.go.set()
    assert team("run", "scout/morning").returncode == 0
    assert team("backup").returncode == 0
    before = team.backups()
    # As full as can be, and then a little room: it breaks off in the middle.
    (team.root / "big.txt").write_bytes(os.urandom(8_000_000))
    team.fill()
    team.inside.run("truncate", "-s", "-3000000", f"{team.disk}/fill")
    refused = team("backup")
    [line] = refused.stderr.splitlines()
    assert (refused.returncode, refused.stdout) == (2, "")
    assert line.endswith("the disk is full; free some space; the older backups are untouched")
    assert team.backups() == before
    team.free()
    (team.root / "big.txt").unlink()
    assert team("backup").returncode == 0
    assert len(team.backups()) == len(before) + 1


def test_restore_on_a_full_disk_changes_nothing(team: Team, source: SlowSource) -> None:
    source.go.set()
    (team.root / "big.txt").write_bytes(bytes(6_000_000))
    assert team("run", "scout/morning").returncode == 0
    assert team("backup").returncode == 0
    [name] = [name for name in team.backups() if name.endswith(".tar.gz")]
    (team.root / "big.txt").unlink()
    team.fill()
    team.inside.run("truncate", "-s", "-200000", f"{team.disk}/fill")
    refused = team("restore", f"{team.disk}/state/backups/{name}", "--force")
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    team.free()
    assert team.states() == [("scout/morning", "delivered")]
    assert not list(team.root.parent.glob(".team*restore*"))
    assert team("restore", f"{team.disk}/state/backups/{name}", "--force").returncode == 0
    assert (team.root / "big.txt").stat().st_size == 6_000_000
    assert team.states() == [("scout/morning", "delivered")]
