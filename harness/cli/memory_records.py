"""`harness memory show` and `why`: a record, where it stands, and what speaks for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from harness.cli.completion import agent_names, complete_record_or_agent
from harness.cli.failures import Misused, UnknownName
from harness.cli.fires import iso
from harness.cli.options import JsonOption, RecordArgument, WorkspaceOption
from harness.cli.output import emit_json, note, say
from harness.cli.place import Place, find_place
from harness.cli.table import table_lines, terminal_width
from harness.daemon.wording import when
from harness.domain.learning import (
    Learning,
    Promotion,
    Verification,
    age_in_words,
    judge_promotion,
    verifications_in_force,
)
from harness.domain.sizes import counted
from harness.memory.agent_memory import AgentMemory, Kept, agents_of, all_records
from harness.memory.bullets import bullets_of
from harness.memory.provenance import step_of
from harness.memory.upkeep import page_of
from harness.store.memory_uses import Use
from harness.store.peek import peek

_KEYS = """id, agent, file, line, status, title, trigger, wrong,
right, why, scope, origin, trust, run, first_seen, last_verified,
verifications [{run, at, check}], contradictions [{run, at, check}],
supersedes, superseded_by [id], author, is_pinned, is_approved, stands_in
[{file, line}] (bullets of a MEMORY.md), archived_in (a page, or null), lacks
[what is missing for MEMORY.md], waits_for_person"""
SHOW_EXAMPLES = f"""\b
Examples:
  harness memory show trading
  harness memory show ERR-20261121-7f3a
  harness memory show 7f3a --json | jq .lacks

\b
JSON: [{{{_KEYS}}}]."""
WHY_EXAMPLES = """\b
Examples:
  harness memory why ERR-20261121-7f3a

\b
JSON: id, agent, file, line, found {run, at, step, kind} (null if no run is
known), verified_by [{run, at, check}], contradicted_by [{run, at, check}],
used_in [{run, job, at, section, is_told}] (the newest runs whose prompt it
belonged to; is_told is false where it had no room), lacks, waits_for_person."""

_USES = 20


@dataclass(frozen=True, slots=True)
class Found:
    """A record and all places where something of it stands; `bullets` are (file, line)."""

    kept: Kept
    bullets: tuple[tuple[str, int], ...]
    page: str | None
    superseded_by: tuple[str, ...]

    @property
    def learning(self) -> Learning:
        return self.kept.learning


def show_memory(
    subject: Annotated[
        str, typer.Argument(metavar="ID|AGENT", show_default=False, autocompletion=complete_record_or_agent)
    ],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a record: what it says, where it stands, what speaks for it. For an agent: all that it has learned.

    A part of an id is enough where no other one has it.
    """
    place = find_place(workspace)
    records = all_records(place.root, place.state.root, note)
    if subject in agent_names(place.root):
        kept = [each for each in records if each.agent == subject]
    else:
        kept = [_chosen(records, subject)]
    found = [_found(place, each, records) for each in kept]
    if as_json:
        emit_json([_record_json(each) for each in found])
    elif subject not in agent_names(place.root):
        say("\n".join(table_lines(list(_rows(found[0], place)), terminal_width())))
    elif found:
        rows = [(each.learning.id, _standing(each), each.learning.title or each.learning.right) for each in found]
        say("\n".join(table_lines(rows, terminal_width(), ("record", "is", "about"))))
    else:
        say(f"{subject} has learned nothing yet")


