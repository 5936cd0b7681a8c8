"""The work of the daemon: it ticks, dispatches, delivers, reconciles and beats until it is told to stop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from harness.daemon.absent_nodes import tell_absent_nodes
from harness.daemon.disk_watch import DiskWatch
from harness.daemon.duties import Duty, WaitingDuty, timers_for
from harness.daemon.file_incidents import FileIncidents, tell_disagreements
from harness.daemon.heartbeat import EVERY_S, HeartbeatWriter
from harness.daemon.notify import ServiceManager
from harness.daemon.set_back_clock import ClockCheck
from harness.daemon.stopping import Stopping, drain_line, let_runs_end, stop_line
from harness.daemon.supervise import Supervisor
from harness.daemon.vital_signs import VitalSigns
from harness.domain.run import RunState
from harness.domain.workspace import Workspace
from harness.runs.clock import next_slot, sync_jobs, tick
from harness.runs.deliveries import settle_deliveries
from harness.runs.nodes import BEAT_EVERY_S
from harness.runs.workflow_version import WORKFLOW_VERSION
from harness.store.heartbeat import read_heartbeat
from harness.store.last_written import last_written
from harness.store.runs import runs_in
from harness.wiring.memory import INDEX_DUTY
from harness.wiring.system import System
from harness.workspace.load import Loaded

RECONCILE_EVERY_S = 15.0
DELIVER_EVERY_S = 10.0
RETAIN_EVERY_S = 3600.0
ALERT_EVERY_S = 10.0
INBOX_EVERY_S = 1.0
INDEX_EVERY_S = 300.0
LEARN_EVERY_S = 5.0
MIRROR_EVERY_S = 2.0
PING_LOOK_EVERY_S = 5.0
CLOSE_WITHIN_S = 15.0
"""What parking the runs and closing may take, after the drain."""


class Service:
    """The daemon's work; its methods block but for `work`, and are called off the event loop."""

    def __init__(self, system: System, manager: ServiceManager, *, wake: asyncio.Event, stopping: Stopping) -> None:
        self._system = system
        self._manager = manager
        self._wake = wake
        self._stopping = stopping
        self._files = FileIncidents(system.incidents, system.workspace().settings.database_url)
        self._is_ready = False
        self._is_draining = False
        self._in_flight = 0
        self.started_at = system.clock.now().timestamp()
        self.supervisor = Supervisor(system.incidents)
        self._disk = DiskWatch(system.incidents, self._written_folders, trouble=self.supervisor.disk_trouble)
        self._heart = HeartbeatWriter(system.state, lambda: system.membership.executor_id, self.started_at)
        self._clock_check = ClockCheck(self._last_written, system.incidents)
        self._signs = VitalSigns(system, self._heart, manager, read_heartbeat(system.state.heartbeat))

    def open(self) -> None:
        """Take up what an earlier life left: resume its runs, close what is hopeless, plan what was missed."""
        system = self._system
        system.launch("daemon")
        self._beat()
        self._signs.tell_of_the_last_life()
        self._files.tell(system.workspace.loaded)
        self._disk.look()
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
        self._files.tell(loaded)
        self._expect_jobs(loaded.workspace)
        self._beat()  # which files are held back shows at once
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

    def memory_changed(self) -> None:
        """Bring the index of memory up to date soon; to be called on the event loop."""
        self.supervisor.spawn(self.supervisor.guarded(INDEX_DUTY, self._system.refresh_memory))

    async def work(self, echo: Callable[[str], None]) -> None:
        """Tick until told to stop, with the slower duties beside it; then let the runs in flight end."""
        loop = asyncio.get_running_loop()
        timers = timers_for(self._duties(), self.supervisor, loop)
        timers.start()
        self._signs.start(loop)
        try:
            while not self._stopping.asked.is_set():
                self._wake.clear()
                if not self._system.workspace.loaded.holds_at(self._system.clock.now()):
                    await self.supervisor.guarded("reload", self.reload)
                # Apart, so that trouble with requests keeps no job from being begun.
                await self.supervisor.guarded("bus", self._system.serve_bus)
                due = await self.supervisor.guarded("tick", self._tick)
                self._signs.tick_ended()
                await self._sleep_until_news(due)
            await asyncio.to_thread(self._signs.stop)
            await self._drain(echo)
        finally:
            await asyncio.to_thread(self._signs.stop)
            timers.shutdown(wait=False)

    def _duties(self) -> tuple[Duty | WaitingDuty, ...]:
        return (
            Duty("heartbeat", EVERY_S, self._beat),
            Duty("nodes", BEAT_EVERY_S if self._system.is_shared else EVERY_S, self._keep_membership),
            Duty("reconciler", RECONCILE_EVERY_S, self._reconcile),
            Duty("outbox", DELIVER_EVERY_S, self._deliver),
            Duty("inbox", INBOX_EVERY_S, self._system.take_dropped),
            Duty("lessons", LEARN_EVERY_S, self._learn),
            # What no edit tells of, and all of it after a start; runs look themselves beside.
            Duty(INDEX_DUTY, INDEX_EVERY_S, self._system.refresh_memory, begins_at=self._system.clock.now()),
            Duty("mirrors", MIRROR_EVERY_S, self._system.mirror, begins_at=self._system.clock.now()),
            Duty("disk", EVERY_S, self._disk.look),
            Duty("alerts", ALERT_EVERY_S, self._system.tell_incidents),
            # At once as well: a daemon that is started anew every day would never come to its first hour.
            Duty("retention", RETAIN_EVERY_S, self._system.retain, begins_at=self._system.clock.now()),
            WaitingDuty("ping", PING_LOOK_EVERY_S, self._signs.ping.send_if_due),
        )

    def _learn(self) -> None:
        """Learn from the runs that have ended, and have what they made in the index before the next one begins."""
        if self._system.learn():
            self._system.refresh_memory()

    async def _drain(self, echo: Callable[[str], None]) -> None:
        """Begin nothing any more, and wait for what is in flight as long as the settings say."""
        within_s = self._system.workspace().settings.drain_s
        self._is_draining = True
        self._system.dispatcher.close()
        self._manager.stopping("draining", within_s + CLOSE_WITHIN_S)
        await self.supervisor.guarded("nodes", self._keep_membership)

        async def count() -> int:
            self._in_flight = await self.supervisor.guarded("drain", self._count_in_flight) or 0
            await self.supervisor.guarded("heartbeat", self._beat)
            return self._in_flight

        left = await let_runs_end(
            count,
            within_s=within_s,
            changed=self._wake,
            urgent=self._stopping.urgent,
            tell=lambda in_flight: echo(drain_line(in_flight, within_s)),
        )
        # What ended in the last seconds is on the pages that are read while no daemon is up.
        await self.supervisor.guarded("lessons", self._system.learn)
        await self.supervisor.guarded("mirrors", self._system.mirror)
        echo(stop_line(left))

    def _count_in_flight(self) -> int:
        system = self._system
        with system.database.read() as connection:
            running = runs_in(connection, RunState.RUNNING)
        return sum(1 for run in running if system.engine.is_executing(run.id))

    async def _sleep_until_news(self, due: datetime | None) -> None:
        clock = self._system.clock
        # At most a second: a laptop that slept, or a clock that was set, is noticed.
        latest = clock.now() + timedelta(seconds=1)
        waits = [
            asyncio.ensure_future(clock.sleep_until(min(due or latest, latest))),
            asyncio.ensure_future(self._wake.wait()),
            asyncio.ensure_future(self._stopping.asked.wait()),
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
        system.dispatch()
        self._signs.tick_worked()
        moments = (next_slot(system.database), system.dispatcher.next_start())
        return min((moment for moment in moments if moment is not None), default=None)

    def _keep_membership(self) -> None:
        self._system.beat(is_draining=self._is_draining)
        if not self._is_draining:
            self._system.adopt()

    def _reconcile(self) -> None:
        system = self._system
        system.reconcile()
        tell_absent_nodes(system.database, system.incidents, system.clock.now())
        if system.is_shared:
            tell_disagreements(system.database, system.workspace(), system.incidents)

    def _beat(self) -> None:
        system = self._system
        self._heart.write(
            system.clock.now().timestamp(),
            is_ready=self._is_ready,
            running=system.dispatcher.count_open(),
            held_back=system.workspace.loaded.held_back,
            is_draining=self._is_draining,
            in_flight=self._in_flight,
        )
        self._clock_check.look(system.clock.now(), system.workspace().settings.home_zone)

    def _written_folders(self) -> tuple[Path, ...]:
        """Return folders on the disks that the daemon writes to."""
        system = self._system
        settings = system.workspace().settings
        folders = [system.state.root, system.workspace().root, system.state.root / settings.backups.folder]
        if system.database.address.path is not None:
            folders.append(system.database.address.path.parent)
        return tuple(dict.fromkeys(folders))

    def _last_written(self) -> datetime | None:
        with self._system.database.read() as connection:
            return last_written(connection)

    def _deliver(self) -> None:
        system = self._system
        settings = system.workspace().settings
        settle_deliveries(system.database, system.services.channels(settings), settings, system.clock.now())


def _local(moment: datetime, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).strftime("%a %H:%M")
