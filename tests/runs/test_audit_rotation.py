"""The action `audit-rotation`: silent as long as the record of tool calls is whole, and loud when it is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness.domain.job import Job
from harness.gate.audit import AuditLog, verify_audit
from harness.runs.actions import ActionResult
from harness.runs.audit_rotation import CAUSE, audit_rotation_action
from harness.runs.incidents import LedgerIncidents
from harness.store.database import Database
from harness.store.incidents import open_incidents

NOW = datetime(2026, 11, 21, 3, 30, tzinfo=UTC)
JOB = Job(agent="zoe", name="audit-rotation", path="", schedules=(), zone="UTC")


def rotate(database: Database, path: Path, day: int = 0) -> ActionResult:
    action = audit_rotation_action(path, lambda now: LedgerIncidents(database, lambda: now))
    now = NOW + timedelta(days=day)
    return action(JOB, now, now)


def causes(database: Database) -> list[str]:
    with database.read() as connection:
        return [row.cause for row in open_incidents(connection)]


def test_a_sound_log_is_put_away_in_silence(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    assert rotate(database, path) == ActionResult("no tool was called since the last rotation")
    AuditLog(path).append({"number": 1})
    assert rotate(database, path) == ActionResult("1 line, unbroken, put away as audit-00001-2026-11-21.jsonl")
    assert causes(database) == []


def test_a_changed_line_is_told_once_and_over_with_the_next_sound_day(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path)
    for number in (1, 2):
        log.append({"number": number})
    path.write_bytes(path.read_bytes().replace(b'"number":1', b'"number":9'))
    result = rotate(database, path)
    assert result.reason == "the audit log is broken"
    assert "- line 1 of audit-00001-2026-11-21.jsonl is changed after it was written" in result.text
    assert causes(database) == [CAUSE]
    # A night without a call says nothing about the broken file.
    assert rotate(database, path, day=1).text == ""
    assert causes(database) == [CAUSE]
    AuditLog(path).append({"number": 3})
    assert rotate(database, path, day=2).text == ""
    assert causes(database) == []
    assert [finding.line for finding in verify_audit(path)] == [1, 2]
