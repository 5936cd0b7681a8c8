"""`harness restore`: put a backup back."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.failures import Misused
from harness.cli.lazy_group import new_app
from harness.cli.options import JsonOption, WorkspaceOption
from harness.cli.output import emit_json, note, say
from harness.cli.place import find_place, present_moment
from harness.cli.progress import WorkProgress
from harness.daemon.lock import executor_lock
from harness.runs.restore import Restored, go_on, is_interrupted, restore
from harness.runs.restore_staging import Target

app = new_app()

_EXAMPLES = """\b
Examples:
  harness restore .harness/backups/harness-backup-20261121T110000Z.tar.gz
  harness restore backup.tar.gz --to ~/my-team
  harness restore --to ~/my-team      (goes on with one that was interrupted)

\b
JSON: root, made_at, set_aside [path], carried [path], fires_closed; null if
an interrupted one had not changed anything and was cleared away."""


@app.command("restore", epilog=_EXAMPLES)
def restore_backup(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="The backup.", exists=True, dir_okay=False, show_default=False),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FOLDER", help="Where to; without it this workspace.", show_default=False),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also if the team has worked since the backup was made.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a backup back, and set aside what is there now.

    It is checked and unpacked beside its place first, then the two change places: what was there is kept as
    NAME.before-restore-TIME. What was open when the backup was made is closed, and not done again. If it is
    interrupted, `harness restore` goes on with it.
    """
    root = to.expanduser().resolve() if to is not None else find_place(workspace).root
    target = Target(root, os.environ)
    with ExitStack() as stack:
        if target.state.root.is_dir():
            stack.enter_context(executor_lock(target.state, "harness restore", even_on_hold=True))
        if is_interrupted(target):
            done = _go_on(target, file)
        elif file is None:
            raise Misused("name the backup: harness restore FILE")
        else:
            with WorkProgress() as progress:
                done = restore(file, target, is_forced=force, now=present_moment(), progress=progress)
    if as_json:
        emit_json(None if done is None else _document(done))
    elif done is not None:
        _say(done)


def _go_on(target: Target, file: Path | None) -> Restored | None:
    done = go_on(target)
    if done is None:
        note("a restore had been interrupted before it changed anything; what it left was cleared away")
    else:
        note("finished the restore that had been interrupted")
    if file is not None:
        note(f"now say again: harness restore {file}")
    return done


def _say(done: Restored) -> None:
    say(f"{done.root}: restored{f' from the backup of {done.made_at}' if done.made_at else ''}")
    for path in done.set_aside:
        say(f"what was there is kept: {path}")
    if done.carried:
        say(f"taken along from there: {', '.join(done.carried)}")
    if done.fires_closed:
        runs = "1 run was" if done.fires_closed == 1 else f"{done.fires_closed} runs were"
        say(f"{runs} open when the backup was made, and closed as failed: harness ledger --all")
    say(f"next: cd {done.root}, then harness doctor")


def _document(done: Restored) -> dict[str, object]:
    return {
        "root": str(done.root),
        "made_at": done.made_at or None,
        "set_aside": [str(path) for path in done.set_aside],
        "carried": list(done.carried),
        "fires_closed": done.fires_closed,
    }
