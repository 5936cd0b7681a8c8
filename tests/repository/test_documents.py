"""What the documents say is held against what is there."""

from __future__ import annotations

import re
import subprocess
import tomllib
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest

from harness.cli.app import COMMANDS
from harness.daemon.health.facts import LOOK_BACK
from harness.daemon.heartbeat import EVERY_S
from harness.daemon.liveness import STALE_AFTER_S, Liveness
from harness.daemon.ping import FAILURES_TOLD, TICK_COUNTS_FOR_S
from harness.daemon.units import WATCHDOG_S
from harness.daemon.vital_signs import ENGINE, LOOP, TICK
from harness.daemon.watchdog import Patience
from harness.delivery.outbox import FIRST_PAUSE_S, LONGEST_PAUSE_S, MAX_ATTEMPTS
from harness.domain.agent import Agent
from harness.domain.channel import DEFAULT_MAX_CHARS, INTERRUPTING, ChannelKind
from harness.domain.chart import Shown
from harness.domain.contract import Contract
from harness.domain.job import Job
from harness.domain.run import STOP_REASONS, FireState
from harness.domain.schedule import CatchUp
from harness.domain.settings import Profile, Settings
from harness.prompt.gather import Gathered
from harness.prompt.outline import outline
from harness.runs.stalled import MARGIN_S
from harness.schedule.grammar import parse_schedules
from harness.store.state_folder import StateFolder
from harness.testing.workspace import write_workspace_files
from harness.tools.catalogue import TOOL_NAMES
from harness.turn.talk import Transition
from harness.wiring.files import ACTION_NAMES, check
from harness.workspace.agents import AgentShape
from harness.workspace.calendars import ENDS_SOON, CalendarShape, read_calendar
from harness.workspace.channels import ChannelShape
from harness.workspace.job_times import CatchUpShape
from harness.workspace.jobs import JobShape
from harness.workspace.profiles import ATTEMPTS_WITH_FALLBACKS, ProfileShape
from harness.workspace.quantities import parse_bytes, parse_duration
from harness.workspace.report import Report
from harness.workspace.settings import HereShape, SettingsShape, read_settings
from harness.workspace.source_rules import SourcesShape
from harness.workspace.upkeep import AlertsShape, BackupsShape, RetentionShape, WatchdogShape

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
IGNORED = {".venv", ".harness", "day", "dist", "build", "node_modules"}
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
OF_A_JOB = re.compile(r"^agents/.+/jobs/|^skills/|^shared-context/markets/")  # what stands there leads to no file


def documents() -> list[Path]:
    """The Markdown that speaks to readers; jobs and skills show links as examples to a model."""
    found = [path.relative_to(ROOT) for path in ROOT.rglob("*.md") if not IGNORED & set(path.relative_to(ROOT).parts)]
    return sorted(path for path in found if not any(part.startswith(".") for part in path.parts[:-1]))


def table_keys(document: str) -> set[str]:
    """Return the code words of the first column of every table of the document."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {word for cell in rows for word in re.findall(r"`([^`]+)`", cell)}


def defaults(document: str) -> dict[str, str]:
    """Return the last column of the document's tables by the code words of the first; the first table that has one."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    rows = [re.split(r"(?<!\\)\|", line.strip("|")) for line in text.splitlines() if line.startswith("| `")]
    found: dict[str, str] = {}
    for row in rows:
        for word in re.findall(r"`([^`]+)`", row[0]):
            found.setdefault(word, row[-1].strip())
    return found


def blocks(document: str, language: str) -> list[str]:
    """Return the fenced examples of the document that are in this language."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def headings(page: Path) -> set[str]:
    """Return the addresses of the page's headings, as they are on a code host."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", [path for path in documents() if not OF_A_JOB.match(path.as_posix())], ids=str)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    text = FENCE.sub("", (ROOT / document).read_text(encoding="utf-8"))
    targets = [re.sub(r"#.*$", "", link) for link in LINK.findall(re.sub(r"`[^`]*`", "", text))]
    relative = [target for target in targets if target and not re.match(r"[a-z]+:", target)]
    assert [target for target in relative if not (ROOT / document.parent / target).exists()] == []


@pytest.mark.parametrize("document", [path for path in documents() if not OF_A_JOB.match(path.as_posix())], ids=str)
def test_every_link_into_a_page_leads_to_a_heading_of_it(document: Path) -> None:
    text = FENCE.sub("", (ROOT / document).read_text(encoding="utf-8"))
    linked = [link.split("#", 1) for link in LINK.findall(text) if "#" in link and "://" not in link]
    missing = [
        f"{page}#{anchor}"
        for page, anchor in linked
        if anchor not in headings((ROOT / document.parent / page) if page else ROOT / document)
    ]
    assert missing == []


