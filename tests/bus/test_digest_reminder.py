"""The line that stands above every digest while something on the bus waits for the person."""

from __future__ import annotations

from datetime import timedelta

import pytest

from harness.bus.dead_letters import drop
from harness.bus.digest_reminder import in_words, reminder
from harness.bus.ending import answer
from harness.bus.sending import send
from harness.domain.request import Final, Watch
from harness.store.database import Database
from harness.store.requests_for_person import ForPerson, count_for_person, open_dead_letters, urgent_for_person
from tests.bus.dead_letter import dead_letter
from tests.bus.team_of import NOW, ask, team_of

TEAM = team_of("zoe", "scout")


@pytest.mark.parametrize(
    ("waiting", "words"),
    [
        (ForPerson(), ""),
        (ForPerson(1, 0), "1 request waits for you: harness inbox"),
        (ForPerson(2, 1), "2 requests wait for you, 1 dead letter: harness inbox"),
        (ForPerson(0, 3), "3 dead letters: harness inbox"),
    ],
)
def test_what_waits_is_one_line_and_nothing_is_none(waiting: ForPerson, words: str) -> None:
    assert in_words(waiting) == words


def test_what_waits_for_the_person_is_counted_until_it_is_answered_or_settled(database: Database) -> None:
    database.migrate()
    with database.write(alone=True) as connection:
        asked = send(connection, ask("zoe", "user", "which kettle?"), TEAM, NOW).standing.request
        send(connection, ask("zoe", "scout", "count"), TEAM, NOW)
        # Nobody has to do anything for this one: it waits for a moment.
        send(connection, ask("zoe", "user", "later", watch=Watch(at=NOW + timedelta(hours=1))), TEAM, NOW)
        lost = dead_letter(connection, TEAM, NOW)
    with database.read() as connection:
        assert count_for_person(connection) == ForPerson(1, 1)
        assert reminder(connection) == "1 request waits for you, 1 dead letter: harness inbox"
        assert open_dead_letters(connection, 10) == [lost]
    with database.write(alone=True) as connection:
        answer(connection, asked.id, Final("done", "the green one"), by="user", now=NOW)
        drop(connection, lost, "no longer needed", by="user", now=NOW)
    with database.read() as connection:
        assert reminder(connection) == ""


def test_only_open_requests_to_the_person_of_high_priority_are_urgent(database: Database) -> None:
    database.migrate()
    with database.write(alone=True) as connection:
        for receiver, priority in (("user", "high"), ("user", "normal"), ("scout", "high")):
            send(connection, ask("zoe", receiver, f"{priority} {receiver}", priority=priority), TEAM, NOW)
        second = send(connection, ask("scout", "user", "second", priority="high"), TEAM, NOW + timedelta(seconds=1))
        urgent = urgent_for_person(connection)
        assert len(urgent) == 2
        assert urgent[1] == second.standing.request.id
        answer(connection, second.standing.request.id, Final("rejected", "no"), by="user", now=NOW)
        assert urgent_for_person(connection) == urgent[:1]
