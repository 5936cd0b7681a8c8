"""`harness skills review`: what became of installed skills, and whether that is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from harness.cli.completion import complete_skill
from harness.cli.failures import Misused, UnknownName
from harness.cli.options import JsonOption, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import Place, find_place
from harness.domain.errors import OwnerError
from harness.workspace.skill_changes import FileChange, changes_between
from harness.workspace.skill_folder import folder_sha256, read_files
from harness.workspace.skill_install import accept, accepted_files, pins_of, undo
from harness.workspace.skill_pins import Pin

REVIEW_EXAMPLES = """\b
Examples:
  harness skills review
  harness skills review pdf --accept
  harness skills review pdf --reject

\b
JSON: [{skill, source, accepted_at, state (same, changed, unreadable, gone),
problem, changes [{path, kind, diff}], decision (accepted, rejected, null)}];
without SKILL only those that are not the same."""


@dataclass(frozen=True, slots=True)
class _Reviewed:
    """An installed skill beside what was accepted of it."""

    name: str
    pin: Pin
    state: str
    problem: str = ""
    changes: tuple[FileChange, ...] = ()


def review_skills(
    skill: Annotated[
        str | None, typer.Argument(metavar="[SKILL]", show_default=False, autocompletion=complete_skill)
    ] = None,
    is_accepted: Annotated[bool, typer.Option("--accept", help="Take it as it is now.")] = False,
    is_rejected: Annotated[bool, typer.Option("--reject", help="Put back what you accepted before.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what changed in skills that were installed, line by line; accept it, or undo it.

    Until you do, such a skill is offered to nobody.
    """
    place = find_place(workspace)
    pins = pins_of(place.root)
    if skill is not None and skill not in pins:
        raise UnknownName("installed skill", skill, list(pins), "harness skills")
    if is_accepted and is_rejected:
        raise Misused("a change is accepted or rejected, not both")
    if (is_accepted or is_rejected) and skill is None:
        raise Misused("name the skill whose change you accept or reject")
    reviewed = [_review(name, pins[name], place) for name in sorted(pins) if skill in (None, name)]
    decision = _decide(reviewed[0], place, is_accepted=is_accepted) if is_accepted or is_rejected else None
    shown = reviewed if skill is not None else [one for one in reviewed if one.state != "same"]
    if as_json:
        emit_json([_json(one, decision) for one in shown])
        return
    for one in shown:
        for line in _lines(one, decision):
            say(line)
    if not shown:
        say(f"{len(reviewed)} installed skills, all as you accepted them" if reviewed else "no skill was installed")


def _review(name: str, pin: Pin, place: Place) -> _Reviewed:
    folder = place.root / "skills" / name
    if not folder.is_dir():
        return _Reviewed(name, pin, "gone", "its folder is not there any more")
    try:
        now = read_files(folder)
    except OwnerError as error:
        return _Reviewed(name, pin, "unreadable", f"{error.path}: {error.problem}")
    if folder_sha256(now) == pin.sha256:
        return _Reviewed(name, pin, "same")
    before = accepted_files(place.root, name)
    if before is None:
        lost = "the copy of what you accepted is gone or damaged, so that all of it counts as new"
        return _Reviewed(name, pin, "changed", lost, changes_between({}, now))
    return _Reviewed(name, pin, "changed", "", changes_between(before, now))


def _decide(reviewed: _Reviewed, place: Place, *, is_accepted: bool) -> str:
    if not is_accepted:
        undo(place.root, reviewed.name)
        return "rejected"
    if reviewed.state in ("gone", "unreadable"):
        raise OwnerError(
            place.root / "skills" / reviewed.name, None, reviewed.problem, "undo it: --reject; or correct that first"
        )
    accept(place.root, reviewed.name, place.now)
    return "accepted"


def _json(one: _Reviewed, decision: str | None) -> dict[str, Any]:
    return {
        "skill": one.name,
        "source": one.pin.source,
        "accepted_at": one.pin.accepted_at,
        "state": one.state,
        "problem": one.problem or None,
        "changes": [{"path": change.path, "kind": change.kind, "diff": change.diff} for change in one.changes],
        "decision": decision,
    }


def _lines(one: _Reviewed, decision: str | None) -> list[str]:
    source = f" from {one.pin.source}" if one.pin.source else ""
    lines = [f"{one.name}{source}, accepted {one.pin.accepted_at}: {one.state}"]
    if one.problem:
        lines.append(one.problem)
    for change in one.changes:
        lines += [f"{change.path} ({change.kind})", change.diff]
    if decision is not None:
        lines.append(f"{one.name}: {decision}; {'as it is now' if decision == 'accepted' else 'as it was before'}")
    elif one.state != "same":
        lines.append(f"-> harness skills review {one.name} --accept")
        lines.append(f"-> harness skills review {one.name} --reject")
    return lines
