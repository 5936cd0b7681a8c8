"""The action `followup-status`: what came of the requests is written back, and what nobody moved goes on tomorrow.

No model is called. It may be repeated: what was written back is found there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from harness.bus.files.follow_up_folder import FollowUpFolder, path_of
from harness.bus.files.follow_ups import (
    Change,
    FollowUp,
    FollowUps,
    Key,
    Status,
    change_entries,
    count_same,
    read_follow_ups,
    roll_over,
)
from harness.bus.log import UnknownRequest, standing_of
from harness.bus.notices import note_told
from harness.bus.team import Team
from harness.domain.job import Job
from harness.domain.request import SYSTEM, Final, Resent, Result, Standing
from harness.domain.sizes import counted
from harness.gate.sanitise import in_short, one_line
from harness.runs.actions import Action, ActionResult
from harness.runs.followups.told import ENDED, FAILED, MOVED, PRESSING, WRONG, Told, in_code, tell_problems
from harness.store.database import Database

_LONGEST = 300

_BECOMES: Mapping[Result, Status] = {
    "done": "done",
    "failed": "failed",
    "rejected": "failed",
    "cancelled": "dropped",
    # Nobody moved it: it stays to be done.
    "timed_out": "open",
    "superseded": "open",
}


def followup_status(database: Database, team: Callable[[], Team], redact: Callable[[str], str]) -> Action:
    """Return the action: what came of the requests is written back, and what nobody moved goes on tomorrow.

    An entry that goes on stands in tomorrow's file with its age, and the one before points there.
    """

    def write_back(job: Job, due_at: datetime, now: datetime) -> ActionResult:
        here = team()
        folder, zone = FollowUpFolder(here.workspace.root), ZoneInfo(here.workspace.settings.home_zone)
        today = due_at.astimezone(zone).date()
        told = Told()
        days = [day for day in folder.days() if day <= today]
        for day in days[-1:]:
            tell_problems(read_follow_ups(folder.read(day), path_of(day)), told)
        for day in days:
            _update(folder, day, database, told, redact, now)
        for day in days:
            _move_on(folder, day, today + timedelta(days=1), told)
        moved = f"{counted(told.count(MOVED), 'follow-up')} moved on to {today + timedelta(days=1)}"
        ended = told.count(ENDED) + told.count(FAILED)
        text = told.text(but=(MOVED,))
        if not text:
            return ActionResult(moved if told.count(MOVED) else "nothing is open")
        return ActionResult(f"{counted(ended, 'follow-up')} ended, {moved}", text)

    return write_back


def _update(
    folder: FollowUpFolder, day: date, database: Database, told: Told, redact: Callable[[str], str], now: datetime
) -> None:
    """Write back what came of the day's requests."""
    follow_ups = read_follow_ups(folder.read(day), path_of(day))
    changes: dict[Key, Change] = {}
    ended: list[str] = []
    for entry in follow_ups.entries:
        if entry.status != "asked" or not entry.request or entry.moved_to is not None:
            continue
        standing = _followed(database, entry.request)
        if standing is None:
            told.add(WRONG, f"{path_of(day)}:{entry.first_line}: there is no request {entry.request}; it is open again")
            changes[entry.key] = Change(status="open")
        elif standing.final is not None:
            changes[entry.key] = _came_to(entry, standing.final, told, redact)
            ended += [standing.request.id] if standing.request.sender == SYSTEM else []
        elif standing.request.id != entry.request:
            changes[entry.key] = Change(request=standing.request.id)
    if changes:
        folder.edit(day, lambda text: change_entries(text, _still_asked(text, changes, follow_ups)))
    if ended:
        with database.write(alone=True) as connection:
            # Nobody but the file was to hear of what the harness itself asked.
            note_told(connection, ended, path_of(day), now)


