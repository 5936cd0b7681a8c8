"""Ends of which their sender will not hear: the person is told, once, and nothing is done again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from harness.bus.ending import answer
from harness.bus.log import append, standing_of
from harness.bus.notices import forget_told, tell_instead
from harness.bus.sending import send
from harness.domain.request import SYSTEM, USER, Final, Noticed, Standing
from harness.store.database import Database
from harness.store.incidents import mark_alerted, open_incidents
from harness.store.request_duties import untold
from tests.bus.team_of import NOW, ask, team_of

TEAM = team_of("zoe", "scout")
DAY = timedelta(hours=24)
KNOWN = ("zoe", "scout", USER, SYSTEM)


def answered(database: Database, sender: str = "zoe", **fields: Any) -> Standing:
    with database.write(alone=True) as connection:
        request = send(connection, ask(sender, USER, **fields), TEAM, NOW).standing.request
        return answer(connection, request.id, Final("done", "the green one"), by=USER, now=NOW)


def lost(database: Database, hours: float, known: tuple[str, ...] = KNOWN) -> list[str]:
    with database.read() as connection:
        return untold(connection, known, NOW + timedelta(hours=hours) - DAY, 100)


def test_what_an_agent_may_still_hear_in_its_next_prompt_is_not_lost(database: Database) -> None:
    request_id = answered(database).request.id
    assert lost(database, 23.9) == []
    assert lost(database, 24.1) == [request_id]


def test_what_an_agent_asked_that_is_gone_is_lost_at_once(database: Database) -> None:
    request_id = answered(database).request.id
    assert lost(database, 0, ("scout", USER, SYSTEM)) == [request_id]


def test_what_was_noticed_is_not_lost(database: Database) -> None:
    standing = answered(database)
    with database.write(alone=True) as connection:
        append(connection, standing, Noticed("cron:zoe/plan:1"), by=SYSTEM, now=NOW)
    assert lost(database, 999) == []


def test_the_person_is_told_once_and_the_end_counts_as_noticed(database: Database) -> None:
    request_id = answered(database).request.id
    with database.write(alone=True) as connection:
        assert tell_instead(connection, request_id, NOW)
        assert not tell_instead(connection, request_id, NOW)
        after = standing_of(connection, request_id)
        (incident,) = open_incidents(connection)
    assert after.noticed_at == NOW
    assert after.version == 5
    assert incident.message == (
        "nobody has heard yet what became of the request of zoe to user (count the kettles): done, the green one; all "
        f"of it: harness bus show {request_id}"
    )


@pytest.mark.parametrize("is_alerted", [False, True])
def test_there_is_nothing_to_be_put_right_once_it_was_told(database: Database, is_alerted: bool) -> None:
    request_id = answered(database).request.id
    with database.write(alone=True) as connection:
        tell_instead(connection, request_id, NOW)
        (incident,) = open_incidents(connection)
        if is_alerted:
            mark_alerted(connection, incident, NOW)
    forget_told(database, NOW)
    with database.read() as connection:
        assert len(open_incidents(connection)) == int(not is_alerted)
