"""`harness memory promote` and `forget`: what only the person decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from harness.cli.memory_records import find_record, today_of
from harness.cli.options import JsonOption, RecordArgument, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import Place, find_place
from harness.domain.errors import OwnerError
from harness.domain.learning import Learning
from harness.memory.agent_memory import AgentMemory, Kept, agents_of
from harness.memory.archive import archive_path
from harness.memory.bullets import bullets_of
from harness.memory.promotion import Promoted
from harness.memory.upkeep import forget, promote_into

PROMOTE_EXAMPLES = """\b
Examples:
  harness memory promote ERR-20261121-7f3a
  harness memory promote 7f3a --pin

\b
JSON: id, agent, file (the MEMORY.md), words (its bullet there), is_pinned,
is_changed (false if it stood there before), archived [{id, why, page}] (what
had to make room)."""
FORGET_EXAMPLES = """\b
Examples:
  harness memory forget ERR-20261121-7f3a

\b
JSON: id, agent, files [each MEMORY.md that its bullet left], pages [in the
archive], undo (the command that brings it back)."""


def promote_record(
    record: RecordArgument,
    pin: Annotated[bool, typer.Option("--pin", help="No compression may take it out again.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve a record, and put it into its agent's MEMORY.md at once, whatever still speaks for it.

    What came from outside keeps the trust that it has. What has to make room for it is in the archive before.
    """
    place = find_place(workspace)
    kept = find_record(place, record)
    memory = _memory(place, kept.agent)
    before = memory.text() or ""
    approved = memory.update(kept.learning.id, lambda now: _approved(now, is_pinned=pin)) or kept.learning
    promoted = promote_into(memory, [approved], today_of(place))
    if promoted.no_room:
        problem = f"what you wrote and pinned there leaves no room for {approved.id}, which is approved now"
        fix = f"shorten it, and say again: harness memory promote {approved.id}"
        raise OwnerError(place.root / memory.file, None, problem, fix)
    is_changed = before != (memory.text() or "")
    if as_json:
        emit_json(_promoted_json(kept, memory, promoted, approved, is_changed=is_changed))
        return
    pinned = ", pinned" if approved.is_pinned else ""
    say(f"{approved.id} {'stands' if is_changed else 'stood already'} in {memory.file}{pinned}: {_words(memory, kept)}")
    for one in promoted.removed:
        say(f"{one.id} made room for it ({one.why}): {archive_path(memory.agent, one.id)}")
    say(f"-> to take it out again: harness memory forget {approved.id}")


def forget_record(record: RecordArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Take a record out of force: its bullet leaves MEMORY.md, and no agent is told of it any more.

    Nothing is deleted: its page is in the archive before, and the evidence stays in .learnings/.
    """
    place = find_place(workspace)
    kept = find_record(place, record)
    files, pages = [], []
    for agent in _told(place, kept):
        memory = _memory(place, agent)
        if forget(memory, kept.learning, today_of(place)).before != (memory.text() or ""):
            files.append(str(memory.file))
        pages.append(str(archive_path(agent, kept.learning.id)))
    undo = f"harness memory promote {kept.learning.id}"
    if as_json:
        emit_json({"id": kept.learning.id, "agent": kept.agent, "files": files, "pages": pages, "undo": undo})
        return
    left = f"left {' and '.join(files)}" if files else "stood in no MEMORY.md"
    say(f"{kept.learning.id} is forgotten; it {left}, and is kept in {' and '.join(pages)}")
    say(f"-> to have it back in MEMORY.md: {undo}")


def _approved(learning: Learning, *, is_pinned: bool) -> Learning:
    return replace(learning, is_approved=True, is_pinned=learning.is_pinned or is_pinned)


def _told(place: Place, kept: Kept) -> list[str]:
    """Return the agent whose record it is, and others in whose MEMORY.md it stands."""
    others = [
        agent
        for agent in agents_of(place.root)
        if agent != kept.agent and _bullets(_memory(place, agent), kept.learning.id)
    ]
    return [*others, kept.agent]


def _bullets(memory: AgentMemory, learning_id: str) -> list[str]:
    return [bullet.record.text for bullet in bullets_of(memory.text() or "") if bullet.record.id == learning_id]


def _words(memory: AgentMemory, kept: Kept) -> str:
    found = _bullets(memory, kept.learning.id)
    return found[0].removeprefix("- ") if found else ""


def _memory(place: Place, agent: str) -> AgentMemory:
    return AgentMemory(place.root, place.state.root, agent)


def _promoted_json(
    kept: Kept, memory: AgentMemory, promoted: Promoted, approved: Learning, *, is_changed: bool
) -> dict[str, Any]:
    return {
        "id": kept.learning.id,
        "agent": kept.agent,
        "file": str(memory.file),
        "words": _words(memory, kept),
        "is_pinned": approved.is_pinned,
        "is_changed": is_changed,
        "archived": [
            {"id": one.id, "why": one.why, "page": str(archive_path(memory.agent, one.id))} for one in promoted.removed
        ],
    }
