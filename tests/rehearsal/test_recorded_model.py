"""What was recorded for the sample world, said again about the figures of the day."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest

from harness.domain.errors import HarnessError, OwnerError
from harness.domain.figures import Figure
from harness.domain.job import Job
from harness.domain.message import Message, ModelReply, ModelRequest
from harness.domain.settings import Profile, Settings
from harness.domain.source import Item
from harness.domain.workspace import Workspace
from harness.gate.outside import fence, figure_line, item_line
from harness.ports import ChatModel
from harness.rehearsal.recorded_answers import RecordedAnswers
from harness.rehearsal.recorded_model import recorded_models, without_calls

AT = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
WRAP = """\
- when: breaks its contract
  text: "Repaired on {{ today }}."
- text: |
    The index {{ turn("spx.change", "rose", "fell") }} {{ signed("spx.change", 1) }} % to {{ number("spx.close") }}.
    {% for item in items %}- [{{ item.title }}]({{ item.url }})
    {% endfor %}
- calls:
    - name: ask
      arguments: {to: zoe, task: "Look at {{ number('spx.close', 0) }}", inputs: ["{{ today }}"], wait: false}
"""


def job(name: str = "wrap", agent: str = "trading") -> Job:
    return Job(agent, name, f"agents/{agent}/jobs/{name}.md", (), "UTC")


def asked(
    *, change: float = 1.5, number: int = 1, last: str = "", figures: tuple[str, ...] = ("change", "close")
) -> ModelRequest:
    values = {"change": change, "close": 6012.344}
    lines = [figure_line(Figure(f"spx.{name}", name, values[name], "", AT)) for name in figures]
    item = item_line(1, Item("Chips", "https://a.org/1", "Blog"))
    told = f"Today is 2026-11-20. Go.\n{fence(chr(10).join(lines) or 'nothing', 'market/x')}\n{fence(item, 'feeds/ai')}"
    messages = (Message("system", "You are trading."), Message("user", told))
    repair = (Message("assistant", "…"), Message("user", last)) if last else ()
    return ModelRequest((*messages, *repair), key=f"cron:trading/wrap:1/model-{number}")


@pytest.fixture
def model(tmp_path: Path) -> ChatModel:
    folder = tmp_path / "trading"
    folder.mkdir()
    (folder / "wrap.yaml").write_text(WRAP, encoding="utf-8")
    found = recorded_models(RecordedAnswers(tmp_path))(job())
    assert found is not None
    return found


def answer(model: ChatModel, request: ModelRequest) -> ModelReply:
    return asyncio.run(model.complete(request))


def test_an_answer_takes_its_figures_and_items_from_the_prompt_it_answers(model: ChatModel) -> None:
    rose, fell = answer(model, asked()), answer(model, asked(change=-0.26))
    assert rose.text.splitlines() == [
        "The index rose +1.5 % to 6,012.34.",
        "- [Chips](https://a.org/1)",
        "",
    ]
    assert fell.text.startswith("The index fell -0.3 % to")
    assert (rose.model, rose.profile, rose.cost_usd, model.is_language_model) == ("recorded", "recorded", 0.0, True)
    assert rose.usage.input_tokens > 0 < rose.usage.output_tokens


def test_the_same_request_is_answered_the_same_by_whoever_asks_again(model: ChatModel, tmp_path: Path) -> None:
    again = recorded_models(RecordedAnswers(tmp_path))(job())
    assert again is not None
    assert answer(model, asked()) == answer(again, asked()) == answer(again, asked())


def test_calls_are_filled_in_too_and_past_its_end_the_script_repeats_itself(model: ChatModel) -> None:
    for number in (2, 3, 9):
        [call] = answer(model, asked(number=number)).tool_calls
        told = {"to": "zoe", "task": "Look at 6,012", "inputs": ["2026-11-20"], "wait": False}
        assert json.loads(call.arguments) == told


def test_a_repair_is_answered_by_the_words_of_the_violation(model: ChatModel) -> None:
    reply = answer(model, asked(number=2, last="Your answer breaks its contract. Fix exactly these points"))
    assert reply.text == "Repaired on 2026-11-20."


def test_an_answer_about_a_figure_that_was_not_collected_fails_and_names_it(model: ChatModel) -> None:
    with pytest.raises(
        HarnessError, match=r"recorded/trading/wrap\.yaml speaks of spx\.close, which was not collected"
    ):
        answer(model, asked(figures=("change",)))


def test_a_template_that_is_wrong_is_named_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "trading").mkdir()
    (tmp_path / "trading/wrap.yaml").write_text("- text: '{{ nobody }}'\n", encoding="utf-8")
    model = recorded_models(RecordedAnswers(tmp_path))(job())
    assert model is not None
    with pytest.raises(OwnerError, match=r"trading/wrap\.yaml:1: Jinja2: 'nobody' is undefined"):
        answer(model, asked())


def test_a_job_without_a_recorded_answer_has_no_model_and_requests_share_one_script(tmp_path: Path) -> None:
    (tmp_path / "macro").mkdir()
    (tmp_path / "macro/request.yaml").write_text("- I looked at it.\n", encoding="utf-8")
    models = recorded_models(RecordedAnswers(tmp_path))
    assert models(job("morning", "macro")) is None
    on_request = models(replace(job("morning", "macro"), name="request:abc"))
    assert on_request is not None
    assert answer(on_request, asked()).text == "I looked at it."


def test_in_the_sample_world_no_profile_calls_anybody_but_scripts_of_the_person_stay() -> None:
    mine = Profile("mine", "scripted", script="answers.yaml")
    profiles = {"best": Profile("best", "anthropic", "claude", key_env="KEY", input_usd_per_mtok=3), "mine": mine}
    workspace = without_calls(Workspace(Path("/w"), Settings(home_zone="UTC", profiles=profiles)))
    assert workspace.settings.profiles == {"best": Profile("best", "extractive"), "mine": mine}


def test_every_shipped_script_can_be_read() -> None:
    folder = files("harness.rehearsal").joinpath("recorded")
    answers = RecordedAnswers()
    for agent in (entry for entry in folder.iterdir() if entry.is_dir()):
        for script in agent.iterdir():
            name = script.name.removesuffix(".yaml")
            found = answers.of(job("request:1" if name == "request" else name, agent.name))
            assert found is not None and found.lines, script


def test_what_stands_in_a_file_of_the_persons_is_told_without_a_link(tmp_path: Path) -> None:
    (tmp_path / "macro").mkdir()
    (tmp_path / "macro/dates.yaml").write_text("- text: '{% for item in items %}{{ link(item) }} {% endfor %}'\n")
    model = recorded_models(RecordedAnswers(tmp_path))(job("dates", "macro"))
    assert model is not None
    lines = (
        item_line(1, Item("Decision", "calendars/economy.md?release=1", "own")),
        item_line(2, Item("CPI", "https://a.org/2", "b")),
    )
    request = ModelRequest((Message("user", fence("\n".join(lines), "economy/calendar")),))
    assert answer(model, request).text == "Decision [CPI](https://a.org/2) "


RADAR = """\
- calls:
    - {name: radar_decide, arguments: {technology: "{{ waiting('feeds/ai', 'chips') }}", ring: hold}}
    - {name: radar_decide, arguments: {technology: "{{ waiting('feeds/ai', 'looms') }}", ring: hold}}
