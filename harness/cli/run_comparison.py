"""`harness runs replay` and `diff`: a run against today's files, and against another run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.completion import complete_run
from harness.cli.failures import DONE, FAILED, Misused
from harness.cli.options import JsonOption, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import Place, find_place
from harness.cli.run_cassette import ReadOption, cassette_in, check_ended
from harness.cli.run_names import find_run
from harness.cli.table import table_lines, terminal_width, wrap
from harness.store.peek import peek

if TYPE_CHECKING:
    from harness.runs.comparison import Part
    from harness.runs.recording import Recording
    from harness.runs.tape import Tape

_SHOWN_LINES = 40

REPLAY_EXAMPLES = """\b
Examples:
  harness runs replay cron:ainews/arxiv:1795101300
  harness runs replay --cassette arxiv.yaml

\b
JSON: run, same, prompt_sha256 {recorded, today}, parts [{part, same, missing,
changes [line]}]; a line begins with - (as recorded), + (today) or a space.
With --cassette there are the part requests, which names what is asked today
and is not on the tape, and a part for each such request.
Exit code 0 if everything that can be compared is the same, 1 if something
differs, 2 if nothing is recorded of the run."""
DIFF_EXAMPLES = """\b
Examples:
  harness runs diff cron:ainews/arxiv:1795101300 cron:ainews/arxiv:1795187700

\b
JSON: a, b, same, parts [{part, same, missing, changes [line]}]; a line begins
with - (only in A), + (only in B) or a space."""

FullOption = Annotated[bool, typer.Option("--full", help="Show every line that differs, however many.")]
OptionalRunArgument = Annotated[
    str | None, typer.Argument(metavar="[RUN]", show_default=False, autocompletion=complete_run)
]
SecondRunArgument = Annotated[str, typer.Argument(metavar="RUN_B", show_default=False, autocompletion=complete_run)]
FirstRunArgument = Annotated[str, typer.Argument(metavar="RUN_A", show_default=False, autocompletion=complete_run)]


def replay_run(
    run: OptionalRunArgument = None,
    cassette: ReadOption = None,
    full: FullOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Play a run again with the answers of then and the files of today, and compare.

    No model, no tool and no address is asked, nothing is delivered, and the ledger stays as it is: what was
    recorded is played back. So it shows what an edit of a job or of an agent's files would have changed.
    The run is one of the database, or one that `runs show RUN --cassette FILE` wrote.
    """
    # Only now, because it brings everything that a run needs.
    from harness.runs.comparison import compare_replay, prompt_sha256

    place = find_place(workspace)
    recorded, tape = _to_be_played(place, run, cassette)
    replayed = _replay(place, recorded, tape)
    parts = compare_replay(recorded, replayed)
    if cassette is not None:
        parts = (*_request_parts(tape), *parts)
    is_same = all(part.is_same is not False for part in parts)
    if as_json:
        hashes = {"recorded": prompt_sha256(recorded), "today": prompt_sha256(replayed)}
        emit_json({"run": recorded.run.id, "same": is_same, "prompt_sha256": hashes, "parts": parts_json(parts)})
    else:
        say_parts(parts, "- as it was recorded, + as it comes out today", full=full)
    raise typer.Exit(DONE if is_same else FAILED)


def diff_runs(
    first: FirstRunArgument,
    second: SecondRunArgument,
    full: FullOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what differs between two runs: job, inputs, prompt, answers, tool calls, outcome, cost, duration."""
    from harness.runs.comparison import compare_runs

    place = find_place(workspace)
    one, other = recording_of(place, first), recording_of(place, second)
    parts = compare_runs(one, other)
    if as_json:
        is_same = all(part.is_same is not False for part in parts)
        emit_json({"a": one.run.id, "b": other.run.id, "same": is_same, "parts": parts_json(parts)})
    else:
        say_parts(parts, f"- only in {one.run.id}, + only in {other.run.id}", full=full)


def recording_of(place: Place, run: str) -> Recording:
    """Return what is known of the run, whose id may be written as its beginning; raises as `find_run`."""
    from harness.runs.recording import read_recording

    with peek(place.database) as look:
        run_id = find_run(place, look, run)
        recording = None if look is None else read_recording(look, place.state, run_id)
    assert recording is not None, "the run was found in the same view"
    return recording


def _to_be_played(place: Place, run: str | None, cassette: Path | None) -> tuple[Recording, Tape]:
    """Return what was recorded, from the database or from a file, and the tape that plays it."""
    from harness.runs.tape import Tape

    if (run is None) == (cassette is None):
        raise Misused("name a run, or a file with --cassette; one of the two")
    if cassette is not None:
        held = cassette_in(cassette)
        return held.recording, Tape(held.recording.steps, held.asked)
    recorded = recording_of(place, run or "")
    check_ended(recorded)
    return recorded, Tape(recorded.steps)


def _request_parts(tape: Tape) -> Iterator[Part]:
    """Yield whether everything that was asked is on the tape, and what differs for each request that is not."""
    from harness.runs.comparison import Part

    yield Part("requests", now=tuple(map(str, tape.strays)))
    for stray in tape.strays:
        nearest = "" if stray.nearest in (None, stray.name) else f", nearest {stray.nearest}"
        yield Part(f"{stray.name}{nearest}", stray.then, stray.now)


def _replay(place: Place, recorded: Recording, tape: Tape) -> Recording:
    import asyncio

    from harness.runs.replay import recorded_links, replay
    from harness.wiring.playback import playback_services

    with playback_services(place.root, place.environ, recorded_links(recorded)) as services:
        return asyncio.run(replay(recorded, services, tape))


def parts_json(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Return the parts as `--json` prints them."""
    return [
        {"part": part.name, "same": part.is_same, "missing": part.missing or None, "changes": list(part.changes())}
        for part in parts
    ]


def say_parts(parts: Sequence[Part], legend: str, *, full: bool) -> None:
    """Print which parts differ, and then what differs in them."""
    width = terminal_width()
    for line in table_lines([(part.name, _verdict(part)) for part in parts], width):
        say(line)
    differing = [part for part in parts if part.is_same is False]
    if differing:
        say()
        for line in wrap(legend, width):
            say(line)
    for part in differing:
        say()
        say(f"── {part.name} ──")
        lines = part.changes(partial(_wrapped, width=width - 1))
        shown = lines if full else lines[:_SHOWN_LINES]
        for line in shown:
            say(line)
        if len(shown) < len(lines):
            say(f"… {len(lines) - len(shown)} more lines: --full")


def _verdict(part: Part) -> str:
    match part.is_same:
        case None:
            return f"cannot be compared: {part.missing}"
        case True:
            return "the same"
        case False:
            return "differs"


def _wrapped(line: str, *, width: int) -> list[str]:
    """Break the line at its words, and keep its indentation."""
    text = line.lstrip(" ")
    indent = " " * min(len(line) - len(text), width // 2)
    return [f"{indent}{piece}" for piece in wrap(text, width - len(indent))]
