"""A condition in whole runs: what it holds back, and when what was seen is committed."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta

import pytest

from harness.delivery.outbox import MAX_ATTEMPTS, pause_s
from harness.domain.run import Fire, FireState
from harness.pytest_plugin import NOW, Workbench
from harness.runs.deliveries import settle_deliveries
from harness.store.conditions import ConditionRow, load_condition
from harness.store.incidents import open_incidents
from harness.store.runs import run_by_id
from harness.testing.openai_server import OpenAIServer, fail, say
from harness.testing.web_server import WebReply

EIGHT = NOW + timedelta(minutes=1)
DAY = timedelta(days=1)
JOB = "scout/morning"
UNCHANGED = "nothing changed in feeds/ai since Sat 08:00"


def job(front_matter: str, *, body: str = "Rank what changed.") -> dict[str, str | None]:
    text = f"---\nschedule: daily 08:00\ndeliver: digest\nattempts: 1\n{front_matter}\n---\n{body}\n"
    return {"agents/scout/jobs/morning.md": text}


def only_if(condition: str) -> dict[str, str | None]:
    return job(f"read: [feeds/ai]\nonly_if: {condition}")


def committed(workbench: Workbench) -> ConditionRow | None:
    with workbench.system.database.read() as connection:
        return load_condition(connection, JOB)


def last(workbench: Workbench) -> Fire:
    return workbench.fires()[-1]


def steps_of(workbench: Workbench, fire: Fire) -> list[str]:
    return [step.kind for step in workbench.system.engine.recorded(fire.run_id or "")]


def settle(workbench: Workbench) -> None:
    system = workbench.system
    settings = system.workspace().settings
    settle_deliveries(system.database, system.services.channels(settings), settings, workbench.clock.now())


def with_model(server: OpenAIServer) -> Mapping[str, str]:
    return {
        "harness.toml": f'home = "America/Los_Angeles"\nprofile = "cheap"\n[profiles.cheap]\nadapter = "openai"\n'
        f'base_url = "{server.base_url}"\nmodel = "m"\nattempts = 1\n[channels.digest]\nkind = "file"\n'
        '[channels.terminal]\nkind = "stdout"\n[egress]\nloopback = true\n'
    }


# ── What it holds back ───────────────────────────────────────────────────────────────────────────


def test_where_nothing_changed_no_prompt_is_assembled_and_no_model_asked(workbench: Workbench) -> None:
    links = workbench.serve_stories(2)
    workbench.write(only_if("{changed: [feeds/ai]}"))
    with OpenAIServer(lambda request: say(f"- [Story]({links[0]}) — read it.")) as server:
        workbench.write(with_model(server))
        workbench.tick_at(EIGHT)
        workbench.tick_at(EIGHT + DAY)
        asked = len(server.requests)
        first, second = workbench.fires()
        assert (first.state, second.state, second.reason) == (FireState.DELIVERED, FireState.SKIPPED, UNCHANGED)
        assert steps_of(workbench, second) == ["begin", "collect", "only_if", "close"]
        workbench.serve_stories(3)
        workbench.tick_at(EIGHT + 2 * DAY)
        assert (asked, len(server.requests)) == (1, 2)
    assert last(workbench).state is FireState.DELIVERED


def test_too_few_new_items_are_saved_up_for_the_next_run(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write(only_if("{new_items: 2}"))
    workbench.tick_at(EIGHT)
    workbench.serve_stories(3)
    workbench.tick_at(EIGHT + DAY)
    assert last(workbench).reason == "1 new item since Sat 08:00, the job wants 2"
    workbench.serve_stories(4)
    workbench.tick_at(EIGHT + 2 * DAY)
    assert last(workbench).state is FireState.DELIVERED


def test_what_was_delivered_before_is_left_out_and_no_change_for_that(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write(job("read: [feeds/ai]\nonly_if: {changed: [feeds/ai]}\ncontract: {unseen_for: 14d}"))
    workbench.tick_at(EIGHT)
    workbench.tick_at(EIGHT + DAY)
    assert last(workbench).reason == UNCHANGED


def test_a_file_that_must_be_there_is_looked_for_every_time(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write(only_if("{exists: ['inbox/*.md']}"))
    workbench.tick_at(EIGHT)
    assert last(workbench).reason == "nothing in the workspace matches inbox/*.md"
    workbench.write({"inbox/note.md": "Do it.\n"})
    workbench.tick_at(EIGHT + DAY)
    workbench.tick_at(EIGHT + 2 * DAY)
    assert [fire.state for fire in workbench.fires()[1:]] == [FireState.DELIVERED] * 2


def test_a_file_that_cannot_be_looked_for_fails_the_run_and_is_told(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write(only_if("{exists: ['drop/*.md']}"))
    root = workbench.system.workspace().root
    (root / "drop").symlink_to("drop")
    workbench.tick_at(EIGHT)
    fire = last(workbench)
    assert (fire.state, fire.reason.partition(" (")[0]) == (FireState.FAILED, "drop: cannot be looked at")
    with workbench.system.database.read() as connection:
        assert [row.cause for row in open_incidents(connection)] == [f"job {JOB}"]


def test_a_forced_run_does_not_look_for_what_the_condition_names(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write(only_if("{exists: ['drop/*.md']}"))
    (workbench.system.workspace().root / "drop").symlink_to("drop")
    assert workbench.run(JOB, force=True).state is FireState.DELIVERED


def test_sources_that_all_fail_are_a_failure_and_not_quiet(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write(only_if("{changed: [feeds/ai], new_items: 1}"))
    workbench.tick_at(EIGHT)
    workbench.web.serve("/feed.xml", WebReply(b"gone", status=404))
    workbench.tick_at(EIGHT + DAY)
    fire = last(workbench)
    assert fire.state is FireState.FAILED
    assert "News: answered 404 Not Found" in fire.reason
    with workbench.system.database.read() as connection:
        assert open_incidents(connection) != []


def test_a_source_that_fails_beside_others_that_did_not_change_is_named(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write({**only_if("{changed: [feeds/ai]}")})
    workbench.tick_at(EIGHT)
    feeds = (workbench.root / "shared-context/feeds/ai.md").read_text()
    gone = workbench.web.serve("/gone.xml", WebReply(b"gone", status=404))
    workbench.write({"shared-context/feeds/ai.md": f"{feeds}- [Gone]({gone})\n"})
    workbench.system.workspace.reload()
    workbench.tick_at(EIGHT + DAY)
    assert last(workbench).reason == f"{UNCHANGED}; could not be read: Gone: answered 404 Not Found"


def test_an_action_whose_condition_does_not_hold_does_nothing(workbench: Workbench) -> None:
    workbench.serve_stories(1)
    workbench.write(
        job("read: [feeds/ai]\naction: self-check\nonly_if: {changed: [feeds/ai], exists: [USER.md]}", body="")
    )
    workbench.tick_at(EIGHT)
    first = last(workbench)
    assert first.state.is_success
    workbench.tick_at(EIGHT + DAY)
    fire = last(workbench)
    assert (fire.state, fire.reason) == (FireState.SKIPPED, UNCHANGED)
    assert steps_of(workbench, fire) == ["begin", "collect", "only_if", "close"]


def test_a_job_without_conditions_takes_no_step_for_them(workbench: Workbench) -> None:
    workbench.serve_stories(1)
    workbench.tick_at(EIGHT)
    assert not {"preflight", "only_if"} & set(steps_of(workbench, last(workbench)))


# ── What is committed, and when ──────────────────────────────────────────────────────────────────


def test_a_run_that_fails_leaves_what_was_seen_before_so_that_the_next_one_runs(workbench: Workbench) -> None:
    links = workbench.serve_stories(2)
    workbench.write(only_if("{changed: [feeds/ai]}"))
    answer = say(f"- [Story]({links[0]}) — read it.")
    with OpenAIServer([answer, fail(500), answer]) as server:
        workbench.write(with_model(server))
        workbench.tick_at(EIGHT)
        before = committed(workbench)
        workbench.serve_stories(3)
        workbench.tick_at(EIGHT + DAY)
        assert last(workbench).state is FireState.FAILED
        assert committed(workbench) == before
        workbench.tick_at(EIGHT + 2 * DAY)
    assert last(workbench).state is FireState.DELIVERED
    row = committed(workbench)
    assert row is not None
    assert row.run_id == last(workbench).run_id


def test_an_answer_that_breaks_its_contract_leaves_what_was_seen_before(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write(only_if("{changed: [feeds/ai]}"))
    workbench.tick_at(EIGHT)
    before = committed(workbench)
    workbench.serve_stories(3)
    broken = "read: [feeds/ai]\nonly_if: {changed: [feeds/ai]}\ncontract: {must_include: [never said]}"
    workbench.write(job(broken))
    workbench.system.workspace.reload()
    workbench.tick_at(EIGHT + DAY)
    assert (last(workbench).state, committed(workbench)) == (FireState.FAILED, before)


def test_a_run_that_was_held_back_leaves_what_was_seen_before(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write(only_if("{new_items: 2}"))
    workbench.tick_at(EIGHT)
    before = committed(workbench)
    workbench.serve_stories(3)
    workbench.tick_at(EIGHT + DAY)
    assert committed(workbench) == before


def test_a_silent_run_commits_what_it_saw(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write(job("read: [feeds/ai]\ncontract: {unseen_for: 14d}"))
    workbench.tick_at(EIGHT)
    workbench.write(job("read: [feeds/ai]\ncontract: {unseen_for: 14d}\nonly_if: {changed: [feeds/ai]}"))
    workbench.system.workspace.reload()
    workbench.tick_at(EIGHT + DAY)
    assert last(workbench).state is FireState.SILENT
    workbench.tick_at(EIGHT + 2 * DAY)
    assert last(workbench).reason == "nothing changed in feeds/ai since Sun 08:00"


def test_a_preview_and_a_run_with_other_inputs_commit_nothing(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write(only_if("{changed: [feeds/ai]}"))
    assert workbench.run(preview=True).state is FireState.SILENT
    assert workbench.run(inputs={"feeds": workbench.web.url("/feed.xml")}).state is FireState.DELIVERED
    assert committed(workbench) is None


def test_what_waits_for_its_channel_is_committed_when_that_acknowledges(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write(only_if("{changed: [feeds/ai]}"))
    in_the_way = workbench.system.state.root / "digests"
    in_the_way.write_text("in the way")
    workbench.tick_at(EIGHT)
    assert (last(workbench).state, committed(workbench)) == (FireState.SUSPENDED, None)
    in_the_way.unlink()
    workbench.clock.advance(pause_s(1))
    settle(workbench)
    fire = last(workbench)
    row = committed(workbench)
    assert fire.state is FireState.DELIVERED
    assert row is not None
    assert (row.run_id, row.due_at) == (fire.run_id, int(EIGHT.timestamp()))


def test_what_was_never_delivered_is_not_committed(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write(only_if("{changed: [feeds/ai]}"))
    (workbench.system.state.root / "digests").write_text("in the way")
    workbench.tick_at(EIGHT)
    for _ in range(MAX_ATTEMPTS):
        workbench.clock.advance(pause_s(MAX_ATTEMPTS))
        settle(workbench)
    assert (last(workbench).state, committed(workbench)) == (FireState.FAILED, None)


def test_a_delivery_that_is_acknowledged_late_does_not_hide_what_a_newer_run_saw(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write(only_if("{changed: [feeds/ai]}"))
    in_the_way = workbench.system.state.root / "digests"
    in_the_way.write_text("in the way")
    workbench.tick_at(EIGHT)
    in_the_way.unlink()
    workbench.serve_stories(3)
    workbench.tick_at(EIGHT + DAY)
    newer = committed(workbench)
    settle(workbench)
    assert [fire.state for fire in workbench.fires()] == [FireState.DELIVERED] * 2
    assert committed(workbench) == newer
    workbench.tick_at(EIGHT + 2 * DAY)
    assert last(workbench).state is FireState.SKIPPED


def test_a_memory_that_cannot_be_read_lets_the_run_go_on_and_is_logged(
    workbench: Workbench, caplog: pytest.LogCaptureFixture
) -> None:
    workbench.serve_stories(2)
    workbench.write(only_if("{changed: [feeds/ai]}"))
    workbench.tick_at(EIGHT)
    with workbench.system.database.write() as connection:
        connection.exec_driver_sql("""UPDATE condition_state SET state = '{"of": "another version"}'""")
    with caplog.at_level(logging.WARNING):
        workbench.tick_at(EIGHT + DAY)
    assert last(workbench).state is FireState.DELIVERED
    assert "cannot be read any more" in caplog.text
    workbench.tick_at(EIGHT + 2 * DAY)
    assert last(workbench).state is FireState.SKIPPED


def test_what_is_remembered_is_kept_in_one_place(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write(only_if("{changed: [feeds/ai]}"))
    workbench.tick_at(EIGHT)
    with workbench.system.database.read() as connection:
        run = run_by_id(connection, last(workbench).run_id or "")
    assert run is not None
    assert run.outcome["condition_state"] is None
    row = committed(workbench)
    assert row is not None
    assert list(json.loads(row.state)["readings"]) == ["feeds/ai"]


# ── By hand ──────────────────────────────────────────────────────────────────────────────────────


def test_by_hand_it_says_how_to_run_all_the_same_and_force_does(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write(only_if("{changed: [feeds/ai]}"))
    workbench.tick_at(EIGHT)
    workbench.clock.jump_to(EIGHT + timedelta(hours=1))
    fire = workbench.run()
    assert (fire.state, fire.reason) == (FireState.SKIPPED, f"{UNCHANGED}; run it anyway with --force")
    workbench.clock.jump_to(EIGHT + timedelta(hours=2))
    forced = workbench.run(force=True)
    assert forced.state is FireState.DELIVERED
    row = committed(workbench)
    assert row is not None
    assert row.run_id == forced.run_id


# ── Killed ───────────────────────────────────────────────────────────────────────────────────────

DIES_WHEN_IT_DELIVERS = """
import io, os, sys
from pathlib import Path
from harness.pytest_plugin import NOW
from harness.runs.by_hand import start_by_hand
from harness.testing.clock import VirtualClock
from harness.wiring.build import build_system

