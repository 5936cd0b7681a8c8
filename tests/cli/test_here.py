from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli.app import main
from harness.testing.workspace import SAMPLE_FILES, write_workspace_files

LOCAL = "---\nschedule: daily 08:00\ntz: local\n---\nHello\n"


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("HARNESS_HOME", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    root = write_workspace_files(tmp_path / "team", {"agents/scout/jobs/local.md": LOCAL})
    monkeypatch.chdir(root)
    return root


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["here", *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_who_said_nothing_is_home(team: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys)
    assert (code, err) == (0, "")
    assert out.startswith("you are home, in America/Los_Angeles\n1 job follows:\n")
    assert "scout/local" in out and "scout/morning" not in out
    assert (team / "harness.toml").read_text(encoding="utf-8") == SAMPLE_FILES["harness.toml"]


def test_local_jobs_follow_until_the_last_day(team: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "Asia/Tokyo", "--until", "2099-12-05")
    assert code == 0
    assert out.startswith("you are in Asia/Tokyo until Sat 5 Dec 2099; home is America/Los_Angeles\n1 job follows:\n")
    assert 'zone = "Asia/Tokyo"\nuntil = 2099-12-05\n' in (team / "harness.toml").read_text(encoding="utf-8")
    document = json.loads(run(capsys, "--json")[1])
    next_due = document["jobs"][0].pop("next_due")
    assert next_due.endswith("T23:00:00Z")  # 08:00 in Tokyo
    assert document == {
        "zone": "Asia/Tokyo",
        "home": "America/Los_Angeles",
        "is_home": False,
        "until": "2099-12-05",
        "ends_at": "2099-12-05T15:00:00Z",
        "jobs": [{"job": "scout/local"}],
    }


def test_last_day_can_be_changed_without_naming_the_place_again(team: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "Asia/Tokyo", "--until", "2099-12-05")
    assert run(capsys, "--until", "2099-12-24")[1].startswith("you are in Asia/Tokyo until Thu 24 Dec 2099;")
    assert run(capsys, "Asia/Tokyo")[1].startswith("you are in Asia/Tokyo; home")


@pytest.mark.parametrize("way_home", ["home", "--clear"])
def test_way_home_leaves_the_settings_as_they_were(
    team: Path, capsys: pytest.CaptureFixture[str], way_home: str
) -> None:
    run(capsys, "Asia/Tokyo")
    code, out, _ = run(capsys, way_home)
    assert (code, out.splitlines()[0]) == (0, "you are home, in America/Los_Angeles")
    assert (team / "harness.toml").read_text(encoding="utf-8") == SAMPLE_FILES["harness.toml"]


def test_stay_that_is_over_is_home(team: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = SAMPLE_FILES["harness.toml"] + '\n[here]\nzone = "Asia/Tokyo"\nuntil = 2020-01-01\n'
    (team / "harness.toml").write_text(text, encoding="utf-8")
    document = json.loads(run(capsys, "--json")[1])
    assert (document["zone"], document["is_home"], document["until"]) == ("America/Los_Angeles", True, None)
    assert main(["jobs", "show", "scout/local"]) == 0
    assert "America/Los_Angeles" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["Tokio"], "there is no time zone 'Tokio'; did you mean 'Asia/Tokyo'?"),
        (["Asia/Tokyo", "--until", "friday"], "'friday' is not a date; write it as 2026-12-05"),
        (["Asia/Tokyo", "--until", "2020-01-01"], "2020-01-01 is over in Asia/Tokyo; name the last day there"),
        (["--until", "2099-01-01"], "you are home; name the zone in which you are until then"),
        (["home", "--until", "2099-01-01"], "home has no last day; leave out --until"),
        (["Asia/Tokyo", "--clear"], "--clear takes you home; leave out the zone and --until"),
    ],
)
def test_misuse_changes_nothing_and_says_how_it_is_meant(
    team: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(told)
    assert (team / "harness.toml").read_text(encoding="utf-8") == SAMPLE_FILES["harness.toml"]


def test_place_that_is_written_but_not_in_force_is_not_called_so(
    team: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys)[0] == 0  # now there is a last good version
    broken = SAMPLE_FILES["harness.toml"].replace('user = "Sam"', "max_running = 999")
    (team / "harness.toml").write_text(broken, encoding="utf-8")
    code, out, err = run(capsys, "Asia/Tokyo")
    assert (code, out) == (2, "")
    assert "harness.toml:2: max_running is 999: too large" in err
    assert "where you are is written down, and not in force before this is right" in err


def test_place_that_another_files_mistake_holds_back_is_told_by_that_mistake(
    team: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys)[0] == 0
    renamed = SAMPLE_FILES["harness.toml"].replace("[channels.digest]", "[channels.page]")
    (team / "harness.toml").write_text(renamed, encoding="utf-8")
    code, _, err = run(capsys, "Asia/Tokyo")
    assert code == 2
    assert "unknown channel 'digest'" in err and "not in force" in err
