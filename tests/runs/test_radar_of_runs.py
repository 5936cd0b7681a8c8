"""The Tech Radar over whole runs: found by one agent, judged by another, worked on by a third, told to the person."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from harness.bus.log import standing_of
from harness.bus.radar.folder import RadarFolder
from harness.domain.message import ToolCall
from harness.domain.radar import Technology
from harness.domain.request import Standing
from harness.domain.run import Fire, FireState
from harness.pytest_plugin import NOW, Workbench
from harness.store.incidents import open_incidents
from harness.store.requests import requests_in
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, call_tools, say
from tests.runs.model_workspace import with_model

EIGHT = NOW + timedelta(minutes=1)
GOOD = {"technology": "Lantern", "evaluation": "Lights our logs.", "risks": "Young.", "replaces": ""}
TRIAL = {"technology": "lantern", "ring": "trial", "reason": "Half a day's work."}


def agent(name: str, *tools: str) -> dict[str, str | None]:
    granted = ", ".join(f'"{tool}"' for tool in tools)
    return {
        f"agents/{name}/SOUL.md": f"You are {name}.\n",
        f"agents/{name}/AGENTS.md": "Be brief.\n",
        f"agents/{name}/agent.toml": f'description = "the {name}"\nprofile = "cheap"\ntools = [{granted}]\n',
    }


def job(name: str, at: str, read: str, more: str = "") -> dict[str, str | None]:
    front = f"schedule: daily {at}\nread: [{read}]\ndeliver: digest\n{more}"
    return {f"agents/{name}/jobs/report.md": f"---\n{front}---\nReport.\n"}


def tool(name: str, arguments: Mapping[str, Any], call_id: str = "call_0") -> ToolCall:
    return ToolCall(call_id, name, json.dumps(arguments))


class Kitchen:
    """A team with a radar, whose models say in order what they are told to."""

    def __init__(self, workbench: Workbench, server_files: dict[str, str | None]) -> None:
        self.workbench = workbench
        self.says: dict[str, list[ChatAnswer]] = {}
        self.heard: list[tuple[str, ChatRequest]] = []
        self.files = server_files

    def answer(self, request: ChatRequest) -> ChatAnswer:
        name = next(name for name in self.says if f"You are {name}." in request.messages[0]["content"])
        self.heard.append((name, request))
        return self.says[name].pop(0)

    def configure(self, more: str) -> None:
        self.workbench.write({"harness.toml": f"{self.files['harness.toml']}\n{more}"})

    def results(self, name: str) -> list[str]:
        """What the tools answered, as the last call of the agent's model shows it."""
        last = [request for heard, request in self.heard if heard == name][-1]
        return [str(message["content"]) for message in last.messages if message["role"] == "tool"]

    def technology(self) -> Technology:
        (found,) = RadarFolder(self.workbench.root).read().technologies
        return found

    def request(self) -> Standing:
        with self.workbench.system.database.read() as connection:
            (row,) = requests_in(connection)
            return standing_of(connection, row.id)

    def fire(self, job_id: str) -> Fire:
        return [fire for fire in self.workbench.fires() if fire.job_id == job_id][-1]

    def discover(self) -> None:
        """Let ainews find a technology in a feed at eight."""
        url = self.workbench.serve_stories(1)[0]
        found = {"name": "Lantern", "url": url, "quadrant": "tools", "why": "It lights up logs."}
        self.says["ainews"] = [call_tools(tool("radar_propose", found)), say(f"- [Lantern]({url}) — found. P1")]
        self.workbench.tick_at(EIGHT)


@pytest.fixture
def kitchen(workbench: Workbench) -> Iterator[Kitchen]:
    made: list[Kitchen] = []
    with OpenAIServer(lambda request: made[0].answer(request)) as server:
        files = with_model(server)
        made.append(Kitchen(workbench, files))
        workbench.write(
            {
                **files,
                **agent("ainews", "radar_propose"),
                **agent("zoe", "radar_evaluate", "radar_decide"),
                **agent("smith"),
                **job("ainews", "08:00", "feeds/ai"),
                **job("zoe", "11:00", "radar"),
                "agents/zoe/jobs/watch.md": "---\nschedule: every 5m\naction: task-watcher\ndeliver: terminal\n---\n",
                "agents/scout/jobs/morning.md": None,
            }
        )
        yield made[0]


