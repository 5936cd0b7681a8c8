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
  harness down --timeout 60"""


@app.command(epilog=_EXAMPLES)
def down(
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=1, metavar="SECONDS", help="How long to wait for it to end.")
    ] = 30,
    workspace: WorkspaceOption = None,
) -> None:
    """Stop the daemon and wait until it is gone.

    Runs under way are not lost: the next `harness up` goes on with them. Exit code 0 also if none was
    running, 75 if it has not ended in time.
    """
    state = find_place(workspace).state
    try:
        pid = int(ask(state, "ping", timeout_s)["pid"])
        ask(state, "stop", timeout_s)
    except NoDaemon:
        say("no daemon was running")
        beat = read_heartbeat(state.heartbeat)
        if beat is not None and has_process(beat.pid):
            note(
                f"its heartbeat names pid {beat.pid}, which exists and does not listen; if it is ours: kill {beat.pid}"
            )
        return
    deadline = time.monotonic() + timeout_s
    while not _is_free(state):
        if time.monotonic() > deadline:
            note(f"the daemon (pid {pid}) is still ending after {timeout_s:g} s; try again, or: kill -9 {pid}")
            raise typer.Exit(TRY_LATER)
        time.sleep(_LOOK_EVERY_S)
    say(f"stopped (pid {pid})")


def _is_free(state: StateFolder) -> bool:
    """Return whether another daemon could start now: the lock goes with its process, however that ends."""
    try:
        with executor_lock(state, "harness down"):
            return True
    except TransientError:
        return False
