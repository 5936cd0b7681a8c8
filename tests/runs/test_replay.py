"""Runs played again: what was recorded is played back, what today's files make of it is compared."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from sqlalchemy import select

from harness.domain.errors import HarnessError, TransientError
from harness.domain.message import ToolCall
from harness.domain.run import Fire
from harness.ports import Web, WebResponse
from harness.pytest_plugin import Workbench
from harness.runs.comparison import Part, compare_replay
from harness.runs.reachability import Reach
from harness.runs.recording import Recording, read_recording
from harness.runs.replay import RecordedLinks, recorded_links, replay
from harness.store.peek import peek
from harness.store.tables import metadata
from harness.testing.openai_server import OpenAIServer, call_tools, fail, say
from harness.testing.web_server import WebReply
from harness.wiring.playback import playback_services
from tests.runs.model_workspace import item_lines, with_job, with_model

REACHABLE = "read: [feeds/ai]\ndeliver: digest\ncontract: {min_items: 3, links: reachable}"


class Counting:
    """Passes on to the recorded links and counts how often it was asked."""

    def __init__(self, inner: Web) -> None:
        self._inner = inner
        self.asked: list[str] = []

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> WebResponse:
        self.asked.append(url)
        return await self._inner.get(url, max_bytes=max_bytes, timeout_s=timeout_s, headers=headers, method=method)


def recording(workbench: Workbench, fire: Fire) -> Recording:
    state = workbench.system.state
    with peek(workbench.system.database.address) as look:
        assert look is not None
        found = read_recording(look, state, fire.run_id or "")
    assert found is not None
    return found


def play(workbench: Workbench, recorded: Recording) -> dict[str, Part]:
    with playback_services(workbench.root, workbench.environ, recorded_links(recorded)) as services:
        replayed = asyncio.run(replay(recorded, services))
    return {part.name: part for part in compare_replay(recorded, replayed)}


def differing(parts: Mapping[str, Part]) -> list[str]:
    return [part.name for part in parts.values() if part.is_same is False]


def ledger(workbench: Workbench) -> list[tuple[object, ...]]:
    """Every row of every table but the engine's own, which it still writes to for a moment after a run."""
    with workbench.system.database.read() as connection:
        return [tuple(row) for table in metadata.sorted_tables for row in connection.execute(select(table))]


def test_a_replay_over_unchanged_files_is_the_same_in_every_part_and_asks_nobody(workbench: Workbench) -> None:
    links = workbench.serve_stories(3)
    script = [
        call_tools(ToolCall("c1", "web_read", json.dumps({"url": links[0]}))),
        say(item_lines(links[:2])),
        say(item_lines(links)),
    ]
    workbench.web.serve("/story-2", WebReply(b"down", status=500))
    with OpenAIServer(script) as server:
        workbench.write({**with_model(server), **with_job(REACHABLE)})
        fire = workbench.run()
        asked = (len(server.requests), len(workbench.web.requests))
        before = ledger(workbench)
        files = sorted(workbench.system.state.root.rglob("*"))
        parts = play(workbench, recording(workbench, fire))
        assert (len(server.requests), len(workbench.web.requests)) == asked
    assert (differing(parts), list(parts)) == ([], ["prompt", "contract", "outcome", "digest"])
    assert parts["prompt"].then[0].startswith("sha256 ")
    assert any("check-1: min_items" in line for line in parts["contract"].now)
    assert "state: degraded" in parts["outcome"].now
    assert parts["digest"].now
    assert ledger(workbench) == before
    assert [path for path in sorted(workbench.system.state.root.rglob("*")) if path not in files] == []


