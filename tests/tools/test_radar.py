"""The tools of the Tech Radar: nothing gets on it that nobody collected, and nothing is decided unseen."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.bus.log import standing_of
from harness.bus.radar.folder import RadarFolder, path_of
from harness.bus.team import Team
from harness.domain.errors import Refused, ToolError
from harness.domain.message import Message
from harness.domain.radar import RadarRules, Technology
from harness.domain.request import SYSTEM, Standing
from harness.domain.run import FireKind
from harness.gate.caller import Caller
from harness.gate.outside import fence
from harness.gate.paths import PathRules
from harness.store.database import Database
from harness.store.requests import requests_in
from harness.store.runs import NewRun, end_run, queue_run
from harness.store.state_folder import StateFolder
from harness.testing.clock import VirtualClock
from harness.tools.bus import Desk
from harness.tools.radar import DecideArguments, EvaluateArguments, ProposeArguments, radar_tools
from tests.bus.team_of import NOW, team_of

URL = "https://example.com/sqlite-vec?utm_source=feed"
PROPOSED = ProposeArguments(name="SQLite vectors", url=URL, quadrant="tools", why="Searches vectors in one file.")
GOOD = EvaluateArguments(
    technology="SQLite vectors", evaluation="Fits: we have a file already.", risks="Young.", replaces="our own index"
)
TOLD = (Message("user", f"1. SQLite vectors | a feed | 2026-11-21 | {URL} | New."),)


class Room:
    """A team with a radar, and runs that call its tools."""

    def __init__(self, database: Database, root: Path, coder: str = "") -> None:
        self.database = database
        self.root = root
        self.clock = VirtualClock(NOW)
        team = team_of("zoe", "ainews", "smith")
        settings = replace(team.workspace.settings, radar=RadarRules(coder))
        self.team: Team = replace(team, workspace=replace(team.workspace, root=root, settings=settings))
        self.folder = RadarFolder(root)

    def begin(self, run_id: str, **options: Any) -> str:
        job_id = run_id.split(":")[1]
        new = NewRun(run_id, job_id, "agent", FireKind.CRON, int(NOW.timestamp()), 1, options=options)
        with self.database.write() as connection:
            queue_run(connection, new, NOW)
        return run_id

    def call(self, tool: str, arguments: object, run_id: str, told: tuple[Message, ...] = TOLD) -> str:
        desk = Desk(self.database, StateFolder(self.root), self.clock, lambda: self.team, lambda: None)
        agent = run_id.split(":")[1].partition("/")[0]
        caller = Caller(agent, run_id, frozenset(), PathRules(self.root), self.root, conversation=told)
        (found,) = [one for one in radar_tools(desk) if one.spec.name == tool]
        return str(asyncio.run(found.run(arguments, caller)))  # type: ignore[arg-type]

    def propose(self, **changes: str) -> str:
        run_id = "cron:ainews/scan:1"
        return self.call("radar_propose", PROPOSED.model_copy(update=changes), run_id)

    def decide(self, ring: str, run_id: str, reason: str = "Because it fits.") -> str:
        arguments = DecideArguments(technology="sqlite-vectors", ring=ring, reason=reason)  # type: ignore[arg-type]
        return self.call("radar_decide", arguments, run_id)

    def page(self) -> str:
        return (self.root / path_of("sqlite-vectors")).read_text()

    def technology(self) -> Technology:
        found = self.folder.read().find("sqlite-vectors")
        assert found is not None
        return found

    def requests(self) -> list[Standing]:
        with self.database.read() as connection:
            return [standing_of(connection, row.id) for row in reversed(requests_in(connection))]


@pytest.fixture
def room(database: Database, tmp_path: Path) -> Room:
    made = Room(database, tmp_path / "team", coder="smith")
    for run_id in ("cron:ainews/scan:1", "cron:zoe/radar:1", "cron:zoe/radar:2"):
        made.begin(run_id)
    return made


def evaluated(room: Room) -> Room:
    room.propose()
    room.call("radar_evaluate", GOOD, "cron:zoe/radar:1")
    return room


def test_what_is_proposed_gets_a_page_that_says_who_found_it_and_where(room: Room) -> None:
    assert "on the radar now" in room.propose()
    found = room.technology()
    assert (found.stage, found.url, found.found_by, found.found_run) == (
        "discovered", URL, "ainews", "cron:ainews/scan:1",
    )  # fmt: skip
    assert room.page().endswith("- 2026-11-21 · discovered · Searches vectors in one file. · cron:ainews/scan:1\n")
    assert "| discovered | [SQLite vectors](sqlite-vectors.md) | tools |" in (
        room.root / "shared-context/radar/README.md"
    ).read_text()  # fmt: skip


@pytest.mark.parametrize(
    "told",
    [
        (),
        (Message("assistant", f"I know {URL}"),),
        (Message("tool", f"web.read failed: {URL} answered 404", tool_call_id="1"),),
        (Message("user", "see https://example.com/sqlite-vectors-two"),),
    ],
    ids=["nothing", "own words", "an error", "another"],
)
def test_an_address_that_was_never_collected_gets_nothing_on_the_radar(room: Room, told: tuple[Message, ...]) -> None:
    with pytest.raises(ToolError, match="not among what you were given"):
        room.call("radar_propose", PROPOSED, "cron:ainews/scan:1", told)
    assert room.folder.read().technologies == ()


def test_an_address_out_of_a_page_that_was_read_counts_as_collected(room: Room) -> None:
    page = fence("See [it](https://example.com/sqlite-vec).", "web.read")
    told = (Message("tool", page, tool_call_id="1"),)
    assert "on the radar now" in room.call("radar_propose", PROPOSED, "cron:ainews/scan:1", told)


@pytest.mark.parametrize(
    "changes", [{}, {"url": "http://www.example.com/sqlite-vec/", "name": "Other"}, {"name": "sqlite VECTORS!"}]
)
def test_the_same_address_or_name_is_one_technology(room: Room, changes: dict[str, str]) -> None:
    room.propose()
    before = room.page()
    told = (*TOLD, Message("user", "http://www.example.com/sqlite-vec/"))
    room.call("radar_propose", PROPOSED.model_copy(update=changes), "cron:ainews/scan:1", told)
    assert len(room.folder.read().technologies) == 1
    assert room.page() == before


def test_a_decision_without_an_evaluation_is_refused(room: Room) -> None:
    room.propose()
    with pytest.raises(ToolError, match="was not evaluated"):
        room.decide("adopt", "cron:zoe/radar:1")
    assert (room.technology().ring, room.requests()) == ("discovered", [])


def test_an_evaluation_names_what_it_is_worth_what_may_go_wrong_and_what_it_replaces(room: Room) -> None:
    evaluated(room)
    assert room.technology().stage == "evaluated"
    assert "## Risks\n\n- 2026-11-21 · zoe: Young.\n" in room.page()
    again = room.page()
    room.call("radar_evaluate", GOOD, "cron:zoe/radar:1")
    assert room.page() == again


def test_a_trial_asks_the_coder_once_however_often_the_work_is_done(room: Room) -> None:
    evaluated(room)
    answer = room.decide("trial", "cron:zoe/radar:1")
    (request,) = room.requests()
    asked = request.request
    assert (asked.sender, asked.receiver, asked.inputs[0]) == ("zoe", "smith", path_of("sqlite-vectors"))
    assert (
        answer == f"sqlite-vectors is on trial. Request {asked.id} went to smith; the answer will be in a later prompt."
    )
    before = room.page()
    assert room.decide("trial", "cron:zoe/radar:1") == answer
    assert (len(room.requests()), room.page()) == (1, before)
    assert (room.technology().request, str(room.technology().decided_at)) == (asked.id, "2026-11-21")


def test_hold_and_assess_ask_nobody_and_take_back_what_was_asked(room: Room) -> None:
    evaluated(room)
    room.decide("trial", "cron:zoe/radar:1")
    assert "Nothing is asked" in room.decide("hold", "cron:zoe/radar:2", "Its author left.")
    (request,) = room.requests()
    assert request.final is not None
    assert (request.final.result, "Its author left." in request.final.conclusion) == ("cancelled", True)
    assert (room.technology().ring, room.technology().request) == ("hold", "")
    assert [move.what for move in room.technology().moves] == ["discovered", "trial", "hold"]


def test_the_ring_that_it_is_on_is_no_decision(room: Room) -> None:
    evaluated(room)
    room.decide("assess", "cron:zoe/radar:1")
    with pytest.raises(ToolError, match="is on assess already"):
        room.decide("assess", "cron:zoe/radar:2")


def test_without_a_coder_the_request_is_final_at_once_and_lies_before_the_person(
    database: Database, tmp_path: Path
) -> None:
    room = Room(database, tmp_path / "team")
    for run_id in ("cron:ainews/scan:1", "cron:zoe/radar:1", "cron:zoe/radar:2"):
        room.begin(run_id)
    evaluated(room)
    assert "rejected: no coder configured. The person is told." in room.decide("adopt", "cron:zoe/radar:1")
    (request,) = room.requests()
    assert request.final is not None
    assert (request.request.receiver, request.final.result, request.is_dead_letter) == (SYSTEM, "rejected", True)
    # With somebody to ask, the same decision may be made again: nothing came of the first.
    room.team = replace(
        room.team,
        workspace=replace(
            room.team.workspace, settings=replace(room.team.workspace.settings, radar=RadarRules("smith"))
        ),
    )
    room.clock.advance(3600)
    assert "went to smith" in room.decide("adopt", "cron:zoe/radar:2")
    moves = [(move.what, move.run) for move in room.technology().moves]
    assert moves == [
        ("discovered", "cron:ainews/scan:1"),
        ("adopt", "cron:zoe/radar:1"),
        ("request rejected", "cron:zoe/radar:1"),
        ("adopt", "cron:zoe/radar:2"),
    ]


def test_an_agent_that_is_not_there_is_no_coder(database: Database, tmp_path: Path) -> None:
    room = Room(database, tmp_path / "team", coder="gone")
    for run_id in ("cron:ainews/scan:1", "cron:zoe/radar:1"):
        room.begin(run_id)
    evaluated(room)
    assert "rejected: no coder configured: there is no agent gone" in room.decide("adopt", "cron:zoe/radar:1")


def test_a_preview_and_a_run_that_is_over_change_nothing(room: Room) -> None:
    room.begin("manual:ainews/scan:7", preview=True)
    with pytest.raises(Refused):
        room.call("radar_propose", PROPOSED, "manual:ainews/scan:7")
    with room.database.write() as connection:
        end_run(connection, "cron:ainews/scan:1", NOW)
    with pytest.raises(Refused):
        room.propose()
    assert room.folder.read().technologies == ()


def test_words_from_outside_cannot_break_the_page(room: Room) -> None:
    room.propose(name="A: b # c", why="one\n## History\n---\n<!-- gone")
    (found,) = room.folder.read().technologies
    assert (found.name, found.slug) == ("A: b # c", "a-b-c")
    assert [move.reason for move in found.moves] == ["one ## History --- &lt;!-- gone"]
