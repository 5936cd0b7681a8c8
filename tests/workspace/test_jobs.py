from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.domain.job import Dependency, FreshFile, Job, OnlyIf, Requires
from harness.domain.schedule import CatchUp, QuietHours
from harness.testing.workspace import SAMPLE_FILES, write_workspace_files
from harness.wiring.files import vocabulary
from harness.workspace.last_good import LastGood
from harness.workspace.load import Loaded, load_workspace

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
JOB = "agents/scout/jobs/morning.md"
NYSE = """\
---
title: New York Stock Exchange
zone: America/New_York
from: 2026-01-01
until: 2027-12-31
---
- 2026-11-26 Thanksgiving Day
"""


def written(lines: str) -> str:
    return f"---\nschedule: daily 08:00\n{lines}\n---\nHello\n"


def load(root: Path, jobs: dict[str, str], **files: str) -> Loaded:
    """Load a workspace with these front matter lines of scout's jobs; `settings` are put before harness.toml."""
    settings = files.pop("settings", "") + SAMPLE_FILES["harness.toml"]
    texts = {f"agents/scout/jobs/{name}.md": written(lines) for name, lines in jobs.items()}
    calendar = {"shared-context/calendars/nyse.md": NYSE}
    return load_workspace(
        write_workspace_files(root, {**calendar, **texts, "harness.toml": settings}), vocabulary(), now=NOW
    )


def job_of(loaded: Loaded) -> Job:
    assert [str(finding) for finding in loaded.findings] == []
    return loaded.workspace.job("scout/morning")


def read(root: Path, lines: str, **files: str) -> Job:
    return job_of(load(root, {"morning": lines, "evening": ""}, **files))


def findings_of(root: Path, lines: str, **files: str) -> list[str]:
    return [str(finding) for finding in load(root, {"morning": lines, "evening": ""}, **files).findings]


def test_job_without_these_keys_has_the_defaults_of_the_domain(tmp_path: Path) -> None:
    job = read(tmp_path, "")
    assert job == Job(
        agent="scout",
        name="morning",
        path=JOB,
        schedules=job.schedules,
        zone="America/Los_Angeles",
        prompt="Hello",
        prompt_line=5,
        schedule_text="daily 08:00",
    )


def test_calendar_and_quiet_hours_are_read(tmp_path: Path) -> None:
    job = read(tmp_path, 'calendar: nyse\nquiet_hours: "23:00-07:30"')
    assert (job.calendar, job.quiet_hours) == ("nyse", QuietHours(1380, 450))


def test_quiet_hours_of_home_are_the_teams_read_by_the_clock_of_home(tmp_path: Path) -> None:
    job = read(tmp_path, "tz: Asia/Tokyo\nquiet_hours: home", settings='quiet_hours = "22:00-06:00"\n')
    assert job.quiet_hours == QuietHours(1320, 360, zone="America/Los_Angeles")


def test_quiet_hours_of_home_need_those_of_the_team(tmp_path: Path) -> None:
    assert findings_of(tmp_path, "quiet_hours: home") == [
        f"{JOB}:3: quiet_hours is home, and harness.toml sets no quiet_hours; "
        'set them there, or write them here: "23:00-07:00"'
    ]


def test_quiet_hours_of_the_team_that_cannot_be_read_are_told_once(tmp_path: Path) -> None:
    told = findings_of(tmp_path, "quiet_hours: home", settings='quiet_hours = "late"\n')
    assert len(told) == 1 and told[0].startswith("harness.toml:1: quiet_hours")


def test_condition_is_read_from_one_word_or_from_lists(tmp_path: Path) -> None:
    lines = "read: [feeds/ai, scout/evening]\nonly_if: {changed: feeds/ai, new_items: 3, exists: [memory/*.md, x.md]}"
    assert read(tmp_path, lines).only_if == OnlyIf(("feeds/ai",), 3, ("memory/*.md", "x.md"))


def test_dependencies_are_read_as_words_and_with_limits(tmp_path: Path) -> None:
    assert read(tmp_path, "depends_on: scout/evening").depends_on == (Dependency("scout/evening"),)
    lines = "depends_on:\n  - {job: scout/evening, within: 6h, wait: 30m}"
    assert read(tmp_path, lines).depends_on == (Dependency("scout/evening", 6 * 3600, 1800),)
    assert read(tmp_path, "depends_on: {job: scout/evening}").depends_on == (Dependency("scout/evening", 86_400, 0),)


