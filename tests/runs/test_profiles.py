"""Whole runs over several profiles: who answered, what it cost, and whom a job refuses."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from harness.domain.cause import endpoint_cause, no_profile_cause, profile_cause
from harness.domain.message import ToolCall, Usage
from harness.domain.run import FireState
from harness.pytest_plugin import NOW, Workbench
from harness.store.incidents import open_incidents
from harness.store.tables import usage
from harness.testing import anthropic_server as anthropic
from harness.testing.anthropic_server import AnthropicServer
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, call_tools, fail, limit_rate, say

EIGHT = NOW + timedelta(minutes=1)


def profile(name: str, server: OpenAIServer, output_usd: float, more: str = "") -> str:
    return f"""\
[profiles.{name}]
adapter = "openai"
base_url = "{server.base_url}"
model = "{name}-1"
attempts = 1
input_usd_per_mtok = 1.0
output_usd_per_mtok = {output_usd}
{more}
"""


def team(first: OpenAIServer, second: OpenAIServer, more: str = "", job: str = "") -> dict[str, str | None]:
    settings = f"""\
home = "America/Los_Angeles"
profile = "cheap"

{profile("cheap", first, 10.0, 'fallbacks = ["dear"]')}{profile("dear", second, 100.0)}
[channels.digest]
kind = "file"

[channels.terminal]
kind = "stdout"

[egress]
loopback = true
{more}"""
    text = f"---\nschedule: daily 08:00\nread: [feeds/ai]\ndeliver: digest\n{job}\n---\nRank what changed.\n"
    return {"harness.toml": settings, "agents/scout/jobs/morning.md": text}


def item_lines(links: list[str]) -> str:
    return "\n".join(f"- [Story {n}]({link}) — worth it." for n, link in enumerate(links, start=1))


def test_a_run_whose_first_choice_is_down_is_delivered_by_the_next_at_its_price(workbench: Workbench) -> None:
    links = workbench.serve_stories(2)
    with OpenAIServer([fail(503)]) as first, OpenAIServer([say(item_lines(links))]) as second:
        workbench.write(team(first, second))
        workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert (fire.state, fire.items) == (FireState.DELIVERED, 2)
    with workbench.system.database.read() as connection:
        (booked,) = connection.execute(select(*usage.c)).all()
        (incident,) = open_incidents(connection)
    assert (booked.profile, booked.model) == ("dear", "dear-1")
    assert booked.cost_usd == pytest.approx((booked.input_tokens * 1.0 + booked.output_tokens * 100.0) / 1_000_000)
    assert incident.cause == endpoint_cause(first.base_url.split("/")[2])
    assert incident.run_id == fire.run_id


def test_an_incident_of_the_first_choice_stays_open_while_its_jobs_succeed_with_another(workbench: Workbench) -> None:
    links = workbench.serve_stories(2)
    is_down = True

    def answer(_: ChatRequest) -> ChatAnswer:
        return fail(401) if is_down else say(item_lines(links))

    with OpenAIServer(answer) as first, OpenAIServer(lambda _: say(item_lines(links))) as second:
        workbench.write(team(first, second))
        for day in range(3):
            workbench.tick_at(EIGHT + timedelta(days=day))
            with workbench.system.database.read() as connection:
                causes = [incident.cause for incident in open_incidents(connection)]
            assert causes == ([profile_cause("cheap")] if is_down else []), day
            is_down = day < 1
    assert [fire.state for fire in workbench.fires()] == [FireState.DELIVERED] * 3


def test_a_budget_is_held_against_the_dearest_that_may_answer(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    # 4,096 tokens of output cost 4 cents with the first choice and 41 with the one that stands in for it.
    with OpenAIServer([]) as first, OpenAIServer([]) as second:
        workbench.write(team(first, second, job="budget: $0.20\nattempts: 1"))
        workbench.tick_at(EIGHT)
        assert (first.requests, second.requests) == ((), ())
    (fire,) = workbench.fires()
    assert "budget" in fire.reason


def test_a_job_refuses_a_profile_by_hand_that_it_was_not_made_for_before_anything_is_asked(
    workbench: Workbench,
) -> None:
    workbench.serve_stories(2)
    with OpenAIServer([]) as first, OpenAIServer([]) as second:
        workbench.write(team(first, second, job="models: cheap-*"))
        fire = workbench.run(profile="dear")
        assert (first.requests, second.requests) == ((), ())
    assert fire.state is FireState.FAILED
    assert fire.reason == (
        "agents/scout/jobs/morning.md: the job was made for cheap-*, and profile 'dear' is dear-1; "
        "choose another profile, or correct models in that file"
    )


def test_after_a_restart_the_first_choice_is_still_left_alone(workbench: Workbench) -> None:
    links = workbench.serve_stories(2)
    with OpenAIServer([limit_rate("7200")]) as first, OpenAIServer(lambda _: say(item_lines(links))) as second:
        workbench.write(team(first, second))
        workbench.tick_at(EIGHT)
        workbench.restart()
        workbench.clock.advance(3600)
        fire = workbench.run()
        assert (len(first.requests), len(second.requests)) == (1, 2)
        (step,) = [one for one in workbench.system.engine.recorded(str(fire.run_id)) if one.kind == "model"]
    assert step.value["reply"]["profile"] == "dear"
    assert "left alone until " in step.value["reply"]["passed_over"][0]


def test_the_embedded_selection_is_the_last_resort_of_an_order_that_ends_with_it(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    with OpenAIServer([fail(503)]) as first, OpenAIServer([fail(503)]) as second:
        files = team(first, second)
        settings = str(files["harness.toml"]).replace('fallbacks = ["dear"]', 'fallbacks = ["dear", "extractive"]')
        workbench.write({**files, "harness.toml": settings})
        workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert (fire.state, fire.items) == (FireState.DELIVERED, 3)
    (page,) = workbench.delivered()
    assert "extractive, no model" in page.read_text(encoding="utf-8")
    with workbench.system.database.read() as connection:
        assert len(open_incidents(connection)) == 2, "that no model answers is told all the same"


def test_when_nobody_answers_the_run_fails_and_each_cause_is_told_once(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    with OpenAIServer([fail(503)]) as first, OpenAIServer([fail(401)]) as second:
        workbench.write(team(first, second, job="attempts: 1"))
        workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert fire.state is FireState.FAILED
    assert fire.reason.startswith("none of the profiles cheap, dear answers: cheap: profile 'cheap' (cheap-1 at ")
    with workbench.system.database.read() as connection:
        causes = {incident.cause: incident.occurrences for incident in open_incidents(connection)}
    address = first.base_url.split("/")[2]
    assert causes == {endpoint_cause(address): 1, profile_cause("dear"): 1, no_profile_cause(("cheap", "dear")): 1}


def test_the_next_profile_answers_once_the_first_has_spent_its_budget_of_the_day(workbench: Workbench) -> None:
    links, much = workbench.serve_stories(2), Usage(1000, 0, 1000)
    with (
        OpenAIServer(lambda _: say(item_lines(links), usage=much)) as first,
        OpenAIServer(lambda _: say(item_lines(links))) as second,
    ):
        files = team(first, second)
        # A call may cost 4.1 cents and a little for its prompt; it costs 1.1, so that there is no room for another.
        settings = str(files["harness.toml"]).replace(
            'fallbacks = ["dear"]', 'fallbacks = ["dear"]\nbudget = "$0.05/day"'
        )
        workbench.write(
            {**files, "harness.toml": settings, "agents/scout/agent.toml": 'description = "x"\nbudget = "$20/day"\n'}
        )
        fires = [workbench.run() for _ in range(4)]
        workbench.clock.advance(24 * 3600)
        fires.append(workbench.run())
        asked = [len(first.requests), len(second.requests)]
    assert {fire.state for fire in fires} == {FireState.DELIVERED}
    with workbench.system.database.read() as connection:
        profiles = list(connection.execute(select(usage.c.profile).order_by(usage.c.at, usage.c.run_id)).scalars())
    assert profiles[0] == profiles[-1] == "cheap"
    assert "dear" in profiles[1:-1]
    assert asked == [profiles.count("cheap"), profiles.count("dear")]


LOOK = ToolCall("toolu_1", "feeds", '{"name": "ai"}')
WITH_FEEDS = 'description = "x"\ntools = ["feeds"]\nbudget = "$1/day"\n'


def of_two_makers(first: str, claude: AnthropicServer, gpt: OpenAIServer) -> dict[str, str | None]:
    """The team of one profile a maker; the `first` falls back to the other."""
    urls = {"anthropic": claude.base_url, "openai": gpt.base_url}
    order = [first, *(urls.keys() - {first})]
    profiles = "".join(
        f"""\
