"""`harness up`: the daemon, in the foreground."""

from __future__ import annotations

import typer

from harness.cli.lazy_group import new_app
from harness.cli.log_lines import log_lines
from harness.cli.options import WorkspaceOption
from harness.cli.output import note
from harness.cli.place import find_place
from harness.daemon.heap import return_large, share_heap
from harness.daemon.serving import serve

app = new_app()

_EXAMPLES = """\b
Examples:
  harness up
  harness up --workspace ~/my-team 2>> harness.log &"""


@app.command(epilog=_EXAMPLES)
def up(workspace: WorkspaceOption = None) -> None:
    """Run the team in real time until Ctrl-C or `harness down`.

    Says when it is ready. What was due while nobody was up is made up for as each job says; runs that a
    crash interrupted go on where they were. For a service that starts by itself: harness service print.
    """
    place = find_place(workspace)
    share_heap(place.environ)
    return_large(place.environ)
    with log_lines():
        raise typer.Exit(serve(place.root, place.environ, echo=note))
