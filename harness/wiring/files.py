"""Reading a workspace with all the names that the harness knows; loads nothing that only runs need."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from harness.collectors.collect import check_read, read_kind
from harness.domain.errors import Finding
from harness.domain.job import ASKING_ACTIONS
from harness.gate.addresses import refuse_host
from harness.schedule.due import shortest_period_s
from harness.schedule.exclusions import why_never_due
from harness.schedule.grammar import parse_schedules
from harness.store.state_folder import state_folder
from harness.tools.catalogue import TOOL_NAMES
from harness.workspace.last_good import LastGood
from harness.workspace.load import Loaded, check_workspace, load_workspace
from harness.workspace.shipped import shipped_skills
from harness.workspace.vocabulary import Vocabulary

ACTION_NAMES = ASKING_ACTIONS | {
    "audit-rotation", "backup", "compress-memory", "cost-report", "followup-dispatch", "followup-review",
    "followup-status", "propose-skills", "self-check", "task-watcher",
}  # fmt: skip


def vocabulary() -> Vocabulary:
    """Return the names that a workspace may use."""
    return Vocabulary(
        tools=TOOL_NAMES,
        actions=ACTION_NAMES,
        parse_schedules=parse_schedules,
        check_read=check_read,
        why_never_due=why_never_due,
        shortest_period_s=lambda job, now: shortest_period_s(job.schedules, job.zone, now),
        refuse_host=refuse_host,
        shipped_skills=shipped_skills(),
        is_output=lambda entry: read_kind(entry) == "output",
    )


def load(root: Path, environ: Mapping[str, str], *, now: datetime) -> Loaded:
    """Load the workspace as it is at `now`; where a file is broken, its last good version is in force."""
    return load_workspace(root, vocabulary(), LastGood(state_folder(root, environ).last_good), now=now)


def check(root: Path, *, now: datetime) -> tuple[Finding, ...]:
    """Return everything in the workspace that the person should fix, as it stands on disk now."""
    return check_workspace(root, vocabulary(), now=now)
