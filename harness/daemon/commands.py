"""What the daemon answers on its control socket."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict
from typing import Any

import harness
from harness.daemon.belonging import waits_for_answers
from harness.daemon.bus_commands import BusCommands
from harness.daemon.control import Answer, Handler
from harness.daemon.stopping import Stopping
from harness.daemon.supervise import Pulse
from harness.domain.errors import HarnessError, TransientError
from harness.domain.run import Fire, FireState, RunState
from harness.runs.by_hand import fire_for, start_by_hand
from harness.runs.cancelling import cancel_reason, cancel_run
from harness.runs.forking import fork_run, retry_run
from harness.runs.pausing import pause, resume
from harness.store.runs import runs_in
from harness.wiring.bus import bus_of
from harness.wiring.system import System
from harness.workspace.load import Loaded

_LOOK_EVERY_S = 2.0


class Commands:
    """The handlers: `ping`, `run`, `cancel`, `retry`, `fork`, `pause`, `resume`, `reload`, `stop`, and those of
    `BusCommands`."""

    def __init__(
        self,
        system: System,
        *,
        started_at: float,
        run_ended: Pulse,
        wake: Callable[[], None],
        reload: Callable[[], Loaded],
        stopping: Stopping,
    ) -> None:
        self._system = system
        self._started_at = started_at
        self._run_ended = run_ended
        self._wake = wake
        self._reload = reload
        self._stopping = stopping

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers by command."""
        return {
            "ping": self._ping,
            "run": self._run,
            "cancel": self._cancel,
            "retry": self._retry,
            "fork": self._fork,
            "pause": self._pause,
            "resume": self._resume,
            "reload": self._reload_files,
            "stop": self._stop_daemon,
            **BusCommands(bus_of(self._system), self._wake).handlers(),
        }

    async def _ping(self, _request: dict[str, Any]) -> Answer:
        def running() -> list[str]:
            with self._system.database.read() as connection:
                return [run.id for run in runs_in(connection, RunState.RUNNING)]

        return {
            "pid": os.getpid(),
            "version": harness.__version__,
            "ready": True,
            "draining": self._stopping.asked.is_set(),
            "since": self._started_at,
            "running": await asyncio.to_thread(running),
        }

    async def _run(self, request: dict[str, Any]) -> AsyncIterator[Answer]:
        system = self._system
        job_id = request.get("job")
        if not isinstance(job_id, str):
            raise HarnessError("run needs the name of a job, agent/name")
        self._refuse_while_stopping()
        run_id = await asyncio.to_thread(
            start_by_hand,
            system.database,
            system.workspace(),
            job_id,
            system.clock.now(),
            inputs=dict(request.get("inputs") or {}),
            profile=request.get("profile"),
            preview=bool(request.get("preview")),
            force=bool(request.get("force")),
        )
        async for answer in self._follow(run_id):
            yield answer

    async def _cancel(self, request: dict[str, Any]) -> Answer:
        system = self._system
        reason = cancel_reason(system.workspace().settings.user_name, str(request.get("reason") or ""))
        owner = system.membership.executor_id
        became = await asyncio.to_thread(
            cancel_run, system.database, system.engine, owner, _run_id(request), reason, system.clock.now()
        )
        return {"became": str(became)}

    async def _retry(self, request: dict[str, Any]) -> AsyncIterator[Answer]:
        self._refuse_while_stopping()
        system = self._system
        run_id = await asyncio.to_thread(
            retry_run, system.database, system.workspace(), _run_id(request), system.clock.now()
        )
        async for answer in self._follow(run_id):
            yield answer

    async def _fork(self, request: dict[str, Any]) -> AsyncIterator[Answer]:
        self._refuse_while_stopping()
        system = self._system
        source, from_step = _run_id(request), request.get("from_step")

        def fork() -> str:
            return fork_run(
                system.database,
                system.workspace(),
                source,
                system.clock.now(),
                from_step=None if from_step is None else int(from_step),
                records=system.engine.recorded(source),
            )

        async for answer in self._follow(await asyncio.to_thread(fork)):
            yield answer

    def _refuse_while_stopping(self) -> None:
        if self._stopping.asked.is_set():
            raise TransientError("the daemon is stopping and begins nothing any more; try again when it is up")

    async def _pause(self, request: dict[str, Any]) -> Answer:
        system = self._system
        scope, by, reason = _scope(request), str(request.get("by") or "somebody"), str(request.get("reason") or "")
        row, is_new = await asyncio.to_thread(pause, system.database, scope, by, reason, system.clock.now())
        return {"pause": asdict(row), "changed": is_new}

    async def _resume(self, request: dict[str, Any]) -> Answer:
        system = self._system
        row = await asyncio.to_thread(resume, system.database, _scope(request), system.clock.now())
        return {"pause": None if row is None else asdict(row)}

    async def _follow(self, run_id: str) -> AsyncIterator[Answer]:
        """Have the run begun, and tell how its fire changes until it is closed."""
        system = self._system
        self._wake()
        told: set[tuple[FireState, str]] = set()
        while True:
            fire = await asyncio.to_thread(fire_for, system.database, run_id)
            if not fire.state.is_open or await self._is_made(fire):
                yield {**fire_to_json(fire), "done": True}
                return
            if (fire.state, fire.reason) not in told:  # what waits for another job is looked at again and again
                told.add((fire.state, fire.reason))
                yield {"run_id": run_id, "state": str(fire.state), "reason": fire.reason}
            await self._run_ended.wait(_LOOK_EVERY_S)

    async def _is_made(self, fire: Fire) -> bool:
        """Say whether the run waits for its channel alone, which may take hours: the outbox keeps trying."""
        if fire.state is not FireState.SUSPENDED:
            return False
        return not await asyncio.to_thread(waits_for_answers, self._system.database, fire.run_id)

    async def _reload_files(self, _request: dict[str, Any]) -> Answer:
        loaded = await asyncio.to_thread(self._reload)
        self._wake()
        return {"findings": [str(finding) for finding in loaded.findings], "held_back": list(loaded.held_back)}

    async def _stop_daemon(self, _request: dict[str, Any]) -> Answer:
        self._stopping.ask()
        return {
            "stopping": True,
            "pid": os.getpid(),
            "drain_s": self._system.workspace().settings.drain_s,
            "at_once": self._stopping.urgent.is_set(),
        }


def _run_id(request: dict[str, Any]) -> str:
    run_id = request.get("run")
    if not isinstance(run_id, str):
        raise HarnessError("this needs the id of a run")
    return run_id


def fire_to_json(fire: Fire) -> Answer:
    """Return the fire as the control socket carries it; times are ISO texts in UTC."""
    return {
        "run_id": fire.run_id,
        "job_id": fire.job_id,
        "kind": str(fire.kind),
        "due_at": fire.due_at.isoformat(),
        "state": str(fire.state),
        "reason": fire.reason,
        "closed_at": None if fire.closed_at is None else fire.closed_at.isoformat(),
        "artifact": fire.artifact,
        "items": fire.items,
        "gaps": fire.gaps,
    }


def _scope(request: dict[str, Any]) -> str:
    scope = request.get("scope")
    if not isinstance(scope, str) or not scope:
        raise HarnessError("a pause needs its scope: all, agent:NAME or job:AGENT/JOB")
    return scope
