"""`harness backup`: the whole team in one file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.lazy_group import new_app
from harness.cli.options import JsonOption, WorkspaceOption
from harness.cli.output import emit_json, note, say
from harness.cli.place import find_place
from harness.cli.progress import WorkProgress
from harness.runs.backup import Backup, BackupSource, back_up
from harness.store.address import database_address
from harness.wiring.files import load

app = new_app()

_EXAMPLES = """\b
Examples:
  harness backup
  harness backup --to /mnt/disk/backups

\b
JSON: path, size_bytes, seconds, made_at, files, rows, tables {name: rows},
left_out [{path, why}], removed [path], kept."""


@app.command(epilog=_EXAMPLES)
def backup(
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="FOLDER",
            help="Where to; without it where harness.toml says, .harness/backups.",
            show_default=False,
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the workspace and its state into one file, and read it back.

    The team may be at work meanwhile. Left out are keys, repositories, environments and caches. The newest
    backups are kept, 14 of them unless harness.toml says otherwise, and older ones deleted.
    """
    place = find_place(workspace)
    settings = load(place.root, place.environ, now=place.now).workspace.settings
    source = BackupSource(place.root, place.state, settings, database_address(place.root, place.environ))
    folder = source.folder if to is None else to.expanduser().absolute()
    with WorkProgress() as progress:
        made = back_up(source, folder, now=place.now, stopwatch=time.monotonic, progress=progress)
    if as_json:
        emit_json(_document(made))
        return
    say(str(made.path))
    say(str(made).partition(": ")[2])
    for left_out in made.manifest.left_out:
        note(f"left out: {left_out}")


def _document(made: Backup) -> dict[str, object]:
    manifest = made.manifest
    return {
        "path": str(made.path),
        "size_bytes": made.size_bytes,
        "seconds": round(made.took_s, 3),
        "made_at": manifest.about.made_at,
        "files": len(manifest.files),
        "rows": manifest.rows,
        "tables": dict(manifest.tables),
        "left_out": [{"path": one.path, "why": one.why} for one in manifest.left_out],
        "removed": [str(path) for path in made.removed],
        "kept": made.kept,
    }
