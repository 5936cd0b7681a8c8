"""How one job is shown: in words for the person, and as a document with stable keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from harness.cli.fires import iso
from harness.cli.model_order import model_json, model_words
from harness.daemon.wording import local_time, when
from harness.domain.contract import Contract
from harness.domain.job import Dependency, FreshFile, Job, OnlyIf, Requires
from harness.domain.schedule import QuietHours
from harness.domain.workspace import Workspace
from harness.schedule.catchup import duration_in_words
from harness.schedule.exclusions import Upcoming, next_run

_DEFAULTS = Job("", "", "", (), "UTC")
_OVERLAPS = {
    "queue": "the next run waits",
    "skip": "the next run is skipped",
    "cancel_running": "the next run takes its place",
}


def job_line(job: Job, upcoming: Upcoming) -> dict[str, Any]:
    """Return what every list of jobs says of one."""
    return {
        "job": job.id,
        "title": job.title,
        "schedule": job.schedule_text,
        "zone": job.zone,
        "next_due": iso(upcoming.due_at),
        "next_excluded": next_excluded(upcoming),
        "deliver": list(job.deliver),
        "path": job.path,
    }


def next_excluded(upcoming: Upcoming) -> dict[str, Any] | None:
    """Return the slot that comes before the next run and is left out, with the reason."""
    if upcoming.excluded_at is None:
        return None
    return {"due_at": iso(upcoming.excluded_at), "reason": upcoming.why_excluded}


def next_in_words(upcoming: Upcoming, zone: str, now: datetime) -> str:
    """Return when the job runs next; a job of which every slot in sight is excluded says so."""
    if upcoming.due_at is not None:
        return local_time(upcoming.due_at, zone, now)
    return "never" if upcoming.excluded_at is not None else "never again"


def excluded_in_words(upcoming: Upcoming, zone: str, now: datetime) -> str:
    """Return `not Thu 26 Nov 16:30: New York Stock Exchange is closed: Thanksgiving Day`, or nothing."""
    if upcoming.excluded_at is None:
        return ""
    return f"not {local_time(upcoming.excluded_at, zone, now)}: {upcoming.why_excluded}"


def job_document(job: Job, workspace: Workspace, now: datetime) -> dict[str, Any]:
    """Return everything that is known of the job."""
    failures = _failures_until_paused(job, workspace)
    return {
        **job_line(job, next_run(job, workspace.calendars, now)),
        "follows_person": job.follows_person,
        "calendar": job.calendar,
        "quiet_hours": _quiet_hours_json(job.quiet_hours, job.zone),
        "if_missed": {
            "run": job.if_missed.run,
            "within_s": job.if_missed.within_s,
            "grace_s": job.if_missed.grace_s,
        },
        "read": list(job.read),
        "only_if": _only_if_json(job.only_if),
        "depends_on": [
            {"job": first.job_id, "within_s": first.within_s, "wait_s": first.wait_s} for first in job.depends_on
        ],
        "requires": {
            "endpoints": list(job.requires.endpoints),
            "files": [{"path": file.path, "within_s": file.within_s} for file in job.requires.files],
        },
        "action": job.action,
        "profile": job.profile,
        "models": list(job.models),
        **model_json(workspace.settings, workspace.agent(job.agent), job),
        "without_model": job.without_model,
        "contract": contract_json(job.contract),
        "budget_usd": job.budget_usd,
        "timeout_s": job.timeout_s,
        "max_iterations": job.max_iterations,
        "overlap": job.overlap,
        "priority": job.priority,
        "attempts": job.attempts,
        "backoff_s": job.backoff_s,
        "deadline_s": job.deadline_s,
        "on": workspace.node_of(job),
        "disable_after": failures,
        "reminder": job.reminder,
        "emergency": job.emergency,
    }


def job_rows(job: Job, workspace: Workspace, zone: str, now: datetime) -> list[tuple[str, str]]:
    """Return what there is to say of the job, a row a matter; `zone` is the one in which the person reads times."""
    return [
        ("job", job.id),
        ("file", job.path),
        *_rows_of_times(job, workspace, zone, now),
        ("reads", ", ".join(job.inputs) or "nothing"),
        *_rows_of_conditions(job),
        ("delivers to", ", ".join(job.deliver) or "nobody; its output is kept as an artifact"),
        *_rows_of_the_run(job, workspace),
        ("promises", ", ".join(_promises(job.contract)) or "nothing"),
        *([] if job.budget_usd is None else [("budget", f"${job.budget_usd:g} a run")]),
    ]


def _rows_of_times(job: Job, workspace: Workspace, zone: str, now: datetime) -> Iterator[tuple[str, str]]:
    where = f"{job.zone}, where you are" if job.follows_person else job.zone
    yield "schedule", f"{job.schedule_text} ({where})"
    upcoming = next_run(job, workspace.calendars, now)
    excluded = excluded_in_words(upcoming, zone, now)
    due = next_in_words(upcoming, zone, now) if upcoming.due_at is None else when(upcoming.due_at, zone, now)
    yield "next", f"{due}; {excluded}" if excluded else due
    calendar = workspace.calendars.get(job.calendar or "")
    if job.calendar is not None:
        # A calendar whose file was deleted under the job closes nothing, and that must be seen.
        known = f"{calendar.title}, known until {calendar.last}" if calendar else "there is no such calendar"
        yield "calendar", f"{job.calendar} ({known})"
    if job.quiet_hours is not None:
        yield "quiet hours", f"{job.quiet_hours} in {job.quiet_hours.zone or job.zone}"
    policy = job.if_missed
    late = (
        "nothing that is late"
        if policy.run == "none"
        else f"{policy.run}, at most {duration_in_words(policy.within_s)} late"
    )
    is_usual = policy.grace_s == _DEFAULTS.if_missed.grace_s
    yield "if missed", late if is_usual else f"{late}; up to {duration_in_words(policy.grace_s)} is on time"


def _rows_of_conditions(job: Job) -> Iterator[tuple[str, str]]:
    if not job.only_if.is_empty:
        yield "only if", "; ".join(_conditions(job.only_if))
    if job.depends_on:
        yield "depends on", "; ".join(_dependency(first) for first in job.depends_on)
    if not job.requires.is_empty:
        yield "requires", "; ".join(_requirements(job.requires))


def _rows_of_the_run(job: Job, workspace: Workspace) -> Iterator[tuple[str, str]]:
    if job.action:
        yield "action", f"{job.action}, without a model"
    else:
        yield "model", model_words(workspace.settings, workspace.agent(job.agent), job)
        if job.models:
            yield "made for", ", ".join(job.models)
        yield "without model", job.without_model
        yield "limits", f"{duration_in_words(job.timeout_s)}, {job.max_iterations} model calls"
    pauses = f", the first pause {duration_in_words(job.backoff_s)}" if job.attempts > 1 else ""
    yield "attempts", f"{job.attempts}{pauses}"
    if job.deadline_s is not None:
        yield "deadline", f"{duration_in_words(job.deadline_s)} after it was due"
    if job.overlap != _DEFAULTS.overlap:
        yield "overlap", f"while it is still at work, {_OVERLAPS[job.overlap]}"
    if job.priority != _DEFAULTS.priority:
        yield "priority", job.priority
    node = workspace.node_of(job)
    if node is not None:
        yield "runs on", node
    failures = _failures_until_paused(job, workspace)
    times = "failure" if failures == 1 else "failures in a row"
    yield "paused after", "nothing; it goes on trying" if failures is None else f"{failures} {times}"


def _conditions(only_if: OnlyIf) -> Iterator[str]:
    if only_if.changed:
        yield f"{' or '.join(only_if.changed)} changed"
    if only_if.new_items is not None:
        yield "there is a new item" if only_if.new_items == 1 else f"there are {only_if.new_items} new items"
    yield from (f"{path} exists" for path in only_if.exists)


def _dependency(first: Dependency) -> str:
    wait = f", waited for up to {duration_in_words(first.wait_s)}" if first.wait_s else ""
    return f"{first.job_id}, at most {duration_in_words(first.within_s)} old{wait}"


def _requirements(requires: Requires) -> Iterator[str]:
    yield from (f"{endpoint} answers" for endpoint in requires.endpoints)
    yield from (_freshness(file) for file in requires.files)


def _freshness(file: FreshFile) -> str:
    return (
        f"{file.path} exists"
        if file.within_s is None
        else f"{file.path} is at most {duration_in_words(file.within_s)} old"
    )


def _failures_until_paused(job: Job, workspace: Workspace) -> int | None:
    """Return after how many failures in a row the harness pauses the job; None: never."""
    if job.disable_after is None:
        return workspace.settings.alerts.disable_after
    return job.disable_after or None


def _quiet_hours_json(hours: QuietHours | None, zone: str) -> dict[str, str] | None:
    if hours is None:
        return None
    start, _, end = str(hours).partition("-")
    return {"start": start, "end": end, "zone": hours.zone or zone}


def _only_if_json(only_if: OnlyIf) -> dict[str, Any] | None:
    if only_if.is_empty:
        return None
    return {"changed": list(only_if.changed), "new_items": only_if.new_items, "exists": list(only_if.exists)}


_EVERY = {"priority": "every item a priority", "stop": "every signal a stop"}


def _promises(contract: Contract) -> Iterator[str]:
    for rule, value in contract_json(contract).items():
        words = rule.removesuffix("_s").replace("_", " ")
        if rule.endswith("_s"):
            yield f"{words} {duration_in_words(value)}"
        elif value is True:
            yield _EVERY.get(rule, f"every link {words.removeprefix('url ')}")
        elif isinstance(value, dict):
            yield f"{words} {', '.join(f'{basket} {percent:g} %' for basket, percent in value.items())}"
        else:
            yield f"{words} {', '.join(value) if isinstance(value, list) else value}"


def contract_json(contract: Contract) -> dict[str, Any]:
    """Return the rules that promise something."""
    every_item = contract.every_item
    rules = {
        "min_items": contract.min_items,
        "max_items": contract.max_items,
        "min_chars": contract.min_chars,
        "max_chars": contract.max_chars,
        "must_include": list(contract.must_include) or None,
        "url_collected": every_item.url_collected or None if every_item else None,
        "reachable": every_item.reachable or None if every_item else None,
        "priority": every_item.priority or None if every_item else None,
        "unseen_for_s": contract.unseen_for_s,
        "numbers": contract.numbers,
        "stop": (contract.signals.stop or None) if contract.signals else None,
        "wait_below": contract.signals.wait_below if contract.signals else None,
        "confidence": contract.confidence,
        "sections": list(contract.sections) or None,
        "disclaimer": contract.disclaimer,
        "max_share": {limit.basket: limit.percent for limit in contract.max_share} or None,
        "must_not_include": list(contract.must_not_include) or None,
        "cite": list(contract.cite) or None,
        "reminder_chars": contract.reminder_chars,
    }
    return {rule: value for rule, value in rules.items() if value is not None}
