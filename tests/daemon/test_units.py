"""What is printed for launchd and systemd: every path as it is, and a check that really tells."""

from __future__ import annotations

import os
import plistlib
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.daemon.units import (
    Service,
    launchd_check_plist,
    launchd_plist,
    systemd_check_timer,
    systemd_check_unit,
    systemd_unit,
)

FOLDER = Path(__file__).parents[2] / "launchd"
TEMPLATE = (FOLDER / "agent-team-harness.plist").read_text(encoding="utf-8")
CHECK_TEMPLATE = (FOLDER / "agent-team-harness-check.plist").read_text(encoding="utf-8")
ODD = Service(("/opt/h & co/python", "-m", "harness"), Path('/home/sam/50% "team"'), Path("/var/$state"))


def start_words(unit: str) -> list[str]:
    """Return the words that systemd would start."""
    [command] = [line.removeprefix("ExecStart=") for line in unit.splitlines() if line.startswith("ExecStart=")]
    return [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(command)]


def plist(text: str) -> dict[str, Any]:
    assert "{{" not in text
    loaded: dict[str, Any] = plistlib.loads(text.encode())
    return loaded


def test_launchd_is_told_every_path_as_it_is() -> None:
    service = plist(launchd_plist(TEMPLATE, ODD))
    assert service["ProgramArguments"] == [*ODD.harness, "up", "--workspace", str(ODD.root)]
    assert service["WorkingDirectory"] == str(ODD.root)
    assert service["EnvironmentVariables"]["HARNESS_HOME"] == str(ODD.state)
    assert service["ThrottleInterval"] == 10


def test_systemd_is_told_every_path_as_it_is() -> None:
    unit = systemd_unit(ODD)
    assert start_words(unit) == [*ODD.harness, "up", "--workspace", str(ODD.root)]
    assert 'Environment="HARNESS_HOME=/var/$state"' in unit
    assert "WorkingDirectory=/home/sam/50%% " in unit


def test_crash_loop_is_throttled_and_never_given_up() -> None:
    unit = systemd_unit(ODD)
    assert "RestartSec=10" in unit
    assert "StartLimitIntervalSec=0" in unit


def test_a_daemon_that_hangs_is_started_again_by_either_service_manager() -> None:
    unit = systemd_unit(ODD).splitlines()
    assert {"Type=notify", "WatchdogSec=150", "Restart=on-failure", "Environment=HARNESS_SERVICE=systemd"} <= set(unit)
    service = plist(launchd_plist(TEMPLATE, ODD))
    assert service["EnvironmentVariables"]["HARNESS_SERVICE"] == "launchd"
    assert service["KeepAlive"] == {"SuccessfulExit": False}


@pytest.mark.parametrize("drain_s", [0, 20, 600])
def test_runs_in_flight_are_given_their_time_before_the_daemon_is_killed(drain_s: int) -> None:
    service = replace(ODD, drain_s=drain_s)
    assert f"TimeoutStopSec={drain_s + 15}" in systemd_unit(service).splitlines()
    assert plist(launchd_plist(TEMPLATE, service))["ExitTimeOut"] == drain_s + 15


def test_the_check_runs_every_five_minutes() -> None:
    assert "OnCalendar=*:0/5" in systemd_check_timer().splitlines()
    assert plist(launchd_check_plist(CHECK_TEMPLATE, ODD))["StartInterval"] == 300


def program(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(("manager", "screen"), [("systemd", "notify-send"), ("launchd", "osascript")])
def test_the_check_tells_the_log_and_the_screen_what_is_overdue_and_fails(
    tmp_path: Path, manager: str, screen: str
) -> None:
    told = tmp_path / "told"
    for name in ("logger", screen):
        program(tmp_path, name, f'printf "%s\\n" "{name}: $*" >> {told}')
    team = tmp_path / "it's 50% $HOME"
    team.mkdir()
    harness = program(tmp_path, "harness", 'echo "1 job is overdue: $4"; exit $(cat code)')
    service = Service((str(harness),), team, tmp_path)
    if manager == "systemd":
        words = start_words(systemd_check_unit(service))
    else:
        words = plist(launchd_check_plist(CHECK_TEMPLATE, service))["ProgramArguments"]

    def check(code: int) -> subprocess.CompletedProcess[str]:
        (tmp_path / "code").write_text(str(code))
        environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        return subprocess.run(words, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    well = check(0)
    assert (well.returncode, well.stdout, told.exists()) == (0, "", False)
    late = check(1)
    line = f"1 job is overdue: {team}"
    assert (late.returncode, late.stdout) == (1, f"{line}\n")
    logged, shown = told.read_text().splitlines()
    assert logged == f"logger: -p user.err -t agent-team-harness -- {line}"
    assert shown.startswith(f"{screen}: ")
    assert shown.endswith(line)
