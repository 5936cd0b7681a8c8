"""Dead letters: sent again where nothing can be done twice, given up with a reason, never both."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from harness.bus.dead_letters import drop, resend, why_unsafe
from harness.bus.ending import answer
from harness.bus.finals import bury
from harness.bus.log import append, standing_of
from harness.bus.sending import Sent, send
from harness.bus.team import Team
from harness.domain.errors import HarnessError, Refused
from harness.domain.message import Usage
from harness.domain.request import SYSTEM, USER, Final, HandedOff, RequestState, Resent, Situation, Standing
from harness.domain.run import FireState, Outcome
from harness.domain.settings import BusRules
from harness.store.database import Database
from harness.store.fires import close_fire
from harness.store.json_codec import to_json
from harness.store.requests import requests_in
from harness.store.runs import claim_runs, end_run
from harness.store.usage import BookedCall, record_usage
from tests.bus.team_of import NOW, ask, team_of

TEAM = team_of("zoe", "scout", "ranger")
FULL = team_of("zoe", "scout", "ranger", rules=BusRules(max_open=0))
LATER = NOW + timedelta(hours=2)


def sent(database: Database, team: Team, receiver: str = "scout", **fields: Any) -> Standing:
    with database.write(alone=True) as connection:
        return send(connection, ask("zoe", receiver, **fields), team, NOW).standing


def buried(database: Database, standing: Standing, situation: Situation) -> Standing:
    with database.write(alone=True) as connection:
        final = Final("timed_out", "nothing came")
        return bury(connection, standing, final, situation, by=SYSTEM, now=NOW)


def resent(database: Database, request_id: str, *, force: bool = False, team: Team = TEAM) -> Sent:
    with database.write(alone=True) as connection:
        return resend(connection, request_id, team, LATER, by=USER, force=force)


def begin(database: Database, run_id: str) -> None:
    with database.write() as connection:
        assert [run.id for run in claim_runs(connection, "me", 8, NOW, only=run_id)] == [run_id]


def end(database: Database, run_id: str, artifact: str | None = None) -> None:
    with database.write() as connection:
        outcome = Outcome(FireState.CANCELLED, "enough", artifact=artifact)
        close_fire(connection, run_id, state=outcome.state, reason=outcome.reason, now=NOW)
        end_run(connection, run_id, NOW, outcome=to_json(Outcome, outcome))


def test_what_was_never_delivered_is_sent_again_as_another_request_with_a_fresh_due_time(database: Database) -> None:
    first = sent(database, FULL, key="daily", background="b", acceptance=("a",), due_at=NOW + timedelta(minutes=20))
    buried(database, first, Situation.NEVER_DELIVERED)
    again = resent(database, first.request.id)
    request = again.standing.request
    assert again.is_new
    assert (request.key, request.resend_of, request.due_at) == (
        "daily#2",
        first.request.id,
        LATER + timedelta(minutes=20),
    )
    assert (request.sender, request.receiver, request.task) == ("zoe", "scout", first.request.task)
    assert (request.background, request.acceptance, request.parent) == ("b", ("a",), None)
    assert again.standing.state is RequestState.CONFIRMED
    with database.read() as connection:
        old = standing_of(connection, first.request.id)
    assert (old.settled, old.is_dead_letter) == (Resent(request.id), False)


def test_the_third_time_counts_on_and_does_not_number_the_number(database: Database) -> None:
    first = sent(database, FULL, key="daily")
    buried(database, first, Situation.NEVER_DELIVERED)
    second = resent(database, first.request.id, team=FULL).standing
    buried(database, second, Situation.NEVER_DELIVERED)
    assert resent(database, second.request.id).standing.request.key == "daily#3"


def test_a_key_that_ends_like_a_number_is_left_as_the_sender_chose_it(database: Database) -> None:
    first = sent(database, FULL, key="issue#7")
    buried(database, first, Situation.NEVER_DELIVERED)
    assert resent(database, first.request.id).standing.request.key == "issue#7#2"


def test_what_was_delivered_and_never_begun_may_be_sent_again(database: Database) -> None:
    first = sent(database, TEAM)
    end(database, f"bus:{first.request.id}:1")
    buried(database, first, Situation.NOT_CONFIRMED)
    assert resent(database, first.request.id).is_new


def test_what_was_begun_is_refused_with_all_that_may_be_done_twice(database: Database) -> None:
    first = sent(database, TEAM)
    run_id = f"bus:{first.request.id}:1"
    begin(database, run_id)
    with database.write() as connection:
        record_usage(connection, BookedCall(run_id, "1", "scout/x", "cheap", "m", Usage(1, 0, 1), 0.0), NOW)
    end(database, run_id, artifact="artifacts/count.md")
    buried(database, first, Situation.WORKING)
    with pytest.raises(Refused) as no:
        resent(database, first.request.id)
    assert no.value.rule == "may-do-twice"
    assert f"run {run_id} of scout began 2026-11-21 16:00 UTC, made 1 model call, made artifacts/count.md" in str(
        no.value
    )
    with database.read() as connection:
        assert standing_of(connection, first.request.id).is_dead_letter
        assert len(requests_in(connection)) == 1


def test_force_sends_it_again_all_the_same(database: Database) -> None:
    first = sent(database, TEAM)
    begin(database, f"bus:{first.request.id}:1")
    end(database, f"bus:{first.request.id}:1")
    buried(database, first, Situation.WORKING)
    assert resent(database, first.request.id, force=True).is_new


def test_a_run_that_is_queued_still_keeps_its_request_from_being_sent_again(database: Database) -> None:
    first = sent(database, TEAM)
    buried(database, first, Situation.NOT_CONFIRMED)
    with pytest.raises(Refused, match=f"run bus:{first.request.id}:1 of scout is queued still"):
        resent(database, first.request.id)


def test_the_run_of_the_one_who_passed_it_on_counts_as_well(database: Database) -> None:
    first = sent(database, TEAM)
    begin(database, f"bus:{first.request.id}:1")
    end(database, f"bus:{first.request.id}:1")
    with database.write(alone=True) as connection:
        passed_on = append(connection, first, HandedOff(1, "ranger", "it is hers"), by="scout", now=NOW)
    buried(database, passed_on, Situation.NEVER_DELIVERED)
    with pytest.raises(Refused, match=f"run bus:{first.request.id}:1 of scout began"):
        resent(database, first.request.id)


def test_what_lay_before_the_person_may_have_been_done_by_them(database: Database) -> None:
    first = sent(database, TEAM, USER)
    buried(database, first, Situation.WORKING)
    with pytest.raises(Refused, match="user has had it since 2026-11-21 16:00 UTC, and may have acted on it"):
        resent(database, first.request.id)


def test_what_is_done_is_never_safe_to_do_again(database: Database) -> None:
    first = sent(database, TEAM, USER)
    with database.write(alone=True) as connection:
        done = answer(connection, first.request.id, Final("done", "yes"), by=USER, now=NOW)
        assert why_unsafe(connection, done) == "it was worked to its end, and only the news of it may be lost"
        with pytest.raises(HarnessError, match="is done, and no dead letter"):
            resend(connection, first.request.id, TEAM, LATER, by=USER, force=True)


def test_a_dead_letter_is_given_up_with_a_reason_and_only_once(database: Database) -> None:
    first = sent(database, FULL)
    request_id = first.request.id
    buried(database, first, Situation.NEVER_DELIVERED)
    with database.write(alone=True) as connection:
        with pytest.raises(HarnessError, match="say why the request is given up"):
            drop(connection, request_id, " ", by=USER, now=NOW)
        assert not drop(connection, request_id, "it is too late", by=USER, now=NOW).is_dead_letter
        with pytest.raises(HarnessError, match="was given up: it is too late"):
            drop(connection, request_id, "again", by=USER, now=NOW)
        with pytest.raises(HarnessError, match="was given up: it is too late"):
            resend(connection, request_id, TEAM, LATER, by=USER, force=True)


def test_what_was_sent_again_is_not_sent_a_second_time(database: Database) -> None:
    first = sent(database, FULL)
    buried(database, first, Situation.NEVER_DELIVERED)
    again = resent(database, first.request.id).standing.request
    with pytest.raises(HarnessError, match=f"was sent again as {again.id}"):
        resent(database, first.request.id)


def test_a_letter_to_an_agent_that_is_gone_stays_a_dead_letter(database: Database) -> None:
    first = sent(database, FULL)
    buried(database, first, Situation.NEVER_DELIVERED)
    with pytest.raises(HarnessError, match="there is nobody called 'scout' to ask"):
        resent(database, first.request.id, team=team_of("zoe"))
    with database.read() as connection:
        assert standing_of(connection, first.request.id).is_dead_letter
