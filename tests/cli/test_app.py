"""How the command starts and how it ends."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.cli.failures import UnknownName, exit_code_of, line_about
from harness.domain.errors import HarnessError, OwnerError, TransientError

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine, Ledger

HEAVY = ("pydantic", "dbos", "sqlalchemy", "httpx2", "asyncio", "rich", "jinja2", "yaml", "feedparser", "apscheduler")


def heavy_modules_after(harness: CommandLine, *arguments: str) -> list[str]:
    """Run the command line in a fresh interpreter and return which heavy modules it has loaded."""
    probe = (
        "import json, sys\n"
        "from harness.cli.app import main\n"
        f"main({list(arguments)!r})\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]), file=sys.stderr)\n"
    )
    from_outside = harness("--version")  # proves that the environment is one in which the command works
    assert from_outside.returncode == 0, from_outside.stderr
    ended = subprocess.run(
        [sys.executable, "-c", probe],
        cwd=harness.root,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded: list[str] = json.loads(ended.stderr.splitlines()[-1])
    return loaded


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["status"], ["ledger"], ["runs"], ["bus"], ["inbox"], ["status", "-h"]]
)
def test_fast_commands_load_nothing_heavy(harness: CommandLine, ledger: Ledger, arguments: list[str]) -> None:
    assert ledger.database.path.exists()
    assert heavy_modules_after(harness, *arguments) == []


def test_help_fits_into_eighty_columns(harness: CommandLine) -> None:
    ended = harness("--help")
    assert ended.returncode == 0
    assert max(len(line) for line in ended.stdout.splitlines()) <= 80


def test_misspelt_command_names_the_one_that_was_meant(harness: CommandLine) -> None:
    ended = harness("stauts")
    assert ended.returncode == 2
    assert "Did you mean 'status'?" in ended.stderr
    assert ended.stdout == ""


def test_closed_pipe_ends_quietly_and_keeps_the_exit_code(harness: CommandLine) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "harness", "status"],
            cwd=harness.root,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=write_end,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(write_end)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_full_disk_under_the_output_is_one_line_and_exit_code_2(harness: CommandLine) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "harness", "status"],
            cwd=harness.root,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        "the output: no space left on device; free some space; nothing already written is lost"
    ]


def test_folder_that_is_no_workspace_is_one_line_and_exit_code_2(harness: CommandLine, tmp_path: Path) -> None:
    ended = harness("status", "--workspace", str(tmp_path))
    assert ended.returncode == 2
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    assert line.startswith(f"{tmp_path}: no harness.toml in this folder; ")


def test_workspace_is_found_from_a_folder_below_it(harness: CommandLine) -> None:
    below = harness.root / "agents" / "scout"
    document = json.loads(type(harness)(below)("status", "--json").stdout)
    assert Path(document["workspace"]).samefile(harness.root)


def test_damaged_database_is_one_line_and_exit_code_2(harness: CommandLine, ledger: Ledger) -> None:
    ledger.database.close()
    ledger.database.path.write_bytes(b"this is no database at all" * 100)
    Path(f"{ledger.database.path}-wal").unlink(missing_ok=True)
    ended = harness("status")
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert "damaged" in ended.stderr


def test_state_folder_may_lie_elsewhere(harness: CommandLine, tmp_path: Path) -> None:
    document = json.loads(harness("status", "--json", HARNESS_HOME=str(tmp_path / "state")).stdout)
    assert document["state_folder"] == str(tmp_path / "state")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OwnerError("f.md", 3, "wrong", "fix it"), 2),
        (UnknownName("job", "a/b", ("a/c",), "harness jobs"), 2),
        (TransientError("locked"), 75),
        (OSError(errno.EROFS, "Read-only file system", "/x"), 2),
        (OSError(errno.ENOSPC, "No space left on device", "/x"), 2),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 2),
        (OSError(errno.EIO, "Input/output error", "/x"), 1),
        (HarnessError("it failed"), 1),
        (ZeroDivisionError("division by zero"), 1),
        (RuntimeError("first line\nsecond line"), 1),
    ],
)
def test_exit_code_says_who_must_act(error: Exception, code: int) -> None:
    assert exit_code_of(error) == code
    assert len(line_about(error).splitlines()) == 1


def hiding(cause: Exception, error: Exception) -> Exception:
    """Return the error as if it had been raised while the cause was being handled."""
    error.__context__ = cause
    return error


def database_full() -> Exception:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA max_page_count = 1")
        try:
            connection.execute("CREATE TABLE t (a)")
        except sqlite3.OperationalError as error:
            return error
    raise AssertionError("there was room")


def test_full_disk_is_recognised_behind_the_errors_of_libraries() -> None:
    hidden = hiding(database_full(), RuntimeError("(sqlite3.OperationalError) database or disk is full"))
    assert exit_code_of(hidden) == 2
    assert line_about(hidden) == ("the database: the disk is full; free some space; nothing already written is lost")
    in_a_task = ExceptionGroup("tasks", [hiding(OSError(errno.ENOSPC, "No space left on device", "/x"), ValueError())])
    assert exit_code_of(in_a_task) == 2
    assert line_about(in_a_task) == "/x: no space left on device; free some space; nothing already written is lost"


def test_bug_stays_a_bug_whatever_was_being_handled() -> None:
    assert exit_code_of(hiding(FileNotFoundError(errno.ENOENT, "no", "/x"), KeyError("a"))) == 1
    assert exit_code_of(hiding(OwnerError("f.md", 3, "wrong", "fix it"), KeyError("a"))) == 1


def test_unknown_name_names_what_is_near_or_where_to_look() -> None:
    known = ("ainews/arxiv", "ainews/morning-digest", "zoe/daily-digest")
    assert str(UnknownName("job", "ainews/arxvi", known, "harness jobs")).endswith("did you mean ainews/arxiv?")
    assert str(UnknownName("job", "zzz", known, "harness jobs")) == "there is no job 'zzz'; see: harness jobs"


def test_bug_is_a_line_for_the_person_and_a_traceback_for_whoever_debugs(harness: CommandLine) -> None:
    broken = "import harness.cli.place as p\np.find_place = lambda _: 1 / 0\n"
    probe = broken + "import sys\nfrom harness.cli.app import main\nsys.exit(main(['status']))\n"
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

    def stderr(**extra: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", probe], env={**environ, **extra}, capture_output=True, text=True, check=False
        ).stderr

    assert stderr().splitlines() == ["internal error: ZeroDivisionError: division by zero; HARNESS_DEBUG=1 shows where"]
    assert "Traceback" in stderr(HARNESS_DEBUG="1")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["why", "sc"], ["scout/morning"]),
        (["run", "scout/"], ["scout/morning"]),
        (["jobs", "show", ""], ["scout/morning"]),
        (["agents", "show", "s"], ["scout"]),
        (["skills", "show", ""], ["rank-items"]),
        (["try", "profile", "c"], ["cheap"]),
        (["stat"], ["status"]),
    ],
)
def test_names_complete_in_the_shell(harness: CommandLine, words: list[str], expected: list[str]) -> None:
    line = " ".join(["harness", *words])
    ended = subprocess.run(
        [sys.executable, "-m", "harness"],
        cwd=harness.root,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "_HARNESS_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words)),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout.split() == expected
