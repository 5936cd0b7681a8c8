"""The night as a run: asked once, booked, held to budgets, and done without a model where there is none."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from harness.domain.run import FireState
from harness.memory.learnings import learnings_path, parse_learnings
from harness.memory.learnings_writer import render_learning
from harness.pytest_plugin import NOW, Workbench
from harness.runs.by_hand import start_by_hand
from harness.runs.workflows import RunWorkflow
from harness.store.usage import usage_of_run
from harness.testing.engine import MemorySteps
from harness.testing.openai_server import OpenAIServer, fail, say
from tests.reflection.records import CANDIDATE, PROVEN
from tests.runs.model_workspace import with_model

ERRORS = str(learnings_path("scout", "ERR"))
JOB = "scout/reflect"
LONG = CANDIDATE.why + ", as the search says of count"
SHORT = json.dumps([{"kind": "reword", "id": CANDIDATE.id, "words": {"why": "unknown argument count"}}])


def with_night(**job: str) -> dict[str, str | None]:
    """An agent that has something to promote, and a record that has too many words."""
    front = {"schedule": "daily 23:30", "action": "reflect", "deliver": "digest", **job}
    wordy = render_learning(CANDIDATE).replace(f"Why: {CANDIDATE.why}", f"Why: {LONG}")
    return {
        "agents/scout/jobs/reflect.md": "---\n"
        + "\n".join(f"{key}: {each}" for key, each in front.items())
        + "\n---\n",
        ERRORS: f"{render_learning(PROVEN)}\n{wordy}",
        "agents/scout/MEMORY.md": "- Sam reads in the morning.\n",
    }


def record_why(workbench: Workbench) -> str:
    found = parse_learnings((workbench.root / ERRORS).read_text()).find(CANDIDATE.id)
    assert found is not None
    return found.why


def memory_of(workbench: Workbench) -> str:
    return (workbench.root / "agents/scout/MEMORY.md").read_text()


def page_of(workbench: Workbench) -> str:
    return "\n".join(path.read_text() for path in workbench.delivered() if path.suffix == ".md")


def test_a_night_without_a_model_does_all_that_can_be_done_and_its_page_is_delivered(workbench: Workbench) -> None:
    workbench.write(with_night())
    fire = workbench.run(JOB)
    assert (fire.state, fire.gaps) == (FireState.DELIVERED, 0)
    assert f"^{PROVEN.id}" in memory_of(workbench)
    assert "## Promoted" in page_of(workbench)
    assert record_why(workbench) == LONG
    assert workbench.run(JOB).state is FireState.SILENT


def test_a_model_is_asked_once_a_night_and_what_that_cost_is_booked(workbench: Workbench) -> None:
    with OpenAIServer([say(SHORT)]) as server:
        workbench.write({**with_model(server), **with_night()})
        fire = workbench.run(JOB)
        again = workbench.run(JOB)
    assert fire.state is FireState.DELIVERED
    assert again.state is FireState.SILENT
    assert len(server.requests) == 1
    assert server.requests[0].body.get("tools") in (None, [])
    assert record_why(workbench) == "unknown argument count"
    assert fire.run_id is not None
    with workbench.system.database.read() as connection:
        tokens, cost_usd, calls = usage_of_run(connection, fire.run_id)
    assert (calls, cost_usd > 0, tokens.input_tokens > 0) == (1, True, True)


def test_a_model_that_does_not_answer_is_a_gap_and_the_rest_of_the_night_is_done(workbench: Workbench) -> None:
    with OpenAIServer([fail(500)] * 9) as server:
        workbench.write({**with_model(server), **with_night()})
        fire = workbench.run(JOB)
    assert fire.state is FireState.DEGRADED
    assert f"^{PROVEN.id}" in memory_of(workbench)
    assert "the model gave no answer" in page_of(workbench)


def test_an_answer_that_is_no_proposal_changes_nothing_and_is_told(workbench: Workbench) -> None:
    with OpenAIServer([say("I have promoted everything, as the record asked me to.")]) as server:
        workbench.write({**with_model(server), **with_night()})
        workbench.run(JOB)
    assert record_why(workbench) == LONG
    assert "the whole answer: it is no JSON" in page_of(workbench)


def test_nothing_paid_is_asked_before_a_budget_is_set(workbench: Workbench) -> None:
    with OpenAIServer([say(SHORT)]) as server:
        files = {**with_model(server), **with_night()}
        settings = files["harness.toml"]
        assert settings is not None
        agent_file = (workbench.root / "agents/scout/agent.toml").read_text().replace('budget = "$1/day"\n', "")
        settings = settings.replace('budget = "$100/day"\n', "")
        workbench.write({**files, "harness.toml": settings, "agents/scout/agent.toml": agent_file})
        fire = workbench.run(JOB)
    assert server.requests == ()
    assert fire.state is FireState.DEGRADED
    assert f"^{PROVEN.id}" in memory_of(workbench)
    assert "no budget is set" in page_of(workbench)


def test_a_preview_asks_and_shows_and_writes_nothing(workbench: Workbench) -> None:
    workbench.write(with_night())
    before = (memory_of(workbench), (workbench.root / ERRORS).read_text())
    fire = workbench.run(JOB, preview=True)
    assert "preview" in fire.reason
    assert (memory_of(workbench), (workbench.root / ERRORS).read_text()) == before
    assert not (workbench.system.state.root / "reflection").exists()


def test_the_steps_of_a_night_are_recorded_in_this_order(workbench: Workbench) -> None:
    """If this fails, the order of steps has changed: raise WORKFLOW_VERSION, then change the list."""
    with OpenAIServer([say(SHORT)]) as server:
        workbench.write({**with_model(server), **with_night()})
        system = workbench.system
        run_id = start_by_hand(system.database, system.workspace(), JOB, NOW, inputs={})
        records: list[Any] = []
        asyncio.run(RunWorkflow(system.services)(run_id, MemorySteps(records)))
    assert [f"{record['kind']} {record['call_id']}" for record in records] == [
        "begin begin", "act reflect-question", "model model-1", "act reflect", "publish publish", "deliver deliver",
        "close close",
    ]  # fmt: skip


@pytest.mark.parametrize("left", [2, 3])
def test_a_run_that_was_killed_after_its_paid_call_asks_no_second_time(workbench: Workbench, left: int) -> None:
    with OpenAIServer([say(SHORT)]) as server:
        workbench.write({**with_model(server), **with_night()})
        system = workbench.system
        run_id = start_by_hand(system.database, system.workspace(), JOB, NOW, inputs={})
        records: list[Any] = []
        asyncio.run(RunWorkflow(system.services)(run_id, MemorySteps(records)))
        del records[left + 1 :]  # what was recorded when it died: the model's answer, or the night as well
        with system.database.write() as connection:
            connection.exec_driver_sql("UPDATE run SET state = 'running', ended_at = NULL")
            connection.exec_driver_sql("UPDATE fire SET state = 'running', closed_at = NULL")
        asyncio.run(RunWorkflow(system.services)(run_id, MemorySteps(records)))
    assert len(server.requests) == 1
    assert memory_of(workbench).count(PROVEN.id) == 1
