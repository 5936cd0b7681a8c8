"""What a job file says well-formed and in vain: a time that has passed, a pause that nothing can wait for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from harness.domain.job import LONGEST_BACKOFF_S, Job
from harness.domain.schedule import Once
from harness.workspace.jobs import DeclaredJob
from harness.workspace.report import Report
from harness.workspace.vocabulary import Vocabulary


def check_plausibility(declared: DeclaredJob, vocabulary: Vocabulary, now: datetime, report: Report) -> None:
    """Warn of what keeps its form and cannot do what it says at `now` (aware)."""
    for schedule in _passed(declared.job, now):
        problem = f"{schedule.at:%Y-%m-%d %H:%M} in {declared.job.zone} has passed: this time will never fire"
        report.warning(declared.schedule_line, problem, "write a time to come, or remove what is done")
    if declared.backoff_line is not None:
        problem = _why_in_vain(declared.job, vocabulary, now)
        if problem:
            report.warning(declared.backoff_line, problem, "write a shorter one, such as backoff: 1m, or drop it")


def _passed(job: Job, now: datetime) -> Iterator[Once]:
    """Yield the one-shots that not even catching up reaches any more."""
    reach = timedelta(seconds=job.if_missed.within_s)
    for schedule in job.schedules:
        if isinstance(schedule, Once) and schedule.at.replace(tzinfo=ZoneInfo(job.zone)).astimezone(UTC) + reach < now:
            yield schedule


def _why_in_vain(job: Job, vocabulary: Vocabulary, now: datetime) -> str:
    if job.backoff_s > LONGEST_BACKOFF_S:
        return "backoff is longer than an hour, and no pause between two attempts ever is"
    if job.attempts == 1:
        return ""
    if job.deadline_s is not None and job.backoff_s >= job.deadline_s:
        return "backoff is not shorter than the deadline, so there is never a second attempt"
    period_s = vocabulary.shortest_period_s(job, now)
    if period_s is not None and job.backoff_s >= period_s:
        return "backoff is not shorter than the time to the job's next slot, which comes before the second attempt"
    return ""
