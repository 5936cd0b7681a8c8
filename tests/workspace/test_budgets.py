"""`[shedding]` of harness.toml, and what `harness check` says of money that nothing limits or nobody can count."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.domain.settings import Settings, Shedding
from harness.testing.workspace import SAMPLE_FILES, write_workspace_files
from harness.wiring.files import load
from harness.workspace.report import Report
from harness.workspace.settings import read_settings

PAID = """
[profiles.paid]
adapter = "openai"
base_url = "https://models.example/v1"
model = "m"
input_usd_per_mtok = 1.0
"""
FAR = """
[profiles.far]
adapter = "openai"
base_url = "https://models.example/v1"
model = "m"
"""


def read(text: str) -> tuple[Settings, list[str]]:
    report = Report("harness.toml")
    found = read_settings(f'home = "UTC"\n{text}', report)
    assert found is not None
    return found[0], [str(entry.finding) for entry in report.entries]


def findings(tmp_path: Path, profile: str, more: str, *, team: str = "", agent_budget: str = "") -> list[str]:
    """Check a team whose agent asks the profile; return what is said of harness.toml."""
    settings = SAMPLE_FILES["harness.toml"].replace('profile = "cheap"', f'profile = "{profile}"\n{team}') + more
    agent = f'description = "x"\n{agent_budget}\n'
    root = write_workspace_files(tmp_path, {"harness.toml": settings, "agents/scout/agent.toml": agent})
    loaded = load(root, {}, now=datetime(2026, 11, 20, tzinfo=UTC))
    assert not loaded.errors
    return [str(finding) for finding in loaded.findings if finding.path == "harness.toml"]


def test_the_shares_are_read_and_have_defaults() -> None:
    assert read("")[0].shedding == Shedding(0.8, 0.95)
    settings, said = read("[shedding]\nlow_at = 0.5\nnormal_at = 0.6\n")
    assert (settings.shedding, said) == (Shedding(0.5, 0.6), [])


@pytest.mark.parametrize("text", ["low_at = 0", "normal_at = 1.5", 'low_at = "80%"', "high_at = 1.0"])
def test_what_is_no_share_is_named_with_its_line(text: str) -> None:
    settings, said = read(f"[shedding]\n{text}\n")
    assert settings.shedding == Shedding()
    assert len(said) == 1
    assert said[0].startswith("harness.toml:3: ")


def test_low_priority_cannot_outlast_normal() -> None:
    settings, said = read("[shedding]\nlow_at = 0.99\n")
    assert settings.shedding == Shedding()
    assert said == [
        "harness.toml:3: jobs of low priority would keep their model until 0.99 of a budget, longer than others; "
        "write a low_at that is at most normal_at"
    ]


def test_a_paid_profile_without_any_budget_is_warned_of_with_the_line_to_write(tmp_path: Path) -> None:
    (said,) = findings(tmp_path, "paid", PAID)
    assert "profile 'paid' may cost money" in said
    assert "scout/morning" in said
    assert said.endswith('say what a day may cost at most: budget = "$5/day"')


@pytest.mark.parametrize(("team", "agent_budget"), [('budget = "$5/day"', ""), ("", 'budget = "$1/day"')])
def test_any_budget_that_limits_the_job_is_enough(tmp_path: Path, team: str, agent_budget: str) -> None:
    assert findings(tmp_path, "paid", PAID, team=team, agent_budget=agent_budget) == []


def test_a_fallback_that_costs_money_is_warned_of_as_well(tmp_path: Path) -> None:
    local = '\n[profiles.local]\nadapter = "openai"\nbase_url = "http://127.0.0.1:1/v1"\nmodel = "m"\n'
    assert findings(tmp_path, "local", local) == []
    (said,) = findings(tmp_path, "local", f'{local}fallbacks = ["paid"]\n{PAID}')
    assert "profile 'paid' may cost money" in said


def test_a_model_elsewhere_without_prices_cannot_be_counted_unless_its_tokens_are_limited(tmp_path: Path) -> None:
    (said,) = findings(tmp_path, "far", FAR, team='budget = "$5/day"')
    assert "profile 'far' has no prices" in said
    assert "cannot be counted" in said
    assert findings(tmp_path, "far", f"{FAR}tokens_per_day = 100000\n") == []


def test_a_model_elsewhere_without_prices_and_without_budget_is_told_once_with_what_would_hold_it(
    tmp_path: Path,
) -> None:
    (said,) = findings(tmp_path, "far", FAR)
    assert "profile 'far' may cost money, and no budget is set for scout/morning" in said
    assert said.endswith("add its prices and a budget, or limit its tokens with tokens_per_day")


def test_a_profile_that_nobody_asks_is_not_spoken_of(tmp_path: Path) -> None:
    assert findings(tmp_path, "cheap", PAID + FAR) == []