def why_memory(record: RecordArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Say where a record comes from, which runs bore it out or contradicted it, and which runs were told of it."""
    place = find_place(workspace)
    kept = find_record(place, record)
    learning = kept.learning
    origin: dict[str, Any] | None = None
    uses: tuple[Use, ...] = ()
    with peek(place.database) as look:
        if look is not None:
            uses = look.memory_uses.of(learning.id, _USES)
            steps = () if learning.run is None else look.steps_of_run(learning.run)
            step = step_of(learning, steps)
            run = None if learning.run is None else look.run(learning.run)
            at = None if run is None else run.ended_at
            seen = {"step": None if step is None else step.position, "kind": None if step is None else step.kind}
            origin = None if learning.run is None else {"run": learning.run, "at": iso(at), **seen}
    if as_json:
        emit_json(_why_json(kept, origin, uses))
        return
    say("\n".join(table_lines(list(_why_rows(kept, origin, uses, place)), terminal_width())))


def find_record(place: Place, name: str) -> Kept:
    """Return the record of that id, or whose id alone has that part; AGENT/ID says of whom.

    Raises UnknownName if there is none, Misused if there are several.
    """
    return _chosen(all_records(place.root, place.state.root, note), name)


def today_of(place: Place) -> date:
    """Return the day that it is for the person."""
    return place.now.astimezone(ZoneInfo(place.zone)).date()


def _chosen(records: Sequence[Kept], name: str) -> Kept:
    agent, _, part = name.rpartition("/")
    of_agent = [kept for kept in records if agent in ("", kept.agent)]
    exact = [kept for kept in of_agent if kept.learning.id == part]
    found = exact or [kept for kept in of_agent if part and part.lower() in kept.learning.id.lower()]
    if not found:
        raise UnknownName("record", name, [kept.learning.id for kept in records], "harness memory show AGENT")
    if len(found) > 1:
        several = ", ".join(f"{kept.agent}/{kept.learning.id}" for kept in found[:5])
        more = "" if len(found) <= 5 else f" and {len(found) - 5} more"
        raise Misused(f"{name!r} may be {several}{more}; write the one that you mean")
    return found[0]


def _found(place: Place, kept: Kept, records: Sequence[Kept]) -> Found:
    bullets = []
    for agent in agents_of(place.root):
        memory = AgentMemory(place.root, place.state.root, agent)
        standing = (bullet for bullet in bullets_of(memory.text() or "") if bullet.record.id == kept.learning.id)
        bullets += [(str(memory.file), bullet.start + 1) for bullet in standing]
    page = page_of(AgentMemory(place.root, place.state.root, kept.agent), kept.learning.id)
    later = tuple(other.learning.id for other in records if other.learning.supersedes == kept.learning.id)
    return Found(kept, tuple(bullets), None if page is None else str(page), later)


def _record_json(found: Found) -> dict[str, Any]:
    learning, judged = found.learning, _judged(found.learning)
    last = learning.last_verified
    return {
        "id": learning.id,
        "agent": found.kept.agent,
        "file": str(found.kept.file),
        "line": found.kept.line,
        "status": learning.status,
        "title": learning.title,
        "trigger": learning.trigger,
        "wrong": learning.wrong,
        "right": learning.right,
        "why": learning.why,
        "scope": learning.scope,
        "origin": learning.origin,
        "trust": learning.trust,
        "run": learning.run,
        "first_seen": learning.first_seen.isoformat(),
        "last_verified": None if last is None else last.isoformat(),
        "verifications": _times_json(learning.verifications),
        "contradictions": _times_json(learning.contradictions),
        "supersedes": learning.supersedes,
        "superseded_by": list(found.superseded_by),
        "author": learning.author,
        "is_pinned": learning.is_pinned,
        "is_approved": learning.is_approved,
        "stands_in": [{"file": file, "line": line} for file, line in found.bullets],
        "archived_in": found.page,
        "lacks": list(judged.lacks),
        "waits_for_person": judged.waits_for_person,
    }


def _why_json(kept: Kept, origin: dict[str, Any] | None, uses: Sequence[Use]) -> dict[str, Any]:
    judged = _judged(kept.learning)
    return {
        "id": kept.learning.id,
        "agent": kept.agent,
        "file": str(kept.file),
        "line": kept.line,
        "found": origin,
        "verified_by": _times_json(kept.learning.verifications),
        "contradicted_by": _times_json(kept.learning.contradictions),
        "used_in": [
            {"run": use.run_id, "job": use.job_id, "at": iso(use.at), "section": use.section, "is_told": use.is_told}
            for use in uses
        ],
        "lacks": list(judged.lacks),
        "waits_for_person": judged.waits_for_person,
    }


def _times_json(times: Sequence[Verification]) -> list[dict[str, Any]]:
    return [{"run": each.run, "at": each.at.isoformat(), "check": each.check} for each in times]


def _judged(learning: Learning) -> Promotion:
    """Return what it lacks for MEMORY.md; nothing where it stands there."""
    return Promotion() if learning.status == "promoted" else judge_promotion(learning)


def _standing(found: Found) -> str:
    judged = _judged(found.learning)
    if judged.waits_for_person:
        return f"{found.learning.status}, waits for you"
    return f"{found.learning.status}, pinned" if found.learning.is_pinned else found.learning.status


def _rows(found: Found, place: Place) -> Iterator[tuple[str, str]]:
    learning, held = found.learning, len(verifications_in_force(found.learning))
    yield "record", f"{learning.id}, {_standing(found)}"
    words = (("about", learning.title), ("trigger", learning.trigger), ("wrong", learning.wrong))
    yield from _present((*words, ("right", learning.right), ("why", learning.why)))
    yield "of", f"{found.kept.agent}, {'for all' if learning.scope == 'shared' else 'for itself'}"
    yield "from", f"{learning.origin}, trust {learning.trust}{', approved by you' if learning.is_approved else ''}"
    yield "held", f"{counted(held, 'time')}, {age_in_words(learning.last_verified, today_of(place))}"
    yield "failed", counted(len(learning.contradictions), "time")
    yield "record in", f"{found.kept.file}:{found.kept.line}"
    yield "stands in", ", ".join(f"{file}:{line}" for file, line in found.bullets) or "no MEMORY.md"
    yield from _present((("archive", found.page or ""), ("in place of", learning.supersedes or "")))
    yield from _present((("replaced by", ", ".join(found.superseded_by)),))
    yield from _advice(learning)


def _why_rows(
    kept: Kept, origin: dict[str, Any] | None, uses: Sequence[Use], place: Place
) -> Iterator[tuple[str, str]]:
    learning = kept.learning
    yield "record", f"{learning.id}: {learning.title or learning.right}"
    if origin is None:
        yield "found", f"in no run that is known, {learning.first_seen}; it is of {learning.origin} origin"
    else:
        step = "" if origin["step"] is None else f", step {origin['step']} ({origin['kind']})"
        yield "found", f"in {origin['run']}{step}, {learning.first_seen}"
    for each in learning.verifications:
        yield "held", f"in {each.run}, {each.at}, by {each.check}"
    for each in learning.contradictions:
        yield "failed", f"in {each.run}, {each.at}, by {each.check}"
    for use in uses:
        said = f"told in {use.section}" if use.is_told else f"no room in {use.section}"
        yield "used", f"in {use.run_id}: {said}, {when(datetime.fromtimestamp(use.at, UTC), place.zone, place.now)}"
    if not uses:
        yield "used", "in no prompt that is still kept"
    yield from _advice(learning)


def _present(rows: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    yield from ((label, words) for label, words in rows if words)


def _advice(learning: Learning) -> Iterator[tuple[str, str]]:
    judged = _judged(learning)
    if judged.waits_for_person:
        yield "waits", f"for you: harness memory promote {learning.id}, or harness memory forget {learning.id}"
    elif judged.lacks:
        yield "lacks", "; ".join(judged.lacks)
