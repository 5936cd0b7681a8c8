"""`harness day`: the very code that the daemon uses, driven by a clock that is moved by hand."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from harness.collectors.collect import read_kind
from harness.domain.errors import OwnerError
from harness.domain.request import request_of_job
from harness.domain.run import Fire
from harness.domain.workspace import Workspace
from harness.rehearsal.day import Itinerary, RehearsalReport, rehearse
from harness.rehearsal.evidence import evidence_of
from harness.rehearsal.faults import spread_faults
from harness.rehearsal.newsstand import read_at_newsstand
from harness.rehearsal.promises import Broken, broken_promises
from harness.rehearsal.recorded_answers import RecordedAnswers
from harness.rehearsal.recorded_model import recorded_models, without_calls
from harness.rehearsal.services import live_in_sample_days
from harness.rehearsal.wall_time import days_span
from harness.rehearsal.workspace_copy import MARKER, LeftOut, copy_workspace, named_paths, point_at_world
from harness.rehearsal.world import SampleWorld
from harness.runs.clock import next_slot, sync_jobs, tick
from harness.runs.deliveries import settle_deliveries
from harness.runs.wall_clock import WallClock
from harness.runs.workflow_version import WORKFLOW_VERSION
from harness.schedule.due import slots_between
from harness.store.address import URL_VARIABLE, file_url
from harness.store.fires import fires_between
from harness.store.outbox import deliveries_of_run
from harness.store.state_folder import StateFolder
from harness.testing.clock import VirtualClock
from harness.wiring.build import build_system
from harness.wiring.files import load, vocabulary
from harness.wiring.models import no_stand_in
from harness.wiring.system import System
from harness.workspace.load import Loaded, load_workspace

World = Literal["sample", "live"]
Progress = Callable[[datetime, int, int], None]

_WORKSPACE = "workspace"
_STATE = "state"
_LOOK_EVERY_S = 0.5
_NOTICES: Mapping[World, str] = {
    "sample": "A rehearsal in the sample world: every source and story in it is invented, and its links lead nowhere.",
    "live": "A rehearsal in virtual time: what stands here was collected later than it says.",
}


@dataclass(frozen=True, slots=True)
class RehearsedDay:
    """What a rehearsal left in `out`.

    `page` is the Markdown of the page for the person, if one was delivered: that of the job that gathers
    what others delivered, else the last one. Each Markdown file has its HTML page beside it.
    `left_out` is what the copy has not, or has differently. `broken` are promises that did not hold.
    """

    report: RehearsalReport
    out: Path
    zone: str
    page: Path | None
    left_out: tuple[LeftOut, ...]
    broken: tuple[Broken, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether the ledger is complete, and every promise was kept."""
        return self.report.is_complete and not self.broken

    @property
    def state(self) -> StateFolder:
        return StateFolder(self.out / _STATE)

    @property
    def workspace(self) -> Path:
        """The copy that was rehearsed."""
        return self.out / _WORKSPACE


def run_day(
    root: Path,
    *,
    out: Path,
    day: date | None,
    days: int,
    agents: Sequence[str],
    world: World,
    environ: Mapping[str, str],
    progress: Progress,
    broken: float = 0.0,
) -> RehearsedDay:
    """Rehearse one or more days on a copy of the workspace in `out`; the real state is not touched.

    `day` None means today in the home time zone. `agents` empty means all of them. `broken` is the share (0 to 1) of
    the sample world's hosts that fail, each in its own way.
    Raises OwnerError for a workspace with errors, an agent that does not exist, or an `out` that holds
    something else than an earlier rehearsal.
    """
    present = WallClock().now()
    original = _sound_workspace(root, agents, present)
    zone = original.settings.home_zone
    first_day = day or present.astimezone(ZoneInfo(zone)).date()
    start, end = days_span(first_day, days, zone)
    _clear(out)
    copy = copy_workspace(root, out / _WORKSPACE, also=named_paths(original))
    state = StateFolder(out.absolute() / _STATE)
    # A database that the workspace names is the real one: this day has its own.
    environ = {**environ, "HARNESS_HOME": str(state.root), URL_VARIABLE: file_url(state.database)}
    # A second before midnight, so that what is due at midnight is still ahead.
    clock = VirtualClock(start - timedelta(seconds=1))
    with ExitStack() as stack:
        sample = None
        if world == "sample":
            faults = partial(spread_faults, share=broken)
            sample = stack.enter_context(SampleWorld(first_day, zone, clock.now, faults=faults))
            point_at_world(copy.root, sample, is_patient=not broken)
            live_in_sample_days(copy.root, first_day, zone)
            read_at_newsstand(copy.root, sample.baskets)
        stage = _Stage(copy.root, out, environ, clock, tuple(agents), sample)
        system = stack.enter_context(_rehearsed_system(stage))
        itinerary = Itinerary(first_day, zone, _expected(system.workspace(), start, end), days)
        report = asyncio.run(rehearse(_Rehearsed(system), clock, itinerary, on_progress=progress))
        page = _page(system, out, report.fires)
        found = broken_promises(evidence_of(system, itinerary, report))
    return RehearsedDay(report, out, zone, page, copy.left_out, found)


