"""requests/open over a database: what is open and what is dead, and nothing of what is over."""

from __future__ import annotations

import asyncio
from pathlib import Path

from harness.bus.finals import bury, finish
from harness.bus.log import append, standing_of
from harness.bus.sending import send
from harness.collectors.context import CollectContext
from harness.collectors.parse import FeedParser
from harness.collectors.requests import collect_open_requests
from harness.domain.job import Job
from harness.domain.request import SYSTEM, Final, Progressed, Situation
from harness.domain.roundtable import Seat
from harness.domain.settings import Egress, Settings
from harness.domain.workspace import Workspace
from harness.gate.egress import SystemResolver, WebDoor
from harness.store.database import Database
from harness.store.requests import RequestRow, unsettled_requests
from tests.bus.team_of import NOW, ask, team_of
from tests.collectors.conftest import RememberedSources

TEAM = team_of("zoe", "scout")


def text_of(rows: list[RequestRow], root: Path, parser: FeedParser) -> str:
    context = CollectContext(
        workspace=Workspace(root, Settings(home_zone="UTC")),
        job=Job("zoe", "review", "", (), "UTC"),
        web=WebDoor(Egress(), SystemResolver()),
        now=NOW,
        cache=RememberedSources({}),
        parser=parser,
        latest_output=lambda job_id: None,
        requests=lambda: rows,
    )
    return asyncio.run(collect_open_requests("requests/open", context)).text


def test_what_is_open_and_what_is_dead_is_listed(database: Database, tmp_path: Path, parser: FeedParser) -> None:
    ids: dict[str, str] = {}
    with database.write(alone=True) as connection:
        for task in ("open", "dead", "over"):
            ids[task] = send(connection, ask("zoe", "scout", task), TEAM, NOW).standing.request.id
        dead, over = (standing_of(connection, ids[task], for_change=True) for task in ("dead", "over"))
        bury(connection, dead, Final("failed", "gone"), Situation.WORKING, by=SYSTEM, now=NOW)
        finish(connection, over, Final("done", "so"), by=SYSTEM, now=NOW)
        rows = unsettled_requests(connection, 10)
    assert text_of(rows, tmp_path, parser) == (
        f"Open requests:\n- {ids['open']} zoe → scout: open (confirmed, normal, due 17:00)\n\n"
        f"Dead letters, which wait for the person:\n- {ids['dead']} zoe → scout: dead (failed)"
    )


def test_news_of_a_roundtable_are_not_read_while_its_round_is_open(
    database: Database, tmp_path: Path, parser: FeedParser
) -> None:
    with database.write(alone=True) as connection:
        for key in (Seat("t-abc", 1, "scout").key, "another"):
            asked = send(connection, ask("zoe", "scout", "speak", key=key), TEAM, NOW).standing
            append(connection, asked, Progressed(1, "leaning towards a rise"), by="scout", now=NOW)
        rows = unsettled_requests(connection, 10)
    assert text_of(rows, tmp_path, parser).count("leaning towards a rise") == 1


def test_where_nothing_is_open_there_is_nothing_to_read(tmp_path: Path, parser: FeedParser) -> None:
    assert text_of([], tmp_path, parser) == ""
