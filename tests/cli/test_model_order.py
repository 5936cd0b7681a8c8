"""What `agents show`, `jobs show` and `runs show` say about models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.cli.model_order import model_json, model_words
from harness.cli.run_steps import passed_over, stand_in_lines, step_lines, steps_json
from harness.domain.agent import Agent
from harness.domain.errors import TransientError
from harness.domain.job import Job
from harness.domain.message import ModelReply
from harness.domain.settings import Profile, Settings
from harness.ports import RecordedStep
from harness.store.json_codec import to_json
from tests.cli.test_job_details import NOW

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine

SETTINGS = Settings(
    default_profile="best",
    profiles={
        "best": Profile("best", "anthropic", "claude-sonnet-4-5", fallbacks=("cheap", "last")),
        "cheap": Profile("cheap", "openai", "gpt-5-mini"),
        "last": Profile("last", "extractive"),
    },
)
AGENT = Agent("fin", "", "", "")
JOB = Job("fin", "close", "agents/fin/jobs/close.md", (), "UTC")


def test_the_order_of_models_is_named_with_their_profiles() -> None:
    words = "claude-sonnet-4-5 (profile best), then gpt-5-mini (cheap), extractive, no model (last)"
    assert model_words(SETTINGS, AGENT, JOB) == words
    assert model_words(SETTINGS, Agent("fin", "", "", "", profile="cheap")) == "gpt-5-mini (profile cheap)"


def test_who_is_left_out_or_refused_is_named_with_the_reason() -> None:
    picky = Job("fin", "x", "x.md", (), "UTC", models=("claude-*",), without_model="skip")
    assert model_json(SETTINGS, AGENT, picky) == {
        "effective_profile": "best",
        "model": "claude-sonnet-4-5",
        "fallbacks": [],
        "left_out": {
            "cheap": "the job was made for claude-*, and profile 'cheap' is gpt-5-mini",
            "last": "the job says without_model: skip",
        },
        "model_problem": None,
    }
    refused = Job("fin", "x", "x.md", (), "UTC", models=("o3",), profile="cheap")
    assert model_words(SETTINGS, AGENT, refused) == (
        "gpt-5-mini (profile cheap); refused: the job was made for o3, and profile 'cheap' is gpt-5-mini"
    )


def test_a_profile_that_is_not_there_is_said_to_be_so() -> None:
    gone = Job("fin", "x", "x.md", (), "UTC", profile="gone")
    assert model_words(SETTINGS, AGENT, gone).startswith("there is no profile 'gone'; use one of best, cheap, last")
    assert model_json(SETTINGS, AGENT, gone)["effective_profile"] is None


def test_a_job_without_a_model_names_none() -> None:
    assert model_json(SETTINGS, AGENT, Job("fin", "x", "x.md", (), "UTC", action="backup"))["model"] is None


def test_agents_and_jobs_name_the_model_that_answers_them(harness: CommandLine) -> None:
    (harness.root / "harness.toml").write_text(
        'home = "UTC"\nprofile = "other"\n'
        '[profiles.other]\nadapter = "extractive"\n'
        '[profiles.cheap]\nadapter = "openai"\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "qwen3:8b"\n'
        'fallbacks = ["other"]\n[channels.digest]\nkind = "file"\n'
    )
    assert "model        qwen3:8b (profile cheap), then extractive, no model (other)" in (
        harness("agents", "show", "scout").stdout
    )
    shown = json.loads(harness("agents", "show", "scout", "--json").stdout)
    assert (shown["profile"], shown["model"], shown["fallbacks"]) == ("cheap", "qwen3:8b", ["other"])
    shown = json.loads(harness("jobs", "show", "scout/morning", "--json").stdout)
    assert (shown["effective_profile"], shown["model"], shown["fallbacks"]) == ("cheap", "qwen3:8b", ["other"])
    assert "qwen3:8b (profile cheap), then" in harness("jobs", "show", "scout/morning").stdout


def step(position: int, *why: str, profile: str = "cheap") -> RecordedStep:
    reply = ModelReply("Hi!", "gpt-5-mini", profile=profile, passed_over=why)
    return RecordedStep(position, "model", f"model-{position}", "", {"reply": to_json(ModelReply, reply)})


def call(number: int, content: str, error_kind: str | None = None) -> RecordedStep:
    return RecordedStep(
        number, "tool", f"model-1.{number}", "", {"result": {"content": content, "error_kind": error_kind}}
    )


def test_the_step_of_a_call_names_its_tool_and_why_it_came_to_nothing() -> None:
    asked = [{"name": name} for name in ("use_skill", "web_read", "web_read")]
    steps = [
        RecordedStep(1, "model", "model-1", "", {"reply": {"text": "", "model": "m", "tool_calls": asked}}),
        call(1, "use_skill: you have no skill 'x'; these are near:\n- y: …", "failed"),
        call(2, "refused (egress): 10.0.0.1 is private", "refused"),
        call(3, "a page"),
        call(9, "of no reply"),
    ]
    assert [step["detail"] for step in steps_json(steps)] == [
        "asks for use_skill, web_read (2 times)",
        "use_skill failed: you have no skill 'x'; these are near",
        "web_read refused (egress): 10.0.0.1 is private",
        "web_read",
        "",
    ]


def test_a_run_names_once_who_could_not_answer_with_the_first_reason() -> None:
    failed = RecordedStep(4, "model", "model-4", "", error="none answers", failure=TransientError("none answers"))
    older = RecordedStep(5, "model", "model-5", "", {"reply": {"text": "", "model": "m", "tool_calls": []}})
    timed_out = RecordedStep(6, "model", "model-6", "", {"reply": None})
    steps = [step(1), step(2, "best: HTTP 503"), step(3, "best: left alone", "mid: busy"), failed, older, timed_out]
    assert passed_over(steps) == ("best: HTTP 503", "mid: busy")
    lines = step_lines("run", steps, "UTC", NOW, 100, can_fork=False)
    assert any("gpt-5-mini, cheap in place of best, mid" in line for line in lines)
    assert stand_in_lines(passed_over(steps), 80) == [
        "-> another profile answered for best: HTTP 503",
        "-> another profile answered for mid: busy",
    ]
