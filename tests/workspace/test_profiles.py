"""Profiles in harness.toml, and the models that a job says it was made for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.domain.message import Message, ModelRequest, ToolSchema
from harness.domain.settings import Profile
from harness.llm import completions, messages
from harness.testing.workspace import SAMPLE_FILES, write_workspace_files
from harness.wiring.files import vocabulary
from harness.workspace.last_good import LastGood
from harness.workspace.load import Loaded, load_workspace
from harness.workspace.profile_parameters import SET_BY_ADAPTER
from harness.workspace.report import Report
from harness.workspace.settings import read_settings

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
JOB = "agents/scout/jobs/morning.md"
FULL = """\
[profiles.best]
adapter = "anthropic"
model = "claude-sonnet-4-5"
key_env = "ANTHROPIC_API_KEY"
input_usd_per_mtok = 3.0
cached_usd_per_mtok = 0.3
cache_write_usd_per_mtok = 3.75
output_usd_per_mtok = 15.0
context_window = 200000
max_output_tokens = 8192
timeout = "3m"
fallbacks = ["cheap", "extractive"]
cool_down = "5m"
budget = "$2/day"
tokens_per_day = 1000000
budget_per_run = "$0.30"
tokens_per_run = 200000

[profiles.best.parameters]
service_tier = "auto"
thinking = {type = "enabled", budget_tokens = 2000}

[profiles.cheap]
adapter = "litellm"
model = "gemini/gemini-2.5-flash"

