from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.domain.contract import Contract, ItemRule
from harness.domain.errors import Finding, OwnerError
from harness.domain.feed import FeedEntry
from harness.domain.schedule import CatchUp, Cron, QuietHours
from harness.domain.settings import Channel
from harness.gate.addresses import refuse_host
from harness.schedule.due import shortest_period_s
from harness.schedule.exclusions import why_never_due
from harness.schedule.grammar import parse_schedules
from harness.testing.workspace import SAMPLE_FILES, write_workspace_files
from harness.workspace.last_good import LastGood
from harness.workspace.load import Loaded, check_workspace, load_workspace
from harness.workspace.vocabulary import Vocabulary

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
JOB = "agents/scout/jobs/morning.md"
AGENT = "agents/scout/agent.toml"
FULL_JOB = """\
---
schedule: [weekdays 07:40, "0 9 * * 6"]
tz: America/New_York
if_missed: {run: all, within: 1h}
read: [feeds/ai, arxiv/cat:cs.AI, scout/evening, USER.md]
max_age: 2d
contract: {min_items: 8, max_items: 20, max_chars: 9000, must_include: Risk, links: reachable, unseen_for: 14d}
deliver: [digest, terminal]
budget: $0.15
without_model: template
template: morning.template.md
profile: cheap
timeout: 10m
max_iterations: 4
title: The morning
---

Hello {{ user.name }}, it is {{ today }}.
{{ inputs["feeds/ai"] }} {{ agent }} {{ job }}
"""
TEMPLATE = """\
{% set shown = namespace(urls=[]) %}
{% for name, input in inputs.items() if input.items is defined %}{{ loop.index }} {{ name | upper }}{% endfor %}
"""


def check_read(entry: str) -> str | None:
    return None if entry.startswith(("arxiv/", "https://")) else f"nothing answers to {entry!r}"


VOCABULARY = Vocabulary(
    frozenset({"feeds", "web.read"}),
    frozenset({"self-check"}),
    parse_schedules,
    check_read,
    why_never_due,
    lambda job, now: shortest_period_s(job.schedules, job.zone, now),
    refuse_host,
)


def load(root: Path, files: Mapping[str, str | None] | None = None, last_good: LastGood | None = None) -> Loaded:
    return load_workspace(write_workspace_files(root, files), VOCABULARY, last_good, now=NOW)


def told(loaded: Loaded) -> list[str]:
    return [str(finding) for finding in loaded.findings]


