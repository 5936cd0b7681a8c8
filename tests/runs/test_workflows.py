"""Whole runs, from the slot to the closed fire, on a real engine, a real database and real HTTP."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

from harness.delivery.digest import digest_from_json
from harness.domain.digest import Digest
from harness.domain.message import ToolCall, Usage
from harness.domain.run import Fire, FireState
from harness.pytest_plugin import NOW, Workbench
from harness.runs.by_hand import start_by_hand
from harness.runs.workflow_version import WORKFLOW_VERSION
from harness.runs.workflows import RunWorkflow
from harness.store.incidents import open_incidents
from harness.store.runs import run_by_id
from harness.store.usage import usage_of_run
from harness.testing.engine import MemorySteps
from harness.testing.openai_server import OpenAIServer, call_tools, fail, refuse, say
from harness.testing.web_server import WebReply

EIGHT = NOW + timedelta(minutes=1)


ONE_ATTEMPT = "read: [feeds/ai]\ndeliver: digest\nattempts: 1"


def job(front_matter: str, body: str = "Rank what changed.") -> dict[str, str | None]:
    return {"agents/scout/jobs/morning.md": f"---\nschedule: daily 08:00\n{front_matter}\n---\n{body}\n"}


def model(server: OpenAIServer, more: str = "") -> dict[str, str | None]:
    """Let every agent ask the server, with prices that make a call cost something."""
    return {
        "harness.toml": f"""\
home = "America/Los_Angeles"
user = "Sam"
profile = "cheap"
budget = "$100/day"

[profiles.cheap]
adapter = "openai"
base_url = "{server.base_url}"
model = "test-model"
attempts = 1
input_usd_per_mtok = 1.0
output_usd_per_mtok = 10.0
{more}
[channels.digest]
kind = "file"

[channels.terminal]
kind = "stdout"

