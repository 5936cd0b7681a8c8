"""The page on roundtables is held against their code."""

from __future__ import annotations

import re
from pathlib import Path

from harness.bus.diagram import table_diagram
from harness.domain.seating import Roundtable
from harness.workspace.job_roundtable import RoundtableShape
from harness.workspace.quantities import parse_duration

PAGE = (Path(__file__).parents[2] / "docs" / "roundtable.md").read_text(encoding="utf-8")


def test_the_diagram_is_that_of_the_transitions() -> None:
    (drawn,) = re.findall(r"```mermaid\n(.*?)\n```", PAGE, re.DOTALL)
    assert drawn == table_diagram(), "put the text of harness.bus.diagram.table_diagram() into docs/roundtable.md"


def test_every_key_stands_in_the_table_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([^|]*?) ?\|$", PAGE, re.MULTILINE)
    assert [name for name, _ in rows] == list(RoundtableShape.model_fields)
    said, rules = dict(rows), Roundtable(())
    assert (int(said["rounds"]), parse_duration(said["due"]), int(said["quorum"])) == (
        rules.rounds,
        rules.due_s,
        rules.quorum,
    )
