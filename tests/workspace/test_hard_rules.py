"""The keys of hard rules in job files and agent.toml: what they come to, and what is said of those that are wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.domain.contract import Contract, ItemRule, ShareLimit, SignalRule
from harness.domain.schedule import QuietHours
from harness.testing.workspace import SAMPLE_FILES, write_workspace_files
from harness.wiring.files import vocabulary
from harness.workspace.load import Loaded, load_workspace

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MORNING = "agents/scout/jobs/morning.md"


def load(root: Path, lines: str = "", agent: str = "", settings: str = "") -> Loaded:
    """Load a workspace with these lines in the job scout/morning, below agent.toml, and above harness.toml."""
    files = {
        MORNING: f"---\nschedule: daily 08:00\nread: [feeds/ai]\n{lines}\n---\nHello\n",
        "agents/scout/jobs/review.md": "---\nschedule: sun 08:00\naction: self-check\n---\n",
        "agents/scout/agent.toml": f'description = "Looks"\n{agent}',
        "harness.toml": settings + SAMPLE_FILES["harness.toml"],
    }
    return load_workspace(write_workspace_files(root, files), vocabulary(), now=NOW)


def contract(root: Path, lines: str = "", agent: str = "", job: str = "morning") -> Contract:
    loaded = load(root, lines, agent)
    assert [str(finding) for finding in loaded.findings] == []
    return loaded.workspace.job(f"scout/{job}").contract


def findings(root: Path, lines: str = "", agent: str = "") -> list[str]:
    return [str(finding) for finding in load(root, lines, agent).findings]


ALL_YAML = """\
contract:
  numbers: collected
  signals: {stop: required, wait_below: 60%}
  confidence: labelled
  sections: [Facts, Judgement]
  disclaimer: Research only.
  every_item: {url: collected, reachable: true, priority: required}
  max_share: {ai: 40%, world: 30.5%}
  must_not_include: [stock]
  cite: [scout/review]"""
ALL_TOML = """
[contract]
numbers = "collected"
signals = {stop = "required", wait_below = "60%"}
confidence = "labelled"
sections = ["Facts", "Judgement"]
disclaimer = "Research only."
every_item = {url = "collected", reachable = true, priority = "required"}
max_share = {ai = "40%", world = "30.5%"}
must_not_include = ["stock"]
cite = ["scout/review"]
"""
ALL = Contract(
    numbers="collected",
    signals=SignalRule(stop=True, wait_below=60.0),
    confidence="labelled",
    sections=("Facts", "Judgement"),
    disclaimer="Research only.",
    every_item=ItemRule(url_collected=True, reachable=True, priority=True),
    max_share=(ShareLimit("ai", 40.0), ShareLimit("world", 30.5)),
    must_not_include=("stock",),
    cite=("scout/review",),
)


def test_every_rule_reads_the_same_in_a_job_and_in_agent_toml(tmp_path: Path) -> None:
    reads = "read: [feeds/ai, scout/review]"
    text = f"---\nschedule: daily 08:00\n{reads}\n{{}}\n---\nHello\n"
    for name, lines, agent in (("b", ALL_YAML, ""), ("c", "", ALL_TOML)):
        files = {
            MORNING: text.replace("{}", lines),
            "agents/scout/jobs/review.md": "---\nschedule: sun 08:00\naction: self-check\n---\n",
            "agents/scout/agent.toml": f'description = "Looks"\n{agent}',
        }
        loaded = load_workspace(write_workspace_files(tmp_path / name, files), vocabulary(), now=NOW)
        assert [str(finding) for finding in loaded.findings] == []
        assert loaded.workspace.job("scout/morning").contract == ALL


def test_a_job_that_says_nothing_promises_nothing(tmp_path: Path) -> None:
    assert contract(tmp_path) == Contract()


def test_a_job_goes_before_its_agent_and_their_lists_add_up(tmp_path: Path) -> None:
    agent = """
[contract]
min_items = 2
disclaimer = "Agent."
must_not_include = ["stock", "bond"]
max_share = {ai = "40%", world = "50%"}
every_item = {priority = "required"}
"""
    lines = """\
