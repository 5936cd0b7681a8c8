"""Every reason for which a run stops, reached by a whole run, by its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import get_args

import pytest

from harness.domain.message import ToolCall
from harness.domain.run import STOP_REASONS, Stop
from harness.pytest_plugin import NOW, Workbench
from harness.runs.cancelling import cancel_run
from harness.store.runs import RunRow, run_by_id
from harness.testing.openai_server import (
    ChatAnswer,
    ChatRequest,
    OpenAIServer,
    Script,
    call_tools,
    delay,
    exceed_context,
    refuse,
    say,
)
from tests.runs.model_workspace import with_model
from tests.runs.test_asking import agent

EIGHT = NOW + timedelta(minutes=1)


def calls(*arguments: Mapping[str, object], name: str = "files_read") -> list[ChatAnswer]:
    return [call_tools(ToolCall(f"c{n}", name, json.dumps(one))) for n, one in enumerate(arguments)]


def reading(*paths: str) -> list[ChatAnswer]:
    return calls(*({"path": path} for path in paths))


def cancelling(workbench: Workbench) -> Script:
    """A person who cancels the run while its model is asked."""

    def answer(request: ChatRequest) -> ChatAnswer:
        system = workbench.system
        (run,) = [fire.run_id for fire in workbench.fires()]
        owner = system.membership.executor_id
        cancel_run(system.database, system.engine, owner, str(run), "cancelled by Sam", workbench.clock.now())
        return say("Too late.")

    return answer


Scene = tuple[Script | Callable[[Workbench], Script], str, str]
"""What the model says, what the job adds, and what the profile adds."""

SCENES: Mapping[str, Scene] = {
    "completed": ([say("Three kettles.")], "", ""),
    "max_iterations": (reading("shared-context/a.md", "shared-context/b.md"), "max_iterations: 2", ""),
    "timeout": ([delay(say("Too late."), None)], "timeout: 1s", ""),
    "budget (usd)": ([say("Never asked.")], "budget: $0.001", ""),
    "budget (tokens)": ([say("Never asked.")], "", "tokens_per_run = 100"),
    "error_threshold": (reading(*(f"{n}.md" for n in range(9))), "", ""),
    "no_progress": (reading(*["shared-context/a.md"] * 3), "", ""),
    "refused": ([refuse("I would rather not.")], "", ""),
    "context": ([exceed_context()], "", ""),
    "suspended": (calls({"to": "user", "task": "How many?", "wait": True}, name="ask"), "", ""),
    "cancelled": (cancelling, "", ""),
}


def stopped(workbench: Workbench, scene: Scene) -> RunRow:
    says, of_job, of_profile = scene
    front = "\n".join(filter(None, ("schedule: daily 08:00\ndeliver: digest\nattempts: 1", of_job)))
    script = says(workbench) if says is cancelling else says
    with OpenAIServer(script) as server:  # type: ignore[arg-type]
        files = {**with_model(server), **agent("zoe", "user")}
        settings = str(files["harness.toml"]).replace("attempts = 1", f"attempts = 1\n{of_profile}")
        report = f"---\n{front}\n---\nReport about the kettles.\n"
        workbench.write({**files, "harness.toml": settings, "agents/zoe/jobs/report.md": report})
        workbench.write({"agents/scout/jobs/morning.md": None, "shared-context/a.md": "a", "shared-context/b.md": "b"})
        workbench.tick_at(EIGHT)
        (fire,) = workbench.fires()
    with workbench.system.database.read() as connection:
        run = run_by_id(connection, str(fire.run_id))
    assert run is not None
    return run


@pytest.mark.parametrize("name", SCENES)
def test_each_reason_to_stop_is_reached_by_a_whole_run_that_bears_its_name(workbench: Workbench, name: str) -> None:
    assert stopped(workbench, SCENES[name]).stop == name.partition(" ")[0]


def test_these_are_all_the_reasons_that_there_are() -> None:
    reached = {name.partition(" ")[0] for name in SCENES}
    assert reached == {kind.reason for kind in get_args(Stop)}
    assert reached - {"suspended"} == set(STOP_REASONS), "what suspends a run does not end it"
