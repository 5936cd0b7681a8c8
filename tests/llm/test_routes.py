"""Which model answers a job."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace

import pytest

from harness.domain.agent import Agent
from harness.domain.errors import OwnerError
from harness.domain.job import Job
from harness.domain.settings import Profile, Settings
from harness.llm.routes import choose_model
from harness.ports import ChatModel

REMOTE = "https://api.example.com/v1"
SETTINGS = Settings(
    default_profile="team",
    profiles={
        "team": Profile("team", "openai", model="team-model", base_url=REMOTE),
        "agents": Profile("agents", "openai", model="agent-model", base_url=REMOTE),
        "jobs": Profile("jobs", "openai", model="job-model", base_url=REMOTE),
        "keyed": Profile("keyed", "openai", model="m", base_url=REMOTE, key_env="TEAM_KEY"),
        "local": Profile("local", "openai", model="m", base_url="http://localhost:11434/v1", key_env="TEAM_KEY"),
        "embedded": Profile("embedded", "extractive"),
        "nowhere": Profile("nowhere", "openai", model="m"),
    },
)
AGENT = Agent("ainews", "Watches AI", "soul", "rules")
JOB = Job("ainews", "scan", "agents/ainews/jobs/scan.md", (), "UTC", prompt="Scan")


async def no_wait(seconds: float) -> None:
    """Wait for nothing."""


def choose(
    job: str | None = None, *, agent: str | None = None, settings: Settings = SETTINGS, **environ: str
) -> ChatModel:
    variables: Mapping[str, str] = environ
    return choose_model(
        settings, replace(AGENT, profile=agent), replace(JOB, profile=job),
        environ=variables, sleep=no_wait, jitter=lambda: 0.0,
    )  # fmt: skip


def test_the_jobs_profile_goes_before_the_agents_and_that_before_the_teams() -> None:
    assert choose("jobs", agent="agents").label == "job-model"
    assert choose(agent="agents").label == "agent-model"
    assert choose().label == "team-model"


def test_the_extractive_adapter_is_no_language_model() -> None:
    model = choose("embedded")
    assert (model.label, model.is_language_model) == ("extractive, no model", False)


def test_settings_without_any_profile_have_the_embedded_model() -> None:
    assert choose(settings=Settings()).label == "extractive, no model"


def test_a_key_that_is_not_set_is_named_with_its_variable() -> None:
    with pytest.raises(OwnerError, match=r"^harness\.toml: profile 'keyed' .* TEAM_KEY is not set; export TEAM_KEY="):
        choose("keyed")
    with pytest.raises(OwnerError):
        choose("keyed", TEAM_KEY=" \n")


def test_a_key_that_is_set_is_enough() -> None:
    assert choose("keyed", TEAM_KEY="sk-1").is_language_model


def test_a_model_on_this_machine_needs_no_key() -> None:
    assert choose("local").is_language_model


def test_a_profile_without_an_address_is_the_owners_to_fix() -> None:
    with pytest.raises(OwnerError, match=r"^harness\.toml: profile 'nowhere' has no base_url"):
        choose("nowhere")


@pytest.mark.parametrize(
    ("job", "agent", "path"),
    [
        ("gone", None, "agents/ainews/jobs/scan.md"),
        (None, "gone", "agents/ainews/agent.toml"),
    ],
)
def test_an_unknown_profile_is_named_with_the_file_that_asks_for_it(
    job: str | None, agent: str | None, path: str
) -> None:
    with pytest.raises(OwnerError, match="no profile 'gone'") as caught:
        choose(job, agent=agent)
    assert caught.value.path == path
    assert "jobs" in caught.value.fix


def test_an_unknown_default_profile_is_named_with_the_settings() -> None:
    with pytest.raises(OwnerError) as caught:
        choose(settings=replace(SETTINGS, default_profile="gone"))
    assert caught.value.path == "harness.toml"


def test_choosing_is_possible_without_loading_the_http_library() -> None:
    program = "import sys, harness.llm.routes; print('httpx2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "False"
