"""Budgets of the day over whole runs: what is given up first, who is told, and that nothing paid runs without one."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from harness.domain.message import Usage
from harness.domain.run import FireKind, FireState
from harness.pytest_plugin import NOW, Workbench
from harness.store.incidents import IncidentRow, incidents_since, open_incidents
from harness.store.runs import NewRun, end_run, queue_run
from harness.store.usage import BookedCall, record_usage
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, call_tools, say
from harness.turn.delegation import SYSTEM_PROMPT
from tests.runs.model_workspace import SETTINGS, item_lines, with_model
from tests.runs.test_asking import QUESTION, Models, agent, fires_by_job, job, the_request, tool
from tests.runs.test_long_conversations import hand_down, results, team

EIGHT = NOW + timedelta(minutes=1)


@pytest.fixture
def server(workbench: Workbench) -> Iterator[OpenAIServer]:
    """A model that ranks what is there; the team has $5 a day, and its agent $4."""
    links = workbench.serve_stories(2)
    with OpenAIServer(lambda request: say(item_lines(links), usage=Usage(1000, 0, 100))) as server:
        settings = SETTINGS.format(base_url=server.base_url, name="test-model").replace("$100/day", "$5/day")
        agent_file = (workbench.root / "agents/scout/agent.toml").read_text().replace("$1/day", "$4/day")
        workbench.write({"harness.toml": settings, "agents/scout/agent.toml": agent_file})
        yield server


def spend(workbench: Workbench, usd: float, agent: str = "zoe") -> None:
    """Have another run spend so much today."""
    run_id = f"cron:{agent}/other:1"
    with workbench.system.database.write() as connection:
        queue_run(connection, NewRun(run_id, f"{agent}/other", "agent", FireKind.CRON, 1, 1), NOW)
        end_run(connection, run_id, NOW)
        booked = BookedCall(run_id, "model-1", f"{agent}/other", "cheap", "m", Usage(1, 0, 1), usd)
        record_usage(connection, booked, workbench.clock.now())


def morning(priority: str = "normal", more: str = "") -> dict[str, str | None]:
    front = f"schedule: daily 08:00\nread: [feeds/ai]\ndeliver: digest\npriority: {priority}\n{more}"
    return {"agents/scout/jobs/morning.md": f"---\n{front}\n---\nRank it.\n"}


def incidents(workbench: Workbench) -> list[IncidentRow]:
    with workbench.system.database.read() as connection:
        return open_incidents(connection)


@pytest.mark.parametrize(
    ("priority", "usd", "is_asked"),
    [("low", 3.9, True), ("low", 4.1, False), ("normal", 4.7, True), ("normal", 4.8, False), ("high", 4.9, True)],
)
def test_low_priority_goes_first_then_normal_and_high_last(
    workbench: Workbench, server: OpenAIServer, priority: str, usd: float, is_asked: bool
) -> None:
    workbench.write(morning(priority))
    spend(workbench, usd)
    workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert bool(server.requests) is is_asked
    assert fire.state is (FireState.DELIVERED if is_asked else FireState.DEGRADED)
    assert [row.cause for row in incidents(workbench)] == ([] if is_asked else ["budget the team"])


def test_a_job_that_is_shed_does_what_it_does_without_a_model_and_says_why_and_until_when(
    workbench: Workbench, server: OpenAIServer
) -> None:
    workbench.write(morning("low"))
    spend(workbench, 4.5)
    workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert (fire.state, fire.items, server.requests) == (FireState.DEGRADED, 2, ())
    assert fire.reason == (
        "today's budget of the team is 90% spent ($4.50 of $5), so that jobs of low priority do without a language "
        "model until Sun 22 Nov 00:00"
    )
    page = workbench.delivered()[0].read_text()
    assert "extractive, no model" in page
    assert "90% spent" in page
    with workbench.system.database.read() as connection:
        of_scout = "SELECT profile, model FROM usage WHERE job_id = 'scout/morning'"
        assert connection.exec_driver_sql(of_scout).all() == [("extractive", "extractive, no model")]


def test_a_job_that_cannot_do_without_is_skipped_with_the_reason(workbench: Workbench, server: OpenAIServer) -> None:
    workbench.write(morning("low", "without_model: skip"))
    spend(workbench, 4.5)
    workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert (fire.state, server.requests) == (FireState.SKIPPED, ())
    assert fire.reason.startswith("today's budget of the team is 90% spent")
    (incident,) = incidents(workbench)
    assert (incident.cause, incident.jobs) == ("budget the team", ("scout/morning",))


def test_a_template_stands_in_where_the_job_has_one(workbench: Workbench, server: OpenAIServer) -> None:
    workbench.write(
        {
            **morning("low", "without_model: template\ntemplate: page.template.md"),
            "agents/scout/jobs/page.template.md": "Nothing ranked today.\n",
        }
    )
    spend(workbench, 4.5)
    workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert (fire.state, server.requests) == (FireState.DEGRADED, ())
    assert "Nothing ranked today." in workbench.delivered()[0].read_text()


def test_a_promise_that_only_a_model_can_keep_fails_for_the_budget_and_not_for_the_job(
    workbench: Workbench, server: OpenAIServer
) -> None:
    workbench.write(morning("low", 'contract: {must_include: ["## Kettles"]}\n'))
    spend(workbench, 4.5)
    workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert fire.state is FireState.FAILED
    assert fire.reason.startswith("the contract does not hold: ")
    assert "; today's budget of the team is 90% spent" in fire.reason
    assert [row.cause for row in incidents(workbench)] == ["budget the team"]


def test_the_agents_own_budget_sheds_its_jobs_only(workbench: Workbench, server: OpenAIServer) -> None:
    workbench.write(morning("low"))
    spend(workbench, 3.3, "scout")
    workbench.tick_at(EIGHT)
    assert [row.cause for row in incidents(workbench)] == ["budget the agent scout"]
    assert "today's budget of the agent scout is 82% spent" in workbench.fires()[0].reason


def test_what_the_person_asks_for_is_done_as_long_as_there_is_money(workbench: Workbench, server: OpenAIServer) -> None:
    workbench.write(morning("low"))
    spend(workbench, 4.9)
    assert workbench.run().state is FireState.DELIVERED
    assert len(server.requests) == 1


def test_the_shares_are_those_of_the_settings(workbench: Workbench, server: OpenAIServer) -> None:
    settings = (workbench.root / "harness.toml").read_text()
    workbench.write({**morning("low"), "harness.toml": f"{settings}\n[shedding]\nlow_at = 0.5\n"})
    spend(workbench, 2.6)
    workbench.tick_at(EIGHT)
    assert (workbench.fires()[0].state, server.requests) == (FireState.DEGRADED, ())


def test_the_person_is_told_once_and_the_next_day_it_is_over_without_a_word(
    workbench: Workbench, server: OpenAIServer
) -> None:
    workbench.write(morning("low"))
    system = workbench.system
    spend(workbench, 4.5)
    workbench.tick_at(EIGHT)
    for hours in (0, 7, 14):
        workbench.clock.jump_to(EIGHT + timedelta(hours=hours))
        workbench.run("scout/morning") if hours == 14 else None
        system.tell_incidents(gather_s=0)
    alerts = [page for page in workbench.delivered() if "alerts" in page.name]
    assert len(alerts) == 1
    text = alerts[0].read_text()
    assert "today's budget of the team comes to its end" in text
    assert "until Sun 22 Nov 00:00" in text
    workbench.tick_at(EIGHT + timedelta(days=1))
    system.tell_incidents(gather_s=0)
    assert workbench.fires()[-1].state is FireState.DELIVERED, "a new day has a new budget"
    assert incidents(workbench) == []
    assert len([page for page in workbench.delivered() if "alerts" in page.name]) == 1


def test_a_budget_that_stops_a_run_in_the_middle_is_named_and_pauses_no_job(
    workbench: Workbench, server: OpenAIServer
) -> None:
    settings = (workbench.root / "harness.toml").read_text()
    dear = call_tools(tool("feeds", {"list": "ai"}), usage=Usage(3_000, 0, 4_000))
    with OpenAIServer([dear, say("never asked")]) as other:
        changed = settings.replace(server.base_url, other.base_url)
        changed = changed.replace("output_usd_per_mtok = 10.0", "output_usd_per_mtok = 20.0")
        workbench.write({**morning("high"), "harness.toml": f"{changed}\n[alerts]\ndisable_after = 1\n"})
        spend(workbench, 3.9, "scout")
        workbench.tick_at(EIGHT)
        assert len(other.requests) == 1
    workbench.system.tell_incidents(gather_s=0)
    (fire,) = workbench.fires()
    assert fire.state is FireState.FAILED
    assert fire.reason.endswith(" of $4 of today's budget of the agent scout (budget)")
    assert [row.cause for row in incidents(workbench)] == ["budget the agent scout"]


def test_who_raises_a_budget_that_was_reached_is_not_told_of_it_till_midnight(
    workbench: Workbench, server: OpenAIServer
) -> None:
    workbench.write(morning("low"))
    spend(workbench, 4.5)
    workbench.tick_at(EIGHT)
    workbench.system.tell_incidents(gather_s=0)
    assert [row.cause for row in incidents(workbench)] == ["budget the team"], "as long as it is the same"
    settings = (workbench.root / "harness.toml").read_text()
    workbench.write({"harness.toml": settings.replace('"$5/day"', '"$50/day"')})
    workbench.system.workspace.reload()
    workbench.system.tell_incidents(gather_s=0)
    assert incidents(workbench) == []


def test_nothing_paid_runs_before_a_budget_is_set(workbench: Workbench, server: OpenAIServer) -> None:
    settings = (workbench.root / "harness.toml").read_text().replace('budget = "$5/day"\n', "")
    agent_file = (workbench.root / "agents/scout/agent.toml").read_text().replace('budget = "$4/day"\n', "")
    workbench.write({**morning(), "harness.toml": settings, "agents/scout/agent.toml": agent_file})
    workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert (fire.state, server.requests) == (FireState.FAILED, ())
    assert fire.reason == (
        "harness.toml: profile 'cheap' may cost money, and no budget is set for scout/morning; "
        'say what a day may cost at most: budget = "$5/day" in harness.toml'
    )


def test_a_model_on_this_machine_needs_no_budget(workbench: Workbench, server: OpenAIServer) -> None:
    settings = (workbench.root / "harness.toml").read_text().replace('budget = "$5/day"\n', "")
    free = "\n".join(line for line in settings.splitlines() if "usd_per_mtok" not in line)
    agent_file = (workbench.root / "agents/scout/agent.toml").read_text().replace('budget = "$4/day"\n', "")
    workbench.write({**morning(), "harness.toml": free, "agents/scout/agent.toml": agent_file})
    workbench.tick_at(EIGHT)
    assert (workbench.fires()[0].state, len(server.requests)) == (FireState.DELIVERED, 1)


def test_a_request_that_no_money_is_left_for_gets_a_final_that_says_so(workbench: Workbench) -> None:
    models = Models()
    with OpenAIServer(models.answer) as server:
        files = {**with_model(server), **agent("zoe", "scout"), **agent("scout", "zoe"), **job("zoe")}
        scout = f'{files["agents/scout/agent.toml"]}budget = "$0.01/day"\n'
        workbench.write({**files, "agents/scout/agent.toml": scout, "agents/scout/jobs/morning.md": None})
        spend(workbench, 0.01, "scout")
        models.says = {"zoe": [call_tools(tool("ask", QUESTION)), say("Nobody could answer.")]}
        workbench.tick_at(EIGHT)
    final = the_request(workbench).final
    assert final is not None
    assert final.result == "rejected"
    assert "today's budget of the agent scout is spent ($0.01 of $0.01)" in final.conclusion
    assert fires_by_job(workbench)["zoe/report"].state is FireState.DELIVERED


def test_each_call_is_booked_with_profile_cache_and_latency(workbench: Workbench, server: OpenAIServer) -> None:
    workbench.write(morning())
    workbench.tick_at(EIGHT)
    with workbench.system.database.read() as connection:
        (row,) = connection.exec_driver_sql("SELECT agent, job_id, profile, cost_usd, latency_s FROM usage").all()
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM reservation").scalar() == 0
        assert incidents_since(connection, NOW) == []
    assert tuple(row)[:3] == ("scout", "scout/morning", "cheap")
    assert row.cost_usd == pytest.approx(0.002)
    assert 0 < row.latency_s < 60


# ── Handed down, and killed ────────────────────────────────────────────────────────────────────────


def test_nothing_stays_set_aside_for_calls_that_a_run_handed_down(workbench: Workbench) -> None:
    def says(request: ChatRequest) -> ChatAnswer:
        is_below, is_read = request.messages[0]["content"] == SYSTEM_PROMPT, bool(results(request))
        if is_below:
            return say("It says kettle.")
        return say("Kettles.") if is_read else hand_down(tools=["files.read"])

    with team(workbench, says, '"files.read", "delegate"') as server:
        workbench.tick_at(EIGHT)
        assert len(server.requests) == 3
    with workbench.system.database.read() as connection:
        assert connection.exec_driver_sql("SELECT call_id FROM reservation").all() == []


ASKS = """
import sys
from pathlib import Path
from harness.pytest_plugin import NOW
from harness.runs.by_hand import start_by_hand
from harness.testing.clock import VirtualClock
from harness.wiring.build import build_system

