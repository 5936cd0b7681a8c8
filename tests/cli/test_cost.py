from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection

from harness.domain.budget import Amount
from harness.domain.message import Usage
from harness.domain.run import FireKind
from harness.store.runs import NewRun, claim_runs, queue_run
from harness.store.usage import BookedCall, ReservedCall, record_usage, reserve
from harness.testing.workspace import write_workspace_files
from tests.runs.model_workspace import SETTINGS

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine, Ledger

ZONE = ZoneInfo("America/Los_Angeles")
SOME = Usage(1000, 400, 100)


def noon(days_ago: int = 0) -> datetime:
    """Twelve o'clock of a day of the home zone, which is today's whenever the test runs."""
    return datetime.now(ZONE).replace(hour=12) - timedelta(days=days_ago)  # noqa: TID251 - as the command does


def booked(
    run: str,
    job: str = "scout/morning",
    usd: float = 0.1,
    *,
    call: str = "model-1",
    profile: str = "cheap",
    tokens: Usage = SOME,
    latency_s: float | None = 2.0,
    at: datetime | None = None,
) -> Callable[[Connection], None]:
    made = BookedCall(run, call, job, profile, "test-model", tokens, usd, latency_s)
    return lambda connection: record_usage(connection, made, at or noon())


def with_models(harness: CommandLine, more: str = "", **files: str | None) -> None:
    settings = SETTINGS.format(base_url="http://127.0.0.1:9/v1", name="test-model").replace("$100/day", "$5/day")
    write_workspace_files(harness.root, {"harness.toml": settings + more, **files})


def document(harness: CommandLine, *arguments: str) -> Any:
    ended = harness("cost", *arguments, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_before_the_first_call_it_says_what_makes_one_and_what_is_left(harness: CommandLine) -> None:
    with_models(harness)
    ended = harness("cost")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("no model call was made on ")
    assert "harness run AGENT/JOB makes one" in " ".join(ended.stdout.split())
    assert "team         [....................]  0% $0.00 of $5" in ended.stdout


def test_without_any_budget_it_says_that_nothing_paid_runs_and_how_to_set_one(harness: CommandLine) -> None:
    with_models(harness, **{"agents/scout/agent.toml": 'description = "x"\n'})
    text = (harness.root / "harness.toml").read_text().replace('budget = "$5/day"\n', "")
    (harness.root / "harness.toml").write_text(text)
    said = " ".join(harness("cost").stdout.split())
    assert 'nothing that costs money runs without: budget = "$5/day" in harness.toml' in said


def test_a_line_an_agent_with_the_dearest_first_and_the_sum(harness: CommandLine, ledger: Ledger) -> None:
    with_models(harness)
    ledger.write(booked("r1", usd=0.25))
    ledger.write(booked("r2", "zoe/plan", 1.5, tokens=Usage(2_000_000, 0, 30_000), latency_s=12.25))
    ledger.write(booked("r3", at=noon(2)))
    lines = harness("cost").stdout.splitlines()
    assert lines[1:5] == [
        "agent  calls    in  cached    out     cost  p50 / p95 / p99",
        "zoe        1  2.0M      0%  30.0k    $1.50  12.2 / 12.2 / 12.2 s",
        "scout      1  1.0k     40%    100  $0.2500  2.0 / 2.0 / 2.0 s",
        "total      2  2.0M      0%  30.1k    $1.75  2.0 / 12.2 / 12.2 s",
    ]
    assert max(map(len, lines)) <= 80


def test_the_percentiles_are_exact_and_calls_that_were_not_measured_are_left_out(
    harness: CommandLine, ledger: Ledger
) -> None:
    with_models(harness)
    for number in range(1, 101):
        ledger.write(booked(f"r{number}", latency_s=number / 10))
    ledger.write(booked("before", latency_s=None))
    (row,) = document(harness, "--by", "profile")["rows"]
    assert (row["name"], row["calls"]) == ("cheap", 101)
    assert row["latency"] == {"count": 100, "p50_s": 5.0, "p95_s": 9.5, "p99_s": 9.9}


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("agent", ["scout", "zoe"]),
        ("job", ["scout/(requests)", "scout/morning", "zoe/plan"]),
        ("profile", ["cheap", "good"]),
        ("model", ["test-model"]),
    ],
)
def test_each_grouping_adds_up_to_the_same(harness: CommandLine, ledger: Ledger, by: str, names: list[str]) -> None:
    with_models(harness)
    for run, job, profile in [
        ("r1", "scout/morning", "cheap"),
        ("r2", "scout/request:a1", "cheap"),
        ("r3", "scout/request:a2", "good"),
        ("r4", "zoe/plan", "good"),
    ]:
        ledger.write(booked(run, job, 0.5, profile=profile, tokens=Usage(1000, 400, 100, 50)))
    seen = document(harness, "--by", by)
    assert [row["name"] for row in seen["rows"]] == names
    assert sum(row["cost_usd"] for row in seen["rows"]) == seen["total"]["cost_usd"] == 2.0
    assert {key: seen["total"][key] for key in ("calls", "input_tokens", "cache_write_tokens", "cache_share")} == {
        "calls": 4,
        "input_tokens": 4000,
        "cache_write_tokens": 200,
        "cache_share": 0.4,
    }


