"""What is open between the parties, as something to read: requests, dead letters and follow-ups."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from harness.bus.files.follow_up_folder import FollowUpFolder, path_of
from harness.bus.files.follow_ups import read_follow_ups
from harness.collectors.context import CollectContext
from harness.domain.errors import OwnerError
from harness.domain.job import PRIORITIES
from harness.domain.moments import local_time
from harness.domain.roundtable import seat_in
from harness.domain.source import Collected, Gap
from harness.domain.workspace import Workspace
from harness.gate.sanitise import in_short, one_line

if TYPE_CHECKING:
    from harness.store.requests import RequestRow

OPEN = "open"

_TASK_CHARS = 200
_PRIORITIES = {number: name for name, number in PRIORITIES.items()}


def check_requests(rest: str) -> str | None:
    """Return what is wrong with what stands behind `requests/`, or None."""
    return None if rest == OPEN else "names no requests; write requests/open"


async def collect_open_requests(read: str, context: CollectContext) -> Collected:
    """Return as text, a line each, what is open: requests, dead letters that wait for the person, and follow-ups.

    Empty where nothing is. It quotes what was asked, so that it counts as coming from outside.
    """
    rows = await asyncio.to_thread(context.requests)
    follow_ups, gaps = await asyncio.to_thread(_follow_ups, context)
    zone = context.workspace.settings.home_zone
    parts = (
        ("Open requests", [_open(row, zone, context.now) for row in rows if row.is_open]),
        ("Dead letters, which wait for the person", [_dead(row) for row in rows if not row.is_open]),
        ("Follow-ups", follow_ups),
    )
    text = "\n\n".join(f"{title}:\n" + "\n".join(lines) for title, lines in parts if lines)
    return Collected(read, gaps=gaps, text=text)


def count_files(read: str, workspace: Workspace) -> int:
    """Return how many sources stand behind the entry: the log of requests, and each file of follow-ups."""
    return 1 + len(FollowUpFolder(workspace.root).days())


def _open(row: RequestRow, zone: str, now: datetime) -> str:
    due_at = datetime.fromtimestamp(row.due_at, UTC)
    late = ", overdue" if due_at <= now else ""
    state = "watching" if row.is_watched else str(row.state)
    words = [f"{state}, {_PRIORITIES[row.priority]}, due {local_time(due_at, zone, now)}{late}"]
    # What is said at a roundtable is heard by nobody before its round is over.
    words += [f"news: {in_short(row.note, _TASK_CHARS)}"] if row.note and seat_in(row.key) is None else []
    words += [f"waits: {in_short(row.why_waiting, _TASK_CHARS)}"] if row.why_waiting else []
    return f"- {row.id} {row.sender} → {row.receiver}: {in_short(row.task, _TASK_CHARS)} ({'; '.join(words)})"


def _dead(row: RequestRow) -> str:
    return f"- {row.id} {row.sender} → {row.receiver}: {in_short(row.task, _TASK_CHARS)} ({row.result})"


def _follow_ups(context: CollectContext) -> tuple[list[str], tuple[Gap, ...]]:
    """Return the entries that have to happen still, of all days up to today, and the files that are no text."""
    folder = FollowUpFolder(context.workspace.root)
    today = context.now.astimezone(ZoneInfo(context.workspace.settings.home_zone)).date()
    lines: list[str] = []
    gaps: list[Gap] = []
    for day in folder.days():
        if day > today:
            continue
        try:
            entries = read_follow_ups(folder.read(day), path_of(day)).entries
        except OwnerError as error:
            gaps.append(Gap(path_of(day), error.problem))
            continue
        for entry in entries:
            if entry.is_unmoved:
                evidence = f"; evidence: {one_line(entry.evidence)}" if entry.evidence else ""
                since = f"; since {entry.since.isoformat()}" if entry.since else ""
                words = f"{entry.importance} {entry.owner}: {in_short(entry.words, _TASK_CHARS)}"
                lines.append(f"- {words} ({entry.status}, in {path_of(day)}{since}{evidence})")
    return lines, tuple(gaps)
