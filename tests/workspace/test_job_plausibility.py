"""What a job says in vain is named, and what it says for good is not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.testing.workspace import write_workspace_files
from harness.wiring.files import vocabulary
from harness.workspace.load import check_workspace

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)  # four in the morning at home
JOB = "agents/scout/jobs/morning.md"


def findings(root: Path, lines: str) -> list[str]:
    write_workspace_files(root, {JOB: f"---\n{lines}\n---\nHello\n"})
    found = check_workspace(root, vocabulary(), now=NOW)
    assert all(finding.severity == "warning" for finding in found)
    return [str(finding) for finding in found]


@pytest.mark.parametrize(
    "schedule",
    ["once 2026-11-21 00:59", "at 2025-01-01 09:00", "[daily 08:00, once 2026-11-20 09:00]"],
)
def test_a_one_shot_that_catching_up_does_not_reach_is_named_with_its_time(tmp_path: Path, schedule: str) -> None:
    [finding] = findings(tmp_path, f"tz: home\nschedule: {schedule}")
    assert finding.startswith(f"{JOB}:3: 202")
    assert "in America/Los_Angeles has passed: this time will never fire; write a time to come" in finding


@pytest.mark.parametrize(
    "lines",
    [
        "schedule: once 2026-11-21 05:00",
        "schedule: once 2026-11-21 01:01",  # three hours are made up for
        "schedule: once 2026-11-20 05:00\nif_missed: {run: latest, within: 2d}",
        "schedule: once 2026-11-21 20:00\ntz: Asia/Tokyo\nif_missed: {within: 1h}",  # an hour ago
    ],
)
def test_a_one_shot_that_is_still_to_fire_is_not_named(tmp_path: Path, lines: str) -> None:
    assert findings(tmp_path, lines) == []


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("schedule: daily 08:00\nbackoff: 99d", "longer than an hour"),
        ("schedule: daily 08:00\nbackoff: 30m\ndeadline: 30m", "never a second attempt"),
        ("schedule: every 10m\nbackoff: 10m", "next slot"),
        ("schedule: '*/15 9-17 * * 1-5'\nbackoff: 20m", "next slot"),
    ],
)
def test_a_pause_that_no_attempt_can_wait_for_is_named(tmp_path: Path, lines: str, problem: str) -> None:
    [finding] = findings(tmp_path, lines)
    assert finding.startswith(f"{JOB}:3: backoff is ")
    assert problem in finding


@pytest.mark.parametrize(
    "lines",
    [
        "schedule: every 30s",  # what the person did not write is nothing to correct
        "schedule: every 10m\nbackoff: 9m",
        "schedule: every 10m\nbackoff: 30m\nattempts: 1",
        "schedule: daily 08:00\nbackoff: 1h\ndeadline: 2h",
        "schedule: once 2026-12-01 09:00\nbackoff: 1h",
    ],
)
def test_a_pause_that_can_be_waited_for_is_not_named(tmp_path: Path, lines: str) -> None:
    assert findings(tmp_path, lines) == []