def _still_asked(text: str, changes: Mapping[Key, Change], read: FollowUps) -> dict[Key, Change]:
    """Return the changes whose entries are as they were read: what the person wrote meanwhile stands."""
    then = {entry.key: (entry.status, entry.request) for entry in read.entries}
    now = {entry.key: (entry.status, entry.request) for entry in read_follow_ups(text, "").entries}
    return {key: change for key, change in changes.items() if now.get(key) == then[key]}


def _followed(database: Database, request_id: str) -> Standing | None:
    """Return what became of the request, or of the one by which it was sent again; None if it is unknown."""
    try:
        with database.read() as connection:
            standing = standing_of(connection, request_id)
            while isinstance(standing.settled, Resent):
                standing = standing_of(connection, standing.settled.request_id)
            return standing
    except UnknownRequest:
        return None


def _came_to(entry: FollowUp, final: Final, told: Told, redact: Callable[[str], str]) -> Change:
    status: Status = "failed" if final.verdict == "FAIL" else _BECOMES[final.result]
    said = in_short(redact(f"{final.result.replace('_', ' ')}: {final.conclusion}"), _LONGEST)
    evidence = ", ".join(one_line(redact(one.path)) for one in final.evidence) or None
    if status != "open":
        line = f"{entry.importance} {entry.owner}: {in_code(entry.words)}: {in_code(said)}"
        told.add(FAILED if status == "failed" else ENDED, line)
    return Change(status=status, evidence=evidence, result=said)


def _move_on(folder: FollowUpFolder, day: date, tomorrow: date, told: Told) -> None:
    """Let what nobody moved go on in tomorrow's file, and point there; where it stands later already, point to that.

    Tomorrow's file first: killed in between, the entry is found there, and only the pointer is missing.
    """
    source = folder.read(day)
    for entry in read_follow_ups(source, "").entries:
        if not entry.is_unmoved:
            continue
        later = next((other for other in _between(folder, day, tomorrow) if _is_in(folder.read(other), entry)), None)
        if later is None:
            written = folder.edit(tomorrow, partial(_with_entry, source, entry, day, tomorrow))
            if not _is_in(written, entry):
                told.add(WRONG, f"{path_of(tomorrow)} ends inside of a code block or comment: nothing can be added")
                continue
            told.add(MOVED, entry.words)
            age = (tomorrow - (entry.since or day)).days
            if entry.importance == "P0" or (age > 1 and entry.importance == "P1"):
                told.add(
                    PRESSING, f"{entry.importance} {entry.owner}: {in_code(entry.words)}, {counted(age, 'day')} old"
                )
        else:
            folder.edit(later, partial(_with_its_age, entry, day, later))
        folder.edit(day, partial(_pointing, entry.key, later or tomorrow))


def _with_entry(source: str, entry: FollowUp, day: date, tomorrow: date, into: str) -> str:
    if _is_in(into, entry):
        return into
    after = roll_over(source, entry, day=day, into=into, target=tomorrow)
    return after if _is_in(after, entry) else into


def _with_its_age(entry: FollowUp, day: date, later: date, text: str) -> str:
    """Let the entry that stands in a later file already know since when it is open."""
    since = entry.since or day
    there = next((other for other in read_follow_ups(text, "").entries if other.key == entry.key), None)
    if there is None or not there.is_unmoved or (there.since or later) <= since:
        return text
    return change_entries(text, {entry.key: Change(since=since, age_days=(later - since).days)})


def _pointing(key: Key, to: date, text: str) -> str:
    return change_entries(text, {key: Change(moved_to=to)})


def _between(folder: FollowUpFolder, day: date, tomorrow: date) -> Iterator[date]:
    yield from (other for other in folder.days() if day < other <= tomorrow)


def _is_in(text: str, entry: FollowUp) -> bool:
    """Say whether the text has the entry: of several with the same words, as many as come before it and itself."""
    same: Counter[tuple[str, str]] = count_same(read_follow_ups(text, ""))
    return same[entry.key[:2]] > entry.copy