def decide_at_eleven(kitchen: Kitchen) -> None:
    both = call_tools(tool("radar_evaluate", GOOD, "call_0"))
    kitchen.says["zoe"] = [both, call_tools(tool("radar_decide", TRIAL, "call_1")), say("Lantern is on trial.")]
    kitchen.workbench.tick_at(EIGHT + timedelta(hours=3))


def test_from_a_feed_to_the_work_of_a_coder_and_back_into_the_page(kitchen: Kitchen) -> None:
    kitchen.configure('[radar]\ncoder = "smith"\n')
    kitchen.discover()
    assert kitchen.technology().stage == "discovered"
    kitchen.says["smith"] = [
        call_tools(tool("finish", {"conclusion": "It holds.", "verdict": "PASS", "evidence": []})),
    ]
    decide_at_eleven(kitchen)
    prompt = next(request for name, request in kitchen.heard if name == "zoe").messages[-1]["content"]
    assert "Lantern | Tech Radar |" in prompt
    assert "waits for an evaluation" in prompt
    standing = kitchen.request()
    assert standing.final is not None
    assert (standing.request.receiver, standing.final.conclusion) == ("smith", "It holds.")
    kitchen.workbench.tick_at(EIGHT + timedelta(hours=3, minutes=5))
    assert [move.what for move in kitchen.technology().moves] == ["discovered", "trial", "request done"]
    assert kitchen.technology().request == standing.request.id


def test_without_a_coder_the_person_is_told_and_nothing_waits_in_vain(kitchen: Kitchen) -> None:
    kitchen.discover()
    decide_at_eleven(kitchen)
    assert "rejected: no coder configured" in kitchen.results("zoe")[-1]
    standing = kitchen.request()
    assert standing.final is not None
    assert (standing.final.result, standing.final.conclusion) == ("rejected", "no coder configured")
    kitchen.workbench.system.tell_incidents(gather_s=0)
    with kitchen.workbench.system.database.read() as connection:
        causes = [row.cause for row in open_incidents(connection)]
    assert causes == [f"dead letter {standing.request.id}"]
    assert kitchen.fire("zoe/report").state is FireState.DELIVERED


def test_who_is_not_granted_it_decides_nothing(kitchen: Kitchen) -> None:
    kitchen.workbench.write(agent("zoe", "radar_evaluate"))
    kitchen.discover()
    decide_at_eleven(kitchen)
    assert "refused" in kitchen.results("zoe")[-1]
    assert kitchen.technology().ring == "discovered"


def test_a_radar_on_which_nothing_waits_is_no_reason_to_ask_a_model(kitchen: Kitchen) -> None:
    kitchen.says["ainews"] = [say("Nothing.")]
    kitchen.workbench.serve_stories(1)
    kitchen.workbench.tick_at(EIGHT)
    kitchen.says["zoe"] = []
    kitchen.workbench.tick_at(EIGHT + timedelta(hours=3))
    assert kitchen.fire("zoe/report").state is FireState.SILENT


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("audit-rotation", "no tool was called since the last rotation"),
        ("cost-report", "no language model was asked today (0 calls without one); nothing was spent"),
        ("followup-review", "there is no follow-up to review"),
        ("task-watcher", "nothing is open"),
    ],
)
def test_the_actions_run_in_a_team_and_are_silent_where_there_is_nothing_to_say(
    workbench: Workbench, action: str, reason: str
) -> None:
    front = f"schedule: daily 08:00\naction: {action}\ndeliver: terminal"
    workbench.write({"agents/scout/jobs/morning.md": f"---\n{front}\n---\nDoes it.\n"})
    workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert (fire.state, fire.reason, workbench.printed.getvalue()) == (FireState.SILENT, reason, "")
