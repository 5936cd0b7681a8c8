"""The macOS service: a crash loop must not restart every second."""

from __future__ import annotations

import plistlib
from pathlib import Path

from harness.daemon.units import Service, launchd_plist

ROOT = Path(__file__).parents[2]
TEMPLATE = (ROOT / "launchd" / "agent-team-harness.plist").read_text(encoding="utf-8")


def test_it_restarts_after_a_crash_only_and_at_most_every_ten_seconds() -> None:
    service = plistlib.loads(TEMPLATE.encode())
    assert service["KeepAlive"] == {"SuccessfulExit": False}
    assert service["ThrottleInterval"] == 10


def test_filled_in_it_starts_this_workspace_and_holds_no_placeholder() -> None:
    place = Service(("/opt/h & h/bin/harness",), Path("/Users/sam/my team"), Path("/Users/sam/state"))
    filled = launchd_plist(TEMPLATE, place)
    service = plistlib.loads(filled.encode())
    assert "{{" not in filled
    assert service["ProgramArguments"] == ["/opt/h & h/bin/harness", "up", "--workspace", "/Users/sam/my team"]
    assert service["StandardErrorPath"] == "/Users/sam/state/logs/service.log"