def test_an_edit_shows_in_the_prompt_and_in_what_follows_from_it(workbench: Workbench) -> None:
    links = workbench.serve_stories(3)
    with OpenAIServer([say(item_lines(links))]) as server:
        workbench.write({**with_model(server), **with_job()})
        fire = workbench.run()
        workbench.write(
            {
                "agents/scout/SOUL.md": "You are terse.\n",
                **with_job("read: [feeds/ai]\ndeliver: digest\ncontract: {max_items: 2}"),
            }
        )
        parts = play(workbench, recording(workbench, fire))
        assert len(server.requests) == 1
    assert differing(parts) == ["prompt", "contract", "outcome", "digest"]
    changes = parts["prompt"].changes()
    assert any(line.startswith("-You are scout.") for line in changes)
    assert "+You are terse." in changes
    # The answer breaks today's contract, and then nobody asked the model to repair it.
    assert "+check-1: max_items: 3 items, at most 2 allowed" in parts["contract"].changes()
    assert "state: degraded" in parts["outcome"].now
    assert any("could not be repaired: the record has no model model-2" in line for line in parts["digest"].now)


def test_a_key_that_is_not_set_here_does_not_matter(workbench: Workbench) -> None:
    links = workbench.serve_stories(2)
    with OpenAIServer([say(item_lines(links))]) as server:
        workbench.write({**with_model(server), **with_job()})
        fire = workbench.run()
        settings = with_model(server)["harness.toml"] or ""
        workbench.write({"harness.toml": settings.replace("attempts = 1", 'attempts = 1\nkey_env = "NO_SUCH_KEY"')})
        assert differing(play(workbench, recording(workbench, fire))) == []


@pytest.mark.parametrize("answers", [[fail(500)], []])
def test_a_run_that_failed_fails_in_the_same_way_again(workbench: Workbench, answers: list[object]) -> None:
    workbench.serve_stories(2)
    with OpenAIServer(answers) as server:  # type: ignore[arg-type]
        workbench.write({**with_model(server), **with_job()})
        fire = workbench.run()
    parts = play(workbench, recording(workbench, fire))
    assert differing(parts) == []
    assert "state: failed" in parts["outcome"].now


def test_without_a_model_the_prompt_and_the_digest_are_compared_as_well(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    fire = workbench.run()
    parts = play(workbench, recording(workbench, fire))
    assert differing(parts) == []
    assert parts["digest"].then == parts["digest"].now != ()


def test_a_run_that_found_nothing_new_is_silent_again(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write(with_job("read: [feeds/ai]\ndeliver: digest\ncontract: {unseen_for: 14d}"))
    workbench.run()
    parts = play(workbench, recording(workbench, workbench.run()))
    assert differing(parts) == []
    assert "state: silent" in parts["outcome"].now


def test_a_preview_is_replayed_as_one(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    assert differing(play(workbench, recording(workbench, workbench.run(preview=True)))) == []


def test_a_condition_that_is_new_today_is_taken_to_hold(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    fire = workbench.run()
    workbench.write(
        with_job("read: [feeds/ai]\ncontract: {min_items: 1}\nonly_if: {new_items: 100}\ndeliver: digest", "Rank it.")
    )
    assert "outcome" not in differing(play(workbench, recording(workbench, fire)))


def test_a_digest_that_retention_deleted_cannot_be_compared_and_says_so(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    recorded = recording(workbench, workbench.run())
    gone = replace(recorded, digest=None, run=replace(recorded.run, artifacts_deleted_at=1795101300.0))
    part = play(workbench, gone)["digest"]
    assert part.is_same is None
    assert "deleted by retention on 2026-11-19 ([retention] artifacts in harness.toml)" in part.missing


def test_a_job_that_is_gone_today_cannot_be_replayed(workbench: Workbench) -> None:
    workbench.serve_stories(1)
    recorded = recording(workbench, workbench.run())
    workbench.write({"agents/scout/jobs/morning.md": None, "agents/scout/jobs/noon.md": "---\nread: []\n---\nGo.\n"})
    with pytest.raises(HarnessError, match="has no job 'morning'"):
        play(workbench, recorded)


def test_recorded_links_answer_as_they_did_and_nothing_else_answers() -> None:
    links = RecordedLinks(
        {"https://a.example/": Reach(True, status=200), "https://b.example/": Reach(None, "no route")}
    )

    def status(url: str) -> int:
        return asyncio.run(links.get(url, max_bytes=1, timeout_s=1.0)).status

    assert status("https://a.example/") == 200
    with pytest.raises(TransientError, match="no route"):
        status("https://b.example/")
    with pytest.raises(TransientError, match="a replay has no network"):
        status("https://c.example/")
