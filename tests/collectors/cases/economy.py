"""economy/calendar: the export of a week, with a holiday and a value that is two numbers."""

from __future__ import annotations

from pathlib import Path

from harness.domain.economy import EconomySettings
from harness.domain.settings import Settings
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from tests.collectors.family_case import Cassette, FamilyCase


def workspace(root: Path, url: str) -> Workspace:
    return Workspace(root, Settings(economy=EconomySettings(countries=("US", "EU"), url=f"{url}/week.json")))


def check(collected: Collected) -> None:
    assert [item.title for item in collected.items] == [
        "US: Nonfarm Payrolls (Fri 2026-03-06 13:30 UTC)",
        "EU: German Industrial Production m/m (Mon 2026-03-09 07:00 UTC)",
        "US: CPI y/y (Wed 2026-03-11 12:30 UTC)",
        "US: 10-y Bond Auction (Wed 2026-03-11 17:01 UTC)",
        "US: Unemployment Claims (Thu 2026-03-12 12:30 UTC)",
    ]
    values = {figure.key: (figure.value, figure.unit) for figure in collected.figures}
    assert values["us.cpi-y-y.2026-03-11.consensus"] == (2.5, "%")
    assert values["us.nonfarm-payrolls.2026-03-06.previous"] == (126_000.0, "")
    assert not [key for key in values if "auction" in key], "4.18|2.4 is no single number"
    assert "- Wed 2026-03-11 12:30 UTC US CPI y/y (high): consensus 2.5%, previous 2.4%" in collected.text


CASE = FamilyCase(
    family="economy",
    read="economy/calendar",
    workspace=workspace,
    check=check,
    cassettes={"/week.json": Cassette("week.json", "application/json; charset=utf-8")},
    empty=b"[]",
    may_be_empty=True,
)
