"""What a rehearsed team must have kept beside its ledger: each request its final, each night its reflection. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from harness.bus.files.follow_up_folder import path_of
from harness.bus.files.follow_ups import FollowUps
from harness.domain.digest import Digest
from harness.domain.job import Job
from harness.domain.run import Fire
from harness.domain.source import canonical_url
from harness.rehearsal.day import ExpectedSlots
from harness.rehearsal.wall_time import wall_moment
from harness.store.requests import RequestRow

REFLECTIONS = ("reflect", "reflect-team")
DISPATCH = "followup-dispatch"


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise that did not hold, and what shows it."""

    promise: str
    detail: str

    def __str__(self) -> str:
        return f"{self.promise}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Made:
    """A digest, and what its run had read: the canonical links of items, and all texts in one."""

    digest: Digest
    links: frozenset[str] = frozenset()
    texts: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a rehearsal left: `end` (aware) is its last moment, `zone` the one in which a day begins and ends.

    `jobs` and `expected` are by job id, `follow_ups` by the day of their file.
    """

    end: datetime
    zone: str
    jobs: Mapping[str, Job] = field(default_factory=dict)
    expected: ExpectedSlots = field(default_factory=dict)
    fires: tuple[Fire, ...] = ()
    requests: tuple[RequestRow, ...] = ()
    follow_ups: Mapping[date, FollowUps] = field(default_factory=dict)
    made: tuple[Made, ...] = ()


def broken_promises(evidence: Evidence) -> tuple[Broken, ...]:
    """Return every promise that was not kept; empty for a team that may be left alone."""
    return (
        *_without_final(evidence),
        *_without_reflection(evidence),
        *_never_asked(evidence),
        *_invented_links(evidence),
    )


def _without_final(evidence: Evidence) -> Iterator[Broken]:
    """Yield the requests that had no final at the end of the day on which they were due."""
    for request in evidence.requests:
        day_ends = _end_of_day(request.due_at, evidence.zone)
        if day_ends > evidence.end:
            continue
        if request.closed_at is None or request.closed_at > day_ends.timestamp():
            due = datetime.fromtimestamp(request.due_at, ZoneInfo(evidence.zone))
            whose = f"{request.id} of {request.sender} to {request.receiver}"
            yield Broken("every request has a final", f"{whose}, due {due:%a %d %b %H:%M}, had none that day")


def _without_reflection(evidence: Evidence) -> Iterator[Broken]:
    """Yield the nights on which a job that reflects did not come to its end. Those without a fire the ledger tells."""
    for fire in evidence.fires:
        job = evidence.jobs.get(fire.job_id)
        if job is not None and job.action in REFLECTIONS and not fire.state.is_success:
            due = fire.due_at.astimezone(ZoneInfo(evidence.zone))
            yield Broken("every night is reflected on", f"{fire.job_id} of {due:%a %d %b} {fire.state}: {fire.reason}")


def _never_asked(evidence: Evidence) -> Iterator[Broken]:
    """Yield the pressing follow-ups that were written before a morning that did not ask for them."""
    dispatched = {
        due_at.astimezone(ZoneInfo(evidence.zone)).date()
        for job_id, slots in evidence.expected.items()
        if job_id in evidence.jobs and evidence.jobs[job_id].action == DISPATCH
        for due_at in slots
    }
    for day in sorted(dispatched & set(evidence.follow_ups)):
        for entry in evidence.follow_ups[day].entries:
            was_there = entry.since is not None and entry.since < day
            if was_there and entry.is_unmoved and entry.importance != "P2" and not entry.request:
                what = f"{path_of(day)}:{entry.first_line}: {entry.importance} {entry.owner}: {entry.words}"
                yield Broken("what the night wrote down is asked for in the morning", what)


def _invented_links(evidence: Evidence) -> Iterator[Broken]:
    """Yield the delivered items whose links stand in nothing that their run had read."""
    for made in evidence.made:
        for item in made.digest.items:
            if item.url and canonical_url(item.url) not in made.links and item.url not in made.texts:
                yield Broken("every link was collected", f"{made.digest.job_id}, run {made.digest.run_id}: {item.url}")


def _end_of_day(moment: float, zone: str) -> datetime:
    day = datetime.fromtimestamp(moment, ZoneInfo(zone)).date()
    return wall_moment(day + timedelta(days=1), zone).astimezone(UTC)
