"""Groups of commands that are imported when they are used, not when they are listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup
from typer.main import get_command

HELP_OPTIONS = ("-h", "--help")


@dataclass(frozen=True, slots=True)
class Entry:
    """A command as the help lists it; `module` holds its `app` and is imported on use."""

    name: str
    module: str
    summary: str
    section: str


def new_app(**settings: Any) -> typer.Typer:
    """Return an empty app with the settings that all of ours share: plain help, plain errors, no rich."""
    return typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": list(HELP_OPTIONS)},
        **settings,
    )


def noun_app(promise: str) -> typer.Typer:
    """Return an app for a noun with verbs: `harness jobs` alone means its first verb."""
    app = new_app(cls=NounGroup, subcommand_metavar="[VERB] [ARGS]...", help=promise)
    # With a callback of its own it stays a group also while it has a single verb.
    app.callback()(lambda: None)
    return app


class LazyGroup(TyperGroup):
    """The root of the command line; a subclass says in `entries` what there is."""

    entries: ClassVar[tuple[Entry, ...]] = ()

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _LazyCommands(self.entries)  # type: ignore[assignment]  # never written to

    def list_commands(self, _ctx: Any) -> list[str]:
        """Return the names, without importing anything."""
        return [entry.name for entry in self.entries]

    def format_commands(self, _ctx: Any, formatter: Any) -> None:
        """Write the commands by section, from the summaries alone."""
        sections = dict.fromkeys(entry.section for entry in self.entries)
        for section in sections:
            with formatter.section(section):
                formatter.write_dl([(entry.name, entry.summary) for entry in self.entries if entry.section == section])


class NounGroup(TyperGroup):
    """A group whose first command is meant when none is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the first command before the arguments if they name none."""
        if not args or (args[0].startswith("-") and args[0] not in HELP_OPTIONS):
            args = [self.list_commands(ctx)[0], *args]
        return super().parse_args(ctx, args)


class _LazyCommands(Mapping[str, Any]):
    def __init__(self, entries: tuple[Entry, ...]) -> None:
        self._entries = {entry.name: entry for entry in entries}
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            command = get_command(import_module(self._entries[name].module).app)
            command.name = name
            self._loaded[name] = command
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
