"""The page on the bus is held against the code of the bus."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from harness.bus.brief import LEAST_CHARS
from harness.bus.diagram import state_diagram
from harness.bus.evidence import MAX_BYTES, MAX_FILES
from harness.bus.payload import HARD_CAP_BYTES, MAX_KEY_BYTES
from harness.domain.request import TRANSITIONS, Request, Result, Situation
from harness.domain.settings import BusRules
from harness.runs.requests.to_person import TOLD_EACH
from harness.tools.bus import ASK, HANDOFF, ON_REQUEST
from harness.workspace.bus_rules import BusShape
from harness.workspace.quantities import parse_duration

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "bus.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """Return the cells of the tables' rows, without heads and rules."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    heads = {number - 1 for number, line in enumerate(lines) if set(line) <= set("|- ")}
    return [row for number, row in enumerate(found) if number not in heads and set("".join(row)) - set("- ")]


def words(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def test_the_diagram_is_that_of_the_transitions() -> None:
    (drawn,) = re.findall(r"```mermaid\n(.*?)\n```", PAGE, re.DOTALL)
    assert drawn == state_diagram(), "put the text of harness.bus.diagram.state_diagram() into docs/bus.md"


def test_every_event_is_explained() -> None:
    named = [word for row in rows(section("The life of a request")) for word in words(row[0])]
    assert named == ["requested", *TRANSITIONS]


def test_every_field_of_a_request_is_explained_but_who_and_when() -> None:
    named = {word for row in rows(section("What is asked, what comes back")) for word in words(row[0])}
    assert named == {field.name for field in fields(Request)} - {"id", "sender", "receiver", "made_at"}


def test_every_result_is_named() -> None:
    assert set(get_args(Result)) <= set(words(section("What is asked, what comes back")))


def test_the_situations_are_those_of_the_log() -> None:
    assert [row[0] for row in rows(section("When no final comes"))] == [str(situation) for situation in Situation]


def test_every_rule_of_the_settings_stands_in_the_table_with_its_default() -> None:
    table = {words(row[0])[0]: row[-1] for row in rows(section("What keeps requests from running away"))}
    rules = BusRules()
    assert set(table) == set(BusShape.model_fields)
    assert parse_duration(table.pop("due")) == rules.due_s
    assert table == {name: str(getattr(rules, name)) for name in table}


@pytest.mark.parametrize("module", ["bus/guards.py", "bus/payload.py", "bus/dead_letters.py", "tools/bus.py"])
def test_every_refusal_of_the_bus_is_named_by_its_rule(module: str) -> None:
    raised = set(re.findall(r"Refused\(\s*\"([a-z-]+)\"", (ROOT / "harness" / module).read_text(encoding="utf-8")))
    assert raised
    assert raised <= set(words(PAGE))


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"{HARD_CAP_BYTES:,} bytes" in PAGE
    assert f"at most {MAX_KEY_BYTES} bytes" in PAGE
    assert f"{MAX_BYTES // 10**6} MB, nor more than {MAX_FILES} files" in PAGE
    assert f"than {LEAST_CHARS:,}: the frame" in PAGE
    assert f"of more than {TOLD_EACH} the rest" in PAGE


def test_every_tool_of_the_bus_is_named_for_agents() -> None:
    assert {ASK, HANDOFF, *ON_REQUEST} <= set(words(section("For agents")))


def test_the_state_diagram_reaches_a_final_from_every_state_and_leads_nowhere_from_it() -> None:
    arrows = re.findall(r"^    (\S+) --> (\S+): ", state_diagram(), re.MULTILINE)
    states = {origin for origin, _ in arrows} - {"[*]", "final"}
    assert {origin for origin, target in arrows if target == "final"} == {*states, "final"}
    assert {target for origin, target in arrows if origin == "final"} == {"final"}
