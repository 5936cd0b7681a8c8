"""The command line on databases that are not the workspace's own file: on a server, and shared."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from harness.testing.workspace import SAMPLE_FILES, write_workspace_files
from tests.cli.conftest import CommandLine, clean_environment
from tests.postgres_server import PASSWORD

CHECK = "---\nschedule: daily 08:00\naction: self-check\ndeliver: terminal\n---\nChecks.\n"


def team_in(root: Path, url: str, team: str | None = "kitchen") -> CommandLine:
    """Write a workspace that names its team, on a database."""
    settings = f'team = "{team}"\n{SAMPLE_FILES["harness.toml"]}' if team else SAMPLE_FILES["harness.toml"]
    write_workspace_files(root, {"harness.toml": settings, "agents/scout/jobs/check.md": CHECK})
    return CommandLine(root, {"HARNESS_DATABASE_URL": url})


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that several workspaces may name."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'shared.db'}"


def test_commands_that_only_read_show_what_a_run_left(url: str, tmp_path: Path) -> None:
    harness = team_in(tmp_path / "team", url)
    assert "no run yet" in harness("status").stdout
    assert harness("run", "scout/check").returncode == 0
    status = json.loads(harness("status", "--json").stdout)
    assert (status["has_ledger"], sum(status["last_24h"].values())) == (True, 1)
    (run,) = json.loads(harness("runs", "list", "--json").stdout)
    assert json.loads(harness("runs", "show", run["run"], "--json").stdout)["fire"]["job"] == "scout/check"
    assert "scout/check" in harness("ledger", "--all").stdout
    assert "scout/check" in harness("why", "scout/check").stdout
    doctor = harness("doctor", "--json")
    assert {finding["code"] for finding in json.loads(doctor.stdout)["findings"]} <= {"no-daemon"}
    assert not (harness.root / ".harness" / "harness.db").exists()


def test_a_workspace_of_another_team_is_refused_and_writes_nothing(url: str, tmp_path: Path) -> None:
    ours, theirs = team_in(tmp_path / "ours", url), team_in(tmp_path / "theirs", url, "garden")
    assert ours("run", "scout/check").returncode == 0
    before = ours("runs", "list", "--json").stdout
    refused = theirs("run", "scout/check")
    assert refused.returncode == 2
    assert "belongs to the team 'kitchen', not to the team 'garden'" in refused.stderr
    assert PASSWORD not in refused.stderr
    assert ours("runs", "list", "--json").stdout == before
    shutil.copytree(ours.root, tmp_path / "copy")
    same_team = CommandLine(tmp_path / "copy", ours.environ)
    assert same_team("run", "scout/check").returncode == 0


def test_a_workspace_without_a_team_may_move_but_not_be_copied(tmp_path: Path) -> None:
    harness = team_in(tmp_path / "first", f"sqlite:///{tmp_path / 'shared.db'}", team=None)
    assert harness("run", "scout/check").returncode == 0
    shutil.copytree(harness.root, tmp_path / "copy")
    copy = CommandLine(tmp_path / "copy", harness.environ)
    refused = copy("run", "scout/check")
    assert refused.returncode == 2
    assert str(harness.root) in refused.stderr
    shutil.rmtree(harness.root)
    assert copy("run", "scout/check").returncode == 0


def test_a_server_without_a_team_is_refused_before_anything_is_asked_of_it(tmp_path: Path) -> None:
    harness = team_in(tmp_path / "team", f"postgresql://sam:{PASSWORD}@127.0.0.1:1/team", team=None)
    refused = harness("run", "scout/check")
    assert refused.returncode == 2
    assert 'add team = "NAME"' in refused.stderr
    assert PASSWORD not in refused.stderr


def test_a_server_that_does_not_answer_is_one_line_and_try_again_later(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"postgresql://sam:{PASSWORD}@127.0.0.1:{nobody.getsockname()[1]}/team"
        harness = team_in(tmp_path / "team", url)
        for command in (["status"], ["ledger"], ["doctor"], ["run", "scout/check"]):
            ended = harness(*command)
            assert (ended.returncode, ended.stderr.count("\n")) == (75, 1), command
            assert "the database cannot be reached" in ended.stderr
            assert PASSWORD not in ended.stderr


def test_an_address_that_is_none_is_told_with_the_place_where_it_stands(tmp_path: Path) -> None:
    harness = team_in(tmp_path / "team", "mysql://sam:secret@db/team")
    ended = harness("status")
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "HARNESS_DATABASE_URL: this is no address of a database; write postgresql://" in ended.stderr


def test_status_on_a_server_loads_its_driver_and_nothing_heavier(postgres_url: str, tmp_path: Path) -> None:
    harness = team_in(tmp_path / "team", postgres_url)
    assert harness("run", "scout/check").returncode == 0
    script = (
        "import sys\nfrom harness.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'pydantic', 'sqlalchemy', 'dbos', 'rich', 'jinja2', 'psycopg'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, "status"],
        cwd=harness.root, env={**clean_environment(), **harness.environ}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ended.stderr == "['psycopg']\n"
