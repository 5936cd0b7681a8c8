"""`harness runs replay` and `diff`: a run against today's files, and against another run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.completion import complete_run, run_ids
from harness.cli.failures import DONE, FAILED, UnknownName
from harness.cli.options import JsonOption, RunArgument, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import Place, find_place
from harness.cli.table import table_lines, terminal_width, wrap
from harness.domain.errors import OwnerError
from harness.store.peek import peek

if TYPE_CHECKING:
    from harness.runs.comparison import Part
    from harness.runs.recording import Recording

_SHOWN_LINES = 40

REPLAY_EXAMPLES = """\b
Examples:
  harness runs replay cron:ainews/arxiv:1795101300

\b
JSON: run, same, prompt_sha256 {recorded, today}, parts [{part, same, missing,
changes [line]}]; a line begins with - (as recorded), + (today) or a space.
Exit code 0 if everything that can be compared is the same, 1 if something
differs, 2 if nothing is recorded of the run."""
DIFF_EXAMPLES = """\b
Examples:
  harness runs diff cron:ainews/arxiv:1795101300 cron:ainews/arxiv:1795187700

\b
JSON: a, b, same, parts [{part, same, missing, changes [line]}]; a line begins
with - (only in A), + (only in B) or a space."""

FullOption = Annotated[bool, typer.Option("--full", help="Show every line that differs, however many.")]
SecondRunArgument = Annotated[str, typer.Argument(metavar="RUN_B", show_default=False, autocompletion=complete_run)]
FirstRunArgument = Annotated[str, typer.Argument(metavar="RUN_A", show_default=False, autocompletion=complete_run)]


def replay_run(
    run: RunArgument, full: FullOption = False, workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """Play a run again with the answers of then and the files of today, and compare.

    No model, no tool and no address is asked, nothing is delivered, and the ledger stays as it is: what was
    recorded is played back. So it shows what an edit of a job or of an agent's files would have changed.
    """
    # Only now, because it brings everything that a run needs.
    from harness.runs.comparison import compare_replay, prompt_sha256
    from harness.runs.forking import check_recorded

    place = find_place(workspace)
    recorded = recording_of(place, run)
    if recorded.run.state != "ended":
        raise OwnerError(run, None, f"it has not ended, it is {recorded.run.state}", "wait for its end")
    check_recorded(recorded.run, recorded.steps)
    replayed = _replay(place, recorded)
    parts = compare_replay(recorded, replayed)
    is_same = all(part.is_same is not False for part in parts)
    if as_json:
        hashes = {"recorded": prompt_sha256(recorded), "today": prompt_sha256(replayed)}
        emit_json({"run": run, "same": is_same, "prompt_sha256": hashes, "parts": parts_json(parts)})
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
    parts = compare_runs(recording_of(place, first), recording_of(place, second))
    if as_json:
        is_same = all(part.is_same is not False for part in parts)
        emit_json({"a": first, "b": second, "same": is_same, "parts": parts_json(parts)})
    else:
        say_parts(parts, f"- only in {first}, + only in {second}", full=full)


def recording_of(place: Place, run: str) -> Recording:
    """Return what is known of the run. Raises UnknownName."""
    from harness.runs.recording import read_recording

    with peek(place.database) as look:
        recording = None if look is None else read_recording(look, place.state, run)
    if recording is None:
        raise UnknownName("run", run, run_ids(place), "harness runs")
    return recording


def _replay(place: Place, recorded: Recording) -> Recording:
    import asyncio

    from harness.runs.replay import recorded_links, replay
    from harness.wiring.playback import playback_services

    with playback_services(place.root, place.environ, recorded_links(recorded)) as services:
        return asyncio.run(replay(recorded, services))


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
