"""A request from the person without a daemon: worked on here, until it is final."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TextIO

from harness.daemon.belonging import queued_for, request_itself
from harness.daemon.lock import executor_lock
from harness.domain.run import RunState
from harness.runs.wall_clock import WallClock
from harness.store.runs import runs_in
from harness.store.state_folder import state_folder
from harness.wiring.build import build_system
from harness.wiring.bus import ask_of, bus_of
from harness.wiring.system import System

_LOOK_EVERY_S = 1.0


class Began(Protocol):
    """Told which request is worked on; `is_new` is False if the same was sent before with its key."""

    def __call__(self, request_id: str, *, is_new: bool) -> None: ...


def ask_once(
    root: Path,
    environ: Mapping[str, str],
    fields: Mapping[str, Any],
    *,
    began: Began,
    is_over: Callable[[], bool],
    echo: Callable[[str], None],
    out: TextIO,
) -> None:
    """Send the request (see `harness.wiring.bus.ask_of`) and work on it in this process until `is_over`.

    Only what belongs to it is begun: the work on it, and on what is asked for it. Queued runs of others stay queued.
    `out` is where stdout channels print.
    Raises TransientError if another process works in the state folder.
    """
    with executor_lock(state_folder(root, environ), f"harness ask {fields.get('receiver')}"):
        system = build_system(root, environ=environ, clock=WallClock(), out=out)
        try:
            sent = bus_of(system).ask(ask_of(fields))
            request_id = sent.standing.request.id
            began(request_id, is_new=sent.is_new)
            with system.database.read() as connection:
                interrupted = [run.id for run in runs_in(connection, RunState.RUNNING)]
            for run_id in interrupted:
                echo(f"resuming {run_id}, which was interrupted")
            system.launch()
            system.reconcile()
            _work(system, request_id, is_over)
            system.mirror_at_the_end()
        finally:
            system.close()


def _work(system: System, request_id: str, is_over: Callable[[], bool]) -> None:
    while not is_over():
        system.serve_bus()
        for run_id in queued_for(system.database, request_itself(request_id)):
            system.dispatcher.dispatch(only=run_id)
        system.dispatcher.wait_for_change(_LOOK_EVERY_S)
        system.beat()
        system.carry_out_cancels()
        system.enforce_deadlines()
        system.reconcile()
