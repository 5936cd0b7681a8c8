"""The step of a run in which a record was found."""

from __future__ import annotations

from dataclasses import replace

from harness.domain.contract import Contract, Violation
from harness.domain.learning import Learning
from harness.domain.tool import ToolResult
from harness.memory.capture import LEARN, candidates
from harness.memory.provenance import step_of
from tests.memory.recorded import Recorded, failed

WRONG = ("feeds.table", {"field": "BUY_AMT"}, failed("unknown field BUY_AMT"))
RIGHT = ("feeds.table", {"field": "BUY_AMOUNT"}, ToolResult("7 rows"))
REPORTED = (LEARN, {"title": "shorter", "right": "write two lines"}, ToolResult("noted"))


def found_in(recorded: Recorded) -> tuple[Learning, tuple[str, str] | None]:
    (learning,) = candidates(recorded.showing())
    step = step_of(learning, recorded.steps())
    return learning, None if step is None else (step.kind, step.call_id)


def test_it_is_the_call_that_failed_the_check_that_was_broken_or_the_report() -> None:
    assert found_in(Recorded([RIGHT, WRONG, RIGHT]))[1] == ("tool", "model-2.1")
    assert found_in(Recorded([RIGHT, REPORTED]))[1] == ("tool", "model-2.1")
    short = Recorded(
        first=[Violation("min_items", "has 0 items, promised are 1")], second=[], contract=Contract(min_items=1)
    )
    assert found_in(short)[1] == ("check", "check-1")


def test_a_run_that_shows_nothing_of_it_or_cannot_be_read_names_no_step() -> None:
    learning, _ = found_in(Recorded([WRONG, RIGHT]))
    assert step_of(learning, Recorded([RIGHT]).steps()) is None
    assert step_of(learning, ()) is None
    foreign = tuple(
        replace(step, value={"other": 1}) if step.kind == "tool" else step for step in Recorded([WRONG, RIGHT]).steps()
    )
    assert step_of(learning, foreign) is None
