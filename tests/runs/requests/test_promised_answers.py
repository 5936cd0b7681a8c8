"""What an agent promises holds for its answers to requests: whole runs that break each rule, by `finish` and by text,
mended and not. Whoever asked never reads what may not be said, and reads what was left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from harness.bus.log import standing_of
from harness.bus.sending import Ask, send
from harness.domain.answer_rules import BROKEN
from harness.domain.contract import Contract
from harness.domain.request import Final
from harness.domain.roundtable import Seat
from harness.domain.run import Fire, FireState
from harness.pytest_plugin import NOW, Workbench
from harness.runs.requests.work import job_for_request
from harness.store.requests import requests_in
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, call_tools, say
from harness.wiring.team import team_of
from tests.runs.model_workspace import with_model
from tests.runs.roundtable.test_whole_tables import TABLE, TableModels, chair, position
from tests.runs.test_asking import agent, job, tool

EIGHT = NOW + timedelta(minutes=1)
TASK = "NVDA closed at 123.4 after 121.9. What is to be done?"
DISCLAIMER = "Research only, not financial advice."
GOOD_SIGNAL = "- **NVDA** long · entry 123.4 · stop 119.0 · target 131.0 · confidence 65 % — a new high"
BAD_SIGNAL = "- **AMD** long · entry 150 · target 170 · confidence 80 % — momentum"


@dataclass(frozen=True)
class Broken:
    """One way to break a rule. `told` is what the model is told of it, `gone` what whoever asked may not read, `why`
    what they read instead."""

    rule: str
    bad: str
    good: str
    told: str
    gone: str
    why: str


CASES = {
    "a forbidden word": Broken(
        'must_not_include = ["buy the dip"]',
        "NVDA rose.\n\nSo buy\nthe dip now.",
        "NVDA rose.",
        "must_not_include: the text says “buy the dip” (line 3",
        "the dip now",
        "- left out: the text says “buy the dip” (line 3: So buy)",
    ),
    "a number that nobody collected": Broken(
        'numbers = "collected"',
        "NVDA closed at 123.4.\n\nIt will soon reach 187.5 or more.",
        "NVDA closed at 123.4, after 121.9.",
        "numbers: a number was not collected (line 3: 187.5",
        "\n\nIt will soon reach",
        "- left out: a number was not collected (line 3: 187.5, in “It will soon reach 187.5 or more.”)",
    ),
    "a signal without a stop": Broken(
        'signals = {stop = "required", wait_below = "60%"}',
        f"## Signals\n\n{GOOD_SIGNAL}\n{BAD_SIGNAL}",
        f"## Signals\n\n{GOOD_SIGNAL}",
        "signals: a signal names an entry and no stop (line 4: AMD)",
        "entry 150",
        "- left out: a signal names an entry and no stop (line 4: AMD)",
    ),
    "a judgement without a label": Broken(
        'confidence = "labelled"',
        "## Judgement\n\nRates have peaked.",
        "## Judgement\n\nRates have peaked. confidence: medium",
        "confidence: a judgement does not say how sure it is (line 3: Rates have peaked.)",
        "",
        "- a judgement does not say how sure it is (line 3: Rates have peaked.)",
    ),
}


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("postgres_url") if request.param == "postgresql" else None


def by_finish(text: str, *, call_id: str = "call_0", actions: Sequence[str] = ()) -> ChatAnswer:
    arguments = {"conclusion": text, "verdict": "PASS", "next_actions": list(actions)}
    return call_tools(tool("finish", arguments, call_id))


def by_text(text: str, *, call_id: str = "") -> ChatAnswer:
    return say(text)


WAYS = {"finish": by_finish, "text": by_text}


@dataclass(frozen=True)
class Answered:
    """How a request ended, how the run on it did, and what its model was sent, call by call."""

    final: Final
    fire: Fire
    sent: list[ChatRequest]

    @property
    def told(self) -> str:
        """What the model was told last."""
        return str(self.sent[-1].messages[-1]["content"])


def asked(workbench: Workbench, rule: str, *answers: ChatAnswer) -> Answered:
    """Ask scout, who promises this for all that it writes, and whose model answers so."""
    with OpenAIServer(list(answers)) as server:
        declared = agent("scout")
        declared["agents/scout/agent.toml"] = f"{declared['agents/scout/agent.toml']}[contract]\n{rule}\n"
        workbench.write({**with_model(server), **declared, "agents/scout/jobs/morning.md": None})
        workbench.write({"shared-context/prices.md": "AMD closed at 151.3.\n"})
        system = workbench.system
        system.workspace.reload()
        with system.database.write(alone=True) as connection:
            ask = Ask("user", "scout", TASK, "k")
            request_id = send(connection, ask, team_of(system.workspace()), workbench.clock.now()).standing.request.id
        workbench.tick_at(EIGHT)
        sent = list(server.requests)
    with system.database.read() as connection:
        standing = standing_of(connection, request_id)
    assert standing.final is not None
    (fire,) = workbench.fires()
    return Answered(standing.final, fire, sent)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CASES)
def test_an_answer_that_breaks_a_rule_is_told_to_the_model_and_its_second_one_is_given(
    workbench: Workbench, name: str, way: str
) -> None:
    case, answer = CASES[name], WAYS[way]
    it = asked(workbench, case.rule, answer(case.bad), answer(case.good, call_id="call_1"))
    assert len(it.sent) == 2
    assert case.told in it.told
    assert (it.final.result, it.final.conclusion) == ("done", case.good)
    assert it.final.verdict == ("PASS" if way == "finish" else None)
    assert (it.fire.state, it.fire.reason) == (FireState.DELIVERED, "")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CASES)
def test_what_still_breaks_a_rule_is_left_out_of_the_answer_and_named_in_it(
    workbench: Workbench, name: str, way: str
) -> None:
    case, answer = CASES[name], WAYS[way]
    it = asked(workbench, case.rule, answer(case.bad), answer(case.bad, call_id="call_1"))
    assert len(it.sent) == 2, "it is told once"
    assert (it.final.result, it.final.verdict) == ("done", "NEEDS_WORK")
    assert case.why in it.final.conclusion
    assert not case.gone or case.gone not in it.final.conclusion
    assert it.fire.state is FireState.DEGRADED
    assert it.fire.reason == f"answered user; {case.why.removeprefix('- ')}"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["a forbidden word", "a signal without a stop"])
def test_an_answer_of_which_nothing_is_left_has_failed_by_the_name_of_the_rule(
    workbench: Workbench, name: str, way: str
) -> None:
    case, answer = CASES[name], WAYS[way]
    bad = "Now buy the dip." if "word" in name else f"## Signals\n\n{BAD_SIGNAL}\n\n{DISCLAIMER}"
    rule = f'{case.rule}\ndisclaimer = "{DISCLAIMER}"'
    it = asked(workbench, rule, answer(bad), answer(bad, call_id="call_1"))
    assert (it.final.result, it.fire.state) == ("failed", FireState.FAILED)
    key = case.rule.partition(" ")[0]
    assert it.final.conclusion.startswith(f"the contract does not hold: {key}; nothing is left of the answer; left out")
    assert it.final.conclusion == it.fire.reason
    assert "entry 150" not in it.final.conclusion


@pytest.mark.parametrize("way", WAYS)
def test_a_disclaimer_that_is_missing_twice_is_put_into_the_answer_by_the_harness(
    workbench: Workbench, way: str
) -> None:
    answer = WAYS[way]
    it = asked(workbench, f'disclaimer = "{DISCLAIMER}"', answer("It rose."), answer("It rose.", call_id="call_1"))
    assert "disclaimer: the disclaimer is missing; write at the end, word for word: Research only" in it.told
    assert it.final.conclusion.strip() == f"It rose.\n\n{DISCLAIMER}"
    assert (it.final.result, it.fire.state) == ("done", FireState.DELIVERED)


def test_a_next_action_that_breaks_a_rule_is_left_out_and_named_as_well(workbench: Workbench) -> None:
    rule, actions = 'must_not_include = ["buy the dip"]', ("Look again tomorrow.", "Buy the dip.")
    first = by_finish("It rose.", actions=actions)
    it = asked(workbench, rule, first, by_finish("It rose.", actions=actions, call_id="call_1"))
    assert "must_not_include: the text says “buy the dip”" in it.told
    assert it.final.actions == ("Look again tomorrow.",)
    assert "- of what is to be done next, left out: the text says “buy the dip”" in it.final.conclusion
    assert (it.final.verdict, it.fire.state) == ("NEEDS_WORK", FireState.DEGRADED)


@pytest.mark.parametrize("way", WAYS)
def test_a_number_that_a_tool_gave_back_may_be_told(workbench: Workbench, way: str) -> None:
    read = call_tools(tool("files.read", {"path": "shared-context/prices.md"}, "call_r"))
    it = asked(workbench, 'numbers = "collected"', read, WAYS[way]("AMD closed at 151.3, and NVDA at 123.4."))
    assert (len(it.sent), it.fire.state) == (2, FireState.DELIVERED)
    assert it.final.conclusion == "AMD closed at 151.3, and NVDA at 123.4."


def test_a_number_is_not_known_by_being_quoted_to_the_model_as_wrong(workbench: Workbench) -> None:
    bad = "NVDA closed at 123.4.\n\nIt reaches 187.5."
    progress = call_tools(tool("progress", {"note": "187.5 it is"}, "call_p"))
    it = asked(workbench, 'numbers = "collected"', progress, by_finish(bad), by_finish(bad, call_id="call_1"))
    assert "It reaches 187.5.\n" not in it.final.conclusion
    assert "left out: a number was not collected (line 3: 187.5" in it.final.conclusion


def test_the_model_is_told_beforehand_what_holds_for_an_answer_and_nothing_of_a_digest(workbench: Workbench) -> None:
    rule = f'disclaimer = "{DISCLAIMER}"\nsections = ["Facts"]\nmin_items = 3\nmax_share = {{ai = "40%"}}'
    it = asked(workbench, rule, by_finish(f"It rose. {DISCLAIMER}"))
    prompt = "\n".join(str(message["content"]) for message in it.sent[0].messages)
    assert f'It ends with these words: "{DISCLAIMER}"' in prompt
    assert not re.search(r"At least 3 items|It has these ## headings|of the basket", prompt)
    assert (it.final.result, it.final.conclusion) == ("done", f"It rose. {DISCLAIMER}")


def test_a_seat_at_a_roundtable_promises_nothing_of_its_own(workbench: Workbench) -> None:
    it = asked(workbench, f'disclaimer = "{DISCLAIMER}"', by_finish(f"It rose. {DISCLAIMER}"))
    with workbench.system.database.read() as connection:
        request = standing_of(connection, it.fire.job_id.partition(":")[2]).request
    seat = replace(request, key=Seat("t-abc", 1, "scout").key)
    workspace = workbench.system.workspace()
    assert job_for_request(workspace, it.fire.job_id, request).contract == Contract(disclaimer=DISCLAIMER)
    assert job_for_request(workspace, it.fire.job_id, seat).contract == Contract()


def test_what_is_said_at_a_roundtable_is_taken_as_it_is_and_its_chair_names_what_is_wrong(workbench: Workbench) -> None:
    models = TableModels()
    models.says = {
        "macro": [call_tools(position("Rates rise."))],
        "trading": [call_tools(position("- **SPX** long · entry 5000 · confidence 70 % — momentum"))],
        "zoe": [say("macro sees a rise, and trading is long.")],
    }
    signals = "contract: {signals: {stop: required}}"
    with OpenAIServer(models.answer) as server:
        agents = {**agent("zoe", "macro"), **agent("macro", "zoe", "trading"), **agent("trading", "zoe", "macro")}
        for name in ("macro", "trading"):
            toml = f"agents/{name}/agent.toml"
            agents[toml] = f'{agents[toml]}[contract]\nsignals = {{stop = "required"}}\ndisclaimer = "{DISCLAIMER}"\n'
        table = chair(f"{TABLE.replace('rounds: 2', 'rounds: 1')}\n{signals}")
        workbench.write({**with_model(server), **agents, **table, "agents/scout/jobs/morning.md": None})
        workbench.serve_stories(2)
        workbench.tick_at(EIGHT)
    assert models.says == {"macro": [], "trading": [], "zoe": []}, "each was asked once"
    (page,) = workbench.delivered()
    text = page.read_text(encoding="utf-8")
    assert "trading, in round 1: a signal names an entry and no stop" in text


def test_another_agent_that_asked_and_waits_reads_only_what_may_be_said(workbench: Workbench) -> None:
    said: dict[str, list[ChatAnswer]] = {
        "zoe": [call_tools(tool("ask", {"to": "scout", "task": TASK, "wait": True})), say("So it is.")],
        "scout": [by_finish("Buy the dip.\n\nIt rose."), by_finish("Buy the dip.\n\nIt rose.", call_id="call_1")],
    }
    heard: list[ChatRequest] = []

    def model(request: ChatRequest) -> ChatAnswer:
        heard.append(request)
        name = next(name for name in said if f"You are {name}." in request.messages[0]["content"])
        return said[name].pop(0)

    with OpenAIServer(model) as server:
        scout = agent("scout", "zoe")
        scout["agents/scout/agent.toml"] = (
            f'{scout["agents/scout/agent.toml"]}[contract]\nmust_not_include = ["buy the dip"]\n'
        )
        workbench.write({**with_model(server), **agent("zoe", "scout"), **scout, **job("zoe")})
        workbench.write({"agents/scout/jobs/morning.md": None})
        workbench.tick_at(EIGHT)
    (answer,) = [message["content"] for message in heard[-1].messages if message["role"] == "tool"]
    assert "It rose." in answer
    assert "Buy the dip.\n" not in answer
    assert "left out: the text says “buy the dip”" in answer
    assert BROKEN not in answer
    with workbench.system.database.read() as connection:
        assert len(requests_in(connection)) == 1
