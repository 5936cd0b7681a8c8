"""Requests that are ended from outside the work: cancelled by their sender, answered by the person."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.bus.ending import answer, cancel
from harness.bus.log import UnknownRequest, standing_of
from harness.bus.sending import send
from harness.domain.errors import HarnessError, Refused
from harness.domain.request import USER, Final, Finished, IllegalTransition, Standing
from harness.store.database import Database
from harness.store.request_log import events_of
from tests.bus.team_of import NOW, ask, team_of

TEAM = team_of("zoe", "scout")
YES = Final("done", "Buy the green one.")


def sent(database: Database, sender: str, receiver: str) -> Standing:
    with database.write(alone=True) as connection:
        return send(connection, ask(sender, receiver), TEAM, NOW).standing


@pytest.mark.parametrize("by", ["zoe", USER])
def test_the_sender_and_the_person_may_cancel_a_request(database: Database, by: str) -> None:
    request = sent(database, "zoe", "scout").request
    with database.write(alone=True) as connection:
        after = cancel(connection, request.id, "it reads the wrong feeds", by=by, now=NOW)
        kept = standing_of(connection, request.id)
    assert after == kept
    assert after.final == Final("cancelled", f"cancelled by {by}: it reads the wrong feeds")


def test_nobody_else_may_cancel_it_not_even_who_works_on_it(database: Database) -> None:
    request = sent(database, "zoe", "scout").request
    with database.write(alone=True) as connection, pytest.raises(Refused, match="was made by zoe, not by scout") as no:
        cancel(connection, request.id, "", by="scout", now=NOW)
    assert no.value.rule == "not-yours"


def test_what_is_final_cannot_be_cancelled_or_answered_again(database: Database) -> None:
    request = sent(database, "zoe", USER).request
    with database.write(alone=True) as connection:
        answer(connection, request.id, YES, by=USER, now=NOW)
        with pytest.raises(IllegalTransition, match="it is final"):
            cancel(connection, request.id, "", by="zoe", now=NOW)
        with pytest.raises(IllegalTransition, match="it is final"):
            answer(connection, request.id, YES, by=USER, now=NOW)
        assert [e.body.kind for e in events_of(connection, request.id)].count("final") == 1


def test_the_person_answers_what_was_asked_of_them_as_its_holder(database: Database) -> None:
    standing = sent(database, "zoe", USER)
    with database.write(alone=True) as connection:
        assert answer(connection, standing.request.id, YES, by=USER, now=NOW).final == YES
        last = events_of(connection, standing.request.id)[-1]
    assert (last.by, last.body) == (USER, Finished(YES, token=1))


def test_the_person_cannot_answer_in_the_place_of_an_agent(database: Database) -> None:
    request = sent(database, "zoe", "scout").request
    with database.write(alone=True) as connection, pytest.raises(Refused, match="is scout's to answer, not user's"):
        answer(connection, request.id, YES, by=USER, now=NOW)


@pytest.mark.parametrize(
    ("final", "words"),
    [
        (replace(YES, result="timed_out"), "an answer is one of done, failed, rejected, not timed_out"),
        (replace(YES, conclusion=" "), "an answer needs a conclusion"),
        (replace(YES, conclusion="x" * 1_000_001), "too-long: the final has 1,000,001 bytes"),
        (replace(YES, actions=("half \ud800 of it",)), "half of a surrogate pair"),
    ],
)
def test_an_answer_must_be_one(database: Database, final: Final, words: str) -> None:
    request = sent(database, "zoe", USER).request
    with database.write(alone=True) as connection, pytest.raises(HarnessError, match=words):
        answer(connection, request.id, final, by=USER, now=NOW)


def test_ending_what_does_not_exist_says_so(database: Database) -> None:
    with database.write(alone=True) as connection, pytest.raises(UnknownRequest, match="there is no request r-none"):
        cancel(connection, "r-none", "", by=USER, now=NOW)
