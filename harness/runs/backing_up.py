"""The action `backup`: what `harness backup` does, every night."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from harness.domain.job import Job
from harness.domain.settings import Settings
from harness.runs.actions import Action, ActionResult
from harness.runs.backup import BackupSource, back_up


def backup_action(source: BackupSource, settings: Callable[[], Settings], stopwatch: Callable[[], float]) -> Action:
    """Return the action: it speaks only if something could not be packed, and fails if nothing sound came of it."""

    def make(job: Job, due_at: datetime, now: datetime) -> ActionResult:
        current = replace(source, settings=settings())
        backup = back_up(current, current.folder, now=now, stopwatch=stopwatch)
        left_out = backup.manifest.left_out
        reason = f"{backup}; {len(left_out)} left out" if left_out else str(backup)
        unread = [one for one in left_out if one.is_unread]
        if not unread:
            return ActionResult(reason)
        names = "\n".join(f"- `{one.path}` {one.why}" for one in unread)
        return ActionResult(reason, f"## The backup lacks what could not be read\n\n{names}\n\nThe rest: {backup}.\n")

    return make
