"""`harness skills review`: what became of installed skills, and whether that is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from harness.cli.completion import complete_skill
from harness.cli.failures import Misused, UnknownName
from harness.cli.options import JsonOption, WorkspaceOption
from harness.cli.output import emit_json, note, say
from harness.cli.place import Place, find_place
from harness.cli.skill_making import refuse_errors
from harness.domain.errors import OwnerError
from harness.memory.proposed_skills import FOLDER, Proposed, accept_proposal, proposals_of, reject_proposal
from harness.workspace.skill_changes import FileChange, changes_between
from harness.workspace.skill_folder import folder_sha256, read_files
from harness.workspace.skill_install import accept, accepted_files, pins_of, undo
from harness.workspace.skill_lint import lint
from harness.workspace.skill_pins import Pin

REVIEW_EXAMPLES = """\b
Examples:
  harness skills review
  harness skills review pdf --accept
  harness skills review pdf --reject
  harness skills review using-web-read --reject --reason "too narrow"

\b
JSON: [{skill, source, accepted_at, state (same, changed, unreadable, gone,
proposed), problem, changes [{path, kind, diff}], decision (accepted,
rejected, null)}]; without SKILL only those that are not the same. A proposed
skill has no accepted_at, and its files are changes of the kind added."""


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
    is_rejected: Annotated[
        bool, typer.Option("--reject", help="Put back what you accepted before; propose it never again.")
    ] = False,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why a proposed skill is rejected.", show_default=False)
    ] = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show skills that were proposed, and what changed in those that were installed, line by line; accept or reject it.

    Until you do, such a skill is offered to nobody. Proposed is what agents have learned and runs have borne out, with
    the evidence; to accept it installs it.
    """
    place = find_place(workspace)
    pins = pins_of(place.root)
    proposals = {each.name: each for each in proposals_of(place.root, note)}
    if skill is not None and skill not in pins and skill not in proposals:
        raise UnknownName("installed or proposed skill", skill, [*pins, *proposals], "harness skills review")
    if reason and (not is_rejected or skill not in proposals):
        raise Misused(
            "--reason says why a proposed skill is rejected: harness skills review SKILL --reject --reason TEXT"
        )
    if is_accepted and is_rejected:
        raise Misused("a change is accepted or rejected, not both")
    if (is_accepted or is_rejected) and skill is None:
        raise Misused("name the skill whose change you accept or reject")
    reviewed = [_review(name, pins[name], place) for name in sorted(pins) if skill in (None, name)]
    waiting = [_proposed(proposals[name]) for name in sorted(proposals) if skill in (None, name)]
    decision = None
    if skill is not None and (is_accepted or is_rejected):
        if skill in proposals:
            decision = _decide_on_proposal(proposals[skill], place, reason, is_accepted=is_accepted)
        else:
            decision = _decide(reviewed[0], place, is_accepted=is_accepted)
    shown = reviewed if skill is not None else [one for one in reviewed if one.state != "same"]
    shown = [*waiting, *shown]
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


def _proposed(proposed: Proposed) -> _Reviewed:
    pin = Pin("", f"learned ({proposed.key})")
    return _Reviewed(proposed.name, pin, "proposed", "", changes_between({}, proposed.files))


def _decide_on_proposal(proposed: Proposed, place: Place, reason: str, *, is_accepted: bool) -> str:
    today = place.now.astimezone(ZoneInfo(place.zone)).date()
    if not is_accepted:
        reject_proposal(place.root, place.state.root, proposed, reason, today)
        return "rejected"
    refuse_errors(
        lint(proposed.name, proposed.files, str(FOLDER / proposed.name)),
        f"{proposed.name} is not installed as long as it has errors",
    )
    accept_proposal(place.root, place.state.root, proposed, place.now, today)
    return "accepted"


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
        "accepted_at": one.pin.accepted_at or None,
        "state": one.state,
        "problem": one.problem or None,
        "changes": [{"path": change.path, "kind": change.kind, "diff": change.diff} for change in one.changes],
        "decision": decision,
    }


def _lines(one: _Reviewed, decision: str | None) -> list[str]:
    source = f" from {one.pin.source}" if one.pin.source else ""
    accepted = f", accepted {one.pin.accepted_at}" if one.pin.accepted_at else ""
    lines = [f"{one.name}{source}{accepted}: {one.state}"]
    if one.problem:
        lines.append(one.problem)
    for change in one.changes:
        lines += [f"{change.path} ({change.kind})", change.diff]
    if decision is not None and one.state == "proposed":
        done = (
            "installed; grant it in the agent.toml of who is to use it" if decision == "accepted" else "gone for good"
        )
        lines.append(f"{one.name}: {decision}; {done}")
    elif decision is not None:
        lines.append(f"{one.name}: {decision}; {'as it is now' if decision == 'accepted' else 'as it was before'}")
    elif one.state != "same":
        lines.append(f"-> harness skills review {one.name} --accept")
        lines.append(f"-> harness skills review {one.name} --reject")
    return lines
