"""Profiles that stand in for one another, against real servers on loopback and databases of both kinds."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.domain.budget import BudgetReached
from harness.domain.cause import (
    budget_cause,
    endpoint_cause,
    no_profile_cause,
    profile_cause,
    rate_limit_cause,
)
from harness.domain.errors import HarnessError, LimitReached, OwnerError, TransientError
from harness.domain.message import Message, ModelReply, ModelRequest, Spent, Usage
from harness.domain.run import BudgetSpent
from harness.domain.settings import Profile
from harness.gate.breakers import Breakers
from harness.llm.adapters import AdapterContext, open_model
from harness.llm.cool_downs import CoolDowns
from harness.llm.endpoint import endpoint_of
from harness.llm.fallback import Candidate, FallbackModel
from harness.llm.guarded_model import GuardedModel
from harness.store.address import DatabaseAddress
from harness.store.cool_downs import cool_downs
from harness.store.database import Database
from harness.store.incidents import IncidentRow, incidents_since, open_incidents
from harness.testing.clock import VirtualClock
from harness.testing.models import Reply, ScriptedModel
from harness.testing.openai_server import (
    ChatAnswer,
    ChatRequest,
    OpenAIServer,
    cut_connection,
    exceed_context,
    fail,
    filter_out,
    garble,
    limit_rate,
    refuse,
    say,
)

NOW = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
REQUEST = ModelRequest((Message("user", "Hello"),), key="cron:scout/morning:1/model-1")
NAMES = ("first", "second", "third")


async def _no_time(_seconds: float) -> None:
    """Wait for nothing."""


class Team:
    """Profiles that stand in for one another; each asks a server of its own, whose answers a test may change."""

    def __init__(self, database: Database, clock: VirtualClock, stack: ExitStack) -> None:
        self.database = database
        self.clock = clock
        self.answers: dict[str, ChatAnswer] = {name: say(f"{name} says hi") for name in NAMES}
        self.servers = {name: stack.enter_context(OpenAIServer(self._script(name))) for name in NAMES}
        self.profiles = {
            name: Profile(name, "openai", model=f"{name}-1", base_url=server.base_url, attempts=1)
            for name, server in self.servers.items()
        }

    def _script(self, name: str) -> Callable[[ChatRequest], ChatAnswer]:
        return lambda _: self.answers[name]

    def ask(self, *names: str, request: ModelRequest = REQUEST, database: Database | None = None) -> ModelReply:
        shared = database or self.database
        breakers = Breakers(shared, self.clock.now, lambda: "UTC")
        candidates = [self._candidate(self.profiles[name], breakers) for name in names or NAMES]
        cool_downs_of = CoolDowns(shared, self.clock.now, lambda: "UTC")
        return asyncio.run(FallbackModel(candidates, cool_downs_of, self.profiles).complete(request))

    def _candidate(self, profile: Profile, breakers: Breakers) -> Candidate:
        model = open_model(profile, AdapterContext({}, Path(), _no_time, lambda: 0.0))
        return Candidate(profile, GuardedModel(model, self.endpoint(profile.name), breakers), repr(profile))

    def endpoint(self, name: str) -> str:
        return endpoint_of(self.profiles[name]).name

    def asked(self) -> tuple[int, ...]:
        """Return how often each was asked so far."""
        return tuple(len(server.requests) for server in self.servers.values())

    def incidents(self) -> dict[str, IncidentRow]:
        with self.database.read() as connection:
            return {incident.cause: incident for incident in open_incidents(connection)}

    def cool_downs(self) -> set[str]:
        with self.database.read() as connection:
            return set(cool_downs(connection))


@contextmanager
def team_on(database: Database) -> Iterator[Team]:
    with ExitStack() as stack:
        yield Team(database, VirtualClock(NOW), stack)


@pytest.fixture
def team(database: Database) -> Iterator[Team]:
    with team_on(database) as made:
        yield made


def test_the_first_choice_answers_while_it_can_and_nothing_is_written_down(team: Team) -> None:
    reply = team.ask()
    assert (reply.text, reply.profile, reply.model, reply.passed_over) == ("first says hi", "first", "first-1", ())
    assert team.asked() == (1, 0, 0)
    assert (team.incidents(), team.cool_downs()) == ({}, set())


@pytest.mark.parametrize(
    ("answer", "cause", "said"),
    [
        (limit_rate(), rate_limit_cause, "HTTP 429"),
        (fail(503), endpoint_cause, "HTTP 503"),
        (cut_connection(), endpoint_cause, "connection cut"),
        (garble(), None, "malformed body"),
        (fail(401), None, "HTTP 401"),
        (fail(402, code="insufficient_quota"), None, "HTTP 402"),
        (fail(404), None, "HTTP 404"),
    ],
)
def test_the_next_is_asked_where_one_cannot_answer_and_an_incident_says_why(
    team: Team, answer: ChatAnswer, cause: Callable[[str], str] | None, said: str
) -> None:
    team.answers["first"] = answer
    reply = team.ask()
    assert (reply.text, reply.profile, reply.model) == ("second says hi", "second", "second-1")
    (why,) = reply.passed_over
    assert why.startswith("first: ") and said in why
    (incident,) = team.incidents().values()
    assert incident.cause == (cause(team.endpoint("first")) if cause else profile_cause("first"))
    assert said in incident.message and "left alone until 22:01:00; its fallbacks are asked" in incident.message
    assert (incident.run_id, incident.jobs) == ("cron:scout/morning:1", ())
    assert team.asked() == (1, 1, 0)


@pytest.mark.parametrize("answer", [refuse("No."), filter_out()])
def test_what_one_model_will_not_answer_no_other_one_is_asked(team: Team, answer: ChatAnswer) -> None:
    team.answers["first"] = answer
    assert team.ask().finish == "refused"
    assert team.asked() == (1, 0, 0)
    assert (team.incidents(), team.cool_downs()) == ({}, set())


def test_who_failed_is_left_alone_until_its_time_is_over_and_is_told_to_be_well_when_it_answers(team: Team) -> None:
    team.answers["first"] = fail(401)
    team.ask()
    team.answers["first"] = say("first is back")
    team.clock.advance(59)
    reply = team.ask()
    assert reply.profile == "second"
    assert reply.passed_over[0].startswith("first: left alone until 22:01:00: ")
    assert set(team.incidents()) == {profile_cause("first")}
    team.clock.advance(1)
    assert team.ask().text == "first is back"
    assert team.asked() == (2, 2, 0)
    assert (team.incidents(), team.cool_downs()) == ({}, set())


def test_what_an_endpoint_asks_for_is_the_least_that_it_is_left_alone_and_a_day_the_most(team: Team) -> None:
    team.answers["first"] = limit_rate("600")
    team.answers["second"] = limit_rate("1")
    team.ask()
    team.profiles["third"] = replace(team.profiles["third"], cool_down_s=5.0)
    team.answers["third"] = limit_rate("9999999")
    with pytest.raises(TransientError):
        team.ask("third", "first")
    with team.database.read() as connection:
        pauses = {name: one.until - one.since for name, one in cool_downs(connection).items()}
    assert pauses == {
        "first": timedelta(minutes=10),
        "second": timedelta(minutes=1),
        "third": timedelta(days=1),
    }


@pytest.mark.parametrize(("asked_for", "times"), [("60", 1), ("2", 4)])
def test_who_asks_to_be_left_alone_for_long_is_not_waited_for_while_another_can_answer(
    team: Team, asked_for: str, times: int
) -> None:
    team.profiles["first"] = replace(team.profiles["first"], attempts=4, fallbacks=("second",))
    team.answers["first"] = limit_rate(asked_for)
    assert team.ask().profile == "second"
    assert team.asked() == (times, 1, 0)


def test_when_nobody_answers_one_error_names_each_with_its_reason_and_when_the_next_is_asked(team: Team) -> None:
    team.answers = {"first": fail(401, "No such key"), "second": fail(503), "third": limit_rate("30")}
    team.profiles["third"] = replace(team.profiles["third"], cool_down_s=20.0)
    with pytest.raises(TransientError) as caught:
        team.ask()
    said = str(caught.value)
    assert said.startswith("none of the profiles first, second, third answers: first: profile 'first' (first-1 at ")
    assert "No such key" in said and "HTTP 503" in said and "HTTP 429" in said
    assert said.endswith("; the next is asked at 22:00:30")
    assert caught.value.cause == no_profile_cause(NAMES)
    assert set(team.incidents()) == {
        profile_cause("first"),
        endpoint_cause(team.endpoint("second")),
        rate_limit_cause(team.endpoint("third")),
    }
    with pytest.raises(TransientError, match="third: left alone until 22:00:30"):
        team.ask()
    assert team.asked() == (1, 1, 1)


def test_when_all_are_wrongly_configured_the_owner_is_told_to_act(team: Team) -> None:
    team.answers = dict.fromkeys(NAMES, fail(404, "no such model"))
    with pytest.raises(OwnerError) as caught:
        team.ask()
    assert (caught.value.path, caught.value.fix) == ("harness.toml", "correct base_url and model in [profiles.first]")
    assert all(f"{name}: profile '{name}'" in caught.value.problem for name in NAMES)


def test_a_profile_without_fallbacks_is_asked_each_time_and_raises_what_it_says_itself(team: Team) -> None:
    team.answers["first"] = fail(503, "maintenance")
    for _ in range(3):
        with pytest.raises(TransientError, match=r"^profile 'first' .*maintenance") as caught:
            team.ask("first")
        assert caught.value.cause == endpoint_cause(team.endpoint("first"))
    assert team.asked() == (3, 0, 0)
    assert team.incidents() == {}, "its run fails, and tells of it"
    assert team.ask().profile == "second"
    assert team.asked() == (3, 1, 0), "those whom others stand in for know that it is left alone"


def test_a_request_that_is_too_long_is_only_given_to_a_larger_context(team: Team) -> None:
    for name, window in zip(NAMES, (8_192, 8_192, 200_000), strict=True):
        team.profiles[name] = replace(team.profiles[name], context_window=window)
    team.answers["first"] = exceed_context()
    reply = team.ask()
    assert reply.profile == "third"
    assert reply.passed_over[1] == "second: its context of 8,192 tokens is not larger"
    assert team.asked() == (1, 0, 1)
    assert (team.incidents(), team.cool_downs()) == ({}, set()), "nothing is broken"
    with pytest.raises(LimitReached, match=r"^context: .*second: its context of 8,192 tokens is not larger"):
        team.ask("first", "second")


def test_an_open_breaker_sends_on_to_the_next_without_asking(team: Team) -> None:
    team.answers["first"] = fail(500)
    for _ in range(5):
        with pytest.raises(TransientError):
            team.ask("first")
    asked = team.asked()[0]
    team.clock.advance(10)
    with team.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM cool_down")
    reply = team.ask()
    assert reply.profile == "second"
    assert "has not answered 5 times in a row" in reply.passed_over[0]
    assert team.asked()[0] == asked


@pytest.mark.parametrize("change", [lambda it: replace(it, model="first-2"), lambda it: replace(it, key_env="OTHER")])
def test_who_corrects_a_profile_does_not_wait_for_it(team: Team, change: Callable[[Profile], Profile]) -> None:
    team.answers["first"] = fail(401)
    team.ask()
    team.answers["first"] = say("corrected")
    team.profiles["first"] = change(team.profiles["first"])
    assert team.ask().text == "corrected"


def test_a_profile_that_is_taken_out_of_the_settings_is_broken_no_more(team: Team) -> None:
    team.answers["first"] = fail(401)
    team.ask()
    del team.profiles["first"]
    assert team.ask("second", "third").passed_over == ()
    assert (team.incidents(), team.cool_downs()) == ({}, set())


def test_a_clock_that_is_set_back_leaves_nobody_alone_for_years(team: Team) -> None:
    team.answers["first"] = fail(401)
    team.ask()
    team.clock.jump_to(NOW - timedelta(days=400))
    team.answers["first"] = say("asked again")
    assert team.ask().text == "asked again"


def test_who_failed_in_a_trial_is_not_passed_over_unseen(team: Team) -> None:
    team.answers["first"] = limit_rate("7200")
    with pytest.raises(TransientError):
        team.ask("first")  # alone, as in `harness try profile`: whoever asked has seen it
    assert team.incidents() == {}
    assert team.ask("first", "second").profile == "second"
    (incident,) = team.incidents().values()
    assert "HTTP 429" in incident.message
    assert "left alone until Sun 00:00:00; its fallbacks are asked meanwhile" in incident.message
    team.ask("first", "second")
    assert next(iter(team.incidents().values())).occurrences == 1, "it has not failed again"
    team.answers["first"] = say("well again")
    team.ask("first")
    assert team.incidents() == {}


def test_two_that_fail_at_the_same_moment_leave_it_alone_for_the_longer_time(team: Team) -> None:
    kept = CoolDowns(team.database, team.clock.now, lambda: "UTC")
    profile = team.profiles["first"]
    for asked_s in (600.0, None):
        error = TransientError("busy", failure="rate_limit", retry_after_s=asked_s)
        begun = kept.begin(profile, "same", error, run_id=None, is_told=True)
        assert begun.until == NOW + timedelta(minutes=10)
        team.clock.advance(30)


def test_trouble_with_the_database_is_not_taken_for_trouble_with_a_model(team: Team) -> None:
    locked = ScriptedModel([TransientError("the database is locked")])
    model = FallbackModel(
        [Candidate(team.profiles["first"], locked), Candidate(team.profiles["second"], ScriptedModel([]))],
        CoolDowns(team.database, team.clock.now, lambda: "UTC"),
        team.profiles,
    )
    with pytest.raises(TransientError, match=r"^the database is locked$"):
        asyncio.run(model.complete(REQUEST))
    assert team.cool_downs() == set()


def _spent(whose: str) -> BudgetReached:
    return BudgetReached(BudgetSpent("usd", 2.0, 2.0, whose))


def _scripted(database: Database, *replies: Reply) -> tuple[FallbackModel, list[ScriptedModel]]:
    models = [ScriptedModel([reply] * 9) for reply in replies]
    profiles = [Profile(name, "openai", model=name) for name in NAMES[: len(replies)]]
    candidates = [Candidate(profile, model) for profile, model in zip(profiles, models, strict=True)]
    return FallbackModel(candidates, CoolDowns(database, lambda: NOW, lambda: "UTC"), NAMES), models


def test_a_daily_limit_of_a_profile_sends_on_to_the_next_and_is_told_once(database: Database) -> None:
    spent = _spent("the profile first")
    model, asked = _scripted(database, spent, "from the second")
    for _ in range(3):
        reply = asyncio.run(model.complete(REQUEST))
        assert (reply.text, reply.profile) == ("from the second", "second")
        assert reply.passed_over == (f"first: {spent.stop}",)
    with database.read() as connection:
        (incident,) = open_incidents(connection)
        assert cool_downs(connection) == {}
    assert (incident.cause, incident.occurrences) == (budget_cause("the profile first"), 1)
    assert [len(one.requests) for one in asked] == [3, 3], "a smaller call may still have room"


def test_a_limit_of_all_profiles_ends_the_run_by_that_name(database: Database) -> None:
    model, _ = _scripted(database, _spent("the profile first"), _spent("the profile second"))
    with pytest.raises(BudgetReached) as caught:
        asyncio.run(model.complete(REQUEST))
    assert caught.value.stop.whose == "the profile first"


def _paid_in_vain(usage: Usage, cost_usd: float) -> TransientError:
    error = TransientError("malformed body", failure="malformed")
    error.paid = Spent(usage, cost_usd)
    return error


PAID = (_paid_in_vain(Usage(900, 0, 100), 0.25), _paid_in_vain(Usage(800, 0, 0), 0.5))
LOST = Spent(Usage(1700, 0, 100), 0.75)


def test_what_profiles_were_paid_that_did_not_answer_is_told_with_the_answer(database: Database) -> None:
    model, _ = _scripted(database, *PAID, "Hi")
    assert asyncio.run(model.complete(REQUEST)).lost == LOST


@pytest.mark.parametrize(
    "fail_at_last", [lambda: TransientError("down", failure="network"), lambda: _spent("the team")]
)
def test_what_profiles_were_paid_that_did_not_answer_is_told_with_the_failure(
    database: Database, fail_at_last: Callable[[], HarnessError]
) -> None:
    model, _ = _scripted(database, *PAID, fail_at_last())
    with pytest.raises(HarnessError) as caught:
        asyncio.run(model.complete(REQUEST))
    assert caught.value.paid == LOST


@pytest.mark.parametrize("whose", ["the team", "the agent scout"])
def test_a_limit_of_the_team_or_the_agent_asks_nobody_else(database: Database, whose: str) -> None:
    model, asked = _scripted(database, _spent(whose), "never")
    with pytest.raises(BudgetReached):
        asyncio.run(model.complete(REQUEST))
    assert asked[1].requests == []


def test_a_call_that_is_broken_off_says_nothing_about_the_profile(team: Team) -> None:
    async def ask() -> None:
        breakers = Breakers(team.database, team.clock.now, lambda: "UTC")
        candidates = [team._candidate(team.profiles[name], breakers) for name in NAMES]
        model = FallbackModel(candidates, CoolDowns(team.database, team.clock.now, lambda: "UTC"), NAMES)
        call = asyncio.create_task(model.complete(REQUEST))
        await asyncio.to_thread(team.servers["first"].wait_for, 1, 60.0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    team.answers["first"] = replace(say("late"), delay_s=None)
    asyncio.run(ask())
    assert (team.asked(), team.cool_downs(), team.incidents()) == ((1, 0, 0), set(), {})


# ── Restarts ─────────────────────────────────────────────────────────────────────────────────────


def test_another_daemon_and_one_that_was_restarted_know_who_is_left_alone(address: DatabaseAddress) -> None:
    before = Database.connect(address)
    before.migrate()
    with team_on(before) as team:
        team.answers["first"] = fail(401)
        team.ask()
        other = Database.connect(address)
        assert team.ask(database=other).passed_over[0].startswith("first: left alone until 22:01:00")
        before.close()
        team.clock.advance(61)
        team.answers["first"] = say("back")
        assert team.ask(database=other).text == "back"
        with other.read() as connection:
            (over,) = incidents_since(connection, NOW)
            assert over.resolved_at is not None
            assert cool_downs(connection) == {}
        other.close()
    assert team.asked() == (2, 2, 0)


_KILLED = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from harness.domain.message import Message, ModelRequest
from harness.domain.settings import Profile
from harness.llm.adapters import AdapterContext, open_model
from harness.llm.cool_downs import CoolDowns
from harness.llm.fallback import Candidate, FallbackModel
from harness.store.address import parse_address
from harness.store.database import Database

database = Database.connect(parse_address(sys.argv[1], Path()))
profiles = [Profile(name, "openai", model=f"{name}-1", base_url=url, attempts=1)
            for name, url in zip(("first", "second"), sys.argv[2:])]
context = AdapterContext({}, Path(), asyncio.sleep, lambda: 0.0)
candidates = [Candidate(profile, open_model(profile, context), repr(profile)) for profile in profiles]
cool_downs = CoolDowns(database, lambda: datetime(2026, 11, 21, 22, tzinfo=UTC), lambda: "UTC")
model = FallbackModel(candidates, cool_downs, ("first", "second"))
asyncio.run(model.complete(ModelRequest((Message("user", "Hello"),), key="run/model-1")))
"""


