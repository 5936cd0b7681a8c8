"""One job, or one prompt, without a daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo

from harness.daemon.belonging import asked_by_run, queued_for, waits_for_answers
from harness.daemon.bus_commands import BusCommands
from harness.daemon.lock import executor_lock
from harness.domain.cause import is_disk_trouble
from harness.domain.errors import HarnessError, TransientError
from harness.domain.job import Job
from harness.domain.pause import PauseRow
from harness.domain.run import Fire, FireState, RunState
from harness.prompt.assemble import AssembledPrompt, assemble, without_secrets
from harness.prompt.gather import gather
from harness.prompt.skill_choice import Task
from harness.runs.by_hand import fire_for, start_by_hand
from harness.runs.cancelling import CancelRequest, cancel_reason, request_cancel
from harness.runs.collecting import collect_inputs
from harness.runs.forking import fork_run, retry_run
from harness.runs.lately import failures_lately
from harness.runs.pausing import pause, resume
from harness.runs.wall_clock import WallClock
from harness.store.address import database_address
from harness.store.peek import peek
from harness.store.runs import runs_in
from harness.store.state_folder import state_folder
from harness.wiring.build import build_system
from harness.wiring.bus import Bus, open_bus
from harness.wiring.system import System

_LOOK_EVERY_S = 1.0
_PATIENCE_S = 60.0
"""How long a disk may be full, or the database away, before the wait for a run is given up."""


def run_once(
    root: Path,
    environ: Mapping[str, str],
    job_id: str,
    inputs: Mapping[str, str],
    *,
    profile: str | None,
    preview: bool,
    force: bool = False,
    echo: Callable[[str], None],
    out: TextIO,
) -> Fire:
    """Run one job to its end in this process and return its fire; queued runs of others stay queued.

    `out` is where stdout channels print.

    Runs that a crash interrupted go on beside it, as this executor owns them, and are parked again if
    they are not done when the job is.
    Raises TransientError if another process works in the state folder.
    """

    def order(system: System) -> str:
        return start_by_hand(
            system.database,
            system.workspace(),
            job_id,
            system.clock.now(),
            inputs=inputs,
            profile=profile,
            preview=preview,
            force=force,
        )

    return _do_once(root, environ, f"harness run {job_id}", order, echo, out)


def retry_once(
    root: Path, environ: Mapping[str, str], run_id: str, *, echo: Callable[[str], None], out: TextIO
) -> Fire:
    """Do the run's job again, as `run_once` does a job."""

    def order(system: System) -> str:
        return retry_run(system.database, system.workspace(), run_id, system.clock.now())

    return _do_once(root, environ, f"harness runs retry {run_id}", order, echo, out)


def fork_once(
    root: Path,
    environ: Mapping[str, str],
    run_id: str,
    from_step: int | None,
    *,
    echo: Callable[[str], None],
    out: TextIO,
) -> Fire:
    """Do a fork of the run, as `run_once` does a job."""

    def order(system: System) -> str:
        with peek(database_address(root, environ)) as look:
            records = () if look is None else look.steps_of_run(run_id)
        now = system.clock.now()
        return fork_run(system.database, system.workspace(), run_id, now, from_step=from_step, records=records)

    return _do_once(root, environ, f"harness runs fork {run_id}", order, echo, out)


def cancel_once(root: Path, environ: Mapping[str, str], run_id: str, reason: str) -> CancelRequest:
    """Cancel the run from here; what an interrupted daemon had left of it is never resumed.

    Where another process is at work on it, that one is asked, and does it within a second or two.
    """
    system = build_system(root, environ=environ, clock=WallClock())
    try:
        wish = cancel_reason(system.workspace().settings.user_name, reason)
        with system.database.write(alone=True) as connection:
            became = request_cancel(connection, run_id, wish, system.clock.now())
        if became is CancelRequest.ASKED:
            # Who holds the lock is at work here, and looks at what is wanted itself.
            with suppress(TransientError), executor_lock(system.state, f"harness runs cancel {run_id}"):
                system.join()
        return became
    finally:
        system.close()


def pause_once(root: Path, environ: Mapping[str, str], scope: str, by: str, reason: str) -> tuple[PauseRow, bool]:
    """Pause the scope; return what is in force, and whether it is new."""
    system = build_system(root, environ=environ, clock=WallClock())
    try:
        return pause(system.database, scope, by, reason, system.clock.now())
    finally:
        system.close()