def test_since_takes_the_days_that_other_commands_take(harness: CommandLine, ledger: Ledger) -> None:
    with_models(harness)
    for days in range(4):
        ledger.write(booked(f"r{days}", at=noon(days)))
    calls = [
        document(harness, "--since", since)["total"]["calls"]
        for since in ("today", "yesterday", noon(3).date().isoformat())
    ]
    assert calls == [1, 2, 4]
    ended = harness("cost", "--since", "monday")
    assert ended.returncode == 2
    assert "--since 'monday' is no day; write YYYY-MM-DD, today or yesterday" in ended.stderr
    ended = harness("cost", "--since", "2999-01-01")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--since 2999-01-01 has not begun; what is to come says: harness cost --forecast" in ended.stderr
    both = harness("cost", "--forecast", "--by", "model")
    assert (both.returncode, both.stdout) == (2, "")
    assert "--forecast has a line for each agent; leave out --by" in both.stderr


def test_a_budget_shows_what_is_spent_and_what_calls_in_flight_may_use(harness: CommandLine, ledger: Ledger) -> None:
    with_models(harness)

    def begin(connection: Connection) -> None:
        queue_run(connection, NewRun("live", "scout/morning", "agent", FireKind.CRON, 1, 1), noon())
        claim_runs(connection, "me", 9, noon())
        reserve(connection, ReservedCall("live", "model-1", "scout", "cheap", Amount(0.25, 900)), noon())
        reserve(connection, ReservedCall("dead", "model-1", "scout", "cheap", Amount(3.0, 900)), noon())

    ledger.write(booked("r1", usd=0.5))
    ledger.write(booked("r2", "zoe/plan", usd=1.0))
    ledger.write(begin)
    team, agent = document(harness)["budgets"]
    assert (team["scope"], team["used_usd"], team["in_flight_usd"], team["share"]) == ("team", 1.5, 0.25, 0.35)
    assert (agent["name"], agent["used_usd"], agent["share"]) == ("scout", 0.5, 0.75)
    assert "agent scout  [###############.....]  75% $0.75 of $1, $0.2500 of it in flight" in harness("cost").stdout


def test_a_profile_without_prices_is_named_as_not_counted(harness: CommandLine, ledger: Ledger) -> None:
    far = '\n[profiles.far]\nadapter = "openai"\nbase_url = "https://models.example/v1"\nmodel = "m"\n'
    with_models(harness, far)
    ledger.write(booked("r1", usd=0.0, profile="far"))
    assert document(harness)["uncounted"] == ["far"]
    assert "not counted in dollars, as they have no prices: far" in harness("cost").stdout


# ── What is to come ──────────────────────────────────────────────────────────────────────────────