def test_sample_workspace_is_loaded_without_findings(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    workspace = loaded.workspace
    assert loaded.findings == () and loaded.held_back == ()
    assert workspace.root == tmp_path
    assert workspace.user.startswith("Sam builds")
    assert workspace.settings.channels["digest"] == Channel("digest", "file", "digests")
    assert workspace.settings.default_profile == "cheap"
    assert workspace.agents["scout"].tools == ("feeds", "web.read")
    assert workspace.agents["scout"].soul.startswith("You are scout")
    assert workspace.agents["scout"].budget_usd == 1.0
    assert workspace.skills["rank-items"].path == "skills/rank-items/SKILL.md"
    assert workspace.feed_lists == {"ai": (FeedEntry("Example News", "https://news.example.org/feed.xml"),)}
    assert [job.id for job in workspace.jobs()] == ["scout/morning"]


def test_every_key_of_a_job_reaches_its_value(tmp_path: Path) -> None:
    evening = "---\nschedule: daily 20:00\naction: self-check\n---\n"
    loaded = load(
        tmp_path,
        {
            JOB: FULL_JOB,
            "agents/scout/jobs/evening.md": evening,
            "agents/scout/jobs/morning.template.md": TEMPLATE,
        },
    )
    assert told(loaded) == []
    job = loaded.workspace.job("scout/morning")
    assert job.schedules == (Cron("40 7 * * 1-5"), Cron("0 9 * * 6"))
    assert job.schedule_text == "weekdays 07:40; 0 9 * * 6"
    assert (job.zone, job.if_missed) == ("America/New_York", CatchUp("all", 3600))
    assert job.read == ("feeds/ai", "arxiv/cat:cs.AI", "scout/evening", "USER.md")
    assert job.max_age_s == 2 * 86_400
    assert job.contract == Contract(8, 20, None, 9000, ("Risk",), ItemRule(True, True), 14 * 86_400)
    assert job.deliver == ("digest", "terminal")
    assert (job.budget_usd, job.timeout_s, job.max_iterations) == (0.15, 600, 4)
    assert (job.without_model, job.template) == ("template", TEMPLATE)
    assert job.prompt.startswith("Hello {{ user.name }}") and job.prompt_line == 18
    assert loaded.workspace.job("scout/evening").lane == "system"


def test_settings_are_read_with_their_units(tmp_path: Path) -> None:
    text = (
        'home = "Europe/Berlin"\nbudget = "$5/day"\nquiet_hours = "23:00-07:00"\nprofile = "big"\n[profiles.big]\n'
        'adapter = "openai"\nbase_url = "http://127.0.0.1:8080/v1"\nmodel = "m"\nkey_env = "KEY"\ntimeout = "2m"\n'
        'input_usd_per_mtok = 1\n[channels.digest]\nkind = "file"\n[sources]\ntimeout = "5s"\nmax_bytes = "1MB"\n'
    )
    settings = load(tmp_path, {"harness.toml": text, AGENT: 'description = "x"\n'}).workspace.settings
    assert (settings.home_zone, settings.budget_usd) == ("Europe/Berlin", 5.0)
    assert settings.quiet_hours == QuietHours(23 * 60, 7 * 60)
    assert (settings.profiles["big"].timeout_s, settings.profiles["big"].input_usd_per_mtok) == (120.0, 1.0)
    assert (settings.sources.timeout_s, settings.sources.max_bytes) == (5.0, 1_000_000)
    assert settings.profiles["extractive"].adapter == "extractive"


def job_with(line: str, body: str = "Hello") -> str:
    return f"---\nschedule: daily 08:00\n{line}\n---\n{body}\n"


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        (JOB, "---\nschedule: 61 * * * *\n---\nHi\n", ":2: cron '61 * * * *': minute 61 is out of range; use 0-59"),
        (JOB, "---\nschedule: */5 * * * *\n---\nHi\n", 'quote it: schedule: "*/5 * * * *"'),
        (JOB, job_with("schedule: daily 09:00"), ":3: schedule is given twice, first in line 2; keep one of them"),
        (JOB, job_with("shedule: daily 09:00"), ":3: unknown key 'shedule'; did you mean 'schedule'?"),
        (JOB, job_with("contract: {min_item: 8}"), ":3: unknown key 'contract.min_item'; did you mean 'min_items'?"),
        (JOB, job_with("contract: {min_items: 9, max_items: 8}"), ":3: contract: min_items 9 is more than max_items 8"),
        (JOB, job_with("contract: {every_item: {url: colected}}"), "did you mean 'collected'?"),
        (JOB, job_with("deliver: [terminal, digset]"), ":3: unknown channel 'digset'; did you mean 'digest'?"),
        (JOB, job_with("profile: chaep"), ":3: unknown profile 'chaep'; did you mean 'cheap'?"),
        (JOB, job_with("action: selfcheck"), ":3: unknown action 'selfcheck'; did you mean 'self-check'?"),
        (JOB, job_with("read:\n  - feeds/ai\n  - feeds/aii"), ":5: unknown feed list 'aii'; did you mean 'ai'?"),
        (JOB, job_with("read: scout/moring"), ":3: unknown job 'scout/moring'; did you mean 'scout/morning'?"),
        (JOB, job_with("read: trends/ai"), ":3: unknown basket 'ai'; there are none yet"),
        (JOB, job_with("read: feed/ai"), ":3: nothing answers to 'feed/ai'; did you mean 'feeds/ai'?"),
        (JOB, job_with("read: ../secret.txt"), ":3: '../secret.txt' lies outside of the workspace"),
        (JOB, job_with("tz: Los Angeles"), ":3: tz: there is no time zone 'Los Angeles'; did you mean 'America/Los_Angeles'?"),  # noqa: E501
        (JOB, job_with("budget: 15 cents"), ":3: budget: '15 cents' is not an amount of money"),
        (JOB, job_with("timeout: 15"), ":3: timeout: 15 has no unit"),
        (JOB, job_with("max_iterations: twelve"), ":3: max_iterations is 'twelve', not a whole number"),
        (JOB, job_with("without_model: template"), "no template is named; add template: morning.template.md"),
        (JOB, job_with("template: absent.template.md"), ":3: there is no file agents/scout/jobs/absent.template.md"),
        (JOB, job_with("template: ../x.template.md"), ":3: template: '../x.template.md' is not a template beside the job"),  # noqa: E501
        (JOB, "---\nschedule: daily 08:00\n---\n\n", "the job says nothing to do"),
        (JOB, "---\ndeliver: digest\n---\nHi\n", "the job has no schedule"),
        (JOB, job_with("", "Hello\n{% if x %}"), ":6: Jinja: Unexpected end of template"),
        (JOB, job_with("", "Hello\n\n{{ usr.name }}"), ":7: Jinja: there is no variable 'usr'; did you mean 'user'?"),
        (JOB, job_with("", "{{ user.nam }}"), ":5: Jinja: there is no variable 'user.nam'; did you mean 'name'?"),
        (JOB, job_with("", "{{ today | uper }}"), ":5: Jinja: there is no filter 'uper'; did you mean 'upper'?"),
        (AGENT, 'description = "x"\ntools = [\n  "feeds",\n  "web.raed",\n]\n', ":4: unknown tool 'web.raed'; did you mean 'web.read'?"),  # noqa: E501
        (AGENT, 'description = "x"\nskills = ["rank-item"]\n', ":2: unknown skill 'rank-item'; did you mean 'rank-items'?"),  # noqa: E501
        (AGENT, 'description = "x"\nmay_ask = ["zoe"]\n', ":2: unknown agent 'zoe'"),
        (AGENT, 'description = "x"\nbudget = "$1"\n', ":2: budget: '$1' does not say for how long; write \"$1/day\""),
        (AGENT, 'description = "x"\nwrite_paths = ["../x"]\n', ":2: write_paths: '../x' is not a folder of the workspace"),  # noqa: E501
        (AGENT, 'description = "x"\ndescription = "y"\n', ":2: description is given twice"),
        (AGENT, None, ": the file is missing; write it, or remove the folder agents/scout"),
        ("agents/scout/SOUL.md", None, "agents/scout/SOUL.md: the file is missing"),
        ("agents/scout/AGENTS.md", None, "agents/scout/AGENTS.md: the file is missing"),
        ("agents/scout/MEMORY.md", "- word\n" * 2000, "prompts take 3,000"),
        ("agents/scout/MEMORY.md", "- four words of mine\n" * 520, "MEMORY.md:376: what you wrote there is about 3,744"),  # noqa: E501
        ("agents/scout/MEMORY.md", "- four words of mine ^ERR-20261101-00af\n" * 400, ":167: the memory is about 7,200"),  # noqa: E501
        ("agents/scout/jobs/My Job.md", FULL_JOB, "job name 'My Job' is not lower-case words with hyphens; rename it, such as my-job"),  # noqa: E501
        ("skills/rank-items/SKILL.md", "---\nname: rank-item\ndescription: x\n---\nx", ":2: skill name 'rank-item' is not the name of its folder"),  # noqa: E501
        ("skills/rank-items/SKILL.md", "---\nname: rank-items\n---\nx", "the skill has no description"),
        ("skills/rank-items/SKILL.md", f"---\nname: rank-items\ndescription: {'x' * 1025}\n---\nx", ":3: the description has 1,025 characters"),  # noqa: E501
        ("skills/Rank/SKILL.md", "---\nname: Rank\ndescription: x\n---\nx", ":2: skill name 'Rank' is not lower-case"),
        ("skills/empty/notes.md", "x", "skills/empty/SKILL.md: the file is missing"),
        ("shared-context/feeds/ai.opml", "<opml/>", "shared-context/feeds/ai.md is a list of the same name"),
        ("USER.md", None, "USER.md: nothing says who the agents work for"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_place_and_its_fix(
    tmp_path: Path, file: str, text: str | None, expected: str
) -> None:
    findings = told(load(tmp_path, {file: text}))
    assert any(expected in finding and finding.startswith(file.split("/")[0]) for finding in findings), findings
    assert all(finding.startswith(file.rpartition("/")[0]) for finding in findings), findings


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('home = "Europe/Berlim"', ":1: home: there is no time zone 'Europe/Berlim'; did you mean 'Europe/Berlin'?"),
        ('max_runing = 3', ":1: unknown key 'max_runing'; did you mean 'max_running'?"),
        ('quiet_hours = "late"', ":1: quiet_hours: 'late' is not a span of hours"),
        ('egress = {networks = ["10.0.0.1/8"]}', ":1: egress.networks: '10.0.0.1/8' is not a network"),
        ('sources = {max_bytes = 5}', ":1: sources.max_bytes: 5 is not a size"),
        ('profiles.x.adapter = "openia"', ":1: profiles.x.adapter is 'openia'; did you mean 'openai'?"),
        ('profiles.x.adapter = "openai"', ":1: profile 'x' has no model"),
        ('profiles.x = {adapter = "extractive", key_env = "sk-abc"}', ":1: profiles.x.key_env: this is not the name"),
        ('channels.x.kind = "pigeon"',
         ":1: channels.x.kind is 'pigeon'; use one of: file, stdout, webhook, email, ntfy"),
    ],
)  # fmt: skip
def test_mistakes_in_the_settings_do_not_hide_the_rest_of_the_workspace(
    tmp_path: Path, line: str, expected: str
) -> None:
    base = SAMPLE_FILES["harness.toml"].replace("[egress]\nloopback = true\n", "").split("\n", 1)[1]
    inline = line if line.startswith("home") else f'home = "UTC"\n{line}'
    loaded = load(tmp_path, {"harness.toml": f"{inline}\n{base}"})
    assert any(f"harness.toml{expected}".replace(":1:", ":1:" if inline == line else ":2:") in f for f in told(loaded))
    assert "sk-abc" not in "".join(told(loaded))
    assert "scout/morning" in [job.id for job in loaded.workspace.jobs()]


