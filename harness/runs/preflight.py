"""What must be there before a job is worth starting: the jobs it depends on, addresses that answer, fresh files.

Looked at before anything is collected. What is missing ends the run as `skipped`, all of it named. For a job
that is about to have a result, the run is begun again a little later: it waits as a row in the queue, and
holds no agent meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection

from harness.collectors.fetch import words_for_status
from harness.domain.errors import LimitReached, Refused, TransientError
from harness.domain.job import Dependency, FreshFile
from harness.domain.run import Fire, FireState, Outcome
from harness.domain.workspace import Workspace
from harness.ports import Web
from harness.runs.answer import Again, Draft
from harness.runs.outputs import became, has_nothing_to_report, latest_fire
from harness.runs.plan import RunPlan
from harness.runs.services import RunServices
from harness.runs.workspace_files import path_inside
from harness.schedule.catchup import duration_in_words
from harness.store.conditions import next_due_of, planned_at

PREFLIGHT_STOP = "preflight"
LOOK_AGAIN_S = 15
"""How long a run that waits for another job is left alone before it looks again."""

_ANSWER_WITHIN_S = 10.0
_MAX_BYTES = 1_000_000
_AT_WORK = {
    FireState.PLANNED: "is queued",
    FireState.RUNNING: "is still running",
    FireState.SUSPENDED: "is made and waits for its delivery",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How another job stands towards the one that depends on it; `words` begin with its name."""

    verdict: Literal["ready", "coming", "missing"]
    words: str = ""


async def preflight(services: RunServices, plan: RunPlan) -> Draft | None:
    """Return how the run ends because something is missing, or None if everything is there.

    Never raises for what the world does: that is a reason.
    """
    now = services.clock.now()
    missing, waits = await asyncio.to_thread(_examine_dependencies, services, plan, now)
    if waits is not None and not missing:
        return waits
    # Only now: what it depends on may have written the file, and nobody is asked while it waits.
    missing += await _missing_endpoints(services.web, plan.job.requires.endpoints)
    missing += await asyncio.to_thread(_missing_files, services.workspace().root, plan.job.requires.files, now)
    return plan.skip("; ".join(missing), PREFLIGHT_STOP) if missing else None


# ── Other jobs ───────────────────────────────────────────────────────────────────────────────────


def _examine_dependencies(services: RunServices, plan: RunPlan, now: datetime) -> tuple[list[str], Draft | None]:
    """Return what is missing of other jobs, and how to wait for those that are about to have a result."""
    missing: list[str] = []
    coming: list[tuple[str, datetime]] = []
    with services.database.read() as connection:
        began = max(plan.due_at, datetime.fromtimestamp(planned_at(connection, plan.run_id) or 0.0, UTC))
        for dependency in plan.job.depends_on:
            standing = standing_of(connection, services.workspace(), dependency, now)
            until = began + timedelta(seconds=dependency.wait_s)
            if standing.verdict == "missing":
                missing.append(standing.words)
            elif standing.verdict == "coming" and now < until:
                coming.append((dependency.job_id, until))
            elif standing.verdict == "coming":
                missing.append(_in_vain(dependency, standing))
    return missing, _wait(coming, now) if coming else None


def standing_of(connection: Connection, workspace: Workspace, dependency: Dependency, now: datetime) -> Standing:
    """Return whether the job's latest run gave a result that is young enough, or is about to."""
    name = dependency.job_id
    agent, _, job_name = name.partition("/")
    if agent not in workspace.agents or job_name not in workspace.agents[agent].jobs:
        return Standing("missing", f"there is no job {name}")
    fire = latest_fire(connection, name, begun_only=True)
    if fire is not None and fire.state.is_open:
        waits = fire.reason if fire.state is FireState.SUSPENDED else ""
        return Standing("coming", f"{name} {waits or _AT_WORK[fire.state]}")
    next_due = next_due_of(connection, name)
    if next_due is not None and next_due <= now.timestamp():
        return Standing("coming", f"{name} is due and has not been fired yet")
    if fire is None or fire.closed_at is None:
        return Standing("missing", f"{name} has not run yet")
    return _standing_of_closed(connection, fire, fire.closed_at, dependency, now)


