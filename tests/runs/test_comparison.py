"""What differs between two runs, part by part."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from harness.domain.message import ToolCall, Usage
from harness.domain.run import Fire
from harness.pytest_plugin import NOW, Workbench
from harness.runs.comparison import Part, compare_runs
from harness.runs.recording import Recording, read_recording
from harness.store.peek import peek
from harness.testing.openai_server import OpenAIServer, call_tools, say
from tests.runs.model_workspace import item_lines, with_job, with_model


def recording(workbench: Workbench, fire: Fire) -> Recording:
    state = workbench.system.state
    with peek(workbench.system.database.address) as look:
        assert look is not None
        found = read_recording(look, state, fire.run_id or "")
    assert found is not None
    return found


def two_runs(workbench: Workbench) -> tuple[Recording, Recording]:
    """One run with a tool call over two stories, and a day later one without over three, of an edited job."""
    *links, third = workbench.serve_stories(3)
    workbench.serve_stories(2)
    counted = Usage(1_000, 0, 200)
    script = [
        call_tools(ToolCall("c1", "web_read", json.dumps({"url": links[0]})), usage=counted),
        say(item_lines(links), usage=counted),
        say(item_lines([*links, third]), usage=counted),
        say(item_lines(links), usage=counted),
    ]
    with OpenAIServer(script) as server:
        promise = "read: [feeds/ai]\ndeliver: digest\ncontract: {max_items: 2}"
        workbench.write({**with_model(server), **with_job(promise)})
        first = workbench.run()
        workbench.serve_stories(3)
        workbench.write(with_job(promise, body="Rank it anew."))
        workbench.system.workspace.reload()
        workbench.clock.jump_to(NOW + timedelta(days=1))
        second = workbench.run()
    return recording(workbench, first), recording(workbench, second)


def test_two_runs_are_compared_in_all_that_they_were_and_came_to(workbench: Workbench) -> None:
    first, second = two_runs(workbench)
    parts = {part.name: part for part in compare_runs(first, second)}
    assert {"-prompt: Rank it.", "+prompt: Rank it anew."} <= set(parts["job"].changes())
    (story,) = parts["inputs"].changes()
    assert story.startswith("+Cats accept a treaty")
    assert "+Rank it anew." in parts["prompt"].changes()
    assert any(line.startswith("-[model-1.1] web.read") for line in parts["tools"].changes())
    assert any("/story-3" in line for line in parts["answers"].changes())
    assert any(line.startswith("+check-1: max_items") for line in parts["contract"].changes())
    assert parts["cost"].is_same
    assert parts["duration"].then[0].endswith(" s")


def test_a_run_does_not_differ_from_itself(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    one = recording(workbench, workbench.run())
    assert all(part.is_same for part in compare_runs(one, one))


def test_what_retention_deleted_is_named_with_day_and_setting_and_the_rest_is_compared(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    one = recording(workbench, workbench.run())
    gone = replace(one, steps=(), run=replace(one.run, forgotten_at=1795101300.0))
    parts = {part.name: part for part in compare_runs(one, gone)}
    assert parts["prompt"].is_same is None
    assert "deleted by retention on 2026-11-19 ([retention] runs in harness.toml)" in parts["prompt"].missing
    assert parts["outcome"].is_same is not None
    assert parts["digest"].is_same


LINES = st.lists(st.text(alphabet="ab -+", max_size=4), max_size=6).map(tuple)


@given(LINES, LINES)
def test_changes_take_the_first_text_to_the_second(then: tuple[str, ...], now: tuple[str, ...]) -> None:
    part = Part("x", then, now)
    shown = [line for line in part.changes() if not line.startswith("@@")]
    assert bool(shown) == (then != now)
    removed, added = (sorted(line[1:] for line in shown if line[0] == mark) for mark in "-+")
    kept = list(then)
    for line in removed:
        kept.remove(line)
    assert sorted([*kept, *added]) == sorted(now)


@given(LINES, LINES)
def test_in_a_set_only_what_one_side_has_alone_is_shown(then: tuple[str, ...], now: tuple[str, ...]) -> None:
    changes = Part("x", then, now, is_set=True).changes()
    assert {line[1:] for line in changes if line[0] == "-"} == set(then) - set(now)
    assert {line[1:] for line in changes if line[0] == "+"} == set(now) - set(then)
    assert len(changes) == len(set(then) ^ set(now))
