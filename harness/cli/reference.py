"""The reference of the command line, from the command line itself: `python -m harness.cli.reference > docs/cli.md`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from harness.cli.app import app
from harness.cli.output import write_exactly

_WIDTH = 80
_INTRODUCTION = """\
# The command line

<!-- Generated: python -m harness.cli.reference > docs/cli.md -->

Every command that works on a workspace takes `--workspace DIR`; without it the nearest folder upwards with
`harness.toml` is meant. Where a command prints data, `--json` makes stdout one JSON document with the keys
named below; they change only with a line in the changelog. Times in JSON are ISO 8601 in UTC, an `artifact`
is relative to the state folder (`.harness/` in the workspace, or `HARNESS_HOME`).

| exit code | means |
|---|---|
| 0 | done |
| 1 | what was asked for failed |
| 2 | you must fix something: the command line, a file, a full or read-only disk |
| 75 | try again later: something is locked or busy |

Progress and warnings go to stderr. A noun alone means its first verb: `harness jobs` is `harness jobs list`.
`harness --install-completion` makes the names of agents, jobs, runs and requests complete in your
shell.
`HARNESS_DEBUG=1` shows the traceback of an error.
"""


def reference() -> str:
    """Return the reference as Markdown; the same code gives the same bytes."""
    root = get_command(app)
    context = _context(root, "harness", None)
    return "\n".join([_INTRODUCTION, *_sections(root, context, 2)])


def _sections(command: Any, context: Any, level: int) -> Iterator[str]:
    yield f"{'#' * level} {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, TyperGroup):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _sections(inner, _context(inner, name, context), level + (context.parent is not None))


def _context(command: Any, name: str, parent: Any) -> Any:
    settings = {**command.context_settings, "terminal_width": _WIDTH}
    return command.context_class(command, info_name=name, parent=parent, **settings)


if __name__ == "__main__":
    write_exactly(reference())
