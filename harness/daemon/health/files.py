"""The person's files, the disk, and the audit log."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

from harness.daemon.disk_watch import FIX, room_problem
from harness.daemon.health.facts import HealthFacts
from harness.daemon.health.finding import HealthFinding
from harness.domain.cause import DISK


def judge_files(facts: HealthFacts) -> Iterable[HealthFinding]:
    """Return what is wrong in the person's files, and which edits are not in force."""
    for finding in facts.file_findings:
        where = finding.path if finding.line is None else f"{finding.path}:{finding.line}"
        severity: Literal["error", "note"] = "error" if finding.severity == "error" else "note"
        yield HealthFinding("file", finding.path, f"{where}: {finding.problem}", finding.fix, severity=severity)
    broken = {finding.path for finding in facts.file_findings if finding.severity == "error"}
    for path in facts.held_back:
        if path not in broken:
            message = f"{path}: the daemon still works with the version before your last edit"
            yield HealthFinding("file", path, message, "harness check")


def judge_disk(facts: HealthFacts) -> Iterable[HealthFinding]:
    """Return whether the state folder can be written, and has room; with since when, if there is an incident."""
    if facts.disk is None:
        return
    folder = facts.disk.folder
    began = next((incident.first_at for incident in facts.incidents if incident.cause == DISK), None)
    since = None if began is None else datetime.fromtimestamp(began, UTC)
    if not facts.disk.is_writable:
        yield HealthFinding("disk", str(folder), f"{folder} cannot be written", "make it writable", since)
    problem = room_problem(folder, facts.disk.usage)
    if problem is not None:
        yield HealthFinding("disk", str(folder), problem, FIX, since)


def judge_audit(facts: HealthFacts) -> Iterable[HealthFinding]:
    """Return whether the audit log was changed or cut."""
    if facts.audit_problem is not None:
        yield HealthFinding(
            "audit", "audit log", f"the audit log is broken: {facts.audit_problem}", "harness audit verify"
        )
