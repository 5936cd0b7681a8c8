"""The macOS service: a crash loop must not restart every second."""

from __future__ import annotations

import plistlib
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEMPLATE = (ROOT / "launchd" / "agent-team-harness.plist").read_text(encoding="utf-8")


def test_it_restarts_after_a_crash_only_and_at_most_every_ten_seconds() -> None:
    service = plistlib.loads(TEMPLATE.encode())
    assert service["KeepAlive"] == {"SuccessfulExit": False}
    assert service["ThrottleInterval"] == 10


def test_the_instructions_fill_in_every_placeholder() -> None:
    instructions = (ROOT / "launchd" / "README.md").read_text(encoding="utf-8")
    used = set(re.findall(r"\{\{([A-Z]+)\}\}", TEMPLATE))
    assert used == set(re.findall(r"s\|\{\{([A-Z]+)\}\}\|", instructions))
