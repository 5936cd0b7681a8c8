"""The command `harness`: what it can do, and how it ends.

Kept light on purpose. `harness --help` imports nothing but this, typer and the standard library; each
command's module is imported when it is used.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.main import get_command

from harness import __version__
from harness.cli.failures import exit_code_of, line_about
from harness.cli.lazy_group import HELP_OPTIONS, Entry, LazyGroup
from harness.cli.output import flush, note, open_streams, say

_START, _LOOK, _WORK, _KEEP = "Start here", "What happened, what comes", "Do", "Keep it well"

COMMANDS: tuple[Entry, ...] = (
    Entry("init", "harness.cli.init", "Write out a workspace of your own.", _START),
    Entry("check", "harness.cli.check", "Validate every file of the workspace, all findings at once.", _START),
    Entry("day", "harness.cli.day", "Rehearse a day in virtual time, on a copy.", _START),
    Entry("up", "harness.cli.up", "Run the team in real time, in the foreground.", _START),
    Entry("down", "harness.cli.down", "Stop the team.", _START),
    Entry("status", "harness.cli.status", "Is it alive, what is running, what is overdue.", _LOOK),
    Entry("inbox", "harness.cli.inbox", "Everything that waits for you, in one list.", _LOOK),
    Entry("ledger", "harness.cli.ledger", "Planned against actual, a line a fire.", _LOOK),
    Entry("logs", "harness.cli.logs", "The end of the daemon's log.", _LOOK),
    Entry("why", "harness.cli.why", "Why a job or a run ended as it did, and what to do.", _LOOK),
    Entry("runs", "harness.cli.runs", "The latest runs; stop one, do one over, compare two.", _LOOK),
    Entry("cost", "harness.cli.cost", "What models used and cost, and what they will.", _LOOK),
    Entry("jobs", "harness.cli.jobs", "The jobs, and when each is due next.", _LOOK),
    Entry("agents", "harness.cli.agents", "The agents and what they may do.", _LOOK),
    Entry("skills", "harness.cli.skills", "The skills and who uses them.", _LOOK),
    Entry("memory", "harness.cli.memory", "What the team remembers, and where it has it from.", _LOOK),
    Entry("prompt", "harness.cli.prompt", "What a job would send to its model, byte by byte.", _LOOK),
    Entry("here", "harness.cli.here", "Where you are: jobs with `tz: local` follow.", _WORK),
    Entry("run", "harness.cli.run", "Do one job now.", _WORK),
    Entry("ask", "harness.cli.ask", "Ask an agent for something, and wait for what comes of it.", _WORK),
    Entry("learn", "harness.cli.learn", "Teach an agent what is right.", _WORK),
    Entry("reflect", "harness.cli.reflect", "What a night makes of the day: now, or as a preview.", _WORK),
    Entry("bus", "harness.cli.bus", "The requests between you and the agents.", _WORK),
    Entry("nodes", "harness.cli.nodes", "The daemons of this team, and what is bound to each.", _KEEP),
    Entry("doctor", "harness.cli.doctor", "Check from outside that nothing fails silently.", _KEEP),
    Entry("try", "harness.cli.trying", "A real round trip to a model or a channel.", _KEEP),
    Entry("backup", "harness.cli.backup", "Write the team into one file, and read it back.", _KEEP),
    Entry("restore", "harness.cli.restore", "Put a backup back, and set aside what is there.", _KEEP),
    Entry("audit", "harness.cli.audit", "Check that the record of every tool call is unbroken.", _KEEP),
    Entry("service", "harness.cli.service", "Have the operating system start the team.", _KEEP),
)


class Harness(LazyGroup):
    """The root command."""

    entries = COMMANDS


app = typer.Typer(
    cls=Harness,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": list(HELP_OPTIONS)},
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        say(f"harness {__version__}")
        raise typer.Exit


@app.callback(epilog="Exit codes: 0 done, 1 it failed, 2 you must fix something, 75 try again later.")
def harness(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Keep a team of agents running, and cannot fail silently.

    \b
    First steps:
      harness init my-team    write out a workspace
      harness day             see one day of it, in a minute, with no key
      harness up              let it work in real time

    `harness COMMAND --help` shows each command with examples.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; HARNESS_DEBUG=1 lets errors through as they are."""
    open_streams()
    try:
        code = _run(list(sys.argv[1:] if arguments is None else arguments))
        flush()
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("HARNESS_DEBUG") == "1":
            raise
        if isinstance(error, KeyboardInterrupt):
            return 130
        note(line_about(error))
        return exit_code_of(error)
    return code


def _run(arguments: list[str]) -> int:
    try:
        get_command(app).main(args=arguments, prog_name="harness")
    except SystemExit as ending:
        if ending.code is None:
            return 0
        return ending.code if isinstance(ending.code, int) else 1
    return 0
