from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.domain.skill import Applies, Needs, Skill
from harness.workspace.report import Report
from harness.workspace.skill_keys import foreign_keys
from harness.workspace.skills import is_skill_name, read_skill, read_skill_matter

# Skills as other makers write them; all of them are invented.
PLAIN = """\
---
name: tide-tables
description: >-
  Read the tide tables of a harbour and say when a boat can leave.
  Use when somebody asks about high water.
license: Apache-2.0
compatibility: Needs a clock that is right
metadata:
  author: harbour-office
  version: "2.1"
allowed-tools: Read Bash(date:*)
---

# Tides

Look at the table first.
"""
CODING_ASSISTANT = """\
---
name: changelog-line
description: Write one line of a changelog
when_to_use: |
  After a change that somebody outside will notice.
  Never for refactoring.
argument-hint: [issue] [--dry-run]
allowed-tools: Bash(git log:*), Read, Grep
disable-model-invocation: true
user-invocable: true
model: a-large-one
effort: high
context: fork
agent: Explore
paths: "docs/**, CHANGELOG.md"
hooks:
  PreToolUse:
    - matcher: Bash
      hooks: [{type: command, command: ./check.sh}]
---
Begin with a verb.
"""
GATEWAY = """\
---
name: lamp
description: "Switch lamps: on, off, dim."
homepage: https://lamps.example
metadata: {"openclaw":{"emoji":"💡","always":true,"os":["darwin","linux"],"requires":{"bins":["lampctl"],"anyBins":["curl","wget"],"env":["LAMP_TOKEN"],"config":["channels.lamps"]},"primaryEnv":"LAMP_TOKEN","install":[{"id":"brew","kind":"brew","formula":"lampctl","bins":["lampctl"],}]}}
---
Use lampctl.
"""  # noqa: E501
OLDER_GATEWAY = """\
---
name: lamp
description: Switch lamps
metadata:
  {
    "clawdbot":
      {
        "requires": { "anyBins": ["curl", "wget"] },
        "os": ["win32"],
      },
  }
---
Use curl.
"""
JSON_IN_A_TEXT = """\
---
name: lamp
description: Switch lamps
metadata: '{"nanobot":{"requires":{"bins":["lampctl"]},"always":true}}'
---
Use lampctl.
"""
MESSENGER = """\
---
name: lamp
description: Switch lamps
version: 1.2.0
author: Somebody
platforms: [macos, linux]
prerequisites:
  commands: [lampctl]
  env_vars: [LAMP_TOKEN]
required_environment_variables:
  - name: LAMP_HOUSE
    prompt: Which house?
metadata:
  hermes:
    tags: [Home, Lights]
    related_skills: [tide-tables]
---
Use lampctl.
"""
OURS = """\
---
name: lamp
description: Switch lamps
requires: {bins: [lampctl], any_bins: [curl, wget], env: LAMP_TOKEN, os: macos, tools: [web.read]}
paths: ["feeds/*", "shared-context/**/*.md"]
when: {jobs: "home/*", agents: [butler], words: [lamp, "switch off"]}
always: true
tags: [home]
---
Use lampctl.
"""


def read(text: str, folder: str = "lamp") -> tuple[Skill | None, Report]:
    report = Report(f"skills/{folder}/SKILL.md")
    return read_skill(folder, text, report), report


def sound(text: str, folder: str = "lamp") -> Skill:
    skill, report = read(text, folder)
    assert skill is not None and report.entries == [], [str(entry.finding) for entry in report.entries]
    return skill


def test_every_field_of_the_format_is_read() -> None:
    skill = sound(PLAIN, "tide-tables")
    assert skill.description == (
        "Read the tide tables of a harbour and say when a boat can leave. Use when somebody asks about high water."
    )
    assert (skill.license, skill.compatibility) == ("Apache-2.0", "Needs a clock that is right")
    assert skill.body == "# Tides\n\nLook at the table first."
    assert (skill.needs, skill.applies, skill.is_always) == (Needs(), Applies(), False)


def test_what_is_not_yaml_for_want_of_quotes_is_read_as_it_is_meant_and_told() -> None:
    skill, report = read(CODING_ASSISTANT, "changelog-line")
    assert skill is not None
    assert skill.purpose == (
        "Write one line of a changelog After a change that somebody outside will notice.\nNever for refactoring."
    )
    assert skill.applies == Applies(paths=("docs/**", "CHANGELOG.md"))
    assert skill.is_by_name_only
    (finding,) = [entry.finding for entry in report.entries]
    assert (finding.severity, finding.line) == ("warning", 7)


def test_a_colon_in_a_plain_description_is_part_of_it() -> None:
    skill, report = read('---\nname: lamp\ndescription: Lamps: on, off \\ "dim"\n---\nUse it.\n')
    assert skill is not None and skill.description == 'Lamps: on, off \\ "dim"'
    assert [entry.finding.severity for entry in report.entries] == ["warning"]


def test_what_a_makers_table_of_json_asks_for_is_asked_for_here() -> None:
    skill = sound(GATEWAY)
    assert skill.needs == Needs(
        bins=("lampctl",),
        any_bins=(("curl", "wget"),),
        env=("LAMP_TOKEN",),
        systems=("macos", "linux"),
        settings=("channels.lamps",),
    )
    assert skill.is_always and skill.description == "Switch lamps: on, off, dim."
    assert sound(OLDER_GATEWAY).needs == Needs(any_bins=(("curl", "wget"),), systems=("windows",))
    as_text = sound(JSON_IN_A_TEXT)
    assert (as_text.needs, as_text.is_always) == (Needs(bins=("lampctl",)), True)


