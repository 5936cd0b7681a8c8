"""What a passed due time means: four situations, each told in its own words and none taken for a failure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from harness.bus.deadlines import conclusion_of, time_out
from harness.bus.log import append, standing_of
from harness.bus.sending import send
from harness.bus.team import Team
from harness.domain.request import SYSTEM, USER, HandedOff, Progressed, RequestState, Situation, Standing, Watch
from harness.domain.settings import BusRules
from harness.store.database import Database
from tests.bus.team_of import NOW, ask, team_of

TEAM = team_of("zoe", "scout", "ranger")
FULL = team_of("zoe", "scout", "ranger", rules=BusRules(max_open=0))
LATE = NOW + timedelta(hours=1)
DUE = "no final came by 2026-11-21 17:00 UTC: "


def sent(database: Database, team: Team, receiver: str = "scout", **fields: Any) -> Standing:
    with database.write(alone=True) as connection:
        return send(connection, ask("zoe", receiver, **fields), team, NOW).standing


def timed_out(database: Database, standing: Standing) -> Standing:
    with database.write(alone=True) as connection:
        after = time_out(connection, standing, LATE)
        assert after == standing_of(connection, standing.request.id)
    assert after.final is not None
    assert after.final.result == "timed_out"
    assert after.is_dead_letter
    return after


def test_what_was_never_delivered_says_why_not_and_what_the_sender_does_then(database: Database) -> None:
    after = timed_out(database, sent(database, FULL, fallback="I count them myself"))
    assert after.situation is Situation.NEVER_DELIVERED
    assert after.final is not None
    assert after.final.conclusion == (
        f"{DUE}it was never delivered to scout (scout has 0 open requests, and takes no more at a time); for this case "
        "it was said: I count them myself"
    )


def test_what_is_still_being_worked_on_says_since_when_and_the_last_news(database: Database) -> None:
    standing = sent(database, TEAM)
    with database.write(alone=True) as connection:
        standing = append(connection, standing, Progressed(1, "half of them"), by="scout", now=NOW)
    after = timed_out(database, standing)
    assert after.situation is Situation.WORKING
    assert after.final is not None
    assert after.final.conclusion == (
        f"{DUE}scout had it since 2026-11-21 16:00 UTC and was not done; the last news: half of them"
    )


def test_what_the_person_did_not_answer_is_a_dead_letter_as_well(database: Database) -> None:
    after = timed_out(database, sent(database, TEAM, USER))
    assert after.situation is Situation.WORKING
    assert after.final is not None
    assert after.final.conclusion.startswith(f"{DUE}user had it since 2026-11-21 16:00 UTC")


def test_what_was_passed_on_and_never_given_names_both(database: Database) -> None:
    standing = sent(database, TEAM)
    with database.write(alone=True) as connection:
        standing = append(connection, standing, HandedOff(1, "ranger", "hers"), by="scout", now=NOW)
    after = timed_out(database, standing)
    assert after.final is not None
    assert after.final.conclusion == f"{DUE}scout passed it on to ranger, who was never given it"


def test_what_did_not_happen_is_named(database: Database) -> None:
    standing = sent(database, TEAM, SYSTEM, watch=Watch(file="notes/*.md"))
    assert conclusion_of(standing, "") == f"{DUE}it waited until the file notes/*.md appears, which did not happen"
    assert conclusion_of(standing, "notes cannot be read").endswith("which did not happen (notes cannot be read)")


def test_what_was_not_confirmed_is_told_apart(database: Database) -> None:
    standing = replace(sent(database, TEAM), state=RequestState.DELIVERED)
    assert conclusion_of(standing, "") == f"{DUE}it was delivered to scout, who did not confirm it"


@pytest.mark.parametrize("fallback", ["", "  "])
def test_without_a_fallback_nothing_is_promised(database: Database, fallback: str) -> None:
    assert "for this case" not in conclusion_of(sent(database, TEAM, fallback=fallback), "")