[profiles.played]
adapter = "scripted"
model = "gpt-5-mini"
script = "answers.json"
"""
OPENAI = 'adapter = "openai"\nbase_url = "http://127.0.0.1:1/v1"\nmodel = "m"\n'


def read(text: str) -> tuple[dict[str, Profile], list[str]]:
    """Return the profiles and what is said of them; the text begins on line 2."""
    report = Report("harness.toml")
    found = read_settings(f'home = "UTC"\n{text}', report)
    assert found is not None
    return dict(found[0].profiles), [str(entry.finding).removeprefix("harness.toml:") for entry in report.entries]


def findings_of(keys: str) -> list[str]:
    """Return what is said of the keys, which begin on line 6, below those that every such profile has."""
    return read(f"[profiles.x]\n{OPENAI}{keys}\n")[1]


def test_a_profile_says_everything_about_a_model_with_its_units() -> None:
    profiles, findings = read(FULL)
    assert findings == []
    assert profiles["best"] == Profile(
        "best",
        "anthropic",
        model="claude-sonnet-4-5",
        base_url="https://api.anthropic.com",
        key_env="ANTHROPIC_API_KEY",
        input_usd_per_mtok=3.0,
        cached_usd_per_mtok=0.3,
        cache_write_usd_per_mtok=3.75,
        output_usd_per_mtok=15.0,
        context_window=200_000,
        max_output_tokens=8192,
        timeout_s=180.0,
        attempts=2,
        parameters={"service_tier": "auto", "thinking": {"type": "enabled", "budget_tokens": 2000}},
        fallbacks=("cheap", "extractive"),
        cool_down_s=300.0,
        budget_usd=2.0,
        budget_tokens=1_000_000,
        run_budget_usd=0.30,
        run_budget_tokens=200_000,
    )
    assert profiles["played"] == Profile("played", "scripted", model="gpt-5-mini", script="answers.json")


def test_a_profile_that_says_little_has_the_defaults_of_the_domain() -> None:
    profiles, findings = read(f"[profiles.x]\n{OPENAI}")
    assert findings == []
    assert profiles["x"] == Profile("x", "openai", model="m", base_url="http://127.0.0.1:1/v1")
    assert profiles["extractive"] == Profile("extractive", "extractive")


def test_who_has_fallbacks_is_not_tried_as_long_unless_it_says_so() -> None:
    fallback = 'fallbacks = "extractive"\n'
    assert read(f"[profiles.x]\n{OPENAI}")[0]["x"].attempts == 4
    assert read(f"[profiles.x]\n{OPENAI}{fallback}")[0]["x"].attempts == 2
    assert read(f"[profiles.x]\n{OPENAI}{fallback}attempts = 6")[0]["x"].attempts == 6


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("fallbacks = ['gone']", "6: unknown profile 'gone'; use one of: extractive"),
        ("fallbacks = ['extractiv']", "6: unknown profile 'extractiv'; did you mean 'extractive'?"),
        ("fallbacks = ['x']", "6: profile 'x' falls back to itself; take it out of fallbacks"),
        ("fallbacks = ['extractive', 'extractive']", "6: fallback 'extractive' "),
        ("fallback = ['extractive']", "6: unknown key 'profiles.x.fallback'; did you mean 'fallbacks'?"),
        ("cool_down = 60", "6: profiles.x.cool_down: 60 has no unit"),
        ("budget = '$2'", "6: profiles.x.budget: '$2' does not say for how long; write \"$2/day\""),
        ("budget_per_run = '$2/day'", "6: profiles.x.budget_per_run: '$2/day' is per day; this budget is for one run"),
        ("tokens_per_day = 0", "6: profiles.x.tokens_per_day is 0: too small; the limit is 1"),
        ("cache_write_usd_per_mtok = -1.0", "6: profiles.x.cache_write_usd_per_mtok is -1.0: too small"),
        ("budget = '$2/day'", "6: budget counts dollars, and profile 'x' has no prices, so it never bites; add input_"),
        ("budget_per_run = '$1'", "6: budget_per_run counts dollars, and profile 'x' has no prices"),
        ("max_output_tokens = 128000", "6: max_output_tokens of profile 'x' fills its whole context_window"),
        ("parameters = {model = 'gpt'}", "6: model is set by the harness itself; set model in the profile"),
        ("parameters = {stream = true}", "6: stream is set by the harness itself; the harness reads whole answers"),
        ("parameters = {api_key = 'sk'}", "6: api_key is set by the harness itself; put the key in the environment"),
        ("parameters = {n = 3}", "6: n is set by the harness itself; only one answer is read, and all are paid"),
        ("parameters = {seed = nan}", "6: profiles.x.parameters.seed is not a number, which JSON has not; put it in"),
        ("parameters = {a = {b = [1, inf]}}", "6: profiles.x.parameters.a.b.1 is infinite, which JSON has not"),
        ("parameters = {since = 2026-11-21}", "6: profiles.x.parameters.since is a date or a time, which JSON has"),
        ("parameters = 5", "6: profiles.x.parameters is 5, not a group of settings"),
    ],
)
def test_each_mistake_in_a_profile_is_told_with_its_line_and_its_fix(keys: str, expected: str) -> None:
    told = findings_of(keys)
    assert told[0].startswith(expected), told


def test_whatever_an_adapter_writes_into_a_request_itself_is_no_parameter() -> None:
    said = (Message("system", "Be brief."), Message("user", "Hello"))
    request = ModelRequest(said, (ToolSchema("look", "Looks.", {"type": "object"}),))
    profile = Profile("x", "openai", model="m")
    newer = completions.request_body(profile, request, "max_completion_tokens")
    assert {*completions.request_body(profile, request), *newer} <= SET_BY_ADAPTER["openai"].keys()
    assert messages.request_body(profile, request).keys() <= SET_BY_ADAPTER["anthropic"].keys()


def test_a_parameter_in_its_own_table_is_told_with_its_line() -> None:
    told = findings_of("[profiles.x.parameters]\ntemperature = 0.1\n\nmessages = []")
    assert told == ["9: messages is set by the harness itself; the harness writes the prompt"]


def test_a_parameter_that_the_messages_api_took_away_is_warned_of_unless_an_older_version_is_asked() -> None:
    profile = "[profiles.x]\nadapter = 'anthropic'\nmodel = 'm'\nparameters = {%s}"
    assert read(profile % "temperature = 0.2")[1] == [
        "5: temperature is refused by version 2026-10-21 of that API, which is the one that is asked for; "
        'take it out, or add anthropic_version = "2023-06-01" if its model is an older one'
    ]
    assert read(profile % "temperature = 0.2, anthropic_version = '2023-06-01'")[1] == []


def test_a_circle_of_fallbacks_is_one_finding_that_names_it() -> None:
    tables = "\n".join(f'[profiles.{one}]\nfallbacks = ["{other}"]\n{OPENAI}' for one, other in ("ab", "bc", "ca"))
    assert read(tables)[1] == [
        "3: the fallbacks go in a circle: a → b → c → a; the fallbacks of a fallback are asked as well: "
        "take one of these out"
    ]


def test_what_stands_behind_the_extractive_default_is_never_asked_and_that_is_told() -> None:
    two = f"[profiles.x]\n{OPENAI}fallbacks = ['extractive', 'y']\n[profiles.y]\n{OPENAI}"
    assert read(two)[1] == [
        "6: fallback 'extractive' always answers, so what stands behind it is never asked; put it last"
    ]
    own = "[profiles.x]\nadapter = 'extractive'\nfallbacks = 'extractive'\nparameters = {temperature = 1}"
    assert read(own)[1] == [
        "4: profile 'x' always answers, so its fallbacks are never asked; take fallbacks out, or name a model",
        "5: adapter extractive sends nothing: its parameters have no effect; take them out",
    ]


@pytest.mark.parametrize(("adapter", "missing"), [("anthropic", "model"), ("litellm", "model"), ("scripted", "script")])
def test_each_adapter_is_told_what_it_cannot_do_without(adapter: str, missing: str) -> None:
    (told,) = read(f'[profiles.x]\nadapter = "{adapter}"\n')[1]
    assert told.startswith(f"2: profile 'x' has no {missing}; add {missing} = ")


def test_a_limit_that_cannot_be_read_allows_nothing() -> None:
    keys = "budget = 'much'\ntokens_per_day = 'many'\nbudget_per_run = 2\ntokens_per_run = -1"
    profiles, findings = read(f"[profiles.x]\n{OPENAI}{keys}")
    x = profiles["x"]
    assert (x.budget_usd, x.budget_tokens, x.run_budget_usd, x.run_budget_tokens) == (0.0, 0, 0.0, 0)
    assert len(findings) == 4


def test_thirty_profiles_with_one_mistake_each_are_told_all_at_once() -> None:
    tables = [
        f"[profiles.p{n}]\n{OPENAI}fallbacks = ['p{n + 1}']\nparameters = {{temperature = 0.{n}, model = 'x'}}\n"
        for n in range(29)
    ]
    text = "".join(tables) + f"[profiles.p29]\n{OPENAI}tiemout = '1m'\n"
    profiles, findings = read(text)
    assert (len(profiles), len(findings)) == (31, 30)
    assert [int(told.partition(":")[0]) for told in findings] == [180, *(7 + 6 * n for n in range(29))]


# ── For which models a job was made ──────────────────────────────────────────────────────────────


def with_models(models: str, profile: str = "cheap") -> str:
    return f"---\nschedule: daily 08:00\nprofile: {profile}\nmodels: {models}\n---\nHello\n"


def settings(model: str, **more: str) -> str:
    tables = "".join(
        f'[profiles.{name}]\nadapter = "openai"\nbase_url = "http://127.0.0.1:1/v1"\nmodel = "{named}"\n'
        for name, named in more.items()
    )
    fallbacks = f"fallbacks = {[*more]}\n" if more else ""
    kitchen = SAMPLE_FILES["harness.toml"]
    cheap = f'[profiles.cheap]\nadapter = "openai"\nbase_url = "http://127.0.0.1:1/v1"\nmodel = "{model}"\n{fallbacks}'
    before, _, after = kitchen.partition("[profiles.cheap]\n")
    return before + cheap + after.partition("\n\n")[2] + "\n" + tables


def load(root: Path, job: str, toml: str, good: LastGood | None = None) -> Loaded:
    files = {JOB: job, "harness.toml": toml}
    return load_workspace(write_workspace_files(root, files), vocabulary(), good, now=NOW)


def told(loaded: Loaded) -> list[str]:
    return [str(finding) for finding in loaded.findings]


@pytest.mark.parametrize("models", ["gpt-5*", "[claude-*, gpt-5*]", "'*'"])
def test_a_job_takes_a_model_that_it_was_made_for(tmp_path: Path, models: str) -> None:
    loaded = load(tmp_path, with_models(models), settings("gpt-5-mini"))
    assert told(loaded) == []


def test_a_job_that_is_given_a_model_that_it_was_not_made_for_is_an_error_of_its_file(tmp_path: Path) -> None:
    loaded = load(tmp_path, with_models("[gpt-5*, o3*]"), settings("claude-haiku-4-5"))
    assert told(loaded) == [
        f"{JOB}:4: the job was made for gpt-5*, o3*, and profile 'cheap' is claude-haiku-4-5; "
        "name another profile, or correct models"
    ]
    assert [finding.severity for finding in loaded.findings] == ["error"]


def test_a_fallback_that_a_job_was_not_made_for_is_a_warning(tmp_path: Path) -> None:
    loaded = load(tmp_path, with_models("gpt-5*"), settings("gpt-5-mini", other="claude-haiku-4-5", more="gpt-5"))
    assert told(loaded) == [
        f"{JOB}:4: its fallback 'other' will not be asked: the job was made for gpt-5*, and profile 'other' is "
        "claude-haiku-4-5; correct models, or let another profile stand in"
    ]
    assert [finding.severity for finding in loaded.findings] == ["warning"]


def test_a_job_whose_models_are_named_runs_without_a_model_as_it_says(tmp_path: Path) -> None:
    assert told(load(tmp_path, with_models("gpt-5*", "extractive"), settings("m"))) == []


def test_an_edit_of_the_settings_that_gives_a_job_another_model_is_held_back(tmp_path: Path) -> None:
    good = LastGood(tmp_path / "good")
    root = tmp_path / "team"
    assert told(load(root, with_models("gpt-5*"), settings("gpt-5-mini"), good)) == []
    loaded = load(root, with_models("gpt-5*"), settings("claude-haiku-4-5"), good)
    assert loaded.held_back == ("harness.toml",)
    assert loaded.workspace.settings.profiles["cheap"].model == "gpt-5-mini"


def priced(output_usd: dict[str, float]) -> str:
    """Return the settings with these prices of a million tokens of output."""
    text = settings("m", **{name: name for name in output_usd if name != "cheap"})
    for name, price in output_usd.items():
        text = text.replace(f"[profiles.{name}]\n", f"[profiles.{name}]\noutput_usd_per_mtok = {price}\n")
    return text


@pytest.mark.parametrize(
    ("prices", "told_of"),
    [
        ({"cheap": 10.0}, None),
        ({"cheap": 60.0}, "of profile 'cheap': at most $0.25"),
        ({"cheap": 10.0, "dear": 100.0}, "of profile 'dear', which may answer in place of 'cheap': at most $0.41"),
    ],
)
def test_a_budget_without_room_for_one_answer_is_a_warning(
    tmp_path: Path, prices: dict[str, float], told_of: str | None
) -> None:
    job = "---\nschedule: daily 08:00\nprofile: cheap\nbudget: $0.20\n---\nHello\n"
    of_the_job = [finding for finding in told(load(tmp_path, job, priced(prices))) if finding.startswith(JOB)]
    if told_of is None:
        assert of_the_job == []
    else:
        assert of_the_job == [
            f"{JOB}:4: its budget of $0.2 a run has no room for one answer {told_of}, so no model is ever asked; "
            "raise it, or lower max_output_tokens of that profile"
        ]


def test_a_script_that_is_not_there_is_told_with_its_line(tmp_path: Path) -> None:
    toml = settings("m") + '[profiles.played]\nadapter = "scripted"\nscript = "answers.json"\n'
    (finding,) = told(load(tmp_path, with_models("m"), toml))
    line = toml.splitlines().index('script = "answers.json"') + 1
    assert finding == (
        f"harness.toml:{line}: profile 'played' plays answers.json, and there is no such file; "
        "write it, or correct script"
    )
    (tmp_path / "answers.json").write_text("[]")
    assert told(load(tmp_path, with_models("m"), toml)) == []
