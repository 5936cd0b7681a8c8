"""Requests and answers that are longer than a model is shown: nothing of them is lost, and nobody is told by halves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from harness.bus.ending import answer
from harness.bus.log import standing_of
from harness.bus.sending import Ask, send
from harness.domain.request import Final
from harness.pytest_plugin import NOW, Workbench
from harness.store.requests import requests_in
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, call_tools, say
from harness.wiring.team import team_of
from tests.runs.model_workspace import with_model
from tests.runs.test_asking import FOUND, agent, job, tool

EIGHT = NOW + timedelta(minutes=1)
PARAGRAPH = "Look at every kettle in the kitchen.\n\n"
LONG = PARAGRAPH * 1_000


class Models:
    """Agents that finish what they are asked, and keep what they were sent."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def answer(self, request: ChatRequest) -> ChatAnswer:
        self.prompts.append("\n".join(message["content"] or "" for message in request.messages))
        is_on_request = "# Request r-" in self.prompts[-1]
        return call_tools(tool("finish", FOUND)) if is_on_request else say("Nothing else.")


@pytest.fixture
def models(workbench: Workbench) -> Iterator[Models]:
    models = Models()
    with OpenAIServer(models.answer) as server:
        files = {**with_model(server), **agent("zoe", "scout", "user"), **agent("scout", "zoe"), **job("zoe")}
        workbench.write({**files, "agents/scout/jobs/morning.md": None})
        yield models


def asked(workbench: Workbench, *asks: Ask) -> list[str]:
    system = workbench.system
    with system.database.write(alone=True) as connection:
        team = team_of(system.workspace())
        return [send(connection, ask, team, workbench.clock.now()).standing.request.id for ask in asks]


def test_a_long_request_is_shown_in_part_and_lies_whole_in_the_folder_of_the_run(
    workbench: Workbench, models: Models
) -> None:
    (request_id,) = asked(workbench, Ask("user", "scout", LONG, "k"))
    workbench.tick_at(EIGHT)
    prompt = next(prompt for prompt in models.prompts if request_id in prompt)
    assert len(prompt) < 20_000
    (name,) = re.findall(r"is in @run/(\S+)\. Read it with files\.read", prompt)
    whole = (workbench.system.state.run_folder(f"bus:{request_id}:1") / name).read_text(encoding="utf-8")
    assert whole.count("> Look at every kettle in the kitchen.") == 1_000


def test_who_cannot_read_files_is_shown_a_request_whole_that_fits_into_the_prompt(
    workbench: Workbench, models: Models
) -> None:
    workbench.write({"agents/scout/agent.toml": 'description = "the scout"\nprofile = "cheap"\n'})
    (request_id,) = asked(workbench, Ask("user", "scout", PARAGRAPH * 360, "k"))
    workbench.tick_at(EIGHT)
    prompt = next(prompt for prompt in models.prompts if request_id in prompt)
    assert prompt.count("> Look at every kettle in the kitchen.") == 360
    assert "@run/" not in prompt


@pytest.mark.parametrize("task", ["茶釜を数えてください。\n\n" * 1_000, "🫖" * 20_000, LONG * 20])
def test_a_request_whose_tokens_would_not_fit_is_cut_further_and_the_run_is_made(
    workbench: Workbench, models: Models, task: str
) -> None:
    (request_id,) = asked(workbench, Ask("user", "scout", task, "k"))
    workbench.tick_at(EIGHT)
    assert any(request_id in prompt for prompt in models.prompts)
    with workbench.system.database.read() as connection:
        assert standing_of(connection, request_id).final == Final(
            "done", "Three kettles.", (), ("buy a fourth",), "PASS"
        )


def test_news_for_which_there_is_no_room_do_not_count_as_told_and_come_with_the_next_prompt(
    workbench: Workbench, models: Models
) -> None:
    requests = asked(workbench, *(Ask("zoe", "user", f"question {number}", f"k{number}") for number in range(6)))
    with workbench.system.database.write(alone=True) as connection:
        for number, request_id in enumerate(requests):
            final = Final("done", f"answer {number}. " + "It takes many words to say. " * 2_000)
            answer(connection, request_id, final, by="user", now=workbench.clock.now())
    told: list[set[str]] = []
    for day in range(6):
        workbench.tick_at(EIGHT + timedelta(days=day))
        prompt = models.prompts[-1]
        told.append({one for one in requests if f"Request {one} to the person is done" in prompt})
        with workbench.system.database.read() as connection:
            noticed = {row.id for row in requests_in(connection) if row.noticed_at is not None}
        assert noticed == set().union(*told)
        if noticed == set(requests):
            break
    assert set().union(*told) == set(requests)
    assert len(told) > 1
    assert sum(map(len, told)) == len(requests)