def test_who_failed_before_a_kill_is_left_alone_after_it(address: DatabaseAddress) -> None:
    database = Database.connect(address)
    database.migrate()
    with team_on(database) as team:
        team.answers = {"first": fail(503), "second": replace(say("never read"), delay_s=None)}
        urls = [team.profiles[name].base_url for name in ("first", "second")]
        killed = subprocess.Popen([sys.executable, "-c", _KILLED, address.url, *urls])
        team.servers["second"].wait_for(1, timeout_s=60)
        killed.send_signal(signal.SIGKILL)
        assert killed.wait(60) == -signal.SIGKILL
        team.answers = {"first": say("too early"), "second": say("still in its place")}
        reply = team.ask("first", "second")
        assert (reply.text, team.asked()[0]) == ("still in its place", 1)
        assert set(team.incidents()) == {endpoint_cause(team.endpoint("first"))}
    database.close()


# ── Any order of trouble ─────────────────────────────────────────────────────────────────────────

Mood = Literal["answers", "transient", "owner", "context", "refuses"]


def _in_mood(mood: Mood, name: str) -> Reply:
    match mood:
        case "answers":
            return f"{name} says hi"
        case "refuses":
            return ModelReply("", name, finish="refused")
        case "transient":
            return TransientError(f"{name} is busy", failure="overload")
        case "owner":
            return OwnerError("harness.toml", None, f"{name} is wrong", "correct it", failure="auth")
        case "context":
            return LimitReached("context", f"too long for {name}")


