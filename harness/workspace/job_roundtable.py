"""`roundtable:` in a job file: who is to speak at a table that the job's agent chairs."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from pydantic import BeforeValidator, Field

from harness.domain.seating import Roundtable
from harness.workspace.fields import AtLeastOne, Duration, Text
from harness.workspace.located import Located
from harness.workspace.names import Names
from harness.workspace.report import Report, suggestion
from harness.workspace.shapes import Shape, as_list

_DEFAULTS = Roundtable(())
_SHORTEST_DUE_S, _LONGEST_DUE_S = 60, 86_400


class RoundtableShape(Shape):
    speakers: Annotated[list[Text], BeforeValidator(as_list), Field(min_length=1, max_length=8)]
    rounds: Annotated[int, Field(ge=1, le=5)] = _DEFAULTS.rounds
    due: Duration = _DEFAULTS.due_s
    quorum: AtLeastOne = _DEFAULTS.quorum
    question: Text | None = None


def roundtable_of(
    shape: RoundtableShape | None, chair: str, action: str | None, located: Located, names: Names, report: Report
) -> Roundtable | None:
    """Return who is to speak, and how; None for a job without a table.

    A speaker that there is not is a warning: a person may leave agents out, and such a table is skipped.
    """
    if shape is None:
        return None
    line = located.line("roundtable")
    if action is not None:
        report.error(
            line, f"a roundtable is concluded by its chair, and not by the action {action}", "drop one of them"
        )
    if chair in shape.speakers:
        report.error(line, f"{chair} is the chair, and cannot speak at its own table", "take it out of speakers")
    for name, count in Counter(shape.speakers).items():
        if count > 1:
            report.error(line, f"roundtable.speakers names {name} {count} times", "name each of them once")
        elif name != chair and name not in names.agents:
            fix = f"{suggestion(name, names.agents - {chair})} Or leave it: without enough speakers the job is skipped"
            report.warning(line, f"there is no agent {name} to speak at the roundtable", fix)
    if shape.quorum > len(shape.speakers):
        problem = f"roundtable.quorum is {shape.quorum}, and there are only {len(shape.speakers)} speakers"
        report.error(line, problem, "write at most as many")
    if not _SHORTEST_DUE_S <= shape.due <= _LONGEST_DUE_S:
        report.error(line, f"roundtable.due is {shape.due} s", "give a round between 1m and 1d")
    return Roundtable(
        speakers=tuple(dict.fromkeys(shape.speakers)),
        rounds=shape.rounds,
        due_s=shape.due,
        quorum=shape.quorum,
        question=shape.question or "",
    )
