"""What an alert says: what is wrong, since when, how often, for whom, and the command that helps. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.delivery.commonmark import escape, escape_with_addresses, indent
from harness.domain.digest import Digest, Section
from harness.domain.moments import local_time
from harness.domain.sizes import counted
from harness.schedule.catchup import duration_in_words
from harness.store.incidents import IncidentRow

ALERTS_JOB = "harness/alerts"
"""Under this name alerts stand among the digests; no agent can be called so."""

_JOBS_NAMED = 8


@dataclass(frozen=True, slots=True)
class _Kind:
    """How causes of one kind read; `{}` stands for what the cause names."""

    wrong: str
    over: str
    helps: str


_OTHER = _Kind("{}", "{} is over", "`harness doctor` shows all that is wrong")
_KINDS = {
    "job": _Kind("{} fails", "{} works again", "`harness why {}`"),
    "missed": _Kind("{} was missed", "{} works again", "`harness why {}`, then `harness run {}`"),
    "disabled": _Kind(
        "{} kept failing and is paused", "{} is resumed", "when its cause is gone: `harness jobs resume {}`"
    ),
    "endpoint": _Kind("{} does not answer", "{} answers again", "`harness doctor` says when it is tried again"),
    "rate limit": _Kind("{} asks us to come back later", "{} serves us again", "`harness doctor`"),
    "profile": _Kind(
        "the model profile {} cannot be used", "the model profile {} works again", "`harness try profile {}`"
    ),
    "budget": _Kind(
        "today's budget of {} comes to its end",
        "the budget of {} is there again",
        "`harness cost`; a larger budget holds from the next run on",
    ),
    "channel": _Kind("the channel {} takes nothing", "the channel {} works again", "`harness doctor`"),
    "source": _Kind(
        "the source {} keeps failing", "the source {} works again", "correct or remove it in shared-context/feeds/"
    ),
    "file": _Kind("{} cannot be used", "{} is sound again", "`harness check`"),
    "daemon": _Kind("the daemon's work fails: {}", "the daemon's work goes on: {}", "`harness logs`"),
    "node": _Kind(
        "work waits for the node {}",
        "nothing waits for the node {} any more",
        "start the daemon there; `harness nodes`",
    ),
    "schedule": _Kind(
        "the nodes differ on when {} is due",
        "the nodes agree again on {}",
        "bring the workspaces of all nodes up to date",
    ),
    "dead letter": _Kind(
        "request {} was not worked to its end",
        "request {} is settled",
        "`harness bus show {}`, then `harness bus resend {}` or `harness bus drop {} --reason WHY`",
    ),
    "dead letters": _Kind(
        "many requests were not worked to their end", "few requests are dead letters", "`harness bus dead`"
    ),
    "untold": _Kind(
        "nobody has heard what became of request {}",
        "somebody knows what became of request {}",
        "`harness bus show {}`",
    ),
    "request": _Kind("request {} cannot be served", "request {} is served again", "`harness bus show {}`"),
    "disk": _Kind("the disk is full or fails", "the disk works again", "free some space; `harness doctor`"),
    "network": _Kind("the network is down", "the network is back", "`harness doctor`"),
    "database": _Kind("the database cannot be used", "the database works again", "`harness doctor`"),
}


def alert_digest(
    run_id: str,
    wrong: Sequence[IncidentRow],
    over: Sequence[IncidentRow],
    *,
    now: datetime,
    zone: str,
    notice: str = "",
) -> Digest:
    """Return the one message that tells of all of these incidents, those that go on and those that are over."""
    sections = (
        Section("What is wrong", "\n\n".join(_entry(row, zone, now) for row in wrong)),
        Section("What is over", "\n".join(f"- {_over(row, zone, now)}" for row in over)),
    )
    return Digest(
        title=_title(wrong, over),
        job_id=ALERTS_JOB,
        run_id=run_id,
        made_at=now,
        zone=zone,
        made_by="the harness, no model",
        state="delivered",
        sections=tuple(section for section in sections if section.prose),
        notice=notice,
    )


def headline(cause: str) -> str:
    """Return in words that the cause holds."""
    kind, name = _kind(cause)
    return kind.wrong.replace("{}", name)


def _title(wrong: Sequence[IncidentRow], over: Sequence[IncidentRow]) -> str:
    if wrong:
        return f"Alert: {headline(wrong[0].cause)}" if len(wrong) == 1 else f"Alert: {len(wrong)} things are wrong"
    if len(over) == 1:
        kind, name = _kind(over[0].cause)
        return f"Over: {kind.over.replace('{}', name)}"
    return f"Over: {len(over)} things work again"


def _entry(row: IncidentRow, zone: str, now: datetime) -> str:
    kind, name = _kind(row.cause)
    times = "" if row.occurrences == 1 else f", {row.occurrences} times"
    again = f", {row.occurrences - row.alerted_occurrences} of them since you were told last" if row.alerts else ""
    lines = [
        f"**{_plain(headline(row.cause))}**, since {_moment(row.first_at, zone, now)}{times}{again}",
        escape_with_addresses(row.message),
        *([f"Jobs: {_named(row.jobs)}"] if row.jobs and row.jobs != (name,) else []),
        f"What helps: {kind.helps.replace('{}', name)}",
    ]
    return f"- {indent(chr(10).join(f'{line}  ' for line in lines[:-1]) + chr(10) + lines[-1], '  ')}"


def _over(row: IncidentRow, zone: str, now: datetime) -> str:
    kind, name = _kind(row.cause)
    lasted = duration_in_words((row.resolved_at or row.last_at) - row.first_at)
    times = counted(row.occurrences, "failure") + ("" if row.occurrences == 1 else f" in {lasted}")
    since = _moment(row.first_at, zone, now)
    return f"over: **{_plain(kind.over.replace('{}', name))}** after {times} (it began {since})"


def _kind(cause: str) -> tuple[_Kind, str]:
    for words, kind in _KINDS.items():
        if cause == words:
            return kind, ""
        if cause.startswith(f"{words} "):
            return kind, cause[len(words) + 1 :]
    return _OTHER, cause


def _named(jobs: Sequence[str]) -> str:
    more = len(jobs) - _JOBS_NAMED
    return ", ".join(escape(job) for job in jobs[:_JOBS_NAMED]) + (f" and {more} more" if more > 0 else "")


def _plain(text: str) -> str:
    return escape_with_addresses(text)


def _moment(at: float, zone: str, now: datetime) -> str:
    return local_time(datetime.fromtimestamp(at, UTC), zone, now)
