"""The action `followup-dispatch`: follow-ups become requests to their owners.

No model is called. It may be repeated: what was asked is known by its key.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from harness.bus.files.follow_up_folder import FollowUpFolder, path_of
from harness.bus.files.follow_ups import Change, FollowUp, FollowUps, Key, change_entries, read_follow_ups
from harness.bus.guards import OPEN_PER_AGENT
from harness.bus.sending import Ask, send
from harness.bus.team import Team
from harness.domain.errors import HarnessError, OwnerError, Refused, TransientError
from harness.domain.job import Job
from harness.domain.request import SYSTEM, USER
from harness.domain.sizes import counted
from harness.gate.sanitise import one_line
from harness.runs.actions import Action, ActionResult
from harness.runs.followups.told import ASKED, WAITS, WRONG, Told, in_code, tell_problems
from harness.store.database import Database

ANSWERED_BY = time(20, 0)
"""Until then agents have time for what they are asked in the morning: the status is written back after it."""

_AT_LEAST = timedelta(hours=1)
_FOR_THE_PERSON = timedelta(days=7)
_ASKED_FOR = ("P0", "P1")


def followup_dispatch(database: Database, team: Callable[[], Team]) -> Action:
    """Return the action: each open P0 and P1 of the latest file becomes a request to its owner.

    Asked is in the name of the job's agent; what that agent owns itself is asked by the harness, and what no
    agent owns is asked of the person. The entry gets the request's id.
    """

    def dispatch(job: Job, due_at: datetime, now: datetime) -> ActionResult:
        here = team()
        folder, zone = FollowUpFolder(here.workspace.root), ZoneInfo(here.workspace.settings.home_zone)
        today = due_at.astimezone(zone).date()
        latest = max((day for day in folder.days() if day <= today), default=None)
        if latest is None:
            return ActionResult("there is no file of follow-ups yet")
        follow_ups = read_follow_ups(folder.read(latest), path_of(latest))
        told = Told()
        tell_problems(follow_ups, told)
        morning = _Morning(job.agent, here, latest, datetime.combine(today, ANSWERED_BY, zone), now)
        changes = _ask_for(follow_ups, morning, database, told)
        written = folder.edit(latest, lambda text: change_entries(text, _still_open(text, changes)))
        _tell_changed(written, changes, told)
        if not told.sections:
            return ActionResult(f"{_counts(follow_ups)} in {path_of(latest)}; nothing to ask")
        return ActionResult(f"asked {counted(told.count(ASKED), 'follow-up')} of {path_of(latest)}", told.text())

    return dispatch


@dataclass(frozen=True, slots=True)
class _Morning:
    """One run of the action: in whose name it asks, of the file of which day, and until when agents have time."""

    sender: str
    team: Team
    day: date
    answered_by: datetime
    now: datetime


def _ask_for(follow_ups: FollowUps, morning: _Morning, database: Database, told: Told) -> dict[Key, Change]:
    """Ask for what is open and pressing; return what is to be written into the entries for it."""
    changes: dict[Key, Change] = {}
    # Where an owner has room for some of them only, the most pressing have it.
    for entry in sorted(follow_ups.entries, key=lambda entry: entry.importance):
        if entry.status != "open" or entry.importance not in _ASKED_FOR or entry.moved_to is not None:
            continue
        ask = _ask_of(entry, morning)
        try:
            with database.write(alone=True) as connection:
                request_id = send(connection, ask, morning.team, morning.now).standing.request.id
        except (TransientError, OwnerError):
            raise  # the database: another attempt asks for the rest
        except HarnessError as error:
            if isinstance(error, Refused) and error.rule == OPEN_PER_AGENT:
                # It stays open: the next run of this job asks, once an answer has made room.
                told.add(WAITS, f"{entry.importance} {ask.receiver}: {in_code(entry.words)}: {one_line(error.reason)}")
                continue
            told.add(WRONG, f"{in_code(entry.words)} could not be asked of {ask.receiver}: {one_line(str(error))}")
            continue
        changes[entry.key] = Change(status="asked", request=request_id)
        told.add(ASKED, f"{entry.importance} {ask.receiver}: {in_code(entry.words)} ({request_id})")
    return changes


def _ask_of(entry: FollowUp, morning: _Morning) -> Ask:
    day, now = morning.day, morning.now
    receiver = next((name for name in morning.team.workspace.agents if name == entry.owner), USER)
    words = hashlib.sha256(f"{entry.owner}\n{' '.join(entry.words.split())}".encode()).hexdigest()[:16]
    since = f", open since {entry.since.isoformat()}" if entry.since else ""
    return Ask(
        sender=SYSTEM if receiver == morning.sender else morning.sender,
        receiver=receiver,
        task=entry.text,
        # With the request before: an entry that the person opens again is asked again.
        key=f"followup {day.isoformat()} {words} {entry.copy} {entry.request}".rstrip(),
        due_at=now + _FOR_THE_PERSON if receiver == USER else max(morning.answered_by.astimezone(UTC), now + _AT_LEAST),
        background=f"A follow-up of the team, {entry.importance}{since}. It stands in {path_of(day)}.",
        expected_output=f"Evidence in {entry.evidence}" if entry.evidence else "",
        priority="high" if entry.importance == "P0" else "normal",
    )


def _still_open(text: str, changes: Mapping[Key, Change]) -> dict[Key, Change]:
    """Return the changes whose entries are still to be asked: the person may have done one meanwhile."""
    entries = {entry.key: entry for entry in read_follow_ups(text, "").entries}
    return {key: change for key, change in changes.items() if key in entries and entries[key].status == "open"}


def _tell_changed(text: str, changes: Mapping[Key, Change], told: Told) -> None:
    written = {entry.request for entry in read_follow_ups(text, "").entries}
    for key, change in changes.items():
        if change.request not in written:
            told.add(WRONG, f"{in_code(key[1])} was changed while {change.request} was asked for it; compare the two")


def _counts(follow_ups: FollowUps) -> str:
    counts = Counter(entry.status for entry in follow_ups.entries)
    return ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "no entry"