[egress]
loopback = true
"""
    }


def digest_of(workbench: Workbench, fire: Fire) -> Digest:
    assert fire.artifact is not None
    return digest_from_json(json.loads((workbench.system.state.root / fire.artifact).read_text()))


def item_lines(links: list[str]) -> str:
    return "\n".join(f"- [Story {n}]({link}) — worth it." for n, link in enumerate(links, start=1))


# ── Without a model ──────────────────────────────────────────────────────────────────────────────


def test_a_slot_becomes_a_delivered_digest_and_a_closed_fire(workbench: Workbench) -> None:
    links = workbench.serve_stories(4)
    workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert (fire.state, fire.items, fire.reason) == (FireState.DELIVERED, 4, "")
    (page,) = workbench.delivered()
    text = page.read_text()
    assert all(link in text for link in links)
    assert "extractive, no model" in text
    assert "single-source" in text


def test_stories_delivered_before_are_not_delivered_again(workbench: Workbench) -> None:
    workbench.serve_stories(4)
    workbench.write(job("read: [feeds/ai]\ndeliver: digest\ncontract: {unseen_for: 14d}"))
    workbench.tick_at(EIGHT)
    links = workbench.serve_stories(6)
    workbench.tick_at(EIGHT + timedelta(days=1))
    first, second = workbench.fires()
    assert first.state is second.state is FireState.DELIVERED
    assert {item.url for item in digest_of(workbench, second).items} == set(links[4:])


def test_nothing_new_from_sources_that_work_is_silent_and_says_what_was_checked(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write(job("read: [feeds/ai]\ndeliver: digest\ncontract: {unseen_for: 14d}"))
    workbench.tick_at(EIGHT)
    workbench.tick_at(EIGHT + timedelta(days=1))
    fire = workbench.fires()[-1]
    assert fire.state is FireState.SILENT
    assert fire.reason == "nothing new in 1 source; 2 collected items were delivered before"
    assert len(workbench.delivered()) == 1


def test_nothing_because_no_source_works_is_a_failure_and_an_incident(workbench: Workbench) -> None:
    url = workbench.web.serve("/gone.xml", WebReply(b"gone", status=503))
    workbench.write({**job(ONE_ATTEMPT), "shared-context/feeds/ai.md": f"- [Gone]({url})\n"})
    workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert fire.state is FireState.FAILED
    assert "nothing could be collected: Gone: answered 503" in fire.reason
    with workbench.system.database.read() as connection:
        assert [incident.cause for incident in open_incidents(connection)] == ["job scout/morning"]


def test_a_success_ends_the_incident_of_its_job(workbench: Workbench) -> None:
    url = workbench.web.serve("/gone.xml", WebReply(b"gone", status=503))
    workbench.write({"shared-context/feeds/ai.md": f"- [Gone]({url})\n"})
    workbench.tick_at(EIGHT)
    workbench.serve_stories(3)
    workbench.system.workspace.reload()
    workbench.tick_at(EIGHT + timedelta(days=1))
    with workbench.system.database.read() as connection:
        assert open_incidents(connection) == []


def test_one_broken_feed_degrades_the_digest_and_is_named_in_it(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    page = workbench.web.serve("/page.html", WebReply(b"<html><body>Hello</body></html>"))
    feeds = (workbench.root / "shared-context/feeds/ai.md").read_text()
    workbench.write({"shared-context/feeds/ai.md": f"{feeds}- [Broken]({page})\n"})
    workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert (fire.state, fire.items, fire.gaps) == (FireState.DEGRADED, 3, 1)
    assert "Broken: is an HTML page, not a feed" in workbench.delivered()[0].read_text()


def test_an_item_whose_link_is_gone_is_left_out_by_name(workbench: Workbench) -> None:
    links = workbench.serve_stories(4)
    workbench.web.serve("/story-2", WebReply(b"gone", status=404))
    workbench.write(job("read: [feeds/ai]\ndeliver: digest\ncontract: {links: reachable}"))
    workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    digest = digest_of(workbench, fire)
    assert {item.url for item in digest.items} == {links[0], links[2], links[3]}
    assert all(item.reachable for item in digest.items)


def test_a_job_that_needs_a_model_is_skipped_with_the_reason_where_there_is_none(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    workbench.write(job("read: [feeds/ai]\ndeliver: digest\nwithout_model: skip"))
    workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert (fire.state, workbench.delivered()) == (FireState.SKIPPED, [])
    assert "without_model: skip" in fire.reason


def test_without_a_model_text_without_items_is_skipped_and_not_called_a_delivery(workbench: Workbench) -> None:
    workbench.write({**job("read: [note.md]\ndeliver: digest"), "note.md": "Only words, no links.\n"})
    fire = workbench.run()
    assert (fire.state, workbench.delivered()) == (FireState.SKIPPED, [])
    assert "no items to select from" in fire.reason


def test_when_every_source_is_down_the_reason_stays_readable_and_the_run_keeps_them_all(workbench: Workbench) -> None:
    feeds = [workbench.web.serve(f"/{n}.xml", WebReply(b"", status=503)) for n in range(30)]
    workbench.write({"shared-context/feeds/ai.md": "".join(f"- [Feed {n}]({url})\n" for n, url in enumerate(feeds))})
    fire = workbench.run()
    assert fire.reason.endswith("Feed 0: answered 503 Service Unavailable (and 29 more gaps)")
    with workbench.system.database.read() as connection:
        run = run_by_id(connection, fire.run_id or "")
    assert run is not None
    assert len(run.outcome["details"]) == 30


def test_a_template_fills_in_for_a_model_and_reads_what_another_job_delivered(workbench: Workbench) -> None:
    links = workbench.serve_stories(3)
    workbench.write(
        {
            "agents/scout/jobs/page.md": "---\nschedule: daily 09:00\nread: [scout/morning]\ndeliver: digest\n"
            "without_model: template\ntemplate: page.template.md\n---\nGather.\n",
            "agents/scout/jobs/page.template.md": "Hello {{ user.name }}.\n\n## News\n\n"
            "{% for item in inputs['scout/morning'].items %}{{ item }}\n{% endfor %}\n",
        }
    )
    workbench.tick_at(EIGHT)
    workbench.tick_at(EIGHT + timedelta(hours=1))
    fire = workbench.fires()[-1]
    digest = digest_of(workbench, fire)
    assert (fire.job_id, fire.state, digest.made_by) == ("scout/page", FireState.DELIVERED, "template, no model")
    assert {item.url for item in digest.items} == set(links)
    assert digest.sections[-1].origin == "scout/morning"


def test_what_no_channel_carries_is_not_called_delivered_and_other_jobs_read_it(workbench: Workbench) -> None:
    links = workbench.serve_stories(2)
    workbench.write(
        {
            **job("read: [feeds/ai]"),
            "agents/scout/jobs/page.md": "---\nschedule: daily 09:00\nread: [scout/morning]\n"
            "deliver: digest\n---\nGo.\n",
        }
    )
    workbench.tick_at(EIGHT)
    workbench.tick_at(EIGHT + timedelta(hours=1))
    made, page = workbench.fires()
    assert (made.state, made.items, page.state) == (FireState.SILENT, 2, FireState.DELIVERED)
    assert "names no channel" in made.reason
    assert {item.url for item in digest_of(workbench, page).items} == set(links)


def test_an_old_delivery_never_stands_in_for_a_failed_run(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    page = "---\nschedule: daily 09:00\nread: [scout/morning]\ndeliver: digest\nattempts: 1\n---\nGo.\n"
    workbench.write({**job(ONE_ATTEMPT), "agents/scout/jobs/page.md": page})
    workbench.tick_at(EIGHT)
    workbench.web.serve("/feed.xml", WebReply(b"down", status=500))
    workbench.tick_at(EIGHT + timedelta(days=1))
    workbench.tick_at(EIGHT + timedelta(days=1, hours=1))
    fire = [fire for fire in workbench.fires() if fire.job_id == "scout/page"][-1]
    assert fire.state is FireState.FAILED
    assert "scout/morning: its run due Sun 22 Nov 08:00 PST failed" in fire.reason


# ── With a model ─────────────────────────────────────────────────────────────────────────────────


def test_a_model_reads_its_inputs_calls_tools_and_writes_the_digest(workbench: Workbench) -> None:
    links = workbench.serve_stories(3)
    script = [
        call_tools(ToolCall("c1", "web_read", json.dumps({"url": links[0]})), usage=Usage(1_000, 0, 200)),
        say(item_lines(links), usage=Usage(1_000, 0, 200)),
    ]
    with OpenAIServer(script) as server:
        workbench.write(model(server))
        workbench.tick_at(EIGHT)
        first, second = server.requests
    (fire,) = workbench.fires()
    assert (fire.state, fire.items) == (FireState.DELIVERED, 3)
    assert digest_of(workbench, fire).made_by == "test-model"
    assert links[2] in first.messages[-1]["content"]
    assert "a page" in second.messages[-1]["content"]
    with workbench.system.database.read() as connection:
        usage, cost, calls = usage_of_run(connection, fire.run_id or "")
        run = run_by_id(connection, fire.run_id or "")
    assert (usage.input_tokens, calls, round(cost, 6)) == (2_000, 2, 0.006)
    assert run is not None
    assert run.stop == "completed"
    assert run.prompt_sha256


def test_a_broken_contract_gets_one_repair_turn_with_the_exact_violations(workbench: Workbench) -> None:
    links = workbench.serve_stories(3)
    workbench.write(job("read: [feeds/ai]\ndeliver: digest\ncontract: {min_items: 3}"))
    with OpenAIServer([say(item_lines(links[:1])), say(item_lines(links))]) as server:
        workbench.write(model(server))
        workbench.tick_at(EIGHT)
        repair = server.requests[1].messages[-1]["content"]
    assert "1 item, at least 3 needed" in repair
    assert workbench.fires()[0].state is FireState.DELIVERED


def test_what_is_still_wrong_after_the_repair_degrades_by_name(workbench: Workbench) -> None:
    links = workbench.serve_stories(3)
    workbench.write(job("read: [feeds/ai]\ndeliver: digest\ncontract: {min_items: 3}"))
    with OpenAIServer([say(item_lines(links[:1])), say(item_lines(links[:2]))]) as server:
        workbench.write(model(server))
        workbench.tick_at(EIGHT)
        assert len(server.requests) == 2
    (fire,) = workbench.fires()
    assert (fire.state, fire.items) == (FireState.DEGRADED, 2)
    assert "2 items, at least 3 needed" in workbench.delivered()[0].read_text()


def test_an_item_that_was_not_collected_never_reaches_the_digest(workbench: Workbench) -> None:
    links = workbench.serve_stories(2)
    invented = item_lines([*links, "https://invented.example/scoop"])
    with OpenAIServer([say(invented), say(invented)]) as server:
        workbench.write(model(server))
        workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert fire.state is FireState.DEGRADED
    assert [item.url for item in digest_of(workbench, fire).items] == links


def test_a_missing_phrase_that_must_be_there_is_a_failure(workbench: Workbench) -> None:
    links = workbench.serve_stories(2)
    workbench.write(job('read: [feeds/ai]\ndeliver: digest\ncontract: {must_include: ["not financial advice"]}'))
    with OpenAIServer([say(item_lines(links)), say(item_lines(links))]) as server:
        workbench.write(model(server))
        workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert (fire.state, workbench.delivered()) == (FireState.FAILED, [])
    assert "not financial advice" in fire.reason


def test_a_model_that_refuses_or_is_down_fails_the_fire_with_the_reason(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write(job(ONE_ATTEMPT))
    with OpenAIServer([refuse("I would rather not."), fail(500)]) as server:
        workbench.write(model(server))
        workbench.tick_at(EIGHT)
        workbench.tick_at(EIGHT + timedelta(days=1))
    refused, down = workbench.fires()
    assert (refused.state, down.state) == (FireState.FAILED, FireState.FAILED)
    assert "I would rather not." in refused.reason
    assert "500" in down.reason


def test_a_first_call_that_the_days_budget_has_no_room_for_is_not_made_and_the_digest_says_so(
    workbench: Workbench,
) -> None:
    links = workbench.serve_stories(2)
    agent = (workbench.root / "agents/scout/agent.toml").read_text().replace('"$1/day"', '"$0.0401/day"')
    with OpenAIServer(lambda request: say(item_lines(links))) as server:
        # The answer may cost up to 4,096 output tokens, 4.096 cents: nothing fits a budget of 4.01 cents.
        workbench.write({**model(server), "agents/scout/agent.toml": agent})
        workbench.tick_at(EIGHT)
        assert server.requests == ()
    (fire,) = workbench.fires()
    assert (fire.state, fire.items) == (FireState.DEGRADED, 2)
    assert fire.reason.startswith("today's budget of the agent scout has no room for a model call any more")


def test_a_key_that_is_not_set_is_told_with_the_fix(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    settings = {
        "harness.toml": 'home = "UTC"\nprofile = "cheap"\n[profiles.cheap]\nadapter = "openai"\nmodel = "m"\n'
        'base_url = "https://models.example/v1"\nkey_env = "NO_SUCH_KEY"\n[channels.digest]\nkind = "file"\n'
        '[channels.terminal]\nkind = "stdout"\n[egress]\nloopback = true\n'
    }
    workbench.write(settings)
    fire = workbench.run()
    assert fire.state is FireState.FAILED
    assert "NO_SUCH_KEY is not set" in fire.reason


def test_a_secret_in_a_file_that_a_job_reads_does_not_reach_the_model(workbench: Workbench) -> None:
    links = workbench.serve_stories(1)
    secret = "sk-" + "z9y8x7w6v5u4t3s2"
    workbench.write({**job("read: [note.md, feeds/ai]\ndeliver: digest"), "note.md": f"Never show {secret}.\n"})
    with OpenAIServer([say(item_lines(links))]) as server:
        workbench.write(model(server))
        workbench.run()
        sent = json.dumps(server.requests[0].body)
    assert "Never show [redacted]" in sent
    assert secret not in sent


def test_when_the_repair_cannot_be_had_the_first_answer_stands_with_its_gaps(workbench: Workbench) -> None:
    links = workbench.serve_stories(3)
    workbench.write(job("read: [feeds/ai]\ndeliver: digest\ncontract: {min_items: 3}"))
    with OpenAIServer([say(item_lines(links[:2])), fail(500)]) as server:
        workbench.write(model(server))
        workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert (fire.state, fire.items) == (FireState.DEGRADED, 2)
    assert "the answer could not be repaired" in workbench.delivered()[0].read_text()


def test_a_secret_that_a_model_repeats_reaches_neither_transcript_nor_digest_and_is_told(workbench: Workbench) -> None:
    links = workbench.serve_stories(1)
    secret = "sk-" + "a1b2c3d4e5f6g7h8"
    with OpenAIServer([say(f"My key is {secret}.\n\n{item_lines(links)}")]) as server:
        workbench.write(model(server))
        fire = workbench.run()
    assert (fire.state, fire.reason) == (FireState.DEGRADED, "a secret stood in the answer, and was taken out")
    folder = workbench.system.state.run_folder(fire.run_id or "")
    written = [path.read_text(encoding="utf-8") for path in (*folder.glob("*.*"), *workbench.delivered())]
    assert len(written) > 4
    assert [text for text in written if secret in text] == []
    assert "[redacted]" in (folder / "transcript.json").read_text()
    with workbench.system.database.read() as connection:
        (promised,) = connection.exec_driver_sql("SELECT digest FROM outbox").scalars()
    assert secret not in promised


# ── By hand ──────────────────────────────────────────────────────────────────────────────────────


def test_a_preview_makes_the_digest_and_delivers_nothing(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    fire = workbench.run(preview=True)
    assert (fire.state, fire.is_preview, fire.items) == (FireState.SILENT, True, 3)
    assert workbench.delivered() == []
    assert len(digest_of(workbench, fire).items) == 3


def test_a_preview_that_fails_is_told_to_whoever_asked_and_is_no_incident(workbench: Workbench) -> None:
    url = workbench.web.serve("/gone.xml", WebReply(b"gone", status=503))
    workbench.write({"shared-context/feeds/ai.md": f"- [Gone]({url})\n"})
    failed = workbench.run(preview=True)
    assert (failed.state, failed.is_preview) == (FireState.FAILED, True)
    assert failed.reason.startswith("preview: nothing could be collected")
    with workbench.system.database.read() as connection:
        assert open_incidents(connection) == []


def test_an_input_by_hand_stands_in_for_the_feeds(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    other = workbench.web.serve("/only-here", b"a page")
    story = f"<item><title>Only here</title><link>{other}</link></item>"
    feed = workbench.web.serve(
        "/other.xml", f'<rss version="2.0"><channel><title>Other</title>{story}</channel></rss>'.encode()
    )
    fire = workbench.run(inputs={"feeds": feed})
    assert [item.url for item in digest_of(workbench, fire).items] == [other]


def test_an_input_by_hand_that_cannot_be_read_is_a_failure_however_many_feeds_it_stands_in_for(
    workbench: Workbench,
) -> None:
    workbench.serve_stories(3)
    feeds = "".join(f"- [Feed {n}](https://feed-{n}.example.org/)\n" for n in range(30))
    workbench.write({"shared-context/feeds/ai.md": feeds})
    fire = workbench.run(inputs={"feeds": "/no/such/file.xml"})
    assert fire.state is FireState.FAILED
    assert "/no/such/file.xml" in fire.reason


# ── Steps ────────────────────────────────────────────────────────────────────────────────────────


def steps_taken(workbench: Workbench, options: dict[str, Any] | None = None) -> list[str]:
    """Take one run of the job to its end on steps in memory, and return what they were."""
    system = workbench.system
    run_id = start_by_hand(system.database, system.workspace(), "scout/morning", NOW, inputs={}, **(options or {}))
    records: list[Any] = []
    asyncio.run(RunWorkflow(system.services)(run_id, MemorySteps(records)))
    return [f"{record['kind']} {record['call_id']}" for record in records]


def test_the_order_of_steps_is_the_one_of_this_workflow_version(workbench: Workbench) -> None:
    """If this fails, the order of steps has changed: raise WORKFLOW_VERSION, then change the list."""
    links = workbench.serve_stories(2)
    workbench.write(job("read: [feeds/ai]\ndeliver: digest\ncontract: {min_items: 2}"))
    script = [
        call_tools(ToolCall("c1", "feeds", '{"name": "ai"}')),
        say(item_lines(links[:1])),
        say(item_lines(links)),
    ]
    with OpenAIServer(script) as server:
        workbench.write(model(server))
        kinds = steps_taken(workbench)
    assert (WORKFLOW_VERSION, kinds) == (
        2,
        [
            "begin begin", "collect collect", "assemble prompt", "model model-1", "tool model-1.1", "model model-2",
            "check check-1", "model model-3", "check check-2", "publish publish", "deliver deliver", "close close",
        ],
    )  # fmt: skip


def test_what_a_job_asks_for_before_it_is_paid_for_has_its_own_steps_in_this_order(workbench: Workbench) -> None:
    """If this fails, the order of steps has changed: raise WORKFLOW_VERSION, then change the lists."""
    workbench.serve_stories(2)
    conditions = "requires: USER.md\nonly_if: {changed: [feeds/ai]}"
    workbench.write(job(f"read: [feeds/ai]\ndeliver: digest\n{conditions}"))
    made = ["assemble prompt", "model model-1", "check check-1", "publish publish", "deliver deliver", "close close"]
    before = ["begin begin", "preflight preflight", "collect collect", "only_if only_if"]
    assert (WORKFLOW_VERSION, steps_taken(workbench)) == (2, [*before, *made])
    # Forced, nothing of it can hold the run back, and only what is remembered is still looked at.
    before.remove("preflight preflight")
    assert steps_taken(workbench, {"force": True}) == [*before, *made]
