"""The action `cost-report`: what the day cost stands beside its budgets, and tomorrow beside today."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.domain.agent import Agent
from harness.domain.job import Job
from harness.domain.message import Usage
from harness.domain.settings import Profile, Settings
from harness.domain.workspace import Workspace
from harness.runs.actions import ActionResult
from harness.runs.cost_report import cost_report
from harness.schedule.grammar import parse_schedules
from harness.store.database import Database
from harness.store.usage import BookedCall, record_usage

LATE = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
"""Half past eleven at night in Los Angeles, where it is the 21st still."""
JOB = Job(agent="zoe", name="cost-report", path="", schedules=(), zone="UTC")
SOME = Usage(1000, 400, 100)


class Books:
    """A team whose model calls are booked, and reported."""

    def __init__(self, database: Database) -> None:
        self.database = database
        morning = Job("scout", "morning", "", parse_schedules(["daily 08:00"]), "America/Los_Angeles")
        scout = Agent("scout", "", "", "", jobs={"morning": morning}, budget_usd=1.0)
        profile = Profile("cheap", "openai", model="m", input_usd_per_mtok=100.0, output_usd_per_mtok=1000.0)
        settings = Settings(budget_usd=5.0, default_profile="cheap", profiles={"cheap": profile})
        self.workspace = Workspace(Path("unused"), settings, agents={"scout": scout})

    def book(self, run: str, usd: float, at: datetime, job: str = "scout/morning", tokens: Usage = SOME) -> None:
        call = BookedCall(run, "model-1", job, "cheap", "m", tokens, usd)
        with self.database.write() as connection:
            record_usage(connection, call, at)

    def report(self) -> ActionResult:
        return cost_report(self.database, lambda: self.workspace)(JOB, LATE, LATE)


@pytest.fixture
def books(database: Database) -> Books:
    return Books(database)


def test_a_day_without_a_language_model_is_silent_and_says_so(books: Books) -> None:
    books.book("r1", 0.0, LATE - timedelta(hours=1), tokens=Usage())
    assert books.report() == ActionResult("no language model was asked today (1 call without one); nothing was spent")


def test_the_day_stands_beside_its_budgets_and_tomorrow(books: Books) -> None:
    books.book("cron:scout/morning:1", 0.25, LATE - timedelta(hours=1))
    books.book("bus:r-1:1", 0.5, LATE - timedelta(hours=2), job="scout/request:r-1")
    result = books.report()
    assert result.reason == "$0.7500 and 2.2k tokens today"
    assert "**$0.7500** for 2 calls and 2.2k tokens, 40% of the input from the cache." in result.text
    assert "| `scout` | 2 | 2.2k | $0.7500 | 75%: $0.75 of $1 |" in result.text
    assert "| **the team** | 2 | 2.2k | $0.7500 | 15%: $0.75 of $5 |" in result.text
    assert "| job | calls | tokens | cost |\n|---|--:|--:|--:|\n" in result.text
    assert "| `scout/morning` | 1 | 1.1k | $0.2500 |\n" in result.text
    assert "| `scout/(requests)` | 1 | 1.1k | $0.5000 |\n" in result.text
    # One run at today's prices, and the requests of one day.
    assert "1 planned run: $0.7000 if they go like the last ones" in result.text
    assert "The team's budget of $5 is enough." in result.text


def test_what_a_day_used_after_its_report_stands_in_the_next(books: Books) -> None:
    books.book("r1", 0.25, LATE - timedelta(hours=23, minutes=45))  # 23:45 of the day before
    books.book("r2", 0.25, LATE - timedelta(hours=25))  # reported then
    result = books.report()
    assert result.reason == "$0.00 and 0 tokens today"
    assert "Yesterday, after its report: $0.2500 and 1.1k tokens." in result.text


def test_a_tomorrow_without_a_language_model_says_so(books: Books) -> None:
    books.workspace = replace(books.workspace, agents={})
    books.book("r1", 0.25, LATE - timedelta(hours=1))
    assert "## Tomorrow\n\nNo schedule of tomorrow asks a language model.\n" in books.report().text


def test_a_tomorrow_that_costs_more_than_the_budget_is_named(books: Books) -> None:
    settings = replace(books.workspace.settings, budget_usd=0.1)
    books.workspace = replace(books.workspace, settings=settings)
    books.book("cron:scout/morning:1", 0.25, LATE - timedelta(hours=1))
    assert "**That is more than the team's budget of $0.1**" in books.report().text


def test_of_many_jobs_the_dearest_are_named(books: Books) -> None:
    for number in range(14):
        books.book(f"r{number}", 0.1 + number, LATE - timedelta(hours=1), job=f"scout/job-{number}")
    text = books.report().text
    assert "| `scout/job-13` |" in text
    assert "| `scout/job-3` |" not in text
    assert "| 4 more | 4 | 4.4k | $6.40 |" in text