_MOODS = st.sampled_from(["answers", "transient", "owner", "context", "refuses"])
_CALLS = st.lists(st.tuples(st.lists(_MOODS, min_size=4, max_size=4), st.integers(0, 90)), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(calls=_CALLS, windows=st.lists(st.sampled_from([1000, 2000]), min_size=4, max_size=4))
def test_whatever_goes_wrong_each_is_asked_once_at_most_in_order_and_nobody_who_is_left_alone(
    calls: list[tuple[list[Mood], int]], windows: list[int]
) -> None:
    names = "abcd"
    clock = VirtualClock(NOW)
    moods: dict[str, Mood] = {}
    asked: list[str] = []

    def model_of(name: str) -> ScriptedModel:
        def answer(_: ModelRequest) -> Reply:
            asked.append(name)
            return _in_mood(moods[name], name)

        return ScriptedModel(answer, label=name)

    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "harness.db")
        database.migrate()
        candidates = [
            Candidate(Profile(name, "openai", model=name, context_window=window), model_of(name))
            for name, window in zip(names, windows, strict=True)
        ]
        model = FallbackModel(candidates, CoolDowns(database, clock.now, lambda: "UTC"), names)
        alone_until: dict[str, datetime] = {}
        for now_moods, later_s in calls:
            clock.advance(later_s)
            moods = dict(zip(names, now_moods, strict=True))
            asked.clear()
            held = {name for name, until in alone_until.items() if clock.now() < until}
            error: HarnessError | None = None
            reply: ModelReply | None = None
            try:
                reply = asyncio.run(model.complete(REQUEST))
            except HarnessError as raised:
                error = raised
            too_small = 0
            expected: list[str] = []
            answered: str | None = None
            for candidate in candidates:
                name, window = candidate.profile.name, candidate.profile.context_window
                if name in held or window <= too_small:
                    continue
                expected.append(name)
                if moods[name] in ("answers", "refuses"):
                    answered = name
                    alone_until.pop(name, None)
                    break
                if moods[name] == "context":
                    too_small = max(too_small, window)
                else:
                    alone_until[name] = clock.now() + timedelta(seconds=60)
            assert asked == expected, "each in its order, at most once, and nobody who is left alone"
            if answered is None:
                assert error is not None and reply is None
                assert all(f"{name}: " in str(error) for name in names)
            else:
                assert reply is not None and reply.profile == answered
                before = names[: names.index(answered)]
                assert [why.partition(":")[0] for why in reply.passed_over] == list(before)
        database.close()
