"""Which models answer a job, and in which order."""

import subprocess
import sys
from dataclasses import replace

import pytest

from harness.domain.agent import Agent
from harness.domain.errors import OwnerError
from harness.domain.job import Job
from harness.domain.settings import Profile, Settings
from harness.llm.routes import order_of

REMOTE = "https://api.example.com/v1"
SETTINGS = Settings(
    default_profile="team",
    profiles={
        "team": Profile("team", "openai", model="team-model", base_url=REMOTE, fallbacks=("agents", "embedded")),
        "agents": Profile("agents", "openai", model="agent-model", base_url=REMOTE, fallbacks=("jobs",)),
        "jobs": Profile("jobs", "openai", model="job-model", base_url=REMOTE),
        "embedded": Profile("embedded", "extractive"),
    },
)
AGENT = Agent("ainews", "Watches AI", "soul", "rules")
JOB = Job("ainews", "scan", "agents/ainews/jobs/scan.md", (), "UTC", prompt="Scan")


def names(
    job: str | None = None, *, agent: str | None = None, settings: Settings = SETTINGS, models: tuple[str, ...] = ()
) -> tuple[str, ...]:
    return order_of(settings, replace(AGENT, profile=agent), replace(JOB, profile=job, models=models)).names


def test_the_jobs_profile_goes_before_the_agents_and_that_before_the_teams() -> None:
    assert names("jobs", agent="agents") == ("jobs",)
    assert names(agent="agents") == ("agents", "jobs")
    assert names() == ("team", "agents", "jobs", "embedded")


def test_settings_without_any_profile_have_the_embedded_model() -> None:
    assert names(settings=Settings()) == ("extractive",)


def test_a_job_refuses_a_model_that_it_was_not_made_for() -> None:
    with pytest.raises(OwnerError) as caught:
        names("jobs", models=("gpt-5*", "claude-*"))
    assert str(caught.value) == (
        "agents/ainews/jobs/scan.md: the job was made for gpt-5*, claude-*, and profile 'jobs' is job-model; "
        "choose another profile, or correct models in that file"
    )


def test_a_job_leaves_out_fallbacks_that_it_was_not_made_for_and_runs_without_a_model_as_it_says() -> None:
    assert names(models=("team-*", "job-*")) == ("team", "jobs", "embedded")
    assert names("embedded", models=("team-*",)) == ("embedded",)


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
        names(job, agent=agent)
    assert caught.value.path == path
    assert "jobs" in caught.value.fix


def test_an_unknown_default_profile_is_named_with_the_settings() -> None:
    with pytest.raises(OwnerError) as caught:
        names(settings=replace(SETTINGS, default_profile="gone"))
    assert caught.value.path == "harness.toml"


def test_choosing_is_possible_without_loading_the_http_library() -> None:
    program = (
        "import sys, harness.llm.routes, harness.llm.adapters, harness.llm.fallback; print('httpx2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "False"
