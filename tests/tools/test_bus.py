"""The tools of the bus, called by runs that nobody wants any more: what they still say counts for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.bus.ending import cancel
from harness.bus.log import append, standing_of
from harness.bus.sending import send
from harness.domain.errors import Refused
from harness.domain.request import HandedOff, request_run
from harness.gate.caller import Caller
from harness.gate.paths import PathRules
from harness.store.database import Database
from harness.store.requests import requests_in
from harness.store.runs import claim_runs, end_run, want_cancelled
from harness.store.state_folder import StateFolder
from harness.testing.clock import VirtualClock
from harness.tools.bus import AskArguments, Desk, bus_tools
from tests.bus.team_of import NOW, ask, team_of

TEAM = team_of("zoe", "scout", "cook")
MORE = AskArguments(to="cook", task="Count the cups.")


def begin_work(database: Database) -> tuple[str, str]:
    """Let scout work on a request of zoe's; return the request's id and the run's."""
    with database.write(alone=True) as connection:
        request_id = send(connection, ask("zoe", "scout"), TEAM, NOW).standing.request.id
        assert claim_runs(connection, "me", 8, NOW)
    return request_id, request_run(request_id, 1)


def ask_of_cook(database: Database, run_id: str, folder: Path) -> object:
    desk = Desk(database, StateFolder(folder), VirtualClock(NOW), lambda: TEAM, lambda: None)
    caller = Caller("scout", run_id, frozenset(), PathRules(folder), folder)
    (tool,) = [tool for tool in bus_tools(desk) if tool.spec.name == "ask"]
    return asyncio.run(tool.run(MORE, caller))  # type: ignore[arg-type]


def want_it_cancelled(database: Database, request_id: str, run_id: str) -> None:
    with database.write() as connection:
        want_cancelled(connection, run_id, "cancelled by Sam")


def end_it(database: Database, request_id: str, run_id: str) -> None:
    with database.write() as connection:
        end_run(connection, run_id, NOW)


def end_the_request(database: Database, request_id: str, run_id: str) -> None:
    with database.write(alone=True) as connection:
        cancel(connection, request_id, "enough", by="zoe", now=NOW)


def pass_it_on(database: Database, request_id: str, run_id: str) -> None:
    with database.write(alone=True) as connection:
        append(connection, standing_of(connection, request_id), HandedOff(1, "cook", "hers"), by="scout", now=NOW)


def test_a_run_at_work_asks_and_asking_the_same_again_is_the_same(database: Database, tmp_path: Path) -> None:
    _, run_id = begin_work(database)
    assert ask_of_cook(database, run_id, tmp_path) == ask_of_cook(database, run_id, tmp_path)
    with database.read() as connection:
        (row,) = requests_in(connection, sender="scout")
    assert (row.receiver, row.parent_run) == ("cook", run_id)


@pytest.mark.parametrize("end", [want_it_cancelled, end_it, end_the_request, pass_it_on])
def test_a_run_that_nobody_wants_any_more_asks_nobody(
    database: Database, tmp_path: Path, end: Callable[[Database, str, str], None]
) -> None:
    request_id, run_id = begin_work(database)
    end(database, request_id, run_id)
    with pytest.raises(Refused):
        ask_of_cook(database, run_id, tmp_path)
    with database.read() as connection:
        assert requests_in(connection, sender="scout") == []
