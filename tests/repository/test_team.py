"""The team that is shipped, held against its table: who does what when, by which rules, with which skills."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bench.team_page import render
from harness.domain.job import Job
from harness.domain.tokens import estimate_tokens
from harness.domain.workspace import Workspace
from harness.prompt.skill_choice import Task, why_they_apply
from harness.prompt.template import render_template
from harness.schedule.due import slots_between
from harness.wiring.files import vocabulary
from harness.workspace.load import load_workspace

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PACIFIC = ZoneInfo("America/Los_Angeles")
DAILY, WEEKDAYS, SATURDAY, SUNDAY = "mon tue wed thu fri sat sun", "mon tue wed thu fri", "sat", "sun"

# Each job with the days and the times at which it is due, by the clock of the Pacific coast.
TABLE: dict[str, dict[str, tuple[str, str]]] = {
    "zoe": {
        "backup": (DAILY, "03:00"),
        "audit-rotation": (DAILY, "03:30"),
        "self-check": (DAILY, "every 30 min"),
        "task-watcher": (DAILY, "every 5 min"),
        "daily-digest": (DAILY, "08:15"),
        "followup-review": (DAILY, "09:00"),
        "followup-dispatch": (DAILY, "09:30"),
        "tech-radar": (DAILY, "11:00"),
        "radar-decisions": (DAILY, "15:00"),
        "followup-status": (DAILY, "20:30"),
        "reflection": (DAILY, "22:00"),
        "cost-report": (DAILY, "23:30"),
        "team-reflection": (DAILY, "23:45"),
        "weekly-compression": (SUNDAY, "04:00"),
        "skills-review": (SUNDAY, "16:00"),
        "roundtable": (SATURDAY, "10:00"),
    },
    "ainews": {
        "overnight-scan": (DAILY, "06:00"),
        "github-trending": (DAILY, "07:00"),
        "arxiv": (DAILY, "07:15"),
        "morning-digest": (DAILY, "07:40"),
        "midday-scan": (DAILY, "12:00"),
        "release-watch": (DAILY, "14:00"),
        "evening-scan": (DAILY, "18:00"),
        "impact-review": (DAILY, "19:00"),
        "reflection": (DAILY, "22:05"),
        "weekly-trends": (SUNDAY, "10:00"),
    },
    "trading": {
        "us-wrap": (DAILY, "05:00"),
        "premarket": (WEEKDAYS, "06:00"),
        "open-check": (WEEKDAYS, "06:45"),
        "mid-session": (WEEKDAYS, "09:30"),
        "close-flash": (WEEKDAYS, "13:05"),
        "close-report": (WEEKDAYS, "13:40"),
        "risk-check": (DAILY, "16:00"),
        "watchlist": (DAILY, "17:30"),
        "asia-open": (DAILY, "18:05"),
        "position-review": (DAILY, "20:00"),
        "reflection": (DAILY, "22:10"),
        "weekly-report": (SATURDAY, "09:00"),
    },
    "macro": {
        "us-digest": (DAILY, "05:20"),
        "morning": (DAILY, "07:50"),
        "midday": (DAILY, "12:30"),
        "evening": (DAILY, "18:00"),
        "us-premarket-watch": (DAILY, "22:00"),
        "calendar-check": (DAILY, "06:30"),
        "data-release": (WEEKDAYS, "08:35"),
        "reflection": (DAILY, "22:15"),
        "weekly-review": (SUNDAY, "09:00"),
    },
    "content": {
        "trend-radar": (DAILY, "07:20"),
        "ideas": (DAILY, "10:30"),
        "draft": (DAILY, "14:30"),
        "de-generic-pass": (DAILY, "16:30"),
        "reflection": (DAILY, "22:20"),
        "weekly-plan": (SUNDAY, "11:00"),
    },
    "butler": {
        "greeting": (DAILY, "08:00"),
        "schedule": (DAILY, "08:30"),
        "water": (DAILY, "10:00 12:00 15:00 16:30 18:00"),
        "todo-nudge": (DAILY, "13:30"),
        "health": (DAILY, "20:00"),
        "summary": (DAILY, "21:30"),
        "reflection": (DAILY, "22:25"),
    },
}
JOBS = {f"{agent}/{name}": due for agent, jobs in TABLE.items() for name, due in jobs.items()}
FREQUENT = {"every 30 min": 48, "every 5 min": 288}
ASIAN = {"trading/asia-open"}

# What is said of the rules of an agent in words, as keys of the contract of each of its jobs that somebody writes.
RULES = {
    "ainews": {"every_item.url", "every_item.reachable", "every_item.priority"},
    "trading": {"numbers", "signals", "disclaimer"},
    "macro": {"numbers", "sections", "confidence"},
    "content": {"every_item.url", "max_share"},
    "butler": {"must_not_include"},
    "zoe": set(),
}
# By which words of AGENTS.md or of a job's prompt it can be seen that a tool is needed.
NEEDS_TOOL = r"`{name}`"


@pytest.fixture(scope="module")
def team() -> Workspace:
    return load_workspace(ROOT, vocabulary(), now=NOW).workspace


def slots_of_week(job: Job, monday: date) -> list[datetime]:
    """Return when the job is due in that week, by the clock of the Pacific coast."""
    start = datetime(monday.year, monday.month, monday.day, tzinfo=PACIFIC)
    end = (monday + timedelta(days=7)).isoformat()
    until = datetime.fromisoformat(end).replace(tzinfo=PACIFIC) - timedelta(seconds=1)
    slots = slots_between(job.schedules, job.zone, start.astimezone(UTC) - timedelta(seconds=1), until.astimezone(UTC))
    return [slot.astimezone(PACIFIC) for slot in slots]


def table_of(slots: list[datetime]) -> tuple[str, str]:
    """Return days and times as the table has them."""
    days = [day for day in DAILY.split() if any(f"{slot:%a}".lower() == day for slot in slots)]
    times = sorted({f"{slot:%H:%M}" for slot in slots})
    frequent = {count: words for words, count in FREQUENT.items()}
    return " ".join(days), frequent.get(len(times), " ".join(times))


def written_jobs(team: Workspace) -> list[Job]:
    """The jobs whose results a model or a template writes."""
    return [job for job in team.jobs() if job.action is None]


def keys_of(job: Job) -> set[str]:
    """Return the rules of its contract by their keys."""
    contract = job.contract
    names = ("numbers", "signals", "confidence", "sections", "disclaimer", "max_share", "must_not_include", "cite")
    keys = {name for name in names if getattr(contract, name)}
    if contract.every_item is not None:
        item = contract.every_item
        parts = {"url": item.url_collected, "reachable": item.reachable, "priority": item.priority}
        keys |= {f"every_item.{name}" for name, holds in parts.items() if holds}
    return keys


def test_the_team_has_six_agents_and_sixty_jobs_and_no_others(team: Workspace) -> None:
    assert {name: set(agent.jobs) for name, agent in team.agents.items()} == {
        name: set(jobs) for name, jobs in TABLE.items()
    }
    assert len(JOBS) == 60


# A winter week; the weeks in which America has changed its clocks and Europe has not; and each week of a change itself.
@pytest.mark.parametrize("monday", [date(2026, 11, 16), date(2026, 11, 2), date(2027, 2, 1), date(2027, 11, 15)])
def test_each_job_is_due_at_the_times_of_the_table(team: Workspace, monday: date) -> None:
    assert {job.id: table_of(slots_of_week(job, monday)) for job in team.jobs()} == JOBS


@pytest.mark.parametrize("monday", [date(2027, 3, 15), date(2027, 7, 5), date(2026, 10, 26)])
def test_in_summer_and_between_two_changes_of_clocks_only_asia_moves(team: Workspace, monday: date) -> None:
    """New York changes its clocks with the Pacific coast, Europe two weeks later, and Tokyo never."""
    summer = monday != date(2026, 10, 26)
    for job in team.jobs():
        days, times = table_of(slots_of_week(job, monday))
        if job.id in ASIAN:
            assert times == ("19:05" if summer else "18:05 19:05")
        else:
            assert (days, times) == JOBS[job.id], job.id


def test_market_jobs_keep_to_the_clock_of_their_exchange_and_to_its_closed_days(team: Workspace) -> None:
    zones = {job.id: (job.zone, job.calendar) for job in team.jobs() if job.zone != team.settings.home_zone}
    assert {zone for zone, _ in zones.values()} == {"America/New_York", "Asia/Tokyo"}
    assert all(name.startswith(("trading/", "macro/")) for name in zones)
    assert zones["trading/asia-open"] == ("Asia/Tokyo", "tokyo")
    session = {"premarket", "open-check", "mid-session", "close-flash", "close-report", "risk-check"}
    assert {zones[f"trading/{name}"] for name in session} == {("America/New_York", "nyse")}


def test_every_job_says_what_it_promises_and_what_becomes_of_it(team: Workspace) -> None:
    for job in team.jobs():
        written = (ROOT / job.path).read_text(encoding="utf-8").split("\n---\n")[0]
        assert "if_missed:" in written, job.id
        assert job.deliver, job.id
        assert job.title, job.id
        if job.action is None:
            assert job.budget_usd is not None, job.id
            assert job.reminder or "contract:" in written, job.id
            assert "without_model:" in written, job.id
            if job.without_model == "skip":
                assert re.search(r"^without_model: skip +# \S+ \S+", written, re.MULTILINE), f"{job.id} says no reason"


def test_every_rule_of_an_agent_is_a_promise_of_each_of_its_jobs(team: Workspace) -> None:
    missing = {job.id: RULES[job.agent] - keys_of(job) for job in written_jobs(team) if RULES[job.agent] - keys_of(job)}
    assert missing == {}


def test_the_rules_say_what_the_table_of_the_team_says(team: Workspace) -> None:
    trading, macro, content = (team.agent(name) for name in ("trading", "macro", "content"))
    for agent in (trading, macro):
        assert all(job.contract.numbers == "collected" for job in agent.jobs.values() if job.action is None)
    wrap = trading.jobs["us-wrap"].contract
    assert wrap.disclaimer == "Research only, not financial advice."
    assert wrap.signals is not None and (wrap.signals.stop, wrap.signals.wait_below) == (True, 60)
    assert set(macro.jobs["morning"].contract.sections) >= {"Facts", "Judgement", "Counter-argument"}
    assert [(limit.basket, limit.percent) for limit in content.jobs["trend-radar"].contract.max_share] == [("ai", 40)]
    assert team.job("trading/position-review").contract.cite == ("macro/weekly-review",)
    zoe = team.agent("zoe")
    assert (zoe.max_open_per_agent, set(zoe.may_ask)) == (3, set(TABLE) - {"zoe"})
    assert team.job("zoe/roundtable").contract.disclaimer == wrap.disclaimer


def test_zoe_writes_no_file_and_nobody_may_run_a_program(team: Workspace) -> None:
    for agent in team.agents.values():
        assert agent.write_paths == (), agent.name
        assert not {"files.write", "delegate"} & set(agent.tools), agent.name


def test_reminders_keep_their_distance_and_leave_the_night_alone(team: Workspace) -> None:
    reminders = [job for job in team.jobs() if job.reminder]
    assert {job.id for job in reminders} == {"butler/water", "butler/todo-nudge", "butler/health"}
    assert team.agent("butler").reminder_spacing_s == 90 * 60
    slots = sorted(slot for job in reminders for slot in slots_of_week(job, date(2026, 11, 16)))
    gaps = [after - before for before, after in pairwise(slots)]
    assert min(gaps) >= timedelta(minutes=90)
    assert all(7 <= slot.hour < 23 for slot in slots)
    assert len(slots) == 7 * 7


@pytest.mark.parametrize("job_id", ["butler/water", "butler/health"])
def test_the_words_of_reminders_without_a_model_are_short_and_none_comes_twice_in_a_week(
    team: Workspace, job_id: str
) -> None:
    job = team.job(job_id)
    said: dict[str, datetime] = {}
    for monday in (date(2026, 11, 16) + timedelta(weeks=week) for week in range(4)):
        for slot in slots_of_week(job, monday):
            words = render_template(job, (), user_name="Sam", now=slot.astimezone(UTC)).strip()
            assert 0 < len(words) < 50, words
            assert slot - said.get(words, slot - timedelta(days=30)) > timedelta(days=7), words
            said[words] = slot


def test_every_skill_is_used_by_a_job_and_no_job_is_sent_to_more_than_three(team: Workspace) -> None:
    used: Counter[str] = Counter()
    for job in written_jobs(team):
        agent = team.agent(job.agent)
        granted = [team.skills[name] for name in agent.skills]
        text = job.prompt + (" roundtable" if job.roundtable else "")
        applies = set(why_they_apply(granted, Task(job.agent, job.id, text, job.read)))
        assert len(applies) <= 3, f"{job.id}: {sorted(applies)}"
        used.update(applies)
    # Speakers are asked over the bus, and the request names the roundtable.
    chaired = next(job for job in written_jobs(team) if job.roundtable)
    for speaker in chaired.roundtable.speakers if chaired.roundtable else ():
        granted = [team.skills[name] for name in team.agent(speaker).skills]
        used.update(set(why_they_apply(granted, Task(speaker, text="You speak at a roundtable."))))
    assert set(team.skills) - set(used) == set()
    assert len(team.skills) >= 20


def test_every_skill_of_an_agent_is_used_by_one_of_its_jobs(team: Workspace) -> None:
    for agent in team.agents.values():
        granted = [team.skills[name] for name in agent.skills]
        tasks = [Task(agent.name, job.id, job.prompt, job.read) for job in agent.jobs.values()]
        tasks.append(Task(agent.name, text="You speak at a roundtable."))
        used = {name for task in tasks for name in why_they_apply(granted, task)}
        assert set(agent.skills) - used == set(), agent.name


def test_skills_are_short_enough_to_be_worth_loading(team: Workspace) -> None:
    sizes = {name: estimate_tokens(skill.body) for name, skill in team.skills.items()}
    assert {name: size for name, size in sizes.items() if size > 900} == {}
    lines = {name: len((ROOT / skill.path).read_text("utf-8").splitlines()) for name, skill in team.skills.items()}
    assert {name: count for name, count in lines.items() if not 30 <= count <= 80} == {}


def test_no_agent_has_a_tool_that_none_of_its_jobs_needs(team: Workspace) -> None:
    for agent in team.agents.values():
        words = "\n".join((agent.rules, *(job.prompt for job in agent.jobs.values())))
        unused = [name for name in agent.tools if not re.search(NEEDS_TOOL.format(name=re.escape(name)), words)]
        assert unused == [], agent.name
        named = set(re.findall(r"`((?:radar|web|files)[._]\w+|learn|scratchpad|delegate)`", words))
        assert named - set(agent.tools) == set(), f"{agent.name} is told of tools that it has not got"


def test_a_character_is_told_in_eighty_to_a_hundred_and_fifty_words(team: Workspace) -> None:
    counts = {name: len(agent.soul.split()) for name, agent in team.agents.items()}
    assert {name: count for name, count in counts.items() if not 80 <= count <= 150} == {}


def test_a_prompt_is_concrete_and_short(team: Workspace) -> None:
    counts = {job.id: len(job.prompt.split()) for job in written_jobs(team)}
    assert {name: count for name, count in counts.items() if not 60 <= count <= 165} == {}


def test_what_an_agent_and_its_task_say_together_is_bounded(team: Workspace) -> None:
    """All that stands in files of one's own: what is collected comes on top, and has a budget of its own."""
    for job in written_jobs(team):
        agent = team.agent(job.agent)
        parts = (agent.soul, agent.rules, (ROOT / f"agents/{job.agent}/MEMORY.md").read_text("utf-8"), job.prompt)
        assert estimate_tokens("\n".join(parts)) < 1_100, job.id


