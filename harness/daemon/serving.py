"""The process of the daemon: its lock, its log, its signals, its control socket and its watch, around its work."""

from __future__ import annotations

import asyncio
import logging
import signal
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.daemon.commands import Commands
from harness.daemon.control import ControlServer
from harness.daemon.lock import executor_lock
from harness.daemon.log_file import log_to_file
from harness.daemon.notify import service_manager
from harness.daemon.service import Service
from harness.daemon.stopping import Stopping
from harness.daemon.supervise import Pulse
from harness.runs.wall_clock import WallClock
from harness.store.state_folder import state_folder
from harness.wiring.build import build_system
from harness.workspace.watch import WorkspaceWatch


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


async def _serve(root: Path, environ: Mapping[str, str], echo: Callable[[str], None]) -> int:
    loop = asyncio.get_running_loop()
    run_ended, wake, stopping = Pulse(loop), asyncio.Event(), Stopping()
    manager = service_manager(environ)

    def on_run_ended() -> None:
        run_ended.give()
        loop.call_soon_threadsafe(wake.set)

    system = await asyncio.to_thread(build_system, root, environ=environ, clock=WallClock(), wake=on_run_ended)
    service = Service(system, manager, wake=wake, stopping=stopping)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.ask)
    commands = Commands(
        system,
        started_at=service.started_at,
        run_ended=run_ended,
        wake=wake.set,
        reload=service.reload,
        stopping=stopping,
    )
    control = ControlServer(system.state.control_socket, commands.handlers())

    def on_edit() -> None:
        loop.call_soon_threadsafe(service.files_changed)

    def on_memory() -> None:
        loop.call_soon_threadsafe(service.memory_changed)

    # watchdog warns where a folder is moved before it was seen, and sees it all the same.
    warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning)
    watch = WorkspaceWatch(root, on_edit, on_memory=on_memory)
    try:
        await asyncio.to_thread(service.open)
        await control.start()
        await asyncio.to_thread(watch.start)
        greeting = await asyncio.to_thread(service.greeting)
        echo(greeting)
        manager.ready(greeting)
        await service.work(echo)
    finally:
        await control.close()
        await asyncio.to_thread(watch.stop)
        await service.supervisor.close()
        await asyncio.to_thread(service.close)
    return 0
