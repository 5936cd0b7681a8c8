"""The action `audit-rotation`: a new file for the record of tool calls each day, checked before it is put away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

from harness.bus.files.standing_incidents import OpenIncidents
from harness.domain.job import Job
from harness.domain.sizes import counted
from harness.gate.audit import AuditFinding, verify_audit
from harness.gate.audit_rotation import Rotated, rotate_audit
from harness.runs.actions import Action, ActionResult

CAUSE = "audit log"
"""The cause of the incident that the record of tool calls was changed or cut."""

_NAMED = 5


def audit_rotation_action(path: Path, incidents: Callable[[datetime], OpenIncidents]) -> Action:
    """Return the action: it speaks only if the log is not as it was written, and keeps an incident open then.

    What is broken is put away like everything else: nothing of it is lost, and `harness audit verify` finds it there.
    The incident is over with the first day whose log is whole.
    """

    def rotate(job: Job, due_at: datetime, now: datetime) -> ActionResult:
        findings = list(islice(verify_audit(path, newest_only=True), _NAMED + 1))
        rotated = rotate_audit(path, now)
        told = incidents(now)
        if findings:
            told.open(CAUSE, f"the record of tool calls is not as it was written: {_words(findings[0], rotated)}")
            return ActionResult("the audit log is broken", _page(findings, rotated))
        # A log that holds nothing yet says nothing about the one before.
        if rotated is not None and told.open_causes(CAUSE):
            told.resolve(CAUSE)
        if rotated is None:
            return ActionResult("no tool was called since the last rotation")
        return ActionResult(f"{counted(rotated.lines, 'line')}, unbroken, put away as {rotated.path.name}")

    return rotate


def _page(findings: Sequence[AuditFinding], rotated: Rotated | None) -> str:
    lines = [f"- {_words(finding, rotated)}" for finding in findings[:_NAMED]]
    if len(findings) > _NAMED:
        lines.append("- and more")
    listed = "\n".join(lines)
    return (
        f"## The record of tool calls is not as it was written\n\n{listed}\n\n"
        "Somebody changed or cut the file, or the machine died while a line was written. "
        "All of it: `harness audit verify`.\n"
    )


def _words(finding: AuditFinding, rotated: Rotated | None) -> str:
    name = finding.path.name if rotated is None else rotated.path.name
    return f"line {finding.line} of {name} is {finding.problem}"
