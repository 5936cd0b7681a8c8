"""The workspace that a newcomer starts from: right as it stands, and right after the edits it suggests."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.domain.contract import ItemRule
from harness.domain.settings import Settings
from harness.domain.source import Collected, Gap, Item
from harness.domain.tokens import estimate_tokens
from harness.domain.workspace import Workspace
from harness.memory.records import parse_memory
from harness.prompt.template import render_template
from harness.schedule.due import slots_between
from harness.wiring.files import check, vocabulary
from harness.wiring.skills import SkillShelf
from harness.workspace.load import load_workspace
from harness.workspace.upkeep import AlertsShape, BackupsShape, RetentionShape, WatchdogShape

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PARTS = ("harness.toml", "USER.md", "agents", "skills", "shared-context", "memory")


@pytest.fixture(scope="module")
def shipped() -> Workspace:
    return load_workspace(ROOT, vocabulary(), now=NOW).workspace


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, tmp_path / part)
        else:
            shutil.copy(ROOT / part, tmp_path)
    return tmp_path


def test_nothing_in_it_needs_fixing() -> None:
    assert [str(finding) for finding in check(ROOT, now=NOW)] == []


def test_the_first_day_needs_no_key_and_costs_nothing(shipped: Workspace) -> None:
    used = {shipped.agents[job.agent].profile or shipped.settings.default_profile for job in shipped.jobs()}
    assert {shipped.settings.profiles[name].adapter for name in used} == {"extractive"}


def test_every_item_of_ainews_must_have_been_collected_and_must_answer(shipped: Workspace) -> None:
    for job in shipped.agents["ainews"].jobs.values():
        rule = None if job.action else ItemRule(url_collected=True, reachable=True, priority=True)
        assert job.contract.every_item == rule, job.id
        assert job.deliver == ("digest",), job.id


def test_what_jobs_read_from_each_other_is_fresh_at_least_once_a_week(shipped: Workspace) -> None:
    weeks = NOW - timedelta(days=21)
    slots = {job.id: slots_between(job.schedules, job.zone, weeks, NOW) for job in shipped.jobs()}
    for job in shipped.jobs():
        for entry in job.read:
            if entry in slots:
                assert slots[entry], f"{job.id} reads {entry}, which is never due"
                age = min(due - made for due in slots[job.id] for made in slots[entry] if made < due)
                most = timedelta(days=7 if len(slots[entry]) < 7 else 1)
                assert age < most, f"{job.id} reads {entry} when it is {age} old"


def test_the_days_page_reads_what_was_delivered_the_same_morning(shipped: Workspace) -> None:
    page = shipped.job("zoe/daily-digest")
    read = [shipped.job(name) for name in page.read]
    assert {job.agent for job in read} == {"ainews", "macro", "trading", "content", "butler"}
    (due,) = slots_between(page.schedules, page.zone, NOW - timedelta(days=1), NOW)
    for job in read:
        made = slots_between(job.schedules, job.zone, due - timedelta(hours=4), due)
        assert made, f"{job.id} delivers nothing in the hours before the page"


def test_the_self_check_never_waits_behind_a_model(shipped: Workspace) -> None:
    job = shipped.job("zoe/self-check")
    assert (job.lane, job.deliver) == ("system", ("terminal",))


def test_the_day_page_tells_each_story_once(shipped: Workspace) -> None:
    story = Item("One story", "https://a.example/1", "A", "Because.")
    again = Item("The same story", "https://a.example/1", "B")
    page = render_template(
        shipped.job("zoe/daily-digest"),
        [
            Collected("ainews/morning-digest", (story,), text="# the whole digest"),
            Collected("ainews/arxiv", (again, Item("Another", "https://a.example/2", "B"))),
            Collected("ainews/github-trending"),
        ],
        user_name="Sam",
        now=datetime(2026, 11, 21, 16, 15, tzinfo=UTC),
    )
    assert re.findall(r"^(?:## .*|- \[.*)$", page, re.MULTILINE) == [
        "## What changed since yesterday",
        "- [One story](https://a.example/1) — Because.",
        "## New papers",
        "- [Another](https://a.example/2)",
    ]


def test_the_day_page_says_what_was_quiet_and_is_silent_about_what_failed(shipped: Workspace) -> None:
    page = render_template(
        shipped.job("zoe/daily-digest"),
        [
            Collected("ainews/morning-digest", gaps=(Gap("ainews/morning-digest", "its run failed"),)),
            Collected("ainews/arxiv", text="Nothing to report: nothing new in 4 sources."),
        ],
        user_name="Sam",
        now=datetime(2026, 11, 21, 16, 15, tzinfo=UTC),
    )
    assert page.splitlines()[-3:] == ["## New papers", "", "Nothing to report: nothing new in 4 sources."]
    assert "What changed since yesterday" not in page  # the digest names its gaps itself


def test_no_scan_of_a_day_reads_the_hours_of_another(shipped: Workspace) -> None:
    scans = [shipped.job(f"ainews/{name}") for name in ("midday-scan", "evening-scan")]
    hours = [(job, int(job.schedule_text.split()[1][:2])) for job in scans]
    windows = [(hour - (job.max_age_s or 0) // 3600, hour) for job, hour in hours]
    assert windows == [(7, 12), (12, 18)]


def test_what_stands_in_a_memory_is_known_and_not_advice_to_its_owner(shipped: Workspace) -> None:
    for name in shipped.agents:
        records = parse_memory((ROOT / "agents" / name / "MEMORY.md").read_text(encoding="utf-8"))
        assert [record.text for record in records if not record.text.startswith("- ")] == [], name


def test_what_an_agent_is_told_of_itself_is_short(shipped: Workspace) -> None:
    sizes = {name: estimate_tokens(f"{agent.soul}\n{agent.rules}") for name, agent in shipped.agents.items()}
    assert {name: size for name, size in sizes.items() if size > 550} == {}


def test_a_skill_that_is_granted_is_offered_on_any_machine(shipped: Workspace) -> None:
    for agent in shipped.agents.values():
        offered = SkillShelf({}, "linux").offer(shipped, agent)
        assert tuple(offered.skills) == agent.skills, agent.name


def test_the_settings_for_months_of_running_show_what_holds_without_them(shipped: Workspace) -> None:
    settings, defaults = shipped.settings, Settings()
    assert (settings.alerts, settings.watchdog) == (defaults.alerts, defaults.watchdog)
    assert (settings.retention, settings.backups) == (defaults.retention, defaults.backups)
    text = (ROOT / "harness.toml").read_text(encoding="utf-8")
    for shape in (AlertsShape, WatchdogShape, RetentionShape, BackupsShape):
        assert {key for key in shape.model_fields if not re.search(rf"^(# )?{key} = ", text, re.MULTILINE)} == set()


def test_the_models_that_the_settings_suggest_are_right_once_uncommented(copy: Path) -> None:
    settings = copy / "harness.toml"
    text = settings.read_text(encoding="utf-8").replace('[profiles.cheap]\nadapter = "extractive"\n', "", 1)
    models, others = text.split("# ── Channels", 1)
    models = re.sub(r"^# (?=\[profiles|[a-z_]+ = )", "", models, flags=re.MULTILINE)
    settings.write_text(f"{models}# ── Channels{others}", encoding="utf-8")
    loaded = load_workspace(copy, vocabulary(), now=NOW)
    assert [str(finding) for finding in loaded.findings] == []
    profiles = loaded.workspace.settings.profiles
    assert (profiles["cheap"].key_env, profiles["local"].key_env) == ("OPENAI_API_KEY", None)
    assert {profiles[name].adapter for name in ("cheap", "local")} == {"openai"}
