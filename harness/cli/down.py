"""`harness down`: stop the daemon."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from harness.cli.failures import TRY_LATER
from harness.cli.lazy_group import new_app
from harness.cli.options import WorkspaceOption
from harness.cli.output import note, say
from harness.cli.place import find_place
from harness.daemon.control_client import NoDaemon, ask
from harness.daemon.liveness import has_process
from harness.daemon.lock import executor_lock
from harness.domain.errors import TransientError
from harness.store.heartbeat import read_heartbeat
from harness.store.state_folder import StateFolder

app = new_app()

_LOOK_EVERY_S = 0.1
_EXAMPLES = """\b
Examples:
  harness down
  harness down --timeout 600"""
_CLOSE_WITHIN_S = 20.0
_ANSWER_WITHIN_S = 30.0


@app.command(epilog=_EXAMPLES)
def down(
    timeout_s: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            min=1,
            metavar="SECONDS",
            help="How long to wait for it to end; without it, as long as it may take.",
            show_default=False,
        ),
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Stop the daemon and wait until it is gone.

    Runs in flight are given the time that `drain` in harness.toml says, then they are parked: the next
    `harness up` goes on with them. A second `harness down` meanwhile stops it at once. Exit code 0 also if
    none was running, 75 if it has not ended in time.
    """
    state = find_place(workspace).state
    try:
        stopping = ask(state, "stop", timeout_s or _ANSWER_WITHIN_S)
    except NoDaemon:
        say("no daemon was running")
        beat = read_heartbeat(state.heartbeat)
        if beat is not None and has_process(beat.pid):
            note(
                f"its heartbeat names pid {beat.pid}, which exists and does not listen; if it is ours: kill {beat.pid}"
            )
        return
    pid = int(stopping["pid"])
    drain_s = 0.0 if stopping["at_once"] else float(stopping["drain_s"])
    patience_s = timeout_s or drain_s + _CLOSE_WITHIN_S
    deadline = time.monotonic() + patience_s
    told = 0
    while not _is_free(state):
        if time.monotonic() > deadline:
            note(f"the daemon (pid {pid}) is still ending after {patience_s:g} s; try again, or: kill -9 {pid}")
            raise typer.Exit(TRY_LATER)
        told = _tell_drain(state, drain_s, told)
        time.sleep(_LOOK_EVERY_S)
    say(f"stopped (pid {pid})")


def _tell_drain(state: StateFolder, drain_s: float, told: int) -> int:
    """Say how many runs are still in flight, whenever that has changed, and return the number."""
    beat = read_heartbeat(state.heartbeat)
    if beat is None or not beat.is_draining or beat.in_flight in (0, told):
        return told
    many = "1 run" if beat.in_flight == 1 else f"{beat.in_flight} runs"
    note(f"draining: {many} in flight, at most {drain_s:g} s; harness down once more ends it")
    return beat.in_flight


def _is_free(state: StateFolder) -> bool:
    """Return whether another daemon could start now: the lock goes with its process, however that ends."""
    try:
        with executor_lock(state, "harness down"):
            return True
    except TransientError:
        return False
