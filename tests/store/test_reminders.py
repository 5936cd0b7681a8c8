from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from harness.bus.ending import answer
from harness.bus.sending import send
from harness.domain.request import USER, Final
from harness.store.database import Database
from harness.store.reminders import last_word_of_person, marks_since
from harness.store.sources import mark_seen
from tests.bus.team_of import NOW, ask, team_of

TEAM = team_of("butler", "butler-2", "zoe")
EVER = datetime.fromtimestamp(0, UTC)


@pytest.fixture
def store(database: Database) -> Database:
    database.migrate()
    return database


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_marks_are_those_of_the_agent_with_the_beginning_and_not_older(store: Database) -> None:
    with store.write() as connection:
        mark_seen(connection, "butler/water", ["words:a", "todo:a", "https://a.example"], at(0))
        mark_seen(connection, "butler/health", ["words:b"], at(60))
        mark_seen(connection, "butler-2/water", ["words:c"], at(60))
        mark_seen(connection, "butlerX/water", ["wordsX"], at(60))
    with store.read() as connection:
        assert marks_since(connection, "butler", "words:", EVER) == {
            "words:a": at(0).timestamp(), "words:b": at(60).timestamp(),
        }  # fmt: skip
        assert set(marks_since(connection, "butler", "words:", at(1))) == {"words:b"}
        assert set(marks_since(connection, "butler", "todo:", EVER)) == {"todo:a"}


def test_a_mark_that_two_jobs_made_is_as_young_as_the_younger(store: Database) -> None:
    with store.write() as connection:
        mark_seen(connection, "butler/water", ["words:a"], at(60))
        mark_seen(connection, "butler/health", ["words:a"], at(0))
    with store.read() as connection:
        assert marks_since(connection, "butler", "words:", EVER) == {"words:a": at(60).timestamp()}


def test_the_person_spoke_when_they_asked_or_answered_and_not_when_agents_did(store: Database) -> None:
    with store.write(alone=True) as connection:
        send(connection, ask("zoe", "butler"), TEAM, at(10))
        assert last_word_of_person(connection, "butler") == 0.0
        send(connection, ask(USER, "zoe"), TEAM, at(20))
        assert last_word_of_person(connection, "butler") == 0.0
        send(connection, ask(USER, "butler"), TEAM, at(30))
        assert last_word_of_person(connection, "butler") == at(30).timestamp()
        asked = send(connection, ask("zoe", USER), TEAM, at(40))
        answer(connection, asked.standing.request.id, Final("done", "yes"), by=USER, now=at(50))
        assert last_word_of_person(connection, "zoe") == at(50).timestamp()
