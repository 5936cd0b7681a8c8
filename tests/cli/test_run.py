from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli.failures import Misused
from harness.cli.place import Place
from harness.cli.run import fire_in_ledger, parse_inputs, progress_line
from harness.domain.run import FireKind, FireState
from harness.store.fires import replan_fire
from harness.store.runs import NewRun, queue_run
from harness.store.state_folder import StateFolder

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine, Ledger


def test_value_that_is_a_file_from_here_becomes_its_full_path(tmp_path: Path) -> None:
    (tmp_path / "feed.xml").write_text("<rss/>")
    inputs = parse_inputs(["feeds=feed.xml", "page=https://a.example/?x=1", "note=two words"], tmp_path)
    assert inputs == {
        "feeds": str((tmp_path / "feed.xml").resolve()),
        "page": "https://a.example/?x=1",
        "note": "two words",
    }


@pytest.mark.parametrize("pairs", [["feeds"], ["=x"], ["feeds="], ["a=1", "a=2"]])
def test_pair_that_cannot_be_meant_is_a_misuse(tmp_path: Path, pairs: list[str]) -> None:
    with pytest.raises(Misused):
        parse_inputs(pairs, tmp_path)


@given(value=st.text(min_size=1))
def test_any_text_can_be_a_value(value: str) -> None:
    assert parse_inputs([f"text={value}"], Path("/nowhere")) == {"text": value}


FEED = """<?xml version="1.0"?>
<rss version="2.0"><channel><title>Example News</title><link>https://news.example.org</link><description>n</description>
<item><title>A compiler learns to explain itself</title><link>https://news.example.org/compiler</link>
<description>The new release explains each error in a sentence.</description></item>
</channel></rss>
"""
JOB = "---\nschedule: daily 08:00\nread: [feed.xml]\ndeliver: digest\nonly_if: {exists: ['inbox/*']}\n---\nRank.\n"


def test_a_run_whose_condition_does_not_hold_says_why_and_how_to_run_it_all_the_same(
    root: Path, harness: CommandLine
) -> None:
    (root / "feed.xml").write_text(FEED)
    (root / "agents/scout/jobs/morning.md").write_text(JOB)
    held_back = harness("run", "scout/morning")
    assert held_back.returncode == 1
    assert "nothing in the workspace matches inbox/*; run it anyway with --force" in " ".join(held_back.stdout.split())
    forced = harness("run", "scout/morning", "--force", "--json")
    assert (forced.returncode, json.loads(forced.stdout)["state"]) == (0, "delivered")


def test_the_end_of_a_run_is_found_although_another_attempt_came_to_it(
    root: Path, state: StateFolder, ledger: Ledger
) -> None:
    due_at = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
    first = ledger.fire("scout/morning", due_at, FireState.RUNNING)
    second = f"{first}~2"
    again = NewRun(second, "scout/morning", "agent", FireKind.CRON, int(due_at.timestamp()), 1)
    ledger.write(lambda connection: queue_run(connection, again, due_at))
    ledger.write(
        lambda connection: replan_fire(connection, first, "me", new_run_id=second, reason="waits for scout/noon")
    )
    fire = fire_in_ledger(Place(root, state, {}, due_at, "UTC"), first)
    assert (fire.run_id, fire.state, fire.reason) == (second, FireState.PLANNED, "waits for scout/noon")


def test_progress_says_what_a_run_waits_for() -> None:
    assert progress_line("manual:a/b:1", {"state": "running", "reason": ""}) == "manual:a/b:1: running"
    told = progress_line("manual:a/b:1", {"state": "planned", "reason": "waits for a/c"})
    assert told == "manual:a/b:1: planned, waits for a/c"
