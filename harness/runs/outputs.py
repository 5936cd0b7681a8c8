"""What a job of the team came to last, for the jobs that read it or depend on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from harness.delivery.digest import collected_from_digest, digest_from_json
from harness.domain.figures import Figure
from harness.domain.job import Job
from harness.domain.run import Fire, FireKind, FireState
from harness.domain.source import Collected, Gap
from harness.ports import RecordedStep
from harness.runs.conditions import CONDITION_STOP, NOTHING_TO_REPORT
from harness.runs.figure_files import FIGURES_FILE, read_figures, recorded_figures, with_figures
from harness.schedule.due import slots_between
from harness.store.database import Database
from harness.store.fires import last_fires
from harness.store.runs import run_by_id
from harness.store.state_folder import StateFolder

_LOOK_BACK = 20
_BY_PERSON = (FireKind.MANUAL, FireKind.RETRY)


def latest_output(
    database: Database,
    state: StateFolder,
    job: Job,
    now: datetime,
    *,
    recorded: Callable[[str], Sequence[RecordedStep]],
    begun_only: bool = False,
) -> Collected | None:
    """Return what the job's newest fire came to: its delivery, or why there is none; None before its first.

    An older delivery never stands in for a newer failure, nor for a run that should have ended by now:
    what is missing must show. With `begun_only`, slots that were skipped without a run (a closed day, a pause)
    are passed over: whoever asks so knows how old a result it takes. `recorded` returns the steps of a run:
    what another node made, whose artifact lies there, is read from them.
    """
    job_id = job.id
    with database.read() as connection:
        newest = latest_fire(connection, job_id)
        fire = latest_fire(connection, job_id, begun_only=True) if begun_only else newest
        found_nothing = fire is not None and has_nothing_to_report(connection, fire)
    if fire is None or newest is None:
        return None
    since = slots_between(job.schedules, job.zone, newest.due_at, now)
    if fire.state.is_open or since:
        due_at = since[-1] if since else fire.due_at
        return Collected(job_id, gaps=(Gap(job_id, f"its run due {_moment(due_at, job)} has no result yet"),))
    if fire.state.is_success and fire.artifact is not None:
        try:
            digest = digest_from_json(json.loads(_published(state, fire, recorded)))
        except (OSError, ValueError, KeyError) as error:
            return Collected(job_id, gaps=(Gap(job_id, f"its artifact cannot be read ({type(error).__name__})"),))
        return with_figures(collected_from_digest(digest, job_id), _figures(state, fire, recorded))
    if found_nothing:
        return Collected(job_id, text=f"{NOTHING_TO_REPORT}: {fire.reason}.", is_untrusted=False)
    problem = f"its run due {_moment(fire.due_at, job)} {became(fire.state)}: {fire.reason}"
    return Collected(job_id, gaps=(Gap(job_id, problem),))


def _published(state: StateFolder, fire: Fire, recorded: Callable[[str], Sequence[RecordedStep]]) -> str:
    """Return the digest (JSON) that the fire's run made. Raises OSError if it is neither here nor in its record."""
    try:
        return (state.root / (fire.artifact or "")).read_text(encoding="utf-8")
    except FileNotFoundError:
        for step in recorded(fire.run_id or ""):
            if step.kind == "publish" and step.value:
                return str(step.value["digest"])
        raise


def _figures(
    state: StateFolder, fire: Fire, recorded: Callable[[str], Sequence[RecordedStep]]
) -> tuple[Figure, ...] | None:
    """Return the figures that the fire's run collected, None if they cannot be read."""
    artifact = state.root / (fire.artifact or "")
    try:
        if artifact.exists():
            path = artifact.with_name(FIGURES_FILE)
            # Runs without figures leave no such file, nor did those before there was one.
            return read_figures(path.read_text(encoding="utf-8")) if path.exists() else ()
        return recorded_figures(recorded(fire.run_id or ""))
    except (OSError, ValueError):
        return None


def latest_fire(connection: Connection, job_id: str, *, begun_only: bool = False) -> Fire | None:
    """Return the job's newest fire that counts.

    Previews do not, nor what the person asked for by hand and a condition held back: the result before it
    stands. With `begun_only`, slots that were skipped without a run do not count either.
    """
    fires = last_fires(connection, job_id, _LOOK_BACK, begun_only=begun_only)
    return next((fire for fire in fires if _counts(connection, fire)), None)


def day_of_latest_output(connection: Connection, job: Job) -> date | None:
    """Return the day, in the job's zone, for which its newest result is that somebody can read; None if there is none.

    That of the newest fire which succeeded and made something: what failed or was silent since is no result, and takes
    none away. The day is that on which the fire was due: by it the ledger knows it, however late it ran.
    """
    fires = last_fires(connection, job.id, _LOOK_BACK)
    made = (fire for fire in fires if fire.state.is_success and fire.artifact is not None and _counts(connection, fire))
    newest = next(made, None)
    return None if newest is None else newest.due_at.astimezone(ZoneInfo(job.zone)).date()


def has_nothing_to_report(connection: Connection, fire: Fire) -> bool:
    """Say whether the job looked, and there was nothing to tell: its run was silent, or its `only_if` did not hold."""
    if fire.state is FireState.SILENT:
        return True
    if fire.state is not FireState.SKIPPED or fire.run_id is None:
        return False
    run = run_by_id(connection, fire.run_id)
    return run is not None and run.stop == CONDITION_STOP


def became(state: FireState) -> str:
    """Return what became of a fire, to follow the name of its job: `was missed`, `failed`."""
    return "failed" if state is FireState.FAILED else f"was {state}"


def _counts(connection: Connection, fire: Fire) -> bool:
    if fire.is_preview or (fire.kind in _BY_PERSON and fire.state is FireState.SKIPPED):
        return False
    run = run_by_id(connection, fire.run_id) if fire.run_id is not None else None
    return run is None or not run.options.get("preview")


def _moment(moment: datetime, job: Job) -> str:
    return moment.astimezone(ZoneInfo(job.zone)).strftime("%a %d %b %H:%M %Z")