def test_requirements_are_addresses_and_files(tmp_path: Path) -> None:
    lines = "requires: [http://127.0.0.1:11434, shared-context/x.md, {file: shared-context/y.md, within: 1d}]"
    assert read(tmp_path, lines).requires == Requires(
        ("http://127.0.0.1:11434",), (FreshFile("shared-context/x.md"), FreshFile("shared-context/y.md", 86_400))
    )
    assert read(tmp_path, "requires: https://example.org").requires == Requires(("https://example.org",))


def test_how_a_job_runs_is_read_with_its_units(tmp_path: Path) -> None:
    job = read(
        tmp_path,
        "overlap: cancel_running\npriority: high\nattempts: 5\nbackoff: 2m\ndeadline: 2h\non: Mac-Mini.local\n"
        "disable_after: 5",
    )
    assert (job.overlap, job.priority, job.attempts, job.backoff_s) == ("cancel_running", "high", 5, 120)
    assert (job.deadline_s, job.on, job.disable_after) == (7200, "mac-mini", 5)
    assert read(tmp_path, "disable_after: never").disable_after == 0


@pytest.mark.parametrize(
    ("written_as", "expected"),
    [
        ("none", CatchUp("none")),
        ("one", CatchUp("latest")),
        ("{run: one, within: 1h}", CatchUp("latest", 3600)),
        ("{run: all, within: 2d, grace: 5m}", CatchUp("all", 2 * 86_400, 300)),
        ("{grace: 10s}", CatchUp("latest", 3 * 3600, 10)),
    ],
)
def test_what_becomes_of_missed_slots_is_read_in_one_word_or_in_full(
    tmp_path: Path, written_as: str, expected: CatchUp
) -> None:
    assert read(tmp_path, f"if_missed: {written_as}").if_missed == expected


