"""All that there is to say of a skill, at once."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from harness.workspace.skill_folder import SkillFile
from harness.workspace.skill_lint import lint

HEAD = "---\nname: lamp\ndescription: Switch lamps on and off. Use when somebody wants light.\n---\n"


def findings(
    body: str = "Use it.\n", head: str = HEAD, files: Mapping[str, SkillFile | bytes] = MappingProxyType({})
) -> list[str]:
    all_files = {"SKILL.md": SkillFile((head + body).encode())}
    all_files |= {name: one if isinstance(one, SkillFile) else SkillFile(one) for name, one in files.items()}
    found = lint("lamp", all_files, "skills/lamp")
    return [f"{one.severity} {one.path.removeprefix('skills/lamp/')}:{one.line or 0} {one.problem}" for one in found]


SCRIPT = SkillFile(b"#!/bin/sh\n", is_executable=True)


def test_a_skill_that_keeps_to_the_format_has_no_findings() -> None:
    body = """\
Read [the tables](references/tables.md#one) and [these](./assets/). See <https://lamps.example/x.md>, [docs](https://x.example/a.md).
Run `scripts/dim.sh`; write what you find to [a file](<out file>), or to /tmp/scripts/none.sh and ../references/none.md.
```
[an example](guides/example.md)
```
"""
    files: dict[str, SkillFile | bytes] = {
        "references/tables.md": b"x",
        "assets/a.png": b"\xff",
        "scripts/dim.sh": SCRIPT,
        "scripts/data.json": b"{}",
    }
    assert findings(body, files=files) == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("\nSee [it](references/gone.md).", "error SKILL.md:6 it refers to references/gone.md, which is not there"),
        ("Run scripts/gone.py first.", "warning SKILL.md:5 it names scripts/gone.py, which is not there"),
        ("```\nscripts/gone.py\n```", "warning SKILL.md:6 it names scripts/gone.py, which is not there"),
        ("x\n" * 501, "warning SKILL.md:5 the instructions have 501 lines and about"),
        ("word " * 6000, "warning SKILL.md:5 the instructions have 1 lines and about 7,200 tokens"),
        ("Now: !`git status`", "note SKILL.md:5 a command that its maker's program runs when it loads this"),
        ("Look at $ARGUMENTS", "note SKILL.md:5 a word that its maker's program fills in"),
        ("", "warning SKILL.md:5 the skill says nothing"),
    ],
)
def test_what_the_instructions_lack_is_named_with_its_line(body: str, said: str) -> None:
    found = findings(body)
    assert len(found) == 1 and found[0].startswith(said), found


def test_files_are_looked_at_each_for_itself() -> None:
    found = findings(
        files={
            "scripts/no-shebang.py": b"print(1)\n",
            "scripts/not-executable.sh": b"#!/bin/sh\n",
            "scripts/lib/part.py": b"x = 1\n",
            "references/bad.md": b"\xff",
            ".hidden": b"x",
        }
    )
    assert found == [
        "note .hidden:0 a hidden file",
        "warning references/bad.md:0 it is no UTF-8 text, so no agent can be shown it",
        "warning scripts/no-shebang.py:1 the script does not say what runs it",
        "warning scripts/not-executable.sh:0 the script is not executable",
    ]


def test_all_findings_come_at_once_and_those_of_the_format_among_them() -> None:
    head = "---\nname: torch\ndescription: Light.\nmodel: large\n---\n"
    assert findings("[x](gone.md)", head) == [
        "error SKILL.md:2 skill name 'torch' is not the name of its folder",
        "warning SKILL.md:3 the description is very short",
        "note SKILL.md:4 model has no effect here",
        "error SKILL.md:6 it refers to gone.md, which is not there",
    ]


def test_what_is_no_skill_at_all_is_told() -> None:
    assert lint("lamp", {}, "skills/lamp")[0].problem == "the file is missing"
    assert lint("lamp", {"SKILL.md": SkillFile(b"\xff")}, "x")[0].problem == "it is no UTF-8 text"
    assert lint("lamp", {"SKILL.md": SkillFile(b"# Lamp\n")}, "x")[0].problem == "the file has no front matter"