def test_value_that_does_not_fit_is_not_told_to_be_missing_as_well(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"harness.toml": SAMPLE_FILES["harness.toml"].replace("extractive", "extractiv")})
    assert told(loaded) == ["harness.toml:6: profiles.cheap.adapter is 'extractiv'; did you mean 'extractive'?"]


def test_unknown_variable_of_a_template_has_the_templates_line(tmp_path: Path) -> None:
    template = "agents/scout/jobs/morning.template.md"
    loaded = load(tmp_path, {JOB: job_with("template: morning.template.md"), template: "Hello\n{{ item }}\n"})
    assert f"{template}:2: Jinja: there is no variable 'item'" in told(loaded)[1]
    assert told(loaded)[0].startswith(f"{JOB}: its template morning.template.md cannot be used")
    assert list(loaded.workspace.jobs()) == []


def test_budget_that_cannot_be_read_lets_nothing_be_spent(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"harness.toml": 'budget = "5 dollars"\n' + SAMPLE_FILES["harness.toml"]})
    assert loaded.workspace.settings.budget_usd == 0.0


def test_all_findings_of_all_files_come_at_once(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        {
            JOB: "---\nschedule: [61 * * * *, dayly 08:00]\ndeliver: x\ntimeout: 1\n---\n{{ a }} {{ b | c }}\n",
            AGENT: 'tools = ["x"]\nskills = ["y"]\nbudgt = "z"\n',
            "agents/scout/SOUL.md": None,
            "skills/rank-items/SKILL.md": "---\nname: X\n---\n",
            "harness.toml": 'hom = "UTC"\n',
        },
    )
    files = [finding.path for finding in loaded.errors]
    assert {file: files.count(file) for file in files} == {
        JOB: 7,
        AGENT: 3,
        "agents/scout/SOUL.md": 1,
        "skills/rank-items/SKILL.md": 2,
        "harness.toml": 1,
    }
    assert loaded.workspace.agents == {}


