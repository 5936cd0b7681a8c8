"""Runs that are done over: with today's files from their inputs, or from one of their steps on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta

import pytest
from sqlalchemy import event

from harness.delivery.digest import digest_from_json
from harness.domain.errors import HarnessError, OwnerError
from harness.domain.message import ToolCall, Usage
from harness.domain.run import Fire, FireKind, FireState
from harness.ports import RecordedStep
from harness.pytest_plugin import NOW, Workbench
from harness.runs.by_hand import fire_for, start_by_hand
from harness.runs.forking import fork_run, retry_run
from harness.runs.plan import RunPlan
from harness.runs.recorded_steps import Fork, ForkedSteps
from harness.runs.recording import last_fork_point
from harness.store.conditions import load_condition
from harness.store.database import Database
from harness.store.expiry import announce_forgotten
from harness.store.json_codec import from_json
from harness.store.outbox import deliveries_of_run
from harness.store.peek import peek
from harness.store.runs import RunRow, run_by_id
from harness.store.step_records import args_hash
from harness.store.usage import usage_of_run
from harness.testing.engine import MemorySteps
from harness.testing.openai_server import OpenAIServer, call_tools, fail, say
from tests.runs.model_workspace import item_lines, with_job, with_model

LATER = NOW + timedelta(hours=30)
KINDS = ["sqlite", "postgresql"]


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str | None:
    """A file, unless a test asks for a server."""
    is_server = getattr(request, "param", "sqlite") == "postgresql"
    return request.getfixturevalue("postgres_url") if is_server else None


def steps(workbench: Workbench, run_id: str) -> tuple[RecordedStep, ...]:
    return workbench.system.engine.recorded(run_id)


def fork(workbench: Workbench, source: Fire, from_step: int | None = None) -> Fire:
    system = workbench.system
    assert source.run_id is not None
    run_id = fork_run(
        system.database,
        system.workspace(),
        source.run_id,
        workbench.clock.now(),
        from_step=from_step,
        records=steps(workbench, source.run_id),
    )
    workbench.settle()
    return fire_for(system.database, run_id)


def retry(workbench: Workbench, source: Fire) -> Fire:
    system = workbench.system
    run_id = retry_run(system.database, system.workspace(), source.run_id or "", workbench.clock.now())
    workbench.settle()
    return fire_for(system.database, run_id)


def row(workbench: Workbench, fire: Fire) -> RunRow:
    with workbench.system.database.read() as connection:
        found = run_by_id(connection, fire.run_id or "")
    assert found is not None
    return found


def cost(workbench: Workbench, fire: Fire) -> float:
    with workbench.system.database.read() as connection:
        return round(usage_of_run(connection, fire.run_id or "")[1], 6)


def position(workbench: Workbench, fire: Fire, call_id: str) -> int:
    return next(step.position for step in steps(workbench, fire.run_id or "") if step.call_id == call_id)


# ── Retry ────────────────────────────────────────────────────────────────────────────────────────


def test_a_retry_is_a_fire_of_its_own_with_the_options_and_inputs_of_its_source(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    other = workbench.web.serve("/only-here", b"a page")
    story = f"<item><title>Only here</title><link>{other}</link></item>"
    feed = workbench.web.serve("/other.xml", f'<rss version="2.0"><channel>{story}</channel></rss>'.encode())
    source = workbench.run(inputs={"feeds": feed}, preview=True)
    workbench.clock.jump_to(LATER)
    again = retry(workbench, source)
    assert (again.kind, again.state, again.is_preview) == (FireKind.RETRY, source.state, True)
    assert (again.due_at, again.run_id != source.run_id) == (LATER, True)
    assert row(workbench, again).source_run == source.run_id
    assert row(workbench, again).inputs == {"feeds": feed}


def test_a_retry_does_the_job_as_it_is_today(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    source = workbench.run()
    workbench.write(with_job("read: [feeds/ai]\ndeliver: digest\ncontract: {max_items: 1}"))
    workbench.system.workspace.reload()
    assert (source.items, retry(workbench, source).items) == (3, 1)


def test_a_run_that_has_not_ended_is_not_retried_and_not_forked(workbench: Workbench) -> None:
    workbench.system.dispatcher.close()
    system = workbench.system
    run_id = start_by_hand(system.database, system.workspace(), "scout/morning", NOW, inputs={})
    overs: tuple[Callable[[], str], ...] = (
        lambda: retry_run(system.database, system.workspace(), run_id, NOW),
        lambda: fork_run(system.database, system.workspace(), run_id, NOW, from_step=None, records=()),
    )
    for over in overs:
        with pytest.raises(
            OwnerError, match=r"has not ended, it is queued; .*harness runs cancel manual:scout/morning"
        ):
            over()


def test_a_retry_of_a_run_whose_job_is_gone_names_the_jobs_that_there_are(workbench: Workbench) -> None:
    workbench.serve_stories(1)
    source = workbench.run()
    workbench.write({"agents/scout/jobs/morning.md": None, "agents/scout/jobs/evening.md": "---\nread: []\n---\nGo.\n"})
    workbench.system.workspace.reload()
    with pytest.raises(HarnessError, match="has no job 'morning'"):
        retry(workbench, source)


def test_a_run_that_retention_takes_while_it_is_forked_is_not_forked(workbench: Workbench) -> None:
    workbench.serve_stories(1)
    source = workbench.run()
    kept = steps(workbench, source.run_id or "")

    def forget(_connection: object) -> None:
        other = Database.connect(workbench.system.database.address)
        with other.write(alone=True) as connection:
            announce_forgotten(connection, [source.run_id or ""], workbench.clock.now())
        other.close()

    event.listen(workbench.system.database.engine, "rollback", forget, once=True)  # the run has been looked at
    system = workbench.system
    with pytest.raises(OwnerError, match="deleted by retention"):
        fork_run(system.database, system.workspace(), source.run_id or "", LATER, from_step=None, records=kept)


# ── From the inputs ──────────────────────────────────────────────────────────────────────────────


def test_a_fork_uses_the_inputs_of_then_and_the_files_of_today(workbench: Workbench) -> None:
    links = workbench.serve_stories(2)
    with OpenAIServer([say(item_lines(links)), say(item_lines(links[:1]))]) as server:
        workbench.write({**with_model(server), **with_job()})
        source = workbench.run()
        collected = workbench.web.count("/feed.xml")
        workbench.serve_stories(0)
        workbench.write({"agents/scout/SOUL.md": "You are terse.\n", **with_job(body="Only the best, please.")})
        workbench.system.workspace.reload()
        workbench.clock.jump_to(LATER)
        forked = fork(workbench, source)
        sent = json.dumps(server.requests[1].body)
    assert (forked.state, forked.items, workbench.web.count("/feed.xml")) == (FireState.DELIVERED, 1, collected)
    assert "You are terse." in sent
    assert "Only the best, please." in sent
    assert links[1] in sent
    assert len(workbench.delivered()) == 2


def test_a_fork_books_writes_and_delivers_under_its_own_name(workbench: Workbench) -> None:
    links = workbench.serve_stories(1)
    with OpenAIServer(lambda request: say(item_lines(links))) as server:
        workbench.write({**with_model(server), **with_job()})
        source = workbench.run()
        forked = fork(workbench, source)
    with workbench.system.database.read() as connection:
        (delivery,) = deliveries_of_run(connection, forked.run_id or "")
    assert delivery.id == f"{forked.run_id}>digest"
    assert forked.artifact != source.artifact
    assert cost(workbench, forked) == cost(workbench, source) > 0
    assert row(workbench, forked).prompt_sha256 == row(workbench, source).prompt_sha256


def test_a_run_that_never_came_to_a_prompt_has_nothing_to_fork_from(workbench: Workbench) -> None:
    workbench.web.serve("/feed.xml", b"<html></html>")
    workbench.write({"shared-context/feeds/ai.md": f"- [News]({workbench.web.url('/feed.xml')})\n"})
    source = workbench.run()
    assert source.state is FireState.FAILED
    with pytest.raises(OwnerError, match=r"ended before a prompt was assembled.*harness runs retry"):
        fork(workbench, source)


# ── From a step ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("database_url", KINDS, indirect=True)
def test_a_fork_from_a_step_repeats_nothing_that_came_before_it(workbench: Workbench) -> None:
    links, counted = workbench.serve_stories(2), Usage(1_000, 0, 200)
    script = [
        call_tools(ToolCall("c1", "web_read", json.dumps({"url": links[0]})), usage=counted),
        say(item_lines(links[:1]), usage=counted),
        say(item_lines(links), usage=counted),
    ]
    with OpenAIServer(script) as server:
        workbench.write({**with_model(server), **with_job()})
        source = workbench.run()
        pages = workbench.web.count("/story-1")
        workbench.write({"agents/scout/SOUL.md": "You are somebody else.\n", **with_job(body="Something else.")})
        workbench.system.workspace.reload()
        workbench.clock.jump_to(LATER)
        forked = fork(workbench, source, position(workbench, source, "model-2"))
        repeated = server.requests[2]
    assert (source.items, forked.items, forked.state) == (1, 2, FireState.DELIVERED)
    assert workbench.web.count("/story-1") == pages
    assert repeated.messages == server.requests[1].messages
    assert cost(workbench, forked) == cost(workbench, source) / 2
    assert len(workbench.delivered()) == 2


def test_a_fork_from_the_last_step_delivers_what_was_written_then_once_more(workbench: Workbench) -> None:
    links = workbench.serve_stories(2)
    with OpenAIServer([say(item_lines(links))]) as server:
        workbench.write({**with_model(server), **with_job()})
        source = workbench.run()
        last = last_fork_point(steps(workbench, source.run_id or ""))
        workbench.clock.jump_to(LATER)
        forked = fork(workbench, source, last)
        assert len(server.requests) == 1
    assert position(workbench, source, "publish") == last
    assert (forked.state, forked.items, cost(workbench, forked)) == (FireState.DELIVERED, 2, 0.0)
    marks = [re.search(r"harness delivery: (\S+)", page.read_text()) for page in workbench.delivered()]
    assert len({mark.group(1) for mark in marks if mark}) == 2
    begun = [from_json(RunPlan, steps(workbench, fire.run_id or "")[0].value).begun_at for fire in (source, forked)]
    made = [
        digest_from_json(json.loads((workbench.system.state.root / (fire.artifact or "")).read_text())).made_at
        for fire in (source, forked)
    ]
    assert begun == made == [source.due_at, LATER], "what is made now is dated now"


@pytest.mark.parametrize("from_step", [0, 99])
def test_a_step_that_cannot_be_forked_from_is_refused_with_those_that_can(workbench: Workbench, from_step: int) -> None:
    workbench.serve_stories(1)
    source = workbench.run()
    with pytest.raises(OwnerError, match=r"name a step from 1 to \d+: harness runs show manual:scout/morning"):
        fork(workbench, source, from_step)


def test_a_recorded_error_is_met_again_as_it_was(workbench: Workbench) -> None:
    links = workbench.serve_stories(3)
    with OpenAIServer([say(item_lines(links[:2])), fail(500)]) as server:
        workbench.write(
            {**with_model(server), **with_job("read: [feeds/ai]\ndeliver: digest\ncontract: {min_items: 3}")}
        )
        source = workbench.run()
        forked = fork(workbench, source, position(workbench, source, "publish"))
        assert len(server.requests) == 2
    assert (forked.state, forked.reason) == (source.state, source.reason) == (FireState.DEGRADED, source.reason)
    assert "could not be repaired" in forked.reason


def test_a_fork_keeps_to_the_budget_of_today(workbench: Workbench) -> None:
    links = workbench.serve_stories(1)
    with OpenAIServer(lambda request: say(item_lines(links))) as server:
        workbench.write({**with_model(server), **with_job()})
        source = workbench.run()
        agent = (workbench.root / "agents/scout/agent.toml").read_text().replace('"$1/day"', '"$0.001/day"')
        workbench.write({"agents/scout/agent.toml": agent})
        workbench.system.workspace.reload()
        forked = fork(workbench, source, position(workbench, source, "model-1"))
        assert len(server.requests) == 1
    assert (forked.state, "budget" in forked.reason) == (FireState.DEGRADED, True)


def test_a_run_that_ran_out_of_budget_goes_on_the_next_day_with_what_it_had(workbench: Workbench) -> None:
    links = workbench.serve_stories(1)
    dear = Usage(120_000, 0, 40)
    agent = (workbench.root / "agents/scout/agent.toml").read_text().replace('"$1/day"', '"$0.15/day"')
    script = [
        call_tools(ToolCall("c1", "web_read", json.dumps({"url": links[0]})), usage=dear),
        say(item_lines(links), usage=Usage(1_000, 0, 200)),
    ]
    with OpenAIServer(script) as server:
        workbench.write({**with_model(server), **with_job(), "agents/scout/agent.toml": agent})
        source = workbench.run()
        assert (source.state, "budget" in source.reason) == (FireState.FAILED, True)
        workbench.clock.jump_to(LATER)
        forked = fork(workbench, source, last_fork_point(steps(workbench, source.run_id or "")))
        assert len(server.requests) == 2
    assert (forked.state, forked.items, cost(workbench, forked)) == (FireState.DELIVERED, 1, 0.003)


def test_a_fork_does_not_make_the_schedule_forget_what_it_saw_since(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write(with_job("read: [feeds/ai]\nonly_if: {new_items: 1}\ndeliver: digest"))
    source = workbench.run()
    workbench.serve_stories(4)
    newer = workbench.run()
    for from_step in (None, position(workbench, source, "publish")):
        assert fork(workbench, source, from_step).state is FireState.DELIVERED
    with workbench.system.database.read() as connection:
        remembered = load_condition(connection, "scout/morning")
    assert remembered is not None
    assert remembered.run_id == newer.run_id


def test_the_whole_text_of_a_long_result_is_at_hand_in_the_fork(workbench: Workbench) -> None:
    links = workbench.serve_stories(1)
    long_page = workbench.web.serve("/long", ("A sentence that goes on. " * 2_000).encode())
    script = [call_tools(ToolCall("c1", "web_read", json.dumps({"url": long_page}))), say(item_lines(links)), say("-")]
    with OpenAIServer(script) as server:
        workbench.write({**with_model(server), **with_job()})
        source = workbench.run()
        forked = fork(workbench, source, position(workbench, source, "model-2"))
    state = workbench.system.state
    (kept,) = state.run_folder(source.run_id or "").glob("web.read-*.txt")
    assert (state.run_folder(forked.run_id or "") / kept.name).read_bytes() == kept.read_bytes()


def test_a_fork_of_a_fork_goes_on_from_what_that_one_recorded(workbench: Workbench) -> None:
    links = workbench.serve_stories(2)
    with OpenAIServer([say(item_lines(links[:1])), say(item_lines(links))]) as server:
        workbench.write({**with_model(server), **with_job()})
        first = workbench.run()
        second = fork(workbench, first, position(workbench, first, "model-1"))
        third = fork(workbench, second, position(workbench, second, "publish"))
        assert len(server.requests) == 2
    assert (second.items, third.items, row(workbench, third).source_run) == (2, 2, second.run_id)


def test_a_fork_that_comes_to_another_step_than_its_source_says_which_and_what_to_do(workbench: Workbench) -> None:
    records = [
        RecordedStep(1, "begin", "begin", args_hash({})),
        RecordedStep(2, "check", "check-1", args_hash({"a": 1})),
    ]

    def forked() -> ForkedSteps:
        made = ForkedSteps(MemorySteps([]), Fork("cron:a/b:1", 3), records, lambda step: step.value)
        made.reserve("begin", "begin", {})
        return made

    with pytest.raises(HarnessError, match=r"step 2 of cron:a/b:1 was check check-1, .*model model-1.*--step 2"):
        forked().reserve("model", "model-1", {})
    with pytest.raises(
        HarnessError, match=r"step 2 of cron:a/b:1 \(check check-1\) was given something else.*--step 2"
    ):
        forked().reserve("check", "check-1", {"a": 2})


def test_without_a_model_a_fork_selects_anew_from_the_items_of_then(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    source = workbench.run()
    workbench.serve_stories(0)
    workbench.write(with_job("read: [feeds/ai]\ndeliver: digest\ncontract: {max_items: 2}"))
    workbench.system.workspace.reload()
    assert (source.items, fork(workbench, source).items) == (3, 2)


@pytest.mark.parametrize("database_url", KINDS, indirect=True)
def test_what_is_read_of_steps_without_an_engine_is_what_the_engine_recorded(workbench: Workbench) -> None:
    links = workbench.serve_stories(3)
    with OpenAIServer([say(item_lines(links[:2])), fail(500)]) as server:
        promise = "read: [feeds/ai]\ndeliver: digest\ncontract: {min_items: 3}"
        workbench.write({**with_model(server), **with_job(promise)})
        run_id = workbench.run().run_id or ""
    with peek(workbench.system.database.address) as look:
        assert look is not None
        seen, recorded = look.steps_of_run(run_id), steps(workbench, run_id)
    assert [asdict(replace(step, failure=None)) for step in seen] == [
        asdict(replace(step, failure=None)) for step in recorded
    ]
    assert [type(step.failure) for step in seen] == [type(step.failure) for step in recorded]
    assert any(step.failure is not None for step in seen)
    assert all(step.started_at and step.ended_at and step.ended_at >= step.started_at for step in seen)