def test_every_page_is_listed_in_the_index_of_the_documentation() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert pages == set(LINK.findall(index))


def test_make_alone_explains_every_target_in_one_line() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony is not None
    for target in set(phony[1].split()) - {"runtime", "dev"}:
        assert re.search(rf"^  make {target} +\S.+$", listed, re.MULTILINE), target


def test_every_make_command_in_the_documents_is_a_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)) | {"runtime", "dev"}
    for document in documents():
        text = (ROOT / document).read_text(encoding="utf-8")
        shown = "\n".join(FENCE.findall(text)) + "\n" + "\n".join(re.findall(r"`([^`\n]+)`", text))
        commands = re.findall(r"^make ((?:[A-Z]+=\S* )*)([\w-]+)", shown, re.MULTILINE)
        assert {target for _, target in commands} - targets == set(), document


def test_the_ledger_page_explains_every_state_that_a_fire_can_end_in() -> None:
    closed = {state.value for state in FireState if not state.is_open}
    assert closed <= table_keys("ledger.md")


def test_the_models_page_names_every_reason_for_which_a_run_ends() -> None:
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    assert [reason for reason in STOP_REASONS if f"`{reason}`" not in text] == []


def test_the_loop_page_names_everything_by_which_a_turn_goes_on() -> None:
    assert {str(transition) for transition in Transition} <= table_keys("loop.md")


def test_the_models_page_explains_every_key_of_a_profile() -> None:
    assert set(ProfileShape.model_fields) - table_keys("models.md") == set()


def test_the_contracts_page_explains_every_promise() -> None:
    text = " ".join(table_keys("contracts.md"))
    keys = {field.name.removesuffix("_s").replace("reminder_chars", "reminder") for field in fields(Contract)}
    assert {key for key in keys if key not in text} == set()


def test_the_workspace_page_explains_every_key_of_a_job_and_of_an_agent() -> None:
    assert set(JobShape.model_fields) - table_keys("workspace.md") == set()
    examples = [tomllib.loads(block) for block in blocks("workspace.md", "toml")]
    assert set(AgentShape.model_fields) in [set(example) for example in examples]


def test_the_workspace_page_explains_every_setting_and_every_tool() -> None:
    tables = {
        "profiles": "[profiles.NAME]",
        "channels": "[channels.NAME]",
        "egress": "[egress]",
        "sources": "[sources]",
        "search": "[search]",
        "here": "[here]",
        "alerts": "[alerts]",
        "watchdog": "[watchdog]",
        "retention": "[retention]",
        "backups": "[backups]",
        "bus": "[bus]",
        "radar": "[radar]",
        "weather": "[weather]",
        "calendars": "[calendars]",
        "todos": "[todos]",
        "markets": "[markets]",
        "economy": "[economy]",
        "shedding": "[shedding]",
    }
    assert {tables.get(key, key) for key in SettingsShape.model_fields} <= table_keys("workspace.md")
    text = (ROOT / "docs" / "workspace.md").read_text(encoding="utf-8")
    assert {
        name for name in (*TOOL_NAMES, *ACTION_NAMES, *SourcesShape.model_fields) if f"`{name}`" not in text
    } == set()
    shown = {key for block in blocks("workspace.md", "toml") for key in tomllib.loads(block).get("alerts", {})}
    assert shown == set(AlertsShape.model_fields)
    for shape in (HereShape, WatchdogShape, RetentionShape, BackupsShape):
        assert {key for key in shape.model_fields if f"`{key}`" not in text} == set(), shape.__name__


def test_every_schedule_in_the_table_of_the_schedules_page_can_be_written() -> None:
    text = (ROOT / "docs" / "schedules.md").read_text(encoding="utf-8").split("\n## ")[0]
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    written = [form.strip('"') for cell in cells for form in re.findall(r"`([^`]+)`", cell)]
    assert len(written) > 15
    assert [form for form in written if not parse_schedules(form)] == []


def test_every_example_of_the_schedules_page_is_right(tmp_path: Path) -> None:
    for block in blocks("schedules.md", "yaml"):
        # Lines of one example may show one key twice, each time another way.
        for line in block.strip().splitlines():
            front = line if line.startswith("schedule:") else f"schedule: daily 08:00\n{line}"
            job = f"---\n{front}\n---\nHello\n"
            root = write_workspace_files(tmp_path, {"agents/scout/jobs/morning.md": job})
            assert check(root, now=NOW) == (), line
    (calendar,) = blocks("schedules.md", "markdown")
    report = Report("calendar.md")
    assert read_calendar("calendar", calendar, NOW.date(), report) is not None
    assert report.entries == []
    (here,) = blocks("schedules.md", "toml")
    settings = read_settings(f'home = "UTC"\n{here}', report)
    assert settings is not None and settings[0].here is not None
    assert report.entries == []


