"""Skills in whole runs: what the prompt names, what the model loads, and who counts it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from harness.bus.ending import cancel
from harness.domain.request import USER
from harness.domain.run import FireState
from harness.pytest_plugin import NOW, Workbench
from harness.store.requests import requests_in
from harness.testing.openai_server import ChatAnswer, OpenAIServer, call_tools, say
from tests.runs.model_workspace import with_model
from tests.runs.test_asking import Models, agent, fires_by_job, job, tool

EIGHT = NOW + timedelta(minutes=1)
ASKED_OF_THE_PERSON = {"to": "user", "task": "How many kettles are there?", "wait": True}


def skill(name: str, more: str = "") -> dict[str, str | None]:
    text = f"---\nname: {name}\ndescription: How to count {name}. Use it for {name}.\n{more}---\nCount {name} twice.\n"
    return {f"skills/{name}/SKILL.md": text}


@pytest.fixture
def models(workbench: Workbench) -> Iterator[Models]:
    """One agent with five skills, one of which cannot be of use here."""
    models = Models()
    with OpenAIServer(models.answer) as server:
        files = {**with_model(server), **agent("zoe", "user"), **job("zoe"), "agents/scout/jobs/morning.md": None}
        for name in ("cups", "plates", "spoons", "forks"):
            files |= skill(name)
        files |= skill("knives", "requires: {bins: [no-such-program]}\n")
        files["agents/zoe/agent.toml"] = (
            f'{files["agents/zoe/agent.toml"]}skills = ["cups", "plates", "spoons", "forks", "knives"]\n'
        )
        workbench.write({**files, "skills/cups/references/rims.md": "Look at the rims.\n"})
        yield models


def load(name: str, call_id: str = "call_0", **arguments: str) -> ChatAnswer:
    return call_tools(tool("use_skill", {"name": name, **arguments}, call_id))


def answers(models: Models) -> list[str]:
    return [message["content"] for message in models.last_of("zoe").messages if message["role"] == "tool"]


def test_a_run_is_told_of_its_skills_and_loads_what_it_needs(workbench: Workbench, models: Models) -> None:
    models.says = {"zoe": [load("cups"), load("cups", file="references/rims.md"), load("knives"), say("Six cups.")]}
    workbench.tick_at(EIGHT)
    assert fires_by_job(workbench)["zoe/report"].state is FireState.DELIVERED
    first = models.heard[0][1]
    directory = first.messages[0]["content"].partition("# Skills\n")[2].partition("\n\n")[0]
    assert [line.partition(":")[0] for line in directory.splitlines()] == ["- cups", "- forks", "- plates", "- spoons"]
    assert "use_skill" in [described["function"]["name"] for described in first.body["tools"]]
    body, file, refused = answers(models)
    assert body == "Skill cups (1 of 3 in this run)\n\nCount cups twice.\n\nIts files: references/rims.md"
    assert file == "Look at the rims.\n"
    assert (
        refused == "refused (skill-withheld): the skill knives cannot be used: no program no-such-program on the PATH"
    )


def test_a_run_that_waited_counts_on_where_it_stood(workbench: Workbench, models: Models) -> None:
    both = call_tools(tool("use_skill", {"name": "cups"}), tool("use_skill", {"name": "plates"}, "call_1"))
    models.says = {"zoe": [both, call_tools(tool("ask", ASKED_OF_THE_PERSON))]}
    workbench.tick_at(EIGHT)
    assert fires_by_job(workbench)["zoe/report"].state is FireState.SUSPENDED
    models.says["zoe"] = [load("spoons"), load("forks"), say("I counted.")]
    with workbench.system.database.write(alone=True) as connection:
        for row in requests_in(connection):
            cancel(connection, row.id, "not needed", by=USER, now=workbench.clock.now())
    workbench.settle()
    assert fires_by_job(workbench)["zoe/report"].state is FireState.DELIVERED
    *_, third, fourth = answers(models)
    assert third.startswith("Skill spoons (3 of 3 in this run)")
    assert fourth.startswith("refused (skill-limit): this run has loaded 3 skills (")
    # The first two were loaded side by side.
    assert set(re.findall("cups|plates|spoons|forks", fourth)) == {"cups", "plates", "spoons"}


def test_an_edit_is_in_force_for_the_next_run_and_a_bad_one_is_not(workbench: Workbench, models: Models) -> None:
    for day, (edit, said) in enumerate(
        [
            ({}, "Count cups twice."),
            ({"skills/cups/SKILL.md": "broken"}, "Count cups twice."),
            (None, "Once is enough."),
        ]
    ):
        newer = skill("cups")["skills/cups/SKILL.md"]
        assert newer is not None
        workbench.write(
            {"skills/cups/SKILL.md": newer.replace("Count cups twice", "Once is enough")} if edit is None else edit
        )
        workbench.system.workspace.reload()
        models.says = {"zoe": [load("cups"), say("Six cups.")]}
        workbench.tick_at(EIGHT + timedelta(days=day))
        assert said in answers(models)[-1]


def test_what_applies_to_a_job_stands_with_its_task_and_leaves_the_prefix_as_it_is(
    workbench: Workbench, models: Models
) -> None:
    workbench.write(skill("cups", 'when: {jobs: ["zoe/*"], words: [saucer]}\n'))
    workbench.system.workspace.reload()
    models.says = {"zoe": [say("Six cups.")]}
    workbench.tick_at(EIGHT)
    system, user = (message["content"] for message in models.heard[0][1].messages)
    assert "# Skills for this task\n- cups applies: it is for zoe/report\n\n# Your task" in user
    assert "applies" not in system
