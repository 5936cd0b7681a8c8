"""The daemon: ticks, dispatches, delivers, reconciles, beats and answers, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from logging.handlers import RotatingFileHandler
from pathlib import Path
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from harness.daemon.commands import Commands
from harness.daemon.control import ControlServer
from harness.daemon.heartbeat import EVERY_S, HeartbeatWriter
from harness.daemon.lock import executor_lock
from harness.daemon.supervise import Pulse, Supervisor
from harness.domain.workspace import Workspace
from harness.gate.redact import redact
from harness.runs.clock import next_slot, sync_jobs, tick
from harness.runs.deliveries import settle_deliveries
from harness.runs.engine import WORKFLOW_VERSION
from harness.runs.expectations import disagreements
from harness.runs.nodes import BEAT_EVERY_S
from harness.runs.wall_clock import WallClock
from harness.store.state_folder import StateFolder, state_folder
from harness.wiring.system import System, build_system
from harness.workspace.load import Loaded
from harness.workspace.watch import WorkspaceWatch

RECONCILE_EVERY_S = 15.0
DELIVER_EVERY_S = 10.0
LOG_BYTES = 5_000_000
LOG_FILES = 4


def serve(root: Path, environ: Mapping[str, str], *, echo: Callable[[str], None]) -> int:
    """Run the daemon in the foreground until SIGTERM, SIGINT or `harness down`; return the exit code.

    Raises TransientError if another process works in the state folder, OwnerError for a workspace or a
    state folder that cannot be used.
    """
    state = state_folder(root, environ)
    with executor_lock(state, "harness up"):
        handler = log_to_file(state)
        try:
            return asyncio.run(_serve(root, environ, echo))
        finally:
            logging.getLogger().removeHandler(handler)
            handler.close()


def log_to_file(state: StateFolder) -> logging.Handler:
    """Send the log to `logs/harness.log`, kept to four files of 5 MB, without secrets, and return the handler."""
    state.logs.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(
        state.logs / "harness.log", maxBytes=LOG_BYTES, backupCount=LOG_FILES - 1, encoding="utf-8"
    )
    handler.setFormatter(_RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.setLevel(logging.INFO)
    logging.getLogger().addHandler(handler)
    logging.getLogger("harness").setLevel(logging.INFO)
    return handler


class _RedactingFormatter(logging.Formatter):
    """The one writer of the log takes out what is shaped like a secret, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


async def _serve(root: Path, environ: Mapping[str, str], echo: Callable[[str], None]) -> int:
    loop = asyncio.get_running_loop()
    run_ended, wake, stop = Pulse(loop), asyncio.Event(), asyncio.Event()

    def on_run_ended() -> None:
        run_ended.give()
        loop.call_soon_threadsafe(wake.set)

    system = await asyncio.to_thread(build_system, root, environ=environ, clock=WallClock(), wake=on_run_ended)
    service = Service(system, wake=wake, stop=stop)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    commands = Commands(
        system,
        started_at=service.started_at,
        run_ended=run_ended,
        wake=wake.set,
        reload=service.reload,
        stop=stop.set,
    )
    control = ControlServer(system.state.control_socket, commands.handlers())

    def on_edit() -> None:
        loop.call_soon_threadsafe(service.files_changed)

    watch = WorkspaceWatch(root, on_edit)
    try:
        await asyncio.to_thread(service.open)
        await control.start()
        await asyncio.to_thread(watch.start)
        echo(await asyncio.to_thread(service.greeting))
        await service.work()
        echo("stopping; runs in flight go on at the next start")
    finally:
        await control.close()
        await asyncio.to_thread(watch.stop)
        await service.supervisor.close()
        await asyncio.to_thread(service.close)
    return 0