def test_agent_is_bound_to_a_machine_and_its_jobs_with_it(tmp_path: Path) -> None:
    agent = SAMPLE_FILES["agents/scout/agent.toml"] + 'on = "mac"\n'
    write_workspace_files(tmp_path, {"agents/scout/agent.toml": agent, "agents/scout/jobs/late.md": written("on: box")})
    workspace = load_workspace(tmp_path, vocabulary(), now=NOW).workspace
    assert [workspace.node_of(job) for job in workspace.jobs()] == ["box", "mac"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("calendar: nise", ":3: unknown calendar 'nise'; did you mean 'nyse'?"),
        ('quiet_hours: "23:00"', ":3: quiet_hours: '23:00' is not a span of hours; write it as \"23:00-07:00\""),
        ("only_if: {changed: feeds/ai}", ":3: only_if.changed names 'feeds/ai', which the job does not read; add it"),
        ("read: feeds/ai\nonly_if:\n  changed:\n    - feeds/a", ":6: only_if.changed names 'feeds/a', which the job does not read; did you mean 'feeds/ai'?"),  # noqa: E501
        ("only_if: {new_items: 3}", ":3: only_if.new_items counts items, and the job reads nothing"),
        ("only_if: {new_items: 0}", ":3: only_if.new_items is 0: too small; the limit is 1"),
        ("only_if: {exists: /etc/passwd}", ":3: only_if.exists: '/etc/passwd' is not a path of the workspace"),
        ("only_if: {}", ":3: only_if names no condition; write changed, new_items or exists"),
        ("read: feeds/ai\nonly_if: {changed: []}", ":4: only_if names no condition; write changed"),
        ("only_if: {chnaged: feeds/ai}", ":3: unknown key 'only_if.chnaged'; did you mean 'changed'?"),
        ("depends_on: scout/evning", ":3: unknown job 'scout/evning'; did you mean 'scout/evening'?"),
        ("depends_on: scout/morning", ":3: scout/morning depends on itself; name another job, or drop it"),
        ("depends_on: [scout/evening, {job: scout/evening}]", ":3: depends_on names scout/evening twice"),
        ("depends_on:\n  - job: scout/evening\n    within: 6", ":5: depends_on.within: 6 has no unit"),
        ("depends_on: {within: 6h}", ":3: depends_on.job is missing; add job"),
        ("depends_on: {job: scout/evening, wihtin: 6h}", ":3: unknown key 'depends_on.wihtin'; did you mean 'within'?"),
        ("depends_on: 5", ":3: depends_on is 5, not a list"),
        ("requires: ftp://x.example", ":3: requires.file: 'ftp://x.example' is not a web address"),
        ("tz: Lokal", ":3: tz: there is no time zone 'Lokal'; did you mean 'local'?"),
        ("requires: ../x.md", ":3: requires.file: '../x.md' is not a path of the workspace"),
        ("requires: {file: http://x.example, within: 1d}", ":3: requires: http://x.example is an address, which has no age"),  # noqa: E501
        ("overlap: cancel", ":3: overlap is 'cancel'; did you mean 'cancel_running'?"),
        ("priority: urgent", ":3: priority is 'urgent'; use one of: high, normal, low"),
        ("attempts: 0", ":3: attempts is 0: too small; the limit is 1"),
        ("attempts: 21", ":3: attempts is 21: too large; the limit is 20"),
        ("backoff: 1", ":3: backoff: 1 has no unit"),
        ("on: my mac", ":3: on: 'my mac' is not the name of a machine"),
        ("disable_after: 0", ":3: disable_after: 0 is not a number of failures; write a whole number from 1, or never"),
        ("if_missed: latst", ":3: if_missed.run is 'latst'; did you mean 'latest'?"),
        ("if_missed: {graze: 1m}", ":3: unknown key 'if_missed.graze'; did you mean 'grace'?"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_once_with_its_line_and_its_fix(tmp_path: Path, lines: str, expected: str) -> None:
    told = findings_of(tmp_path, lines)
    assert len(told) == 1, told
    assert told[0].startswith(f"{JOB}{expected}"), told


def test_jobs_that_wait_for_each_other_are_told_with_the_chain(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        {
            "morning": "depends_on: scout/noon",
            "noon": "title: Noon\ndepends_on: [scout/evening, scout/other]",
            "evening": "depends_on: scout/morning",
            "other": "",
            "outside": "depends_on: scout/morning",
        },
    )
    chain = "scout/noon waits for scout/evening waits for scout/morning waits for scout/noon"
    fix = "take one of these out of depends_on"
    told = [str(finding) for finding in loaded.findings]
    assert len(told) == 3
    assert told[2] == f"agents/scout/jobs/noon.md:4: the job waits for itself: {chain}; {fix}"
    assert sorted(job.id for job in loaded.workspace.jobs()) == ["scout/other", "scout/outside"]


def test_edit_that_closes_a_cycle_is_held_back_and_nothing_else(tmp_path: Path) -> None:
    root, last_good = tmp_path / "team", LastGood(tmp_path / "kept")
    texts = {JOB: written("depends_on: scout/evening"), "agents/scout/jobs/evening.md": written("")}
    good = load_workspace(write_workspace_files(root, texts), vocabulary(), last_good, now=NOW)
    assert good.findings == ()
    closing = {**texts, "agents/scout/jobs/evening.md": written("depends_on: scout/morning")}
    loaded = load_workspace(write_workspace_files(root, closing), vocabulary(), last_good, now=NOW)
    assert loaded.held_back == ("agents/scout/jobs/evening.md",)
    assert loaded.workspace == good.workspace
    assert [finding.path for finding in loaded.errors] == ["agents/scout/jobs/evening.md", JOB]


def test_job_that_its_quiet_hours_never_let_run_is_a_warning(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"morning": 'calendar: nyse\nquiet_hours: "07:00-09:00"'})
    assert [(str(finding), finding.severity) for finding in loaded.findings] == [
        (
            f"{JOB}:2: the job never runs: at every time of its schedule there is a reason against it "
            "(New York Stock Exchange is closed: Saturday); change the times, or what is excluded",
            "warning",
        )
    ]
    assert "scout/morning" in [job.id for job in loaded.workspace.jobs()]


def test_required_address_that_the_door_refuses_is_a_warning(tmp_path: Path) -> None:
    # The sample grants loopback, and nothing else.
    loaded = load(tmp_path, {"morning": "requires: [https://example.org, 'http://localhost:11434', 'http://10.1.2.3']"})
    assert [(str(finding), finding.severity) for finding in loaded.findings] == [
        (
            f"{JOB}:3: http://10.1.2.3 will not be asked, so the job is always skipped: 10.1.2.3 is private; "
            'write networks = ["10.1.2.3"] under [egress] in harness.toml',
            "warning",
        )
    ]


HERE = '[here]\nzone = "Asia/Tokyo"\nuntil = 2026-11-30\n'


@pytest.mark.parametrize(
    ("now", "zone", "valid_until"),
    [
        (datetime(2026, 11, 21, tzinfo=UTC), "Asia/Tokyo", datetime(2026, 11, 30, 15, tzinfo=UTC)),
        (datetime(2026, 11, 30, 14, 59, 59, tzinfo=UTC), "Asia/Tokyo", datetime(2026, 11, 30, 15, tzinfo=UTC)),
        (datetime(2026, 11, 30, 15, tzinfo=UTC), "America/Los_Angeles", None),
    ],
)
def test_local_jobs_follow_the_person_to_the_end_of_the_last_day_there(
    tmp_path: Path, now: datetime, zone: str, valid_until: datetime | None
) -> None:
    texts = {
        JOB: written("tz: local"),
        "agents/scout/jobs/evening.md": written("tz: home"),
        "harness.toml": SAMPLE_FILES["harness.toml"] + HERE,
    }
    loaded = load_workspace(write_workspace_files(tmp_path, texts), vocabulary(), now=now)
    assert loaded.findings == ()
    assert loaded.valid_until == valid_until
    jobs = {job.name: (job.zone, job.follows_person) for job in loaded.workspace.jobs()}
    assert jobs == {"morning": (zone, True), "evening": ("America/Los_Angeles", False)}


def test_local_is_home_while_the_person_is_there(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"morning": "tz: local"})
    assert (job_of(loaded).zone, loaded.valid_until) == ("America/Los_Angeles", None)


