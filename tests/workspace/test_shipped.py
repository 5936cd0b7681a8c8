from __future__ import annotations

import stat
import subprocess
import tomllib
from pathlib import Path

import pytest

from harness.domain.errors import OwnerError
from harness.testing.workspace import SAMPLE_FILES, write_workspace_files
from harness.workspace.shipped import write_workspace


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder that holds a workspace beside things that are not part of one."""
    settings = "# Where you live\n" + SAMPLE_FILES["harness.toml"].replace('"America/Los_Angeles"', '"UTC"  # IANA')
    extra = {
        "harness.toml": settings,
        "README.md": "x",
        "memory/README.md": "notes\n",
        "agents/scout/.harness/x.db": "x",
        "agents/scout/jobs/old.md~": "x",
    }
    return write_workspace_files(tmp_path / "source", extra)


def test_new_folder_receives_the_workspace_and_nothing_else(tmp_path: Path, source: Path) -> None:
    target = tmp_path / "deep" / "team"
    written = write_workspace(target, source=source)
    present = sorted(path for path in target.rglob("*") if path.is_file())
    assert written == present
    names = {path.relative_to(target).as_posix() for path in present}
    assert names == {*SAMPLE_FILES, "memory/README.md", ".gitignore"}
    assert [path.name for path in target.parent.iterdir()] == ["team"]
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(target.parent.stat().st_mode), "as any new folder"


def test_state_and_rehearsals_stay_out_of_git(tmp_path: Path, source: Path) -> None:
    (tmp_path / "team").mkdir()
    subprocess.run(["git", "init", "-q", str(tmp_path / "team")], check=True)
    write_workspace(tmp_path / "team", source=source)
    for name in (".harness/harness.db", "day/ledger.txt"):
        (tmp_path / "team" / name).parent.mkdir()
        (tmp_path / "team" / name).touch()
    command = ["git", "status", "--porcelain", "--untracked-files=all"]
    seen = subprocess.run(command, cwd=tmp_path / "team", check=True, capture_output=True, text=True).stdout
    assert "?? harness.toml" in seen
    assert ".harness" not in seen
    assert "day/" not in seen


def test_home_zone_is_set_and_comments_stay(tmp_path: Path, source: Path) -> None:
    write_workspace(tmp_path / "team", "Europe/Berlin", source)
    text = (tmp_path / "team/harness.toml").read_text()
    assert text.startswith('# Where you live\nhome = "Europe/Berlin"  # IANA\n')
    assert tomllib.loads(text)["channels"]["terminal"] == {"kind": "stdout"}


def test_empty_folder_and_a_fresh_repository_are_taken(tmp_path: Path, source: Path) -> None:
    (tmp_path / "team/.git").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    write_workspace(tmp_path / "empty", source=source)
    assert (tmp_path / "empty/harness.toml").is_file()
    write_workspace(tmp_path / "team", source=source)
    assert (tmp_path / "team/harness.toml").is_file()
    assert (tmp_path / "team/.git").is_dir()


def test_folder_with_something_in_it_is_left_alone(tmp_path: Path, source: Path) -> None:
    (tmp_path / "team").mkdir()
    (tmp_path / "team/notes.md").write_text("mine")
    with pytest.raises(OwnerError, match=r"not empty: it holds notes\.md; name a new or an empty folder"):
        write_workspace(tmp_path / "team", source=source)
    assert [path.name for path in (tmp_path / "team").iterdir()] == ["notes.md"]


def test_file_in_the_way_is_left_alone(tmp_path: Path, source: Path) -> None:
    (tmp_path / "team").write_text("mine")
    with pytest.raises(OwnerError, match="not a folder"):
        write_workspace(tmp_path / "team", source=source)
    with pytest.raises(OwnerError, match="cannot be written"):
        write_workspace(tmp_path / "team" / "inside", source=source)
    assert (tmp_path / "team").read_text() == "mine"


def test_zone_that_does_not_exist_writes_nothing(tmp_path: Path, source: Path) -> None:
    with pytest.raises(OwnerError, match="did you mean 'Europe/Berlin'"):
        write_workspace(tmp_path / "team", "Berlin", source)
    assert not (tmp_path / "team").exists()
