"""requests/open: what the follow-ups of a person say; the requests of a database are looked at in its own tests."""

from __future__ import annotations

from pathlib import Path

from harness.domain.settings import Settings
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from tests.collectors.family_case import FamilyCase

FOLLOW_UPS = """# Mine

- P0 sam: Pay the domain
- [done] P1 scout: Look around
- [asked] P1 scout: Count the kettles
  - since: 2026-03-06
  - evidence: shared-context/intel/kettles.md
"""


def workspace(root: Path, url: str) -> Workspace:
    folder = root / "shared-context/followups"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "2026-03-08.md").write_text(FOLLOW_UPS)
    (folder / "2026-03-09.md").write_text("- P0 sam: Tomorrow's\n")
    return Workspace(root, Settings(home_zone="UTC"))


def check(collected: Collected) -> None:
    assert collected.text == (
        "Follow-ups:\n"
        "- P0 sam: Pay the domain (open, in shared-context/followups/2026-03-08.md)\n"
        "- P1 scout: Count the kettles (asked, in shared-context/followups/2026-03-08.md; since 2026-03-06; "
        "evidence: shared-context/intel/kettles.md)"
    )


CASE = FamilyCase(family="requests", read="requests/open", workspace=workspace, check=check, from_files=True)
