"""Many runs that want a budget at the same moment, on a file and on a server."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from harness.domain.message import Usage
from harness.pytest_plugin import NOW, Workbench
from harness.store.incidents import open_incidents
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, say
from tests.runs.model_workspace import SETTINGS
from tests.runs.test_asking import agent, job

EIGHT = NOW + timedelta(minutes=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


def test_runs_at_the_same_time_do_not_overshoot_a_budget_together(workbench: Workbench) -> None:
    names = [f"agent{number}" for number in range(6)]
    all_asked = threading.Event()
    asked: list[ChatRequest] = []

    def answer(request: ChatRequest) -> ChatAnswer:
        asked.append(request)
        if len(asked) == 2:
            all_asked.set()
        # Both calls are in flight while the other runs look for room.
        all_asked.wait(60)
        return say("A report of its own, at some length.", usage=Usage(1_000, 0, 4_000))

    with OpenAIServer(answer) as server:
        files: dict[str, str | None] = {"agents/scout/jobs/morning.md": None}
        for name in names:
            files |= {**agent(name), **job(name)}
            files[f"agents/{name}/jobs/report.md"] = (
                "---\nschedule: daily 08:00\ndeliver: digest\nwithout_model: skip\npriority: high\n---\nReport.\n"
            )
        # A call may cost 4.096 cents and some for the prompt: two fit, and a third does not.
        settings = SETTINGS.format(base_url=server.base_url, name="m").replace("$100/day", "$0.11/day")
        workbench.write({**files, "harness.toml": settings})
        workbench.tick_at(EIGHT)
    states = sorted(str(fire.state) for fire in workbench.fires())
    with workbench.system.database.read() as connection:
        spent = connection.exec_driver_sql("SELECT SUM(cost_usd) FROM usage").scalar_one()
        left = connection.exec_driver_sql("SELECT COUNT(*) FROM reservation").scalar_one()
        causes = [row.cause for row in open_incidents(connection)]
    assert spent <= 0.11
    assert (len(asked), states) == (2, ["delivered"] * 2 + ["skipped"] * 4)
    assert left == 0
    assert causes == ["budget the team"]