def test_models_are_done_without_in_a_way_that_is_worth_reading(team: Workspace) -> None:
    ways = Counter(job.without_model for job in written_jobs(team))
    assert ways["skip"] < ways["extract"] + ways["template"]
    for job in written_jobs(team):
        if job.without_model == "template":
            assert job.template is not None and len(job.template) > 80, job.id


def test_without_the_pack_of_markets_nothing_breaks(team: Workspace, tmp_path: Path) -> None:
    for part in ("harness.toml", "USER.md", "agents", "skills", "shared-context", "memory"):
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, tmp_path / part)
        else:
            shutil.copy(source, tmp_path)
    for name in ("trading", "macro"):
        shutil.rmtree(tmp_path / "agents" / name)
    loaded = load_workspace(tmp_path, vocabulary(), now=NOW)
    assert [str(finding) for finding in loaded.findings if finding.severity == "error"] == []
    assert any("roundtable" in str(finding) for finding in loaded.findings)
    rest = loaded.workspace
    assert set(rest.agents) == set(TABLE) - {"trading", "macro"}
    assert set(rest.agent("zoe").may_ask) == {"ainews", "butler", "content"}
    assert not any(read.startswith(("trading/", "macro/")) for job in rest.jobs() for read in job.read)


def test_the_page_of_the_team_says_what_stands_in_the_workspace(team: Workspace) -> None:
    page = (ROOT / "docs" / "team.md").read_text(encoding="utf-8")
    assert render(team) == page, "write it anew: python -m bench.team_page > docs/team.md"