def test_file_that_is_not_utf_8_or_cannot_be_read_is_named(tmp_path: Path) -> None:
    write_workspace_files(tmp_path, {"agents/scout/SOUL.md": None})
    (tmp_path / "agents/scout/SOUL.md").mkdir()
    (tmp_path / JOB).write_bytes(b"---\nschedule: daily 08:00\n---\nGr\xfc\xdfe\n")
    (tmp_path / "skills/broken").symlink_to(tmp_path / "skills/broken")
    findings = told(load_workspace(tmp_path, VOCABULARY, now=NOW))
    assert findings[0].startswith("agents/scout/SOUL.md: the file cannot be read: Is a directory")
    assert findings[1] == f"{JOB}:4: byte 0xfc is not UTF-8; save the file as UTF-8"
    assert findings[2].startswith("skills/broken: the folder cannot be read: Too many levels of symbolic links")
    assert len(findings) == 3


@pytest.mark.parametrize("path", ["agents/scout", JOB, "agents/scout/MEMORY.md", "skills/rank-items"])
def test_link_whose_end_is_gone_is_named_and_no_deletion(tmp_path: Path, path: str) -> None:
    root, last_good = tmp_path / "team", LastGood(tmp_path / "kept")
    good = load(root, {"agents/scout/MEMORY.md": "- A fact.\n"}, last_good).workspace
    (root / path).rename(tmp_path / "away")
    (root / path).symlink_to(tmp_path / "not-mounted")
    loaded = load_workspace(root, VOCABULARY, last_good, now=NOW)
    assert loaded.workspace == good
    assert told(loaded)[0].startswith(f"{path}: the ")
    assert "is a link that leads nowhere; bring back what it led to" in told(loaded)[0]


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    write_workspace_files(tmp_path)
    unix = load_workspace(tmp_path, VOCABULARY, now=NOW).workspace
    for path in tmp_path.rglob("*.*"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_workspace(tmp_path, VOCABULARY, now=NOW) == Loaded(unix, ())


@pytest.mark.parametrize("text", [None, "home = \n", "[profiles"])
def test_without_readable_settings_nothing_can_be_loaded(tmp_path: Path, text: str | None) -> None:
    with pytest.raises(OwnerError, match=r"harness\.toml"):
        load(tmp_path, {"harness.toml": text})


@pytest.mark.parametrize("text", ["home = \n", "[profiles"])
def test_settings_that_cannot_be_read_hide_no_finding_of_another_file(tmp_path: Path, text: str) -> None:
    files = {
        "harness.toml": text,
        JOB: "---\nschedule: [61 * * * *, daily 08:00]\ndeliver: digest\nprofile: cheap\n---\nRank.\n",
        "skills/rank-items/SKILL.md": "---\nname: X\n---\n",
    }
    findings = check_workspace(write_workspace_files(tmp_path, files), VOCABULARY, now=NOW)
    # Whether there is such a channel or profile cannot be told, and is not.
    assert list(dict.fromkeys(finding.path for finding in findings)) == [
        JOB,
        "harness.toml",
        "skills/rank-items/SKILL.md",
    ]
    assert [finding.line for finding in findings if finding.path == JOB] == [2]


def test_a_check_finds_what_loading_does(tmp_path: Path) -> None:
    files = {JOB: "---\nschedule: dayly 08:00\ndeliver: x\n---\n{{ a }}\n", "harness.toml": 'hom = "UTC"\n'}
    loaded = load(tmp_path, files)
    assert check_workspace(tmp_path, VOCABULARY, now=NOW) == loaded.findings


def test_missing_agents_are_told(tmp_path: Path) -> None:
    (tmp_path / "harness.toml").write_text('home = "UTC"\n')
    assert "agents: there are no agents" in told(load_workspace(tmp_path, VOCABULARY, now=NOW))[1]


class TestLastGood:
    """A bad edit leaves the last good version in force."""

    def test_bad_edit_of_each_file_is_held_back_also_after_a_restart(self, tmp_path: Path) -> None:
        bad = {
            JOB: "---\nschedule: 61 * * * *\n---\n",
            AGENT: "tools = [",
            "agents/scout/SOUL.md": None,
            "harness.toml": "home = ",
            "skills/rank-items/SKILL.md": "no front matter",
            "shared-context/feeds/ai.md": "- nothing\n",
        }
        root, kept = tmp_path / "team", tmp_path / "kept"
        good = load(root, None, LastGood(kept)).workspace
        for _ in range(2):
            loaded = load(root, bad, LastGood(kept))
            assert loaded.workspace == good
            assert loaded.held_back == tuple(sorted(bad))
            assert {finding.path for finding in loaded.errors} == set(bad)
        assert load(root, None, LastGood(kept)) == Loaded(good, ())

    def test_good_edit_beside_a_bad_one_comes_into_force(self, tmp_path: Path) -> None:
        root, last_good = tmp_path / "team", LastGood(tmp_path / "kept")
        load(root, None, last_good)
        loaded = load(root, {JOB: "bad", "agents/scout/SOUL.md": "You are new.\n"}, last_good)
        assert loaded.workspace.agents["scout"].soul == "You are new."
        assert loaded.held_back == (JOB,)

    def test_new_file_with_an_error_is_not_in_force(self, tmp_path: Path) -> None:
        root, last_good = tmp_path / "team", LastGood(tmp_path / "kept")
        load(root, None, last_good)
        for _ in range(2):
            loaded = load(root, {"agents/scout/jobs/new.md": job_with("deliver: nowhere")}, last_good)
            assert [job.name for job in loaded.workspace.jobs()] == ["morning"]
            assert loaded.held_back == ()

    def test_deleted_job_is_gone_and_stays_gone(self, tmp_path: Path) -> None:
        root, last_good = tmp_path / "team", LastGood(tmp_path / "kept")
        load(root, None, last_good)
        loaded = load(root, {JOB: None}, last_good)
        assert list(loaded.workspace.jobs()) == []
        assert loaded == Loaded(loaded.workspace, ())
        assert JOB not in last_good.texts()

    def test_deleted_agent_folder_is_a_deletion_and_a_deleted_soul_is_not(self, tmp_path: Path) -> None:
        root, last_good = tmp_path / "team", LastGood(tmp_path / "kept")
        load(
            root,
            {"agents/zoe/agent.toml": 'description = "x"\n', "agents/zoe/SOUL.md": "x", "agents/zoe/AGENTS.md": "x"},
            last_good,
        )
        for name in ("agent.toml", "SOUL.md", "AGENTS.md"):
            (root / "agents/zoe" / name).unlink()
        assert sorted(load(root, None, last_good).workspace.agents) == ["scout", "zoe"]
        (root / "agents/zoe").rmdir()
        assert sorted(load(root, None, last_good).workspace.agents) == ["scout"]

    def test_settings_that_take_a_channel_from_an_unchanged_job_are_held_back(self, tmp_path: Path) -> None:
        root, last_good = tmp_path / "team", LastGood(tmp_path / "kept")
        good = load(root, None, last_good).workspace
        renamed = SAMPLE_FILES["harness.toml"].replace("channels.digest", "channels.brief")
        loaded = load(root, {"harness.toml": renamed}, last_good)
        assert loaded.workspace == good
        assert loaded.held_back == ("harness.toml",)
        assert told(loaded) == [
            f"{JOB}:5: unknown channel 'digest'; use one of: brief, terminal",
            f"harness.toml: this edit is held back, because with it {JOB}:5 would be wrong: unknown channel 'digest'; "
            "undo it, or correct that file too",
        ]
        both = {"harness.toml": renamed, JOB: SAMPLE_FILES[JOB].replace("digest", "brief")}
        loaded = load(root, both, last_good)
        assert (loaded.findings, loaded.held_back) == ((), ())
        assert loaded.workspace.job("scout/morning").deliver == ("brief",)

    def test_job_whose_input_was_deleted_stays_in_force_with_a_finding(self, tmp_path: Path) -> None:
        root, last_good = tmp_path / "team", LastGood(tmp_path / "kept")
        load(root, None, last_good)
        for _ in range(2):
            loaded = load(root, {"shared-context/feeds/ai.md": None}, last_good)
            assert told(loaded) == [f"{JOB}:3: unknown feed list 'ai'; there are none yet"]
            assert [job.id for job in loaded.workspace.jobs()] == ["scout/morning"]

    def test_agent_whose_skill_was_deleted_stays_without_that_skill(self, tmp_path: Path) -> None:
        root, last_good = tmp_path / "team", LastGood(tmp_path / "kept")
        load(root, None, last_good)
        (root / "skills/rank-items/SKILL.md").unlink()
        (root / "skills/rank-items").rmdir()
        loaded = load_workspace(root, VOCABULARY, last_good, now=NOW)
        assert loaded.workspace.agents["scout"].skills == ()
        assert told(loaded) == [f"{AGENT}:4: unknown skill 'rank-items'; there are none yet"]

    def test_broken_or_deleted_template_is_held_back(self, tmp_path: Path) -> None:
        root, last_good = tmp_path / "team", LastGood(tmp_path / "kept")
        template = "agents/scout/jobs/morning.template.md"
        load(root, {JOB: job_with(f"template: {template.rpartition('/')[2]}"), template: "good"}, last_good)
        for text in ("{% if %}", None):
            write_workspace_files(root, {JOB: (root / JOB).read_text(), template: text})
            loaded = load_workspace(root, VOCABULARY, last_good, now=NOW)
            assert loaded.workspace.job("scout/morning").template == "good"
            assert loaded.held_back == (template,)

    def test_folder_that_cannot_be_read_is_no_deletion(self, tmp_path: Path) -> None:
        root, last_good = tmp_path / "team", LastGood(tmp_path / "kept")
        good = load(root, None, last_good).workspace
        (root / "agents").rename(root / "elsewhere")
        (root / "agents").write_text("not a folder")
        loaded = load_workspace(root, VOCABULARY, last_good, now=NOW)
        assert loaded.workspace == good
        assert told(loaded)[0].startswith("agents: the folder cannot be read: Not a directory")

    def test_copies_that_cannot_be_written_are_a_warning(self, tmp_path: Path) -> None:
        (tmp_path / "kept").write_text("in the way")
        loaded = load(tmp_path / "team", None, LastGood(tmp_path / "kept"))
        (warning,) = loaded.findings
        assert warning.severity == "warning"
        assert "the last good versions cannot be kept" in warning.problem
        assert isinstance(warning, Finding)


def test_copies_are_replaced_in_one_moment_and_nothing_else_is_left(tmp_path: Path) -> None:
    last_good = LastGood(tmp_path)
    last_good.replace({"a/b.md": "é\r\n", "c.md": "1"})
    last_good.replace({"a/b.md": "2"})
    assert last_good.texts() == {"a/b.md": "2"}
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["b.md"]


def test_damaged_copy_is_not_taken_for_a_good_version(tmp_path: Path) -> None:
    root, kept = tmp_path / "team", tmp_path / "kept"
    load(root, None, LastGood(kept))
    (kept / JOB).write_bytes(b"\xff\xfe")
    loaded = load(root, {JOB: "bad"}, LastGood(kept))
    assert list(loaded.workspace.jobs()) == []


def test_the_baskets_of_the_radar_are_loaded_and_the_last_good_ones_stay_in_force(tmp_path: Path) -> None:
    last_good = LastGood(tmp_path / "good")
    good = load(
        tmp_path / "w", {"shared-context/baskets.md": "## ai\nWords: x\n- [A](https://a.example/)\n"}, last_good
    )
    bad = load(tmp_path / "w", {"shared-context/baskets.md": "## ai\n- A\n"}, last_good)

    assert good.findings == ()
    assert good.workspace.baskets["ai"].words == ("x",)
    assert bad.workspace.baskets == good.workspace.baskets
    assert bad.held_back == ("shared-context/baskets.md",)