def test_a_forecast_goes_by_the_last_runs_of_each_job_and_names_what_it_cannot_know(
    harness: CommandLine, ledger: Ledger
) -> None:
    job = "---\nschedule: {}\nread: [feeds/ai]\ndeliver: digest\n{}---\nRank it.\n"
    with_models(
        harness,
        **{
            "agents/scout/jobs/evening.md": job.format("daily 20:00", "budget: $0.15\n"),
            "agents/scout/jobs/new.md": job.format("daily 21:00", ""),
            "agents/scout/jobs/free.md": job.format("every 10m", "profile: extractive\n"),
        },
    )
    for days in range(10):
        tokens = Usage(90_000, 0, 1_000) if days == 0 else Usage(9_000, 0, 100)
        ledger.write(booked(f"r{days}", tokens=tokens, at=noon(days + 1)))
    seen = document(harness, "--forecast")
    jobs = {row["job"]: row for row in seen["jobs"]}
    assert sorted(jobs) == ["scout/evening", "scout/morning", "scout/new"]
    morning = jobs["scout/morning"]
    assert (morning["source"], morning["runs"], morning["tokens"]) == ("runs", 10, 9_100)
    assert (morning["usd"], morning["usd_high"]) == (pytest.approx(0.01), pytest.approx(0.01))
    assert (jobs["scout/evening"]["source"], jobs["scout/evening"]["usd"]) == ("budget", 0.15)
    assert (jobs["scout/new"]["source"], jobs["scout/new"]["usd"]) == ("unknown", None)
    assert seen["unknown"] == ["scout/new"]
    assert (seen["total"]["month"]["runs"], seen["total"]["month"]["unknown"]) == (90, 30)
    assert seen["total"]["day"]["usd"] == pytest.approx(0.16)
    shown = harness("cost", "--forecast").stdout
    assert "scout/new: no run yet and no budget of its own" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_forecast_says_when_a_budget_would_be_used_up(harness: CommandLine, ledger: Ledger) -> None:
    with_models(
        harness, **{"agents/scout/jobs/evening.md": "---\nschedule: daily 20:00\ndeliver: digest\n---\nRank.\n"}
    )
    for job in ("scout/morning", "scout/evening"):
        for days in range(3):
            tokens = Usage(600_000, 0, 100)
            ledger.write(booked(f"{job}{days}", job, tokens=tokens, at=noon(days + 2)))
    seen = document(harness, "--forecast")
    team, agent = seen["budgets"]
    assert (team["reached_at"], team["reached_at_worst"]) == (None, None)
    moment = datetime.fromisoformat(agent["reached_at"]).astimezone(ZONE)
    # $0.60 at 08:00 and again at 20:00, of $1 a day; today, only if both are still to come.
    assert (moment.hour, moment.minute) == (20, 0)
    assert moment > datetime.now(UTC)  # noqa: TID251 - as the command does
    text = harness("cost", "--forecast").stdout
    assert "agent scout  $1 a day: used up" in text
    assert "team         $5 a day: enough for the next 30 days" in text


def test_a_forecast_counts_the_work_on_requests_by_its_average_and_leaves_out_what_is_paused(
    harness: CommandLine, ledger: Ledger
) -> None:
    with_models(harness)
    for days in range(4):
        ledger.write(booked(f"bus:{days}:1", f"zoe/request:{days}", 0.2, at=noon(days + 1)))
    assert harness("jobs", "pause", "scout/morning", "--reason", "holiday").returncode == 0
    seen = document(harness, "--forecast")
    assert seen["paused"] == ["scout/morning"]
    (zoe,) = seen["agents"]
    assert zoe["agent"] == "zoe"
    assert 0.8 / 5 <= zoe["bus_usd_per_day"] <= 0.8 / 3.4


def test_a_forecast_without_a_language_model_says_so(harness: CommandLine) -> None:
    assert harness("cost", "--forecast").stdout.startswith("no job asks a language model")