class _Rehearsed:
    """The system as `rehearse` drives it."""

    def __init__(self, system: System) -> None:
        self._system = system

    def next_due(self) -> datetime | None:
        system = self._system
        moments = (next_slot(system.database), system.dispatcher.next_start(), system.next_for_bus())
        return min((moment for moment in moments if moment is not None), default=None)

    async def tick(self) -> int:
        return await asyncio.to_thread(self._tick)

    async def settle(self) -> None:
        await asyncio.to_thread(self._settle)

    def fires(self, start: datetime, end: datetime) -> list[Fire]:
        with self._system.database.read() as connection:
            return fires_between(connection, start, end)

    def _tick(self) -> int:
        system = self._system
        ticked = tick(system.database, system.workspace(), system.clock.now(), WORKFLOW_VERSION)
        return len(ticked.queued) + ticked.missed

    def _settle(self) -> None:
        system = self._system
        system.enforce_deadlines()
        while True:
            served = system.serve_bus()
            system.dispatcher.dispatch()
            if not system.dispatcher.count_open():
                if served.is_nothing:
                    break
                continue
            if not system.dispatcher.wait_for_change(_LOOK_EVERY_S):
                system.reconcile()
        settings = system.workspace().settings
        settle_deliveries(system.database, system.services.channels(settings), settings, system.clock.now())
        system.learn()
        system.mirror()
        # At this moment of virtual time nothing more can break.
        system.tell_incidents(gather_s=0)


@dataclass(frozen=True, slots=True)
class _Stage:
    """What the rehearsed system is built from."""

    root: Path
    out: Path
    environ: Mapping[str, str]
    clock: VirtualClock
    agents: tuple[str, ...]
    sample: SampleWorld | None
    """The world in which it is; None for the real one."""


@contextmanager
def _rehearsed_system(stage: _Stage) -> Iterator[System]:
    def load_chosen() -> Loaded:
        loaded = load(stage.root, stage.environ, now=stage.clock.now())
        workspace = _only(loaded.workspace, stage.agents)
        return replace(loaded, workspace=without_calls(workspace) if stage.sample else workspace)

    # What stdout channels print would tear the progress bar: it is kept in a file.
    with (stage.out / "terminal.md").open("w", encoding="utf-8") as terminal:
        system = build_system(
            stage.root,
            environ=stage.environ,
            clock=stage.clock,
            resolver=stage.sample.resolver if stage.sample else None,
            out=terminal,
            loader=load_chosen,
            notice=_NOTICES["sample" if stage.sample else "live"],
            stand_in=recorded_models(RecordedAnswers()) if stage.sample else no_stand_in,
        )
        try:
            system.launch()
            sync_jobs(system.database, system.workspace(), stage.clock.now(), WORKFLOW_VERSION)
            yield system
        finally:
            system.close()


def _sound_workspace(root: Path, agents: Sequence[str], now: datetime) -> Workspace:
    loaded = load_workspace(root, vocabulary(), now=now)
    errors = [finding for finding in loaded.findings if finding.severity == "error"]
    if errors:
        first = errors[0]
        more = f" ({len(errors) - 1} more: harness check)" if len(errors) > 1 else ""
        raise OwnerError(first.path, first.line, first.problem, first.fix + more)
    for name in agents:
        if name not in loaded.workspace.agents:
            there_are = ", ".join(sorted(loaded.workspace.agents)) or "none"
            raise OwnerError(root / "agents", None, f"there is no agent {name!r}", f"there are: {there_are}")
    return loaded.workspace


def _only(workspace: Workspace, agents: Sequence[str]) -> Workspace:
    if not agents:
        return workspace
    return replace(workspace, agents={name: agent for name, agent in workspace.agents.items() if name in agents})


def _expected(workspace: Workspace, start: datetime, end: datetime) -> dict[str, list[datetime]]:
    """Return the slots in [start, end) of every job, from its schedule alone."""
    before, last = start - timedelta(seconds=1), end - timedelta(seconds=1)
    return {job.id: slots_between(job.schedules, job.zone, before, last) for job in workspace.jobs()}


def _clear(out: Path) -> None:
    """Remove what an earlier rehearsal left in `out`, and nothing else. Raises OwnerError if it is not one's."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / _WORKSPACE / MARKER).is_file():
        fix = "choose another folder with --out, or empty this one"
        raise OwnerError(out, None, "is not empty and no rehearsal made it", fix)
    if (out / _STATE).is_dir():
        shutil.rmtree(out / _STATE)


def _page(system: System, out: Path, fires: Sequence[Fire]) -> Path | None:
    """Return where a channel put the page for the person."""
    workspace = system.workspace()
    delivered = [fire for fire in fires if fire.artifact is not None and fire.run_id is not None]
    # Of those that gather as much, the last one.
    for fire in sorted(delivered, key=lambda fire: (_gathers(workspace, fire.job_id), fire.due_at), reverse=True):
        with system.database.read() as connection:
            receipts = [row.receipt for row in deliveries_of_run(connection, fire.run_id or "")]
        for path in (Path(receipt) for receipt in receipts if receipt):
            if path.is_file():
                return out / path.relative_to(out.absolute())
    return None


def _gathers(workspace: Workspace, job_id: str) -> int:
    """Return the results of how many other agents the job brings together."""
    if request_of_job(job_id) is not None:
        return 0
    job = workspace.job(job_id)
    read = (read.partition("/")[0] for read in job.inputs if read_kind(read) == "output")
    return len({agent for agent in read if agent != job.agent})
