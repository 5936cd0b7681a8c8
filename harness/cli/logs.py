"""`harness logs`: what the daemon wrote down."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.lazy_group import new_app
from harness.cli.options import WorkspaceOption
from harness.cli.output import flush, note, say
from harness.cli.place import find_place

app = new_app()

_LOOK_EVERY_S = 0.5
_EXAMPLES = """\b
Examples:
  harness logs
  harness logs --lines 500 | grep ainews
  harness logs --follow"""


@app.command(epilog=_EXAMPLES)
def logs(
    lines: Annotated[int, typer.Option("--lines", min=1, metavar="N", help="The last N lines.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as more is written, until Ctrl-C.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Show the end of the daemon's log."""
    path = find_place(workspace).state.logs / "harness.log"
    if not path.exists():
        note(f"no log yet: {path} appears when the daemon starts: harness up")
        if not follow:
            return
    else:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in deque(file, maxlen=lines):
                say(line.rstrip("\n"))
    if follow:
        _follow(path)


def _follow(path: Path) -> None:
    """Print what is added, over a rotation as well."""
    position = path.stat().st_size if path.exists() else 0
    while True:
        flush()
        time.sleep(_LOOK_EVERY_S)
        size = path.stat().st_size if path.exists() else 0
        if size < position:
            position = 0
        if size > position:
            with path.open("rb") as file:
                file.seek(position)
                added = file.read()
            whole = added.rpartition(b"\n")[0]
            if whole:
                say(whole.decode("utf-8", errors="replace"))
                position += len(whole) + 1
