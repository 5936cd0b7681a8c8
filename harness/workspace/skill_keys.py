"""What the front matter of a skill says beyond its name: in our words, and in those of other makers.

The format leaves `metadata` to whoever reads it, and makers add keys of their own. What they mean here is taken
over: programs, variables and systems that a skill needs, in whose table ever they stand. What means nothing here
is left alone: `foreign_keys` says what that is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.domain.skill import Applies, Needs
from harness.workspace.located import Located
from harness.workspace.report import Report, suggestion

NEEDS = ("bins", "any_bins", "env", "os", "tools")
"""The keys of our `requires`."""
APPLIES = ("jobs", "agents", "words")
"""The keys of our `when`."""

_OTHER_NAMES = {"anyBins": "any_bins", "any-bins": "any_bins", "anybins": "any_bins", "platforms": "os"}
_SYSTEMS = {"darwin": "macos", "mac": "macos", "osx": "macos", "win32": "windows", "win": "windows"}
UNDERSTOOD = frozenset(
    {
        "name", "description", "license", "compatibility", "metadata", "requires", "when", "paths", "always",
        "when_to_use", "disable-model-invocation", "tags", "keywords", "os", "platforms", "prerequisites",
        "required_environment_variables",
    }
)  # fmt: skip
"""The keys that mean something here, whoever writes them."""
_WITHOUT_EFFECT = {
    "agent": "it is loaded into the run itself",
    "allowed-tools": "it grants nothing; what an agent may use stands in its agent.toml",
    "argument-hint": "nobody calls it with arguments here",
    "arguments": "nobody calls it with arguments here",
    "context": "it is loaded into the run itself",
    "effort": "the agent's profile decides",
    "hooks": "they are not run",
    "mcp-servers": "the harness starts none",
    "model": "the agent's profile decides",
    "shell": "nothing is run when it is loaded",
    "user-invocable": "agents load it, whoever else may",
}


@dataclass(frozen=True, slots=True)
class SkillKeys:
    """What was understood."""

    needs: Needs = field(default_factory=Needs)
    applies: Applies = field(default_factory=Applies)
    tags: tuple[str, ...] = ()
    is_always: bool = False
    is_by_name_only: bool = False


def read_keys(located: Located, report: Report) -> SkillKeys:
    """Return what the front matter asks for; what cannot be understood is a warning, never an error."""
    tables = list(_maker_tables(located, report))
    reader = _Reader(located, report)
    for table in tables:
        reader.take_table(table)
    reader.take_top_level()
    values = located.values
    tags = [word for table in tables for key in ("tags", "keywords") for word in words_in(table.get(key))]
    is_always = [values.get("always"), *(table.get("always") for table in tables)]
    return SkillKeys(
        needs=reader.needs(),
        applies=reader.applies(),
        tags=tuple(dict.fromkeys([*words_in(values.get("tags")), *words_in(values.get("keywords")), *tags])),
        is_always=any(value is True for value in is_always),
        is_by_name_only=values.get("disable-model-invocation") is True,
    )


def foreign_keys(located: Located, report: Report) -> None:
    """Add a note for each key that has no effect here."""
    for key in located.values:
        if key in _WITHOUT_EFFECT:
            report.note(located.line(key), f"{key} has no effect here", _WITHOUT_EFFECT[key])
        elif key not in UNDERSTOOD:
            report.note(located.line(key), f"{key} is no key of the format", "it is kept as it is, and means nothing")


def words_in(value: Any) -> list[str]:
    """Return the texts of a list, or of one text with commas or spaces between them."""
    if isinstance(value, str):
        return [word for word in re.split(r"[,\s]+", value) if word]
    if isinstance(value, list):
        return [str(item).strip() for item in value if isinstance(item, str | int) and str(item).strip()]
    return []


def _maker_tables(located: Located, report: Report) -> Iterator[Mapping[str, Any]]:
    """Yield `metadata` and every table in it; some makers write one as JSON in a text."""
    metadata = _table(located.values.get("metadata"))
    if metadata is None:
        if located.values.get("metadata") is not None:
            line = located.line("metadata")
            report.warning(line, "metadata is no group of settings, and is left alone", "write key and value pairs")
        return
    yield metadata
    for value in metadata.values():
        table = _table(value)
        if table is not None:
            yield table


def _table(value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


class _Reader:
    """Collects what all tables ask for."""

    def __init__(self, located: Located, report: Report) -> None:
        self._located = located
        self._report = report
        self._found: dict[str, dict[str, None]] = {key: {} for key in (*NEEDS, "config")}
        self._any_bins: dict[tuple[str, ...], None] = {}

    def take_table(self, table: Mapping[str, Any]) -> None:
        """Take what a maker's table asks for."""
        if "requires" in table:
            self._take_requires(table["requires"], "metadata")
        for key in ("os", "platforms"):
            self._add("os", words_in(table.get(key)))

    def take_top_level(self) -> None:
        """Take our own `requires`, and what makers write beside it."""
        values = self._located.values
        if "requires" in values:
            self._take_requires(values["requires"], "requires")
        for key in ("os", "platforms"):
            self._add("os", words_in(values.get(key)))
        before = values.get("prerequisites")
        if isinstance(before, dict):
            self._add("bins", words_in(before.get("commands")))
            self._add("env", words_in(before.get("env_vars")))
        variables = values.get("required_environment_variables")
        if isinstance(variables, list):
            named = [one.get("name") if isinstance(one, dict) else one for one in variables]
            self._add("env", [name for name in named if isinstance(name, str)])

    def needs(self) -> Needs:
        systems = (_SYSTEMS.get(name.casefold(), name.casefold()) for name in self._found["os"])
        return Needs(
            bins=tuple(self._found["bins"]),
            any_bins=tuple(self._any_bins),
            env=tuple(self._found["env"]),
            systems=tuple(dict.fromkeys(systems)),
            tools=tuple(self._found["tools"]),
            settings=tuple(self._found["config"]),
        )

    def applies(self) -> Applies:
        paths = self._located.values.get("paths")
        when = self._located.values.get("when")
        if when is not None and not isinstance(when, dict):
            fix = "write it as {jobs: [agent/job], agents: [agent], words: [word]}"
            self._report.warning(self._located.line("when"), "when is not understood, and is left alone", fix)
        groups = when if isinstance(when, dict) else {}
        for key in groups:
            if key not in APPLIES:
                self._report.warning(self._located.line("when", key), f"unknown key {key!r}", suggestion(key, APPLIES))
        jobs, agents, words = (tuple(_entries(groups.get(key))) for key in APPLIES)
        return Applies(tuple(_entries(paths)), jobs, agents, words)

    def _take_requires(self, requires: Any, *place: str) -> None:
        if not isinstance(requires, dict):
            fix = f"write it as {{{', '.join(f'{key}: […]' for key in NEEDS)}}}"
            self._report.warning(self._located.line(*place), "requires is not understood, and asks for nothing", fix)
            return
        for written, value in requires.items():
            key = _OTHER_NAMES.get(str(written), str(written))
            line = self._located.line(*place, written)
            names = words_in(value)
            if key not in self._found:
                self._report.warning(
                    line, f"requires names {written!r}, which is not understood", suggestion(key, NEEDS)
                )
            elif value and not names:
                self._report.warning(line, f"{written} is {value!r}, not a list of names", "write it as [one, two]")
            elif key == "any_bins":
                self._any_bins |= {tuple(names): None} if names else {}
            else:
                self._add(key, names)

    def _add(self, key: str, names: list[str]) -> None:
        self._found[key] |= dict.fromkeys(names)


def _entries(value: Any) -> list[str]:
    """Return patterns or phrases; in one text they are separated by commas, as they may hold spaces."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return words_in(value)