class Service:
    """The daemon's work; its methods block but for `work`, and are called off the event loop."""

    def __init__(self, system: System, *, wake: asyncio.Event, stop: asyncio.Event) -> None:
        self._system = system
        self._wake = wake
        self._stop = stop
        self._is_ready = False
        self.started_at = system.clock.now().timestamp()
        self.supervisor = Supervisor(system.incidents)
        self._heart = HeartbeatWriter(system.state, lambda: system.membership.executor_id, self.started_at)

    def open(self) -> None:
        """Take up what an earlier life left: resume its runs, close what is hopeless, plan what was missed."""
        system = self._system
        system.launch("daemon")
        self._beat()
        self._tell_findings(system.workspace.loaded)
        system.adopt()
        system.reconcile()
        self._expect_jobs(system.workspace())
        self._is_ready = True
        self._beat()

    def close(self) -> None:
        """Park the runs in flight and give everything back."""
        self._system.close()
        self._heart.remove()

    def greeting(self) -> str:
        """Return the line that says that the daemon is ready."""
        workspace = self._system.workspace()
        jobs = sum(1 for _ in workspace.jobs())
        due = next_slot(self._system.database)
        upcoming = "nothing is scheduled" if due is None else f"next at {_local(due, workspace.settings.home_zone)}"
        return f"ready: {len(workspace.agents)} agents, {jobs} jobs, {upcoming} (pid {os.getpid()})"

    def reload(self) -> Loaded:
        """Read the workspace again and expect exactly its jobs from now on."""
        system = self._system
        loaded = system.workspace.reload()
        self._tell_findings(loaded)
        self._expect_jobs(loaded.workspace)
        return loaded

    def _expect_jobs(self, workspace: Workspace) -> None:
        system = self._system
        sync_jobs(system.database, workspace, system.clock.now(), WORKFLOW_VERSION, is_shared=system.is_shared)

    def files_changed(self) -> None:
        """Reload soon; to be called on the event loop."""

        async def follow() -> None:
            await self.supervisor.guarded("reload", self.reload)
            self._wake.set()

        self.supervisor.spawn(follow())

    async def work(self) -> None:
        """Tick until told to stop, with the slower duties beside it."""
        timers = AsyncIOScheduler(timezone="UTC", event_loop=asyncio.get_running_loop())
        for every_s, name, duty in (
            (EVERY_S, "heartbeat", self._beat),
            (BEAT_EVERY_S if self._system.is_shared else EVERY_S, "nodes", self._keep_membership),
            (RECONCILE_EVERY_S, "reconciler", self._reconcile),
            (DELIVER_EVERY_S, "outbox", self._deliver),
        ):
            timers.add_job(
                self.supervisor.guarded, "interval", seconds=every_s, args=(name, duty), max_instances=1, coalesce=True
            )
        timers.start()
        try:
            while not self._stop.is_set():
                self._wake.clear()
                due = await self.supervisor.guarded("tick", self._tick)
                await self._sleep_until_news(due)
        finally:
            timers.shutdown(wait=False)

    async def _sleep_until_news(self, due: datetime | None) -> None:
        clock = self._system.clock
        # At most a second: a laptop that slept, or a clock that was set, is noticed.
        latest = clock.now() + timedelta(seconds=1)
        waits = [
            asyncio.ensure_future(clock.sleep_until(min(due or latest, latest))),
            asyncio.ensure_future(self._wake.wait()),
            asyncio.ensure_future(self._stop.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _tick(self) -> datetime | None:
        system = self._system
        tick(system.database, system.workspace(), system.clock.now(), WORKFLOW_VERSION)
        system.carry_out_cancels()
        system.enforce_deadlines()
        system.dispatcher.dispatch()
        moments = (next_slot(system.database), system.dispatcher.next_start())
        return min((moment for moment in moments if moment is not None), default=None)

    def _keep_membership(self) -> None:
        self._system.beat()
        self._system.adopt()

    def _reconcile(self) -> None:
        self._system.reconcile()
        if self._system.is_shared:
            self._tell_disagreements()

    def _tell_disagreements(self) -> None:
        """Keep one incident for each job that the daemons of this database have in different words."""
        system = self._system
        with system.database.read() as connection:
            differing = dict(disagreements(connection, system.workspace()))
        for cause in system.incidents.open_causes("schedule "):
            if cause.removeprefix("schedule ") not in differing:
                system.incidents.resolve(cause)
        known = set(system.incidents.open_causes("schedule "))
        for job_id, what in differing.items():
            if f"schedule {job_id}" not in known:
                system.incidents.open(f"schedule {job_id}", f"{what}; bring the workspaces of all nodes up to date")

    def _beat(self) -> None:
        system = self._system
        self._heart.write(
            system.clock.now().timestamp(),
            is_ready=self._is_ready,
            running=system.dispatcher.count_open(),
            held_back=system.workspace.loaded.held_back,
        )

    def _deliver(self) -> None:
        system = self._system
        settings = system.workspace().settings
        settle_deliveries(system.database, system.services.channels(settings), settings, system.clock.now())

    def _tell_findings(self, loaded: Loaded) -> None:
        """Keep one incident for each broken file, and close those of files that are sound again."""
        errors = {f"file {finding.path}": str(finding) for finding in loaded.findings if finding.severity == "error"}
        incidents = self._system.incidents
        for cause in incidents.open_causes("file "):
            if cause not in errors:
                incidents.resolve(cause)
        for cause, message in errors.items():
            incidents.open(cause, message)


def _local(moment: datetime, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).strftime("%a %H:%M")