def _standing_of_closed(
    connection: Connection, fire: Fire, closed_at: datetime, dependency: Dependency, now: datetime
) -> Standing:
    age_s = max(0.0, (now - closed_at).total_seconds())
    ended = f"{fire.job_id} {became(fire.state)} {duration_in_words(age_s)} ago"
    if not fire.state.is_success and not has_nothing_to_report(connection, fire):
        return Standing("missing", f"{ended}: {fire.reason}")
    if age_s > dependency.within_s:
        at_most = duration_in_words(dependency.within_s)
        return Standing("missing", f"{ended}; the job takes a result of at most {at_most}")
    return Standing("ready")


def _in_vain(dependency: Dependency, standing: Standing) -> str:
    if not dependency.wait_s:
        return f"{standing.words}; the job does not wait for it"
    return f"waited {duration_in_words(dependency.wait_s)} for {dependency.job_id}: {standing.words}"


def _wait(coming: list[tuple[str, datetime]], now: datetime) -> Draft:
    """Return the draft of a run that looks again soon, and no later than the first of its waits ends."""
    reason = f"waits for {', '.join(name for name, _ in coming)}"
    not_before = min(now + timedelta(seconds=LOOK_AGAIN_S), *(until for _, until in coming))
    return Draft(Outcome(FireState.SKIPPED, reason), PREFLIGHT_STOP, Again(not_before, reason, is_attempt=False))


# ── Addresses and files ──────────────────────────────────────────────────────────────────────────


async def _missing_endpoints(web: Web, endpoints: tuple[str, ...]) -> list[str]:
    problems = await asyncio.gather(*(_problem_of_endpoint(web, url) for url in endpoints))
    return [problem for problem in problems if problem]


async def _problem_of_endpoint(web: Web, url: str) -> str | None:
    """Return why the address does not count as answering; whatever it says below 500 is an answer."""
    try:
        response = await web.get(url, max_bytes=_MAX_BYTES, timeout_s=_ANSWER_WITHIN_S)
    except Refused as error:
        return f"{url} was refused ({error.rule}): {error.reason}"
    except LimitReached:
        return None  # it answers at more length than anybody asked for
    except TransientError as error:
        return f"{url} does not answer: {_cause_of(error)}"
    return f"{url} {words_for_status(response.status)}" if response.status >= 500 else None


def _cause_of(error: TransientError) -> str:
    """Return what the operating system said, which is plainer than what stands above it; else the error itself."""
    cause: BaseException | None = error
    while cause is not None:
        # A name that is not found has a number of its own kind.
        if isinstance(cause, OSError) and cause.errno and not isinstance(cause, socket.gaierror):
            return os.strerror(cause.errno).lower()
        cause = cause.__cause__ or cause.__context__
    return str(error)


def _missing_files(root: Path, files: tuple[FreshFile, ...], now: datetime) -> Iterator[str]:
    for file in files:
        problem = _problem_of_file(root, file, now)
        if problem is not None:
            yield f"{file.path} {problem}"


def _problem_of_file(root: Path, file: FreshFile, now: datetime) -> str | None:
    try:
        found = path_inside(root, file.path)
        if found is None:
            return "lies outside the workspace"
        if not found.is_file():
            return "is not a file"
        written_at = found.stat().st_mtime
    except FileNotFoundError:
        return "does not exist"
    except (OSError, ValueError, RuntimeError) as error:
        return f"cannot be looked at: {getattr(error, 'strerror', None) or error}"
    age_s = now.timestamp() - written_at
    if file.within_s is None or age_s <= file.within_s:
        return None
    at_most = duration_in_words(file.within_s)
    return f"was written {duration_in_words(age_s)} ago; the job requires at most {at_most}"