def test_calendar_that_an_edit_broke_stays_in_force_as_it_was(tmp_path: Path) -> None:
    root, last_good = tmp_path / "team", LastGood(tmp_path / "kept")
    path = "shared-context/calendars/nyse.md"
    texts = {JOB: written("calendar: nyse"), path: NYSE}
    good = load_workspace(write_workspace_files(root, texts), vocabulary(), last_good, now=NOW)
    assert good.findings == () and "nyse" in good.workspace.calendars
    broken = {**texts, path: NYSE + "- 2026-13-01 Never\n- 2026-12-25 Christmas Day\n"}
    loaded = load_workspace(write_workspace_files(root, broken), vocabulary(), last_good, now=NOW)
    assert loaded.held_back == (path,)
    assert loaded.workspace == good.workspace
    assert [str(finding).split(";")[0] for finding in loaded.findings] == [f"{path}:8: there is no day '2026-13-01'"]


def test_calendar_that_is_gone_and_still_needed_is_told(tmp_path: Path) -> None:
    root, last_good = tmp_path / "team", LastGood(tmp_path / "kept")
    path = "shared-context/calendars/nyse.md"
    load_workspace(
        write_workspace_files(root, {JOB: written("calendar: nyse"), path: NYSE}), vocabulary(), last_good, now=NOW
    )
    (root / path).unlink()
    loaded = load_workspace(root, vocabulary(), last_good, now=NOW)
    assert [str(finding) for finding in loaded.errors] == [f"{JOB}:3: unknown calendar 'nyse'; there are none yet"]
    assert [job.id for job in loaded.workspace.jobs()] == ["scout/morning"]


def test_what_is_read_if_it_is_there_is_left_out_with_a_warning_where_it_is_not(tmp_path: Path) -> None:
    optional = "read_if_there: [trader/wrap, scout/evening, feeds/gone]"
    loaded = load(tmp_path, {"morning": f"read: [feeds/ai]\n{optional}", "evening": ""})
    assert loaded.workspace.job("scout/morning").read == ("feeds/ai", "scout/evening")
    assert [(finding.severity, finding.line) for finding in loaded.findings] == [("warning", 4), ("warning", 4)]
    assert all("it is left out" in str(finding) for finding in loaded.findings)


def test_what_is_read_if_it_is_there_can_be_a_condition(tmp_path: Path) -> None:
    job = read(tmp_path, "read_if_there: [feeds/ai]\nonly_if: {changed: [feeds/ai]}")
    assert job.only_if == OnlyIf(("feeds/ai",))


@pytest.mark.parametrize(("written", "asked"), [('["*"]', ("clerk", "zoe")), ('["user", "z*"]', ("user", "zoe"))])
def test_whom_an_agent_may_ask_can_be_all_the_others(tmp_path: Path, written: str, asked: tuple[str, ...]) -> None:
    others = {
        f"agents/{name}/{file}": text
        for name in ("clerk", "zoe")
        for file, text in {"SOUL.md": "x", "AGENTS.md": "x", "agent.toml": 'description = "x"\n'}.items()
    }
    scout = {"agents/scout/agent.toml": f'description = "x"\nmay_ask = {written}\n'}
    loaded = load_workspace(write_workspace_files(tmp_path, {**others, **scout}), vocabulary(), now=NOW)
    assert loaded.workspace.agent("scout").may_ask == asked


def test_an_output_of_an_agent_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    assert findings_of(tmp_path, "read: [scuot/evening]") == [
        f"{JOB}:3: no agent 'scuot' is there to make 'scuot/evening'; did you mean 'scout/evening'?"
    ]