def test_the_schedules_page_explains_every_key_of_times_and_of_calendars() -> None:
    text = (ROOT / "docs" / "schedules.md").read_text(encoding="utf-8")
    keys = {field.alias or name for name, field in CalendarShape.model_fields.items()} | set(CatchUpShape.model_fields)
    assert {key for key in keys if f"`{key}`" not in text} == set()
    catch_up, policy = blocks("schedules.md", "yaml")[1], CatchUp()
    assert f"run: {policy.run}, within: {policy.within_s // 3600}h, grace: {policy.grace_s // 60}m" in catch_up
    shown = defaults("schedules.md")
    job = JobShape(schedule="")
    assert (shown["overlap"], shown["priority"], shown["attempts"]) == (
        f"`{job.overlap}`",
        f"`{job.priority}`",
        str(job.attempts),
    )
    assert parse_duration(shown["backoff"].strip("`")) == job.backoff
    assert "From 60 days before" in text and ENDS_SOON.days == 60


def test_the_documents_name_the_defaults_that_hold() -> None:
    job, settings, models = JobShape(schedule=""), SettingsShape(), defaults("models.md")
    workspace = defaults("workspace.md")
    assert workspace["max_iterations"] == str(job.max_iterations)
    assert parse_duration(workspace["timeout"].strip("`")) == job.timeout
    assert workspace["without_model"] == f"`{job.without_model}`"
    assert workspace["max_running"] == str(settings.max_running)
    assert workspace["[shedding]"] == f"{settings.shedding.low_at}, {settings.shedding.normal_at}"
    assert workspace["user"] == f"`{settings.user}`"
    assert parse_duration(workspace["drain"].strip("`")) == settings.drain
    assert (workspace["attempts"], parse_duration(workspace["backoff"].strip("`"))) == (str(job.attempts), job.backoff)
    runs, artifacts, size = workspace["[retention]"].split(", ")
    retention = settings.retention
    assert (parse_duration(runs), parse_duration(artifacts), parse_bytes(size)) == (
        retention.runs,
        retention.artifacts,
        retention.artifacts_size,
    )
    assert workspace["[backups]"] == f"`{settings.backups.folder}`, {settings.backups.keep}"
    assert parse_duration(workspace["[watchdog]"].split("`")[1]) == settings.watchdog.every
    assert workspace["home"].startswith(f"`{Settings().home_zone}`")
    sources = settings.sources
    shown = workspace["[sources]"].split(", ")
    assert (parse_duration(shown[0]), parse_bytes(shown[1]), shown[2:4]) == (
        sources.timeout,
        sources.max_bytes,
        [str(sources.max_items), str(sources.concurrency)],
    )
    profile = Profile("", "openai")
    assert models["attempts"] == f"{profile.attempts}; {ATTEMPTS_WITH_FALLBACKS} with fallbacks"
    assert parse_duration(models["cool_down"].strip("`")) == profile.cool_down_s
    assert parse_duration(models["timeout"].strip("`")) == profile.timeout_s
    assert models["context_window"] == f"{profile.context_window}, {profile.max_output_tokens}"