def test_what_a_maker_writes_beside_its_table_is_asked_for_too() -> None:
    skill = sound(MESSENGER)
    assert skill.needs == Needs(bins=("lampctl",), env=("LAMP_TOKEN", "LAMP_HOUSE"), systems=("macos", "linux"))
    assert skill.tags == ("Home", "Lights")


def test_our_own_keys_say_what_a_skill_needs_and_where_it_applies() -> None:
    skill = sound(OURS)
    assert skill.needs == Needs(("lampctl",), (("curl", "wget"),), ("LAMP_TOKEN",), ("macos",), ("web.read",))
    assert skill.applies == Applies(
        paths=("feeds/*", "shared-context/**/*.md"), jobs=("home/*",), agents=("butler",), words=("lamp", "switch off")
    )
    assert (skill.is_always, skill.tags) == (True, ("home",))


@pytest.mark.parametrize("text", [PLAIN, CODING_ASSISTANT, GATEWAY, MESSENGER], ids=["plain", "coding", "json", "tags"])
def test_keys_without_a_meaning_here_are_notes_and_never_errors(text: str) -> None:
    report = Report("x")
    matter = read_skill_matter(text, Report("x"))
    assert matter is not None
    foreign_keys(matter.located, report)
    told = {entry.finding.problem.split()[0] for entry in report.entries}
    assert {entry.finding.severity for entry in report.entries} == {"note"}
    assert told == {
        PLAIN: {"allowed-tools"},
        CODING_ASSISTANT: {"argument-hint", "allowed-tools", "user-invocable", "model", "effort", "context", "agent", "hooks"},  # noqa: E501
        GATEWAY: {"homepage"},
        MESSENGER: {"version", "author"},
    }[text]  # fmt: skip


@pytest.mark.parametrize(
    ("front", "severity", "said"),
    [
        ("description: x", "warning", "the skill has no name; that of its folder stands for it"),
        ("name: lamp\ndescription: x\ncompatibility: " + "x" * 501, "warning", "compatibility has 501 characters"),
        ("name: lamp\ndescription: x\nrequires: [lampctl]", "warning", "requires is not understood"),
        ("name: lamp\ndescription: x\nrequires: {bin: [lampctl]}", "warning", "'bin', which is not understood; did you mean 'bins'?"),  # noqa: E501
        ("name: lamp\ndescription: x\nrequires: {bins: {a: b}}", "warning", "not a list of names"),
        ("name: lamp\ndescription: x\nwhen: always", "warning", "when is not understood"),
        ("name: lamp\ndescription: x\nwhen: {job: x}", "warning", "unknown key 'job'; did you mean 'jobs'?"),
        ("name: lamp\ndescription: x\nmetadata: yes please", "warning", "metadata is no group of settings"),
        ("name: Lamp\ndescription: x", "error", "skill name 'Lamp' is not lower-case"),
        ("name: -lamp\ndescription: x", "error", "skill name '-lamp' is not lower-case"),
        ("name: la--mp\ndescription: x", "error", "skill name 'la--mp' is not lower-case"),
        ("name: torch\ndescription: x", "error", "is not the name of its folder"),
        ("name: lamp", "error", "the skill has no description"),
        ("name: lamp\ndescription: 2026", "error", "description is 2026, not a text"),
        ("name: lamp\ndescription: [a, b]", "error", "description is ['a', 'b'], not a text"),
        (f"name: lamp\ndescription: {'x' * 1025}", "error", "the description has 1,025 characters"),
        ("name: lamp\nname: lamp\ndescription: x", "error", "name is given twice"),
        ("name: lamp\ndescription: &a x\nmetadata: {a: *a}", "error", "YAML cannot read 'metadata: {a: *a}' as text"),
        ("name: lamp\ndescription: !!python/object:os.system x", "error", "the tag"),
        ("- name: lamp", "error", "not a list of settings"),
    ],
)  # fmt: skip
def test_whatever_else_stands_there_is_told_with_its_weight(front: str, severity: str, said: str) -> None:
    _, report = read(f"---\n{front}\n---\nUse it.\n")
    assert any(said in str(entry.finding) and entry.finding.severity == severity for entry in report.entries), [
        str(entry.finding) for entry in report.entries
    ]


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("pdf", True), ("pdf-2", True), ("größe", True), ("日本語", True), ("a" * 64, True),
        ("", False), ("a" * 65, False), ("a_b", False), ("a b", False), ("../x", False), ("a-", False), ("Ä", False),
        ("a.b", False), ("a/b", False),
    ],
)  # fmt: skip
def test_a_name_is_lower_case_words_of_any_script_with_single_hyphens(name: str, is_one: bool) -> None:
    assert is_skill_name(name) is is_one


def published_skills() -> list[Path]:
    """Skills of others on this machine: the one that an installed library carries, and folders that are named."""
    library = find_spec("typer")
    assert library is not None and library.origin is not None
    named = os.environ.get("HARNESS_TEST_SKILLS", "").split(os.pathsep)
    folders = [Path(library.origin).parent / ".agents", *(Path(name) for name in named if name)]
    return sorted(path for folder in folders for path in folder.rglob("SKILL.md"))


def test_published_skills_load_unchanged_or_are_refused_with_a_reason() -> None:
    published = published_skills()
    if not published:
        pytest.skip("the installed typer carries no skill, and HARNESS_TEST_SKILLS names no folder of skills")
    for path in published:
        skill, report = read(path.read_text(encoding="utf-8"), path.parent.name)
        refusals = [str(entry.finding) for entry in report.entries if entry.finding.severity == "error"]
        assert refusals or (skill is not None and skill.description and skill.body), path
        print(f"{path}: {'; '.join(refusals) or 'loads'}")
