"""`[bus]` of harness.toml and `max_open` of agent.toml: all rules read, each wrong value named with its line."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.domain.settings import BusRules, Settings
from harness.testing.workspace import SAMPLE_FILES, write_workspace_files
from harness.wiring.files import load
from harness.workspace.report import Report
from harness.workspace.settings import read_settings

ALL = """\
home = "UTC"

[bus]
max_depth = 2
max_asks = 3
max_open = 5
max_waiting = 7
when_full = "queue"
per_hour = 11
max_chars = 1300
due = "17m"
max_deliveries = 19
"""


def read(text: str) -> tuple[Settings, list[tuple[str, str]]]:
    """Return the settings, and each finding with its severity."""
    report = Report("harness.toml")
    found = read_settings(text, report)
    assert found is not None
    return found[0], [(str(entry.finding), entry.finding.severity) for entry in report.entries]


def test_every_rule_can_be_set() -> None:
    settings, findings = read(ALL)
    assert settings.bus == BusRules(2, 3, 5, 7, "queue", 11, 1300, 17 * 60, 19)
    assert findings == []
    defaults = BusRules()
    kept = {
        field.name for field in fields(BusRules) if getattr(settings.bus, field.name) == getattr(defaults, field.name)
    }
    assert kept == {"when_full"}, "a rule that is not read keeps its default"


def test_without_the_table_the_defaults_hold() -> None:
    assert read('home = "UTC"\n')[0].bus == BusRules()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("max_depth = 0", "harness.toml:4: bus.max_depth"),
        ("max_depth = 21", "harness.toml:4: bus.max_depth"),
        ("max_asks = 0", "harness.toml:4: bus.max_asks"),
        ("max_open = 0", "harness.toml:4: bus.max_open"),
        ('max_open = "3"', "harness.toml:4: bus.max_open is '3', not a whole number"),
        ("max_waiting = -1", "harness.toml:4: bus.max_waiting"),
        ('when_full = "drop"', "harness.toml:4: bus.when_full"),
        ("per_hour = 0", "harness.toml:4: bus.per_hour"),
        ("max_chars = 10", "harness.toml:4: bus.max_chars"),
        ("due = 60", "harness.toml:4: bus.due: 60 has no unit"),
        ("max_deliveries = 0", "harness.toml:4: bus.max_deliveries"),
        ("max_open_requests = 3", "harness.toml:4: "),
    ],
)
def test_a_value_that_makes_no_sense_is_named_with_its_line_and_the_default_holds(line: str, words: str) -> None:
    settings, findings = read(f'home = "UTC"\n\n[bus]\n{line}\n')
    assert [severity for _, severity in findings] == ["error"]
    assert findings[0][0].startswith(words)
    assert settings.bus == BusRules()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('due = "30s"', "would be due after 30 s"),
        ('max_waiting = 5\nwhen_full = "refuse"', "max_waiting has no effect"),
    ],
)
def test_what_can_hardly_be_meant_is_a_warning(lines: str, words: str) -> None:
    findings = read(f'home = "UTC"\n\n[bus]\n{lines}\n')[1]
    assert [severity for _, severity in findings] == ["warning"]
    assert words in findings[0][0]
    assert findings[0][0].startswith("harness.toml:4: ")


@pytest.mark.parametrize(
    ("line", "max_open", "count"), [("max_open = 3", 3, 0), ("", None, 0), ("max_open = 0", None, 1)]
)
def test_an_agent_may_take_another_number_at_a_time(
    tmp_path: Path, line: str, max_open: int | None, count: int
) -> None:
    write_workspace_files(tmp_path, SAMPLE_FILES)
    settings = tmp_path / "agents" / "scout" / "agent.toml"
    settings.write_text(f"{line}\n{settings.read_text()}")
    loaded = load(tmp_path, {}, now=datetime(2026, 11, 21, tzinfo=UTC))
    found = [str(finding) for finding in loaded.findings if "max_open" in str(finding)]
    assert len(found) == count
    assert all(finding.startswith("agents/scout/agent.toml:1: max_open") for finding in found)
    assert count or loaded.workspace.agents["scout"].max_open == max_open