def test_the_prompt_page_shows_the_budget_of_every_section() -> None:
    text = (ROOT / "docs" / "prompt.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if re.match(r"\| \d+ \|", line)]
    agent = Agent("a", "", "Soul.", "Rules.")
    job = Job("a", "j", "j.md", (), "UTC", prompt="Task.")
    sections = outline(Gathered(agent, job, "Sam", "", "2026-11-21", 10_000))
    assert [int(row[-2].replace(",", "")) for row in rows] == [section.budget_tokens for section in sections]


def test_the_delivery_page_tells_the_pauses_of_the_outbox_and_the_daemon_page_its_patience() -> None:
    delivery = (ROOT / "docs" / "delivery.md").read_text(encoding="utf-8")
    assert (MAX_ATTEMPTS, FIRST_PAUSE_S, LONGEST_PAUSE_S) == (12, 30, 3600)
    assert "at most twelve times, with pauses that double from 30 seconds to an hour" in delivery
    daemon = " ".join((ROOT / "docs" / "daemon.md").read_text(encoding="utf-8").split())
    assert (EVERY_S, STALE_AFTER_S) == (5, 30)
    assert timedelta(hours=48) == LOOK_BACK
    assert Liveness("dead").grace_s == 15
    assert Liveness("alive").grace_s == 60
    for words in ("every five seconds", "silent for 30 seconds", "last 48 hours", "after a minute", "after 15 seconds"):
        assert words in daemon


def test_the_watchdog_page_names_the_times_that_hold() -> None:
    page = " ".join((ROOT / "docs" / "watchdog.md").read_text(encoding="utf-8").split())
    patience = Patience()
    assert f"Silent for **{patience.stall_s:.0f} s**" in page
    assert f"Silent for **{patience.give_up_s:.0f} s**" in page
    assert (patience.calm_s, patience.look_every_s, MARGIN_S, TICK_COUNTS_FOR_S, FAILURES_TOLD) == (60, 1, 300, 30, 3)
    assert f"`WatchdogSec={WATCHDOG_S}`" in page
    assert all(part in page for part in (LOOP, ENGINE, TICK))
    assert parse_duration("1m") == Settings().watchdog.every_s
    assert f"says ({Settings().drain_s} s)" in page


def test_the_daemon_page_names_everything_in_the_state_folder() -> None:
    named = {re.split(r"[/<]", key)[0] for key in table_keys("daemon.md")}
    state = StateFolder(Path("/state"))
    paths = {
        name: getattr(state, name) for name in dir(StateFolder) if isinstance(getattr(StateFolder, name), property)
    }
    assert {path.name for path in paths.values()} - named == set()


def test_the_delivery_page_says_of_every_kind_of_channel_what_it_does() -> None:
    text = (ROOT / "docs" / "delivery.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")
    ]
    kinds = {row[0].strip("`"): row for row in rows if len(row) == 4 and row[0] != "`kind`"}
    assert set(kinds) == set(get_args(ChannelKind))
    assert {kind for kind, row in kinds.items() if row[3] == "yes"} == INTERRUPTING
    assert f"{DEFAULT_MAX_CHARS['ntfy']:,} bytes" in kinds["ntfy"][2]
    (example,) = [tomllib.loads(block)["channels"] for block in blocks("delivery.md", "toml")]
    report = Report("harness.toml")
    lines = "\n".join(blocks("delivery.md", "toml"))
    assert read_settings(f'home = "UTC"\n{lines}', report) is not None
    assert report.entries == []
    keys = {key for table in example.values() for key in table}
    shape = {field.alias or name for name, field in ChannelShape.model_fields.items()}
    assert {key for key in shape - keys if f"`{key}`" not in text and key not in text} == set()


def test_the_digests_page_names_everything_that_a_job_may_show() -> None:
    assert set(get_args(Shown)) <= table_keys("digests.md")


def test_every_harness_command_in_the_documents_exists() -> None:
    known = {entry.name for entry in COMMANDS} | {"COMMAND"}
    for document in documents():
        text = (ROOT / document).read_text(encoding="utf-8")
        shown = "\n".join(FENCE.findall(text)) + "\n" + "\n".join(re.findall(r"`([^`\n]+)`", text))
        used = set(re.findall(r"^(?:\.venv/bin/)?harness ([a-zA-Z]+)", shown, re.MULTILINE))
        assert used - known == set(), document


def test_the_shipped_settings_show_every_key_of_a_profile() -> None:
    shipped = (ROOT / "harness.toml").read_text(encoding="utf-8")
    keys = ProfileShape.model_fields.keys() - {"script"}  # for tests alone
    assert {key for key in keys if not re.search(rf"^#? ?{key} = ", shipped, re.MULTILINE)} == set()


def test_the_profiles_that_are_shown_can_be_written_as_they_stand() -> None:
    shipped = (ROOT / "harness.toml").read_text(encoding="utf-8")
    part = shipped.partition("# ── Models")[2].partition("# ── Channels")[0]
    examples = re.findall(r"(?:^# (?:\[profiles|\w+ = ).*\n)+", part, re.MULTILINE)
    shown = "\n".join(re.sub(r"^# ", "", example, flags=re.MULTILINE) for example in examples)
    for text in (shown, *(block for block in blocks("models.md", "toml") if "[profiles.best]" in block)):
        report = Report("harness.toml")
        read_settings(f'home = "UTC"\n{text}', report)
        assert [str(entry.finding) for entry in report.entries] == []
    assert set(tomllib.loads(shown)["profiles"]) == {"cheap", "best", "local"}


def test_the_architecture_page_shows_the_layers_that_the_linter_holds() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    rows = [re.sub(r"\([^)]*\)", "", row) for row in contract[0]["layers"]]
    linted = [sorted(re.findall(r"\w+", row)) for row in rows]
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    assert [sorted(re.findall(r"\w+", cell)) for cell in cells] == [row for row in linted if row]