class Deadly(io.StringIO):
    def write(self, text):
        os.kill(os.getpid(), 9)

system = build_system(Path(sys.argv[1]), environ={}, clock=VirtualClock(NOW), out=Deadly())
start_by_hand(system.database, system.workspace(), "scout/morning", NOW, inputs={})
system.launch()
system.dispatcher.dispatch()
system.dispatcher.wait_for_change(60)
"""


def test_killed_between_publishing_and_closing_it_commits_once_what_it_had_seen_then(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    text = "---\nschedule: daily 08:00\nread: [feeds/ai]\ndeliver: terminal\nonly_if: {changed: [feeds/ai]}\n---\nGo.\n"
    workbench.write({"agents/scout/jobs/morning.md": text})
    life = subprocess.run([sys.executable, "-c", DIES_WHEN_IT_DELIVERS, str(workbench.root)], check=False)
    assert life.returncode == -signal.SIGKILL
    workbench.serve_stories(3)  # while nobody was there
    assert committed(workbench) is None
    workbench.settle()
    (fire,) = workbench.fires()
    row = committed(workbench)
    assert (fire.state, fire.items) == (FireState.DELIVERED, 2)
    assert row is not None
    assert (row.run_id, row.committed_at) == (fire.run_id, NOW.timestamp())
    assert len(json.loads(row.state)["readings"]["feeds/ai"]["items"]) == 2
    workbench.tick_at(EIGHT)
    assert (last(workbench).state, last(workbench).items) == (FireState.DELIVERED, 3)
    workbench.tick_at(EIGHT + DAY)
    assert last(workbench).state is FireState.SKIPPED
