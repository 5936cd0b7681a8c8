"""Runs that something hangs in: this process executes them, and no step of theirs ends any more.

A tool or a thread that never returns holds its agent's place for ever. What a run may take is its job's
`timeout`; a step that is longer under way than that and five minutes more will not end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from harness.domain.job import Job
from harness.domain.workspace import Workspace
from harness.ports import Engine
from harness.schedule.catchup import duration_in_words

MARGIN_S = 300
_LONGEST_PAUSE_S = 60.0
"""Between two looks: a machine that slept, and a process that was stopped, could finish no step."""
_DEFAULT_TIMEOUT_S = Job(agent="", name="", path="", schedules=(), zone="UTC").timeout_s


@dataclass(frozen=True, slots=True)
class Quiet:
    """How long a run has recorded nothing while this process was awake, and which of its steps was the last."""

    last_position: int = 0
    seconds: float = 0.0


class StalledRuns:
    """Measures how long each run that is executed here has been quiet; `stopwatch` never goes back.

    To be asked about every such run every few seconds. `records_now` is the time by the clock with which the engine
    stamps its records: the wall's, also where the harness lives in virtual time.
    """

    def __init__(
        self,
        engine: Engine,
        workspace: Callable[[], Workspace],
        *,
        stopwatch: Callable[[], float],
        records_now: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._workspace = workspace
        self._stopwatch = stopwatch
        self._records_now = records_now
        self._quiet: dict[str, Quiet] = {}
        self._looked_at_s: dict[str, float] = {}

    def why_stalled(self, run_id: str, job_id: str, now: datetime) -> str | None:
        """Return why the run will not end by itself, or None as long as it may."""
        quiet = self._grown(run_id)
        self._quiet[run_id] = quiet
        allowed_s = self._allowed_s(job_id)
        if quiet.seconds <= allowed_s:
            return None
        # Its records are read only now, once in the time that a step may take.
        last = max(self._engine.recorded(run_id), key=lambda step: step.position, default=None)
        if last is not None and last.position > quiet.last_position:
            since_s = quiet.seconds if last.ended_at is None else self._records_now().timestamp() - last.ended_at
            self._quiet[run_id] = Quiet(last.position, min(max(0.0, since_s), quiet.seconds))
            if self._quiet[run_id].seconds <= allowed_s:
                return None
        since = datetime.fromtimestamp(now.timestamp() - self._quiet[run_id].seconds, UTC)
        return self._in_words(since, allowed_s, "begin" if last is None else last.kind)

    def forget_all_but(self, run_ids: set[str]) -> None:
        """Forget the runs that are not executed here any more."""
        for run_id in self._quiet.keys() - run_ids:
            del self._quiet[run_id]
            del self._looked_at_s[run_id]

    def _grown(self, run_id: str) -> Quiet:
        at_s = self._stopwatch()
        elapsed_s = at_s - self._looked_at_s.get(run_id, at_s)
        self._looked_at_s[run_id] = at_s
        known = self._quiet.get(run_id, Quiet())
        return Quiet(known.last_position, known.seconds + min(elapsed_s, _LONGEST_PAUSE_S))

    def _allowed_s(self, job_id: str) -> float:
        timeouts = {job.id: job.timeout_s for job in self._workspace().jobs()}
        return timeouts.get(job_id, _DEFAULT_TIMEOUT_S) + MARGIN_S

    def _in_words(self, since: datetime, allowed_s: float, last_kind: str) -> str:
        local = since.astimezone(ZoneInfo(self._workspace().settings.home_zone))
        return (
            f"it made no progress since {local:%a %H:%M}: nothing after its step {last_kind!r} has ended within "
            f"{duration_in_words(allowed_s)}, so something hangs in it"
        )
