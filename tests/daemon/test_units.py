from __future__ import annotations

import plistlib
import shlex
from pathlib import Path

from harness.daemon.units import Service, launchd_plist, systemd_unit

TEMPLATE = Path(__file__).parents[2] / "launchd" / "agent-team-harness.plist"
ODD = Service(("/opt/h & co/python", "-m", "harness"), Path('/home/sam/50% "team"'), Path("/var/$state"))


def test_launchd_is_told_every_path_as_it_is() -> None:
    plist = plistlib.loads(launchd_plist(TEMPLATE.read_text(), ODD).encode())
    assert plist["ProgramArguments"] == [*ODD.harness, "up", "--workspace", str(ODD.root)]
    assert plist["WorkingDirectory"] == str(ODD.root)
    assert plist["EnvironmentVariables"]["HARNESS_HOME"] == str(ODD.state)
    assert plist["ThrottleInterval"] == 10
    assert b"{{" not in plistlib.dumps(plist)


def test_systemd_is_told_every_path_as_it_is() -> None:
    unit = systemd_unit(ODD)
    [command] = [line.removeprefix("ExecStart=") for line in unit.splitlines() if line.startswith("ExecStart=")]
    words = [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(command)]
    assert words == [*ODD.harness, "up", "--workspace", str(ODD.root)]
    assert 'Environment="HARNESS_HOME=/var/$state"' in unit
    assert "WorkingDirectory=/home/sam/50%% " in unit


def test_crash_loop_is_throttled_and_never_given_up() -> None:
    unit = systemd_unit(ODD)
    assert "RestartSec=10" in unit
    assert "StartLimitIntervalSec=0" in unit
