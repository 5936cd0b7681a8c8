"""`harness service print`: something that a service manager takes as it is."""

from __future__ import annotations

import plistlib
from pathlib import Path

from tests.cli.conftest import CommandLine


def test_the_daemon_and_its_check_are_printed_for_either_service_manager(harness: CommandLine, root: Path) -> None:
    daemon = plistlib.loads(harness("service", "print", "--for", "launchd").stdout.encode())
    assert daemon["ProgramArguments"][-2:] == ["--workspace", str(root)]
    check = plistlib.loads(harness("service", "print", "check", "--for", "launchd").stdout.encode())
    assert check["ProgramArguments"][-4:] == ["doctor", "--overdue", "--workspace", str(root)]
    assert "Type=notify" in harness("service", "print", "--for", "systemd").stdout
    assert '"doctor" "--overdue"' in harness("service", "print", "check", "--for", "systemd").stdout
    assert "OnCalendar=" in harness("service", "print", "check-timer", "--for", "systemd").stdout


def test_a_timer_for_launchd_is_refused_with_what_to_print_instead(harness: CommandLine) -> None:
    refused = harness("service", "print", "check-timer", "--for", "launchd")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "print `check` alone" in refused.stderr
