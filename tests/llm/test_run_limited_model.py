"""What one run may use of a profile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest

from harness.domain.message import Message, ModelRequest, Usage
from harness.domain.run import FireKind
from harness.domain.settings import Profile
from harness.llm.cool_downs import CoolDowns
from harness.llm.fallback import Candidate, FallbackModel
from harness.llm.run_limited_model import RunLimitedModel, RunLimitReached, spent_in_run_of
from harness.store.database import Database
from harness.store.runs import NewRun, queue_run
from harness.store.usage import BookedCall, record_usage
from harness.testing.models import ScriptedModel

NOW = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
RUN = "bus:scout/1:1795276800"
REQUEST = ModelRequest((Message("user", "Hello"),), max_output_tokens=100, key=f"{RUN}/model-2")
CHEAP = Profile("cheap", "openai", model="m", input_usd_per_mtok=1.0, output_usd_per_mtok=10.0, run_budget_usd=0.01)


def book(database: Database, run_id: str, *, usd: float = 0.0, tokens: int = 0, profile: str = "cheap") -> None:
    call = BookedCall(run_id, f"model-{usd}-{tokens}", "scout/1", profile, "m", Usage(tokens), usd)
    with database.write() as connection:
        record_usage(connection, call, NOW)


def go_on(database: Database, run_id: str, continues: str) -> None:
    new = NewRun(run_id, "scout/1", "agent", FireKind.BUS, 1795276800, 1, options={"continues": continues})
    with database.write() as connection:
        queue_run(connection, new, NOW)


def limited(database: Database, profile: Profile = CHEAP) -> tuple[RunLimitedModel, ScriptedModel]:
    inner = ScriptedModel(["Hi!"] * 3)
    return RunLimitedModel(inner, profile, partial(spent_in_run_of, database)), inner


def test_a_call_that_would_go_past_the_limit_of_its_run_is_not_made(database: Database) -> None:
    book(database, RUN, usd=0.0095)
    model, inner = limited(database)
    with pytest.raises(RunLimitReached, match=r"stopped at \$0\.0095 of \$0\.01 that the run may use \(budget\)"):
        asyncio.run(model.complete(REQUEST))
    assert inner.requests == []


def test_what_counts_is_this_profile_in_this_run_and_in_those_that_it_goes_on_with(database: Database) -> None:
    tokens = replace(CHEAP, run_budget_usd=None, run_budget_tokens=1000)
    book(database, f"{RUN}0", tokens=999)
    book(database, RUN, tokens=999, profile="other")
    book(database, RUN, tokens=400)
    model, _ = limited(database, tokens)
    assert asyncio.run(model.complete(REQUEST)).text == "Hi!"
    book(database, f"{RUN}.2", tokens=600)
    go_on(database, f"{RUN}.2", RUN)
    go_on(database, f"{RUN}.3", f"{RUN}.2")
    go_on(database, f"{RUN}.3~2", f"{RUN}.2")
    for run_id in (f"{RUN}.2", f"{RUN}.3", f"{RUN}.3~2"):
        with pytest.raises(RunLimitReached):
            asyncio.run(model.complete(replace(REQUEST, key=f"{run_id}/model-9")))


def test_what_asks_outside_of_a_run_and_what_has_no_limit_is_held_to_none(database: Database) -> None:
    book(database, RUN, usd=5.0)
    assert asyncio.run(limited(database)[0].complete(replace(REQUEST, key=""))).text == "Hi!"
    unlimited = replace(CHEAP, run_budget_usd=None)
    assert asyncio.run(limited(database, unlimited)[0].complete(REQUEST)).text == "Hi!"


def test_the_next_profile_is_asked_where_a_run_has_used_its_share_of_the_first(database: Database) -> None:
    book(database, RUN, usd=0.01)
    first, _ = limited(database)
    candidates = [Candidate(CHEAP, first), Candidate(replace(CHEAP, name="next"), ScriptedModel(["Hello!"]))]
    model = FallbackModel(candidates, CoolDowns(database, lambda: NOW, lambda: "UTC"), ("cheap", "next"))
    reply = asyncio.run(model.complete(REQUEST))
    assert reply.profile == "next"
    assert reply.passed_over == ("cheap: this run has used 0.01 of its 0.01 dollars of profile 'cheap'",)