contract:
  min_items: 5
  disclaimer: Job.
  must_not_include: [bond, gold]
  max_share: {ai: 20%}
  links: reachable"""
    assert contract(tmp_path, lines, agent) == Contract(
        min_items=5,
        disclaimer="Job.",
        must_not_include=("bond", "gold", "stock"),
        max_share=(ShareLimit("ai", 20.0), ShareLimit("world", 50.0)),
        every_item=ItemRule(reachable=True, priority=True),
    )


def test_an_action_promises_only_what_it_says_itself(tmp_path: Path) -> None:
    assert contract(tmp_path, agent='\n[contract]\nnumbers = "collected"\n', job="review") == Contract()


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("contract: {numbers: guessed}", "contract.numbers is 'guessed'"),
        ("contract: {signals: {wait_below: 60}}", "60 is not a share of a hundred; write it with its sign"),
        ("contract: {max_share: {ai: 140%}}", "'140%' is out of range; use 0% to 100%"),
        ("contract: {every_item: {priority: true}}", "contract.every_item.priority is True"),
        ("contract: {disclaimer: 7}", "contract.disclaimer is 7, not a text"),
        ("contract: {forbid: [x]}", "unknown key 'contract.forbid'"),
        ("contract: {cite: [scout/review]}", "cite names scout/review, which the job does not read"),
        ("emergency: true", "only a reminder can be an emergency; add reminder: true, or drop it"),
        ("reminder: true\ncontract: {disclaimer: A disclaimer that leaves no room in any line of 49.}", "no room"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_remedy(tmp_path: Path, lines: str, found: str) -> None:
    (finding,) = findings(tmp_path, lines)
    assert found in finding
    assert finding.startswith(f"{MORNING}:")


def test_a_job_and_its_agent_that_contradict_each_other_are_told(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, "contract: {max_items: 5}", "\n[contract]\nmin_items = 8\n")
    assert finding.startswith(f"{MORNING}:4: with [contract] of agent.toml, min_items 8 is more than max_items 5")


def test_a_mistake_in_agent_toml_is_told_there(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, agent='\n[contract]\nnumbers = "all"\n')
    assert finding.startswith("agents/scout/agent.toml:4: contract.numbers is 'all'")


# ── Reminders ────────────────────────────────────────────────────────────────────────────────────


def test_a_reminder_is_short_and_kept_out_of_the_night_at_home(tmp_path: Path) -> None:
    job = load(tmp_path, "tz: Asia/Tokyo\nreminder: true").workspace.job("scout/morning")
    assert (job.reminder, job.emergency, job.contract.reminder_chars) == (True, False, 49)
    assert job.quiet_hours == QuietHours(23 * 60, 7 * 60, "America/Los_Angeles")


def test_a_reminder_keeps_the_teams_quiet_hours_or_its_own(tmp_path: Path) -> None:
    team = 'quiet_hours = "22:00-06:00"\n'
    of_team = load(tmp_path / "a", "reminder: true", settings=team).workspace.job("scout/morning")
    assert of_team.quiet_hours == QuietHours(22 * 60, 6 * 60, "America/Los_Angeles")
    own = load(tmp_path / "b", 'reminder: true\nquiet_hours: "21:00-09:00"', settings=team).workspace.job(
        "scout/morning"
    )
    assert own.quiet_hours == QuietHours(21 * 60, 9 * 60)


def test_a_reminder_that_follows_the_person_keeps_the_night_where_they_are(tmp_path: Path) -> None:
    here = '\n[here]\nzone = "Asia/Tokyo"\n'
    files = {
        MORNING: "---\nschedule: daily 08:00\ntz: local\nreminder: true\n---\nHello\n",
        "harness.toml": SAMPLE_FILES["harness.toml"] + here,
    }
    job = load_workspace(write_workspace_files(tmp_path, files), vocabulary(), now=NOW).workspace.job("scout/morning")
    assert job.quiet_hours == QuietHours(23 * 60, 7 * 60, "Asia/Tokyo")


def test_an_emergency_has_no_quiet_hours(tmp_path: Path) -> None:
    assert load(tmp_path, "reminder: true\nemergency: true").workspace.job("scout/morning").quiet_hours is None


def test_the_spacing_of_reminders_is_ninety_minutes_or_what_the_agent_says(tmp_path: Path) -> None:
    assert load(tmp_path / "a").workspace.agents["scout"].reminder_spacing_s == 5400
    agent = '\n[reminders]\nspacing = "2h"\n'
    assert load(tmp_path / "b", agent=agent).workspace.agents["scout"].reminder_spacing_s == 7200
