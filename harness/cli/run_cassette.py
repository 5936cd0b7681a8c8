"""Cassettes on the command line: a run written to a file, and a file as the run that it holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.output import note
from harness.cli.place import Place
from harness.domain.errors import OwnerError
from harness.domain.sizes import counted, in_bytes
from harness.store.durable_file import read_if_there, replace_text

if TYPE_CHECKING:
    from harness.runs.cassette import Cassette
    from harness.runs.recording import Recording

_BEGINS = "cassette: "

WriteOption = Annotated[
    Path | None,
    typer.Option(
        "--cassette",
        metavar="FILE",
        help="Write the run to this file, to be replayed anywhere: runs replay --cassette FILE.",
        show_default=False,
    ),
]
ReadOption = Annotated[
    Path | None,
    typer.Option(
        "--cassette",
        metavar="FILE",
        help="Play the run that this file holds; no database is needed.",
        show_default=False,
    ),
]


def write_cassette(place: Place, recording: Recording, path: Path) -> None:
    """Write a finished run to the file, without its secrets, and say what is in it.

    Raises OwnerError for a run of which nothing is recorded, or that has not ended, and for a file that is there
    and is no cassette.
    """
    import asyncio

    from harness.runs.cassette import Cassette, render_cassette
    from harness.runs.replay import recorded_links, what_was_asked
    from harness.wiring.playback import playback_services

    check_ended(recording)
    there = read_if_there(path)
    if there is not None and not there.startswith(_BEGINS):
        raise OwnerError(path, None, "is there already, and is no cassette", "name another file")
    with playback_services(place.root, place.environ, recorded_links(recording)) as services:
        cassette = Cassette(recording, asyncio.run(what_was_asked(recording, services)))
        text = render_cassette(cassette, services.redact)
    replace_text(path, text)
    calls = sum(step.kind == "model" for step in recording.steps)
    note(f"{path}: {counted(calls, 'model call')}, {in_bytes(len(text.encode()))}, secrets taken out")
    if cassette.unknown:
        names = ", ".join(cassette.unknown)
        note(f"what was asked in {names} is not known any more: a replay recognises it by its place alone")


def cassette_in(path: Path) -> Cassette:
    """Return what the file holds. Raises OwnerError if it is no cassette."""
    from harness.runs.cassette import read_cassette

    return read_cassette(path)


def check_ended(recording: Recording) -> None:
    """Raise OwnerError for a run that has not ended, or of which nothing is recorded."""
    from harness.runs.forking import check_recorded

    run = recording.run
    if run.state != "ended":
        raise OwnerError(run.id, None, f"it has not ended, it is {run.state}", "wait for its end")
    check_recorded(run, recording.steps)
