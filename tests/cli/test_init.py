from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from harness.cli.app import main
from harness.cli.init import system_zone


def test_workspace_that_is_written_out_passes_its_own_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    team = tmp_path / "team"
    assert main(["init", str(team), "--home-zone", "Europe/Berlin"]) == 0
    assert tomllib.loads((team / "harness.toml").read_text())["home"] == "Europe/Berlin"
    assert ".harness/" in (team / ".gitignore").read_text().splitlines()
    assert main(["check", "--workspace", str(team)]) == 0
    capsys.readouterr()


def test_an_empty_workspace_begins_with_one_agent_that_passes_its_check_and_a_day(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    team = tmp_path / "team"
    assert main(["init", str(team), "--home-zone", "Europe/Berlin", "--empty"]) == 0
    assert "agents/README.md" in capsys.readouterr().err
    assert sorted(path.name for path in (team / "agents").iterdir()) == ["README.md", "scout"]
    assert not [path for path in (team / "skills").iterdir() if path.is_dir()]
    assert (team / "shared-context/feeds/ai.md").is_file()
    assert main(["check", "--workspace", str(team)]) == 0
    assert "no findings" in capsys.readouterr().out
    day = ["day", "--workspace", str(team), "--date", "2026-11-20", "--world", "sample", "--out", str(tmp_path / "day")]
    assert main(day) == 0
    assert "scout/morning" in capsys.readouterr().out


def test_the_team_is_what_is_written_out_where_nothing_else_is_said(tmp_path: Path) -> None:
    for name, flags in (("a", []), ("b", ["--team"])):
        assert main(["init", str(tmp_path / name), "--home-zone", "Europe/Berlin", *flags]) == 0
        agents = {path.name for path in (tmp_path / name / "agents").iterdir() if path.is_dir()}
        assert agents == {"ainews", "butler", "content", "macro", "trading", "zoe"}


def test_comments_of_the_settings_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", str(tmp_path / "team"), "--home-zone", "Asia/Tokyo"])
    assert "#" in (tmp_path / "team" / "harness.toml").read_text()
    capsys.readouterr()


def test_workspace_that_is_there_is_never_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", str(tmp_path / "team"), "--home-zone", "Asia/Tokyo"])
    (tmp_path / "team" / "USER.md").write_text("mine")
    assert main(["init", str(tmp_path / "team"), "--home-zone", "Asia/Tokyo"]) == 2
    assert (tmp_path / "team" / "USER.md").read_text() == "mine"
    assert "is a workspace already" in capsys.readouterr().err


def test_file_of_the_persons_is_never_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "USER.md").write_text("mine")
    assert main(["init", str(tmp_path), "--home-zone", "Asia/Tokyo"]) == 2
    assert (tmp_path / "USER.md").read_text() == "mine"
    assert not (tmp_path / "harness.toml").exists()
    capsys.readouterr()


def test_init_that_cannot_write_leaves_nothing_and_can_be_begun_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "team").write_text("in the way")
    assert main(["init", str(tmp_path / "team" / "mine"), "--home-zone", "Asia/Tokyo"]) == 2
    assert "choose a folder in which you may write" in capsys.readouterr().err
    (tmp_path / "team").unlink()
    assert main(["init", str(tmp_path / "team" / "mine"), "--home-zone", "Asia/Tokyo"]) == 0
    assert [path.name for path in (tmp_path / "team").iterdir()] == ["mine"]
    capsys.readouterr()


@pytest.mark.parametrize("zone", ["Europe/Berln", "Berlin"])
def test_zone_that_does_not_exist_names_the_one_that_was_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], zone: str
) -> None:
    assert main(["init", str(tmp_path / "team"), "--home-zone", zone]) == 2
    assert "Europe/Berlin" in capsys.readouterr().err
    assert not (tmp_path / "team").exists()


def test_zone_of_the_machine_is_found_where_it_says_it(tmp_path: Path) -> None:
    assert system_zone({}, tmp_path) is None
    (tmp_path / "timezone").write_text("Asia/Tokyo\n")
    assert system_zone({}, tmp_path) == "Asia/Tokyo"
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/Europe/Paris")
    assert system_zone({}, tmp_path) == "Europe/Paris"
    assert system_zone({"TZ": "America/New_York"}, tmp_path) == "America/New_York"
    assert system_zone({"TZ": "PST8PDT"}, tmp_path) == "Europe/Paris"
