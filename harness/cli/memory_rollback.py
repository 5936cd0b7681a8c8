"""`harness memory rollback`: a MEMORY.md as it was before."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from harness.cli.completion import check_agent, complete_agent
from harness.cli.failures import Misused, UnknownName
from harness.cli.fires import iso
from harness.cli.memory_records import today_of
from harness.cli.options import JsonOption, WorkspaceOption
from harness.cli.output import emit_json, note, say
from harness.cli.place import Place, find_place
from harness.cli.table import table_lines, terminal_width
from harness.daemon.wording import when
from harness.memory.agent_memory import AgentMemory, agents_of
from harness.memory.upkeep import roll_back
from harness.memory.versions import Version, text_hash

ROLLBACK_EXAMPLES = """\b
Examples:
  harness memory rollback
  harness memory rollback trading --dry-run
  harness memory rollback trading --to 8c1f20aa

\b
JSON: agent, file, version (put back, or to be), diff, archived [id of each
bullet that left it], is_changed, undo (a command, or null), git (a command
that shows the nights' commits, or null). Without AGENT: [{agent, version, at,
added, removed, is_current}], the lines against the version before it."""

_LISTED = 10
_ID_CHARS = 8


def roll_back_memory(
    agent: Annotated[
        str | None, typer.Argument(metavar="[AGENT]", show_default=False, autocompletion=complete_agent)
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="VERSION", help="Which one; without it the one before.", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put back an earlier version of an agent's MEMORY.md; without AGENT, list the versions that are kept.

    What is there now is kept as a version as well. Bullets that leave the file are in the archive before.
    """
    place = find_place(workspace)
    if agent is None:
        if to is not None or dry_run:
            raise Misused("name the agent whose MEMORY.md you mean, as in: harness memory rollback trading")
        _list(place, as_json=as_json)
        return
    check_agent(place.root, agent)
    memory = AgentMemory(place.root, place.state.root, agent)
    present = memory.text() or ""
    version = _wanted(memory, present, to)
    text = version.text()
    diff = _diff(present, text, str(memory.file))
    archived: tuple[str, ...] = ()
    if not dry_run:
        archived = tuple(one.id for one in roll_back(memory, text, today_of(place)).removed)
    undo = None if dry_run else f"harness memory rollback {agent} --to {text_hash(present)[:_ID_CHARS]}"
    git = f"git log -p -- {memory.file}" if (place.root / ".git").exists() else None
    if as_json:
        emit_json(
            {
                "agent": agent,
                "file": str(memory.file),
                "version": version.sha[:_ID_CHARS],
                "diff": diff,
                "archived": list(archived),
                "is_changed": not dry_run and present != text,
                "undo": undo,
                "git": git,
            }
        )
        return
    say(diff or f"{memory.file} is this version already")
    if dry_run:
        say(f"-> to put it back: harness memory rollback {agent} --to {version.sha[:_ID_CHARS]}")
    else:
        said = f"{memory.file} is as it was {when(_seen(version), place.zone, place.now)}"
        say(f"{said}; what left it is in memory/archive/{agent}/" if archived else said)
        say(f"-> to undo it: {undo}")
    if git is not None:
        note(f"the nights are commits as well: {git}; git revert COMMIT takes back all of one")


def _wanted(memory: AgentMemory, present: str, to: str | None) -> Version:
    kept = list(memory.versions.newest_first())
    if to is None:
        earlier = next((version for version in kept if version.text() != present), None)
        if earlier is None:
            raise Misused(f"no earlier version of {memory.file} is kept: the harness has not changed it yet")
        return earlier
    found = {version.sha: version for version in reversed(kept) if to and version.sha.startswith(to)}
    if not found:
        known = [version.sha[:_ID_CHARS] for version in kept]
        raise UnknownName("version", to, known, "harness memory rollback")
    if len(found) > 1:
        raise Misused(f"{to!r} may be {' or '.join(sha[:_ID_CHARS] for sha in found)}; write more of it")
    return next(iter(found.values()))


def _diff(before: str, after: str, name: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, f"{name} (put back)", lineterm="")
    return "\n".join(lines)


def _list(place: Place, *, as_json: bool) -> None:
    rows = [
        row for agent in agents_of(place.root) for row in _versions(AgentMemory(place.root, place.state.root, agent))
    ]
    if as_json:
        emit_json([{**row, "at": iso(row["at"])} for row in rows])
        return
    if not rows:
        say("no earlier version is kept: the harness has changed no MEMORY.md yet")
        return
    cells = [
        (row["agent"], row["version"], f"+{row['added']} -{row['removed']}", _at(row["at"], place), _mark(row))
        for row in rows
    ]
    say("\n".join(table_lines(cells, terminal_width(), ("agent", "version", "lines", "seen", ""))))


def _versions(memory: AgentMemory) -> Iterator[dict[str, Any]]:
    kept = list(memory.versions.newest_first())[: _LISTED + 1]
    texts = [version.text() for version in kept]
    present = memory.text()
    for number, version in enumerate(kept[:_LISTED]):
        older = texts[number + 1] if number + 1 < len(kept) else texts[number]
        added, removed = _counts(older.splitlines(), texts[number].splitlines())
        yield {
            "agent": memory.agent,
            "version": version.sha[:_ID_CHARS],
            "at": version.seen_at,
            "added": added,
            "removed": removed,
            "is_current": texts[number] == present,
        }


def _counts(before: Sequence[str], after: Sequence[str]) -> tuple[int, int]:
    lines = list(difflib.ndiff(before, after))
    return sum(line.startswith("+ ") for line in lines), sum(line.startswith("- ") for line in lines)


def _mark(row: dict[str, Any]) -> str:
    return "as it is now" if row["is_current"] else ""


def _seen(version: Version) -> datetime:
    return datetime.fromtimestamp(version.seen_at, UTC)


def _at(seen_at: float, place: Place) -> str:
    return when(datetime.fromtimestamp(seen_at, UTC), place.zone, place.now)