system = build_system(Path(sys.argv[1]), environ={}, clock=VirtualClock(NOW))
start_by_hand(system.database, system.workspace(), "scout/morning", NOW, inputs={})
system.launch()
system.dispatcher.dispatch()
system.dispatcher.wait_for_change(60)
"""


def test_killed_in_the_middle_of_a_call_its_run_finds_its_own_place_in_the_budget(workbench: Workbench) -> None:
    links = workbench.serve_stories(2)
    lives: list[subprocess.Popen[bytes]] = []
    is_there = threading.Event()
    requests: list[ChatRequest] = []

    def answer(request: ChatRequest) -> ChatAnswer:
        requests.append(request)
        if len(requests) == 1:
            is_there.wait(60)
            lives[0].kill()
            lives[0].wait(60)
        return say(item_lines(links), usage=Usage(1_000, 0, 100))

    with OpenAIServer(answer) as server:
        # Room for one call, and not for two at the same time.
        settings = SETTINGS.format(base_url=server.base_url, name="m").replace("$100/day", "$0.06/day")
        workbench.write({**morning(), "harness.toml": settings})
        lives.append(subprocess.Popen([sys.executable, "-c", ASKS, str(workbench.root)]))
        is_there.set()
        lives[0].wait(120)
        assert len(requests) == 1
        workbench.settle()
    (fire,) = workbench.fires()
    assert (fire.state, len(requests)) == (FireState.DELIVERED, 2)
    with workbench.system.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT call_id FROM usage").all()
        assert [row[0] for row in rows] == ["model-1"], "one call is booked once"
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM reservation").scalar_one() == 0