[profiles.{adapter}]
adapter = "{adapter}"
base_url = "{urls[adapter]}"
model = "{adapter}-1"
attempts = 1
tokens_per_day = 1000000
{'fallbacks = ["' + order[1] + '"]' if adapter == first else ""}
"""
        for adapter in order
    )
    settings = f"""\
home = "America/Los_Angeles"
profile = "{first}"
{profiles}
[channels.digest]
kind = "file"

[egress]
loopback = true
"""
    return {
        "harness.toml": settings,
        "agents/scout/agent.toml": WITH_FEEDS,
        "agents/scout/jobs/morning.md": "---\nschedule: daily 08:00\nread: [feeds/ai]\ndeliver: digest\n---\nRank.\n",
    }


def test_a_conversation_that_claude_began_is_ended_by_gpt(workbench: Workbench) -> None:
    links = workbench.serve_stories(2)
    began = [anthropic.call_tools(LOOK, thought="I should look first."), anthropic.overload()]
    with AnthropicServer(began) as claude, OpenAIServer([say(item_lines(links))]) as gpt:
        workbench.write(of_two_makers("anthropic", claude, gpt))
        fire = workbench.run()
        (request,) = gpt.requests
    assert fire.state is FireState.DELIVERED, fire.reason
    asked, told = request.messages[-2:]
    assert (asked["role"], told["role"]) == ("assistant", "tool")
    assert told["tool_call_id"] == asked["tool_calls"][0]["id"]
    assert "I should look first." not in str(request.body), "nobody is given the thoughts of another"


def test_a_conversation_that_gpt_began_is_ended_by_claude(workbench: Workbench) -> None:
    links = workbench.serve_stories(2)
    with (
        OpenAIServer([call_tools(LOOK), fail(503)]) as gpt,
        AnthropicServer([anthropic.say(item_lines(links))]) as claude,
    ):
        workbench.write(of_two_makers("openai", claude, gpt))
        fire = workbench.run()
        (request,) = claude.requests
    assert fire.state is FireState.DELIVERED, fire.reason
    asked, told = request.messages[-2:]
    assert told["content"][0]["tool_use_id"] == asked["content"][-1]["id"]
