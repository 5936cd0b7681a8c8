"""`harness try profile`, against a real server on loopback."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from harness.domain.cause import profile_cause
from harness.domain.cool_down import CoolDown
from harness.domain.message import ToolCall, Usage
from harness.store.cool_downs import cool_downs, save_cool_down
from harness.store.database import Database
from harness.store.incidents import open_incident, open_incidents
from harness.store.tables import usage
from harness.testing.openai_server import OpenAIServer, call_tools, fail, limit_rate, refuse, say

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine, Ledger

READY = ToolCall("call_1", "say_ready", '{"word": "ready"}')
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def settle(harness: CommandLine, server: OpenAIServer, more: str = "", team: str = 'budget = "$5/day"') -> None:
    (harness.root / "harness.toml").write_text(
        f'home = "UTC"\nprofile = "cheap"\n{team}\n[profiles.cheap]\nadapter = "openai"\n'
        f'base_url = "{server.base_url}"\nmodel = "small-1"\ninput_usd_per_mtok = 1.0\noutput_usd_per_mtok = 10.0\n'
        f'{more}\n[channels.digest]\nkind = "file"\n'
    )


def booked(database: Database) -> list[Any]:
    with database.read() as connection:
        return list(connection.execute(select(*usage.c)).all())


def test_it_says_who_answered_how_fast_at_what_cost_and_books_it(harness: CommandLine, ledger: Ledger) -> None:
    with OpenAIServer([call_tools(READY, usage=Usage(60, 0, 12))] * 2) as server:
        settle(harness, server)
        shown = harness("try", "profile", "cheap")
        assert shown.returncode == 0, shown.stderr
        assert "model    small-1" in shown.stdout
        assert "tools    it calls them" in shown.stdout
        document = json.loads(harness("try", "profile", "cheap", "--json").stdout)
        assert all(request.body["max_tokens"] == 512 for request in server.requests)
    assert (document["profile"], document["model"], document["tools"]) == ("cheap", "small-1", "work")
    assert document["answer"] == 'say_ready({"word": "ready"})'
    (_, row) = booked(ledger.database)
    assert (row.agent, row.job_id, row.profile) == ("user", "user/try", "cheap")
    assert row.cost_usd == pytest.approx(document["cost_usd"])
    assert document["cost_usd"] == pytest.approx((row.input_tokens + 10 * row.output_tokens) / 1_000_000)
    assert document["output_tokens"] == row.output_tokens


def test_a_server_that_takes_no_tools_is_asked_without(harness: CommandLine) -> None:
    with OpenAIServer([fail(400, "this model does not support tools"), say("ready")]) as server:
        settle(harness, server)
        document = json.loads(harness("try", "profile", "cheap", "--json").stdout)
        assert "tools" not in server.requests[1].body
    assert (document["answer"], document["tools"]) == ("ready", "refused")


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (fail(401, "no such key"), 2, "no such key"),
        (limit_rate("5"), 75, "HTTP 429"),
        (fail(503), 75, "failed in 1 attempt: HTTP 503"),
        (refuse("I would rather not."), 1, "I would rather not."),
    ],
)
def test_what_went_wrong_is_one_line_and_an_exit_code(harness: CommandLine, answer: Any, code: int, said: str) -> None:
    with OpenAIServer([answer]) as server:
        settle(harness, server)
        ended = harness("try", "profile", "cheap")
    assert ended.returncode == code
    assert said in ended.stdout + ended.stderr


def test_it_is_asked_although_it_is_left_alone_and_an_answer_ends_that(harness: CommandLine, ledger: Ledger) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)  # noqa: TID251 - the command looks at the real clock
    cause = profile_cause("cheap")
    with ledger.database.write() as connection:
        save_cool_down(connection, CoolDown("cheap", NOW, until, cause, "HTTP 401"))
        open_incident(connection, cause, "HTTP 401", NOW)
    with OpenAIServer([say("ready")]) as server:
        settle(harness, server)
        assert json.loads(harness("try", "profile", "cheap", "--json").stdout)["tools"] == "unused"
    with ledger.database.read() as connection:
        assert (cool_downs(connection), open_incidents(connection)) == ({}, [])


def test_nothing_paid_is_tried_before_a_budget_is_set_or_past_one(harness: CommandLine) -> None:
    with OpenAIServer([]) as server:
        settle(harness, server, team="")
        unset = harness("try", "profile", "cheap")
        settle(harness, server, team='budget = "$0.001/day"')
        spent = harness("try", "profile", "cheap")
        settle(harness, server, more='budget = "$0.001/day"')
        of_profile = harness("try", "profile", "cheap")
        assert server.requests == ()
    assert (unset.returncode, spent.returncode, of_profile.returncode) == (2, 1, 1)
    assert "no budget is set" in unset.stderr
    assert "the team" in spent.stderr
    assert "the profile cheap" in of_profile.stderr


def test_a_profile_that_is_not_there_is_told_with_what_is_near_and_the_extractive_one_asks_nobody(
    harness: CommandLine,
) -> None:
    ended = harness("try", "profile", "chaep")
    assert ended.returncode == 2
    assert "there is no profile 'chaep'; did you mean cheap?" in ended.stderr
    assert json.loads(harness("try", "profile", "cheap", "--json").stdout)["model"] == "extractive, no model"
    assert "there is nobody to ask" in harness("try", "profile", "cheap").stdout