- when: already decided
  text: Never said, as only a tool has such words.
- text: "Decided{{ ', but for ' ~ wrong if wrong }}."
"""


def test_a_call_that_has_no_object_today_is_not_made_and_what_tools_return_answers_no_when(tmp_path: Path) -> None:
    (tmp_path / "zoe").mkdir()
    (tmp_path / "zoe/radar.yaml").write_text(RADAR, encoding="utf-8")
    model = recorded_models(RecordedAnswers(tmp_path))(job("radar", "zoe"))
    assert model is not None
    reply = answer(model, asked())
    assert [json.loads(call.arguments)["technology"] for call in reply.tool_calls] == ["Chips"]
    assert reply.finish == "tool_calls"
    after = asked(number=2)
    told = Message("tool", "it was already decided", tool_call_id=reply.tool_calls[0].id)
    assert answer(model, replace(after, messages=(*after.messages, told))).text == "Decided."
    assert answer(model, asked(number=3, last="the second line")).text == "Decided, but for the second line."


def test_an_entry_whose_calls_all_have_no_object_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "zoe").mkdir()
    (tmp_path / "zoe/radar.yaml").write_text(RADAR.replace("'chips'", "'wool'"), encoding="utf-8")
    model = recorded_models(RecordedAnswers(tmp_path))(job("radar", "zoe"))
    assert model is not None
    reply = answer(model, asked())
    assert (reply.text, reply.tool_calls, reply.finish) == ("Decided.", (), "stop")
