"""Names for the shell's completion and for "did you mean": from the files and the ledger, without loading them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.cli.failures import UnknownName
from harness.cli.place import Place, find_place
from harness.domain.errors import HarnessError
from harness.domain.request import USER
from harness.store.peek import peek
from harness.store.request_records import Waiting
from harness.workspace.find import SETTINGS_FILE

_LATEST_RUNS = 40
_LATEST_REQUESTS = 40
_RECORD = re.compile(r"^##[ \t]+((?:ERR|LRN)-\d{8}-[0-9a-f]{4,16})\b", re.MULTILINE)


def agent_names(root: Path) -> tuple[str, ...]:
    """Return the folders in `agents/`, whether or not they are valid."""
    return tuple(sorted(path.name for path in (root / "agents").glob("[!.]*") if path.is_dir()))


def check_agent(root: Path, name: str | None) -> None:
    """Raise UnknownName, with the names that are near, for an agent that has no folder."""
    names = agent_names(root)
    if name is not None and name not in names:
        raise UnknownName("agent", name, names, "harness agents")


def job_names(root: Path) -> tuple[str, ...]:
    """Return `agent/job` for every job file, whether or not it is valid."""
    files = (root / "agents").glob("[!.]*/jobs/[!.]*.md")
    return tuple(sorted(f"{path.parts[-3]}/{path.stem}" for path in files if "." not in path.stem))


def skill_names(root: Path) -> tuple[str, ...]:
    """Return the folders in `skills/` that hold a SKILL.md."""
    return tuple(sorted(path.parent.name for path in (root / "skills").glob("[!.]*/SKILL.md")))


def profile_names(root: Path) -> tuple[str, ...]:
    """Return the names of `[profiles]` in harness.toml; none while it cannot be read."""
    return _names_in_settings(root, "profiles")


def channel_names(root: Path) -> tuple[str, ...]:
    """Return the names of `[channels]` in harness.toml; none while it cannot be read."""
    return _names_in_settings(root, "channels")


def _names_in_settings(root: Path, table: str) -> tuple[str, ...]:
    try:
        tables = tomllib.loads((root / SETTINGS_FILE).read_text(encoding="utf-8")).get(table)
    except (OSError, ValueError):
        return ()
    return tuple(sorted(tables)) if isinstance(tables, dict) else ()


def run_ids(place: Place) -> tuple[str, ...]:
    """Return the ids of the latest runs, newest first."""
    with peek(place.database) as look:
        return () if look is None else tuple(run.id for run in look.runs(_LATEST_RUNS))


def request_ids(place: Place) -> tuple[str, ...]:
    """Return the ids of the latest requests, those that are open first."""
    with peek(place.database) as look:
        return () if look is None else look.requests.ids(_LATEST_REQUESTS)


def record_ids(root: Path) -> tuple[str, ...]:
    """Return the ids of what agents have learned, by the headings of their records."""
    files = sorted((root / "agents").glob("[!.]*/.learnings/*.md"))
    found = (id_ for path in files for id_ in _RECORD.findall(path.read_text(encoding="utf-8", errors="replace")))
    return tuple(dict.fromkeys(found))


def complete_agent(ctx: Any, incomplete: str) -> list[str]:
    """Complete the name of an agent."""
    return _matching(ctx, incomplete, lambda place: agent_names(place.root))


def complete_job(ctx: Any, incomplete: str) -> list[str]:
    """Complete AGENT/JOB."""
    return _matching(ctx, incomplete, lambda place: job_names(place.root))


def complete_agent_or_job(ctx: Any, incomplete: str) -> list[str]:
    """Complete AGENT or AGENT/JOB."""
    return _matching(ctx, incomplete, lambda place: (*agent_names(place.root), *job_names(place.root)))


def complete_skill(ctx: Any, incomplete: str) -> list[str]:
    """Complete the name of a skill."""
    return _matching(ctx, incomplete, lambda place: skill_names(place.root))


def complete_record(ctx: Any, incomplete: str) -> list[str]:
    """Complete the id of something that an agent has learned."""
    return _matching(ctx, incomplete, lambda place: record_ids(place.root))


def complete_record_or_agent(ctx: Any, incomplete: str) -> list[str]:
    """Complete the id of something that was learned, or the name of an agent."""
    return _matching(ctx, incomplete, lambda place: (*agent_names(place.root), *record_ids(place.root)))


def complete_profile(ctx: Any, incomplete: str) -> list[str]:
    """Complete the name of a profile."""
    return _matching(ctx, incomplete, lambda place: profile_names(place.root))


def complete_channel(ctx: Any, incomplete: str) -> list[str]:
    """Complete the name of a channel."""
    return _matching(ctx, incomplete, lambda place: channel_names(place.root))


def complete_run(ctx: Any, incomplete: str) -> list[str]:
    """Complete the id of one of the latest runs."""
    return _matching(ctx, incomplete, run_ids)


def complete_happening(ctx: Any, incomplete: str) -> list[str]:
    """Complete AGENT/JOB, or the id of one of the latest runs and requests."""
    return _matching(ctx, incomplete, lambda place: (*job_names(place.root), *run_ids(place), *request_ids(place)))


def complete_request(ctx: Any, incomplete: str) -> list[str]:
    """Complete the id of a request."""
    return _matching(ctx, incomplete, request_ids)


def complete_open_request(ctx: Any, incomplete: str) -> list[str]:
    """Complete the id of a request that can be cancelled."""
    return _matching(ctx, incomplete, lambda place: _listed_ids(place, waiting="open"))


def complete_question(ctx: Any, incomplete: str) -> list[str]:
    """Complete the id of a request that waits for the person's answer."""
    return _matching(ctx, incomplete, lambda place: _listed_ids(place, waiting="open", receiver=USER))


def complete_dead_letter(ctx: Any, incomplete: str) -> list[str]:
    """Complete the id of a dead letter."""
    return _matching(ctx, incomplete, lambda place: _listed_ids(place, waiting="dead"))


def complete_party(ctx: Any, incomplete: str) -> list[str]:
    """Complete whom a request can be asked of: an agent, or the person."""
    return _matching(ctx, incomplete, lambda place: (*agent_names(place.root), USER))


def _listed_ids(place: Place, *, waiting: Waiting, receiver: str | None = None) -> tuple[str, ...]:
    with peek(place.database) as look:
        found = () if look is None else look.requests.listed(waiting=waiting, receiver=receiver, limit=_LATEST_REQUESTS)
    return tuple(record.id for record in found)


def _matching(ctx: Any, incomplete: str, names: Callable[[Place], tuple[str, ...]]) -> list[str]:
    named = ctx.params.get("workspace")
    try:
        place = find_place(None if named is None else Path(named))
        return [name for name in names(place) if name.startswith(incomplete)]
    except HarnessError:
        return []  # in the middle of a line that is being typed there is no place for a complaint