def resume_once(root: Path, environ: Mapping[str, str], scope: str) -> PauseRow | None:
    """Resume the scope; return the pause that ended, or None if there was none."""
    system = build_system(root, environ=environ, clock=WallClock())
    try:
        return resume(system.database, scope, system.clock.now())
    finally:
        system.close()


def show_prompt(root: Path, environ: Mapping[str, str], job_id: str) -> AssembledPrompt:
    """Collect what the job reads and assemble its prompt, as a run of this moment would; nothing is sent.

    Raises OwnerError where a file of the person's makes the prompt impossible.
    """
    system = build_system(root, environ=environ, clock=WallClock())
    try:
        workspace = system.workspace()
        job: Job = workspace.job(job_id)
        agent = workspace.agent(job.agent)
        now = system.clock.now()
        inputs = asyncio.run(collect_inputs(system.services, workspace, job, {}, now))
        tools = system.services.tool_schemas(agent, job)
        skills = system.services.choose_skills(workspace, agent, Task(agent.name, job.id, job.prompt, job.inputs))
        today = now.astimezone(ZoneInfo(job.zone)).date()
        gathered = gather(
            workspace,
            agent,
            job,
            inputs.collected,
            now=now,
            run_inputs={},
            tools=tools,
            skills=skills,
            recall=lambda question: system.services.recall(workspace, agent, question, today),
            errors=failures_lately(system.database, job.id),
        )
        return without_secrets(assemble(gathered), system.services.redact)
    finally:
        system.close()


def _do_once(
    root: Path,
    environ: Mapping[str, str],
    what: str,
    order: Callable[[System], str],
    echo: Callable[[str], None],
    out: TextIO,
) -> Fire:
    with executor_lock(state_folder(root, environ), what):
        system = build_system(root, environ=environ, clock=WallClock(), out=out)
        try:
            run_id = order(system)
            _tell_interrupted(system, echo)
            system.launch()
            system.reconcile()
            fire = _wait_for(system, run_id, echo)
            system.learn_at_the_end()
            system.mirror_at_the_end()
            return fire
        finally:
            system.close()


def _wait_for(system: System, run_id: str, echo: Callable[[str], None]) -> Fire:
    told, well_s = "", system.services.stopwatch()
    while True:
        fire = fire_for(system.database, run_id)
        if fire.state.is_open and fire.reason not in ("", told):
            told = fire.reason
            echo(f"{run_id}: {fire.state}, {fire.reason}")
        is_made = fire.state is FireState.SUSPENDED and not waits_for_answers(system.database, fire.run_id)
        if not fire.state.is_open or is_made:
            return fire
        try:
            _serve(system, run_id, fire)
            well_s = system.services.stopwatch()
        except HarnessError as error:
            may_pass = isinstance(error, TransientError) or is_disk_trouble(error)
            if not may_pass or system.services.stopwatch() - well_s > _PATIENCE_S:
                raise
            # The run itself waits for room as well, and goes on when there is some.
            if str(error) != told:
                told = str(error)
                echo(f"{run_id}: {error}")
        system.dispatcher.wait_for_change(_LOOK_EVERY_S)


def _serve(system: System, run_id: str, fire: Fire) -> None:
    """Do once what a daemon does again and again, for this run and for what it asked of others."""
    system.serve_bus()
    for queued in (fire.run_id, *queued_for(system.database, asked_by_run(run_id))):
        system.dispatcher.dispatch(only=queued)
    system.beat()
    system.carry_out_cancels()
    system.reconcile()


def _tell_interrupted(system: System, echo: Callable[[str], None]) -> None:
    with system.database.read() as connection:
        interrupted = [run.id for run in runs_in(connection, RunState.RUNNING)]
    for run_id in interrupted:
        echo(f"resuming {run_id}, which was interrupted")


def bus_once(root: Path, environ: Mapping[str, str], command: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Carry out one of `BusCommands` here, and return its answer; a daemon that is there later goes on with it."""

    async def carry_out(bus: Bus) -> dict[str, Any]:
        answer = BusCommands(bus, lambda: None).handlers()[command](arguments)
        assert isinstance(answer, Awaitable), "these commands have one answer each"
        return await answer

    with open_bus(root, environ) as bus:
        return asyncio.run(carry_out(bus))
