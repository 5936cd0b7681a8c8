"""The baseline that every ratio stands on: were it not the same work, the ratios would say nothing."""

from __future__ import annotations

import json
import sqlite3
import urllib.request
from contextlib import closing
from pathlib import Path

from bench.bare import MODEL, bare_workflows, slots
from bench.instant_model import instant_model
from harness.testing.openai_server import OpenAIServer, say

WARM_UP = 20


def test_bare_workflow_has_as_many_recorded_steps_as_a_run_and_asks_the_model_once(tmp_path: Path) -> None:
    with (
        OpenAIServer(lambda request: say("Well.")) as server,
        bare_workflows(f"sqlite:///{tmp_path}/bare.db", server.base_url, 3) as bare,
    ):
        bare.give("together", runs=4, at_once=2)
        assert bare.result() == 4
        bare.give("one_by_one", runs=2)
        assert len(bare.result()) == 2
        asked = server.requests

    with closing(sqlite3.connect(tmp_path / "bare.db")) as database:
        steps = database.execute("SELECT COUNT(*) FROM operation_outputs GROUP BY workflow_uuid").fetchall()
    assert steps == [(3,)] * (WARM_UP + 6)
    assert [request.body["model"] for request in asked] == [MODEL] * (WARM_UP + 6)


def test_each_workflow_that_was_due_asks_once_in_the_name_of_its_agent(tmp_path: Path) -> None:
    with (
        OpenAIServer(lambda request: say("Well.")) as server,
        bare_workflows(f"sqlite:///{tmp_path}/bare.db", server.base_url, 1) as bare,
    ):
        bare.give("on_time", periods_s={"f": 1}, offset_s=0.0, seconds=2.5)
        started = bare.result()
        asked = server.requests[WARM_UP:]

    assert started in (2, 3)
    assert ["You are f." in request.messages[0]["content"] for request in asked] == [True] * started


def test_slots_of_bare_workflows_lie_on_the_clock_and_not_on_their_start() -> None:
    assert list(slots(100.9, 7.0, 3, 0.5)) == [102.5, 105.5]


def test_model_of_the_benchmark_answers_at_an_address_of_its_own() -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]}).encode()
    with instant_model() as base_url:
        request = urllib.request.Request(f"{base_url}/chat/completions", body)
        with urllib.request.urlopen(request, timeout=10) as response:
            answered = json.loads(response.read())

    assert answered["choices"][0]["message"]["content"] == "Well."
