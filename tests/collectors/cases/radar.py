"""radar: the pages of the Tech Radar, one of which a person wrote."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from harness.bus.radar.folder import RadarFolder, path_of
from harness.domain.radar import Move, Technology
from harness.domain.settings import Settings
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from tests.collectors.family_case import FamilyCase

BY_HAND = """---
name: Paper maps
ring: trial
quadrant: techniques
url: https://maps.example/
---
I know them.
"""


def workspace(root: Path, url: str) -> Workspace:
    found = Technology("", "Lantern", "discovered", "tools", "https://lantern.example/repo", "ainews", "run:1")
    RadarFolder(root).add(found, Move(date(2026, 3, 7), "discovered", "Lights up logs.", "run:1"))
    (root / path_of("paper-maps")).write_text(BY_HAND)
    return Workspace(root, Settings())


def check(collected: Collected) -> None:
    lantern, maps = collected.items
    assert (lantern.title, lantern.url, lantern.source) == ("Lantern", "https://lantern.example/repo", "Tech Radar")
    assert lantern.summary == (
        "waits for an evaluation. tools; found by ainews. Page shared-context/radar/lantern.md. 2026-03-07: "
        "Lights up logs."
    )
    assert maps.summary == "on trial. techniques; Page shared-context/radar/paper-maps.md."
    assert collected.text == (
        "Tech Radar: 1 technology waits for an evaluation; 0 technologies evaluated, waits for a decision; "
        "1 technology on trial."
    )


CASE = FamilyCase(family="radar", read="radar", workspace=workspace, check=check, from_files=True)
