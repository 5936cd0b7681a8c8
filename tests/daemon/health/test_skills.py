"""Skills that agents are granted and that a machine lacks something for."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from harness.daemon.health.facts import WithheldSkill
from harness.daemon.health.judgement import judge_health
from harness.daemon.health.skills import withheld_skills
from harness.testing.workspace import write_workspace_files
from harness.wiring.files import load
from tests.daemon.health.sample_facts import WELL, codes

NEEDS = "requires: {bins: [no-such-program], env: [NO_SUCH_VARIABLE]}\n"


def skill(name: str, more: str = "") -> str:
    return f"---\nname: {name}\ndescription: What to do with {name}. Use for tests.\n{more}---\nDo it.\n"


def test_what_a_skill_lacks_here_is_told_whole_with_who_is_granted_it(tmp_path: Path) -> None:
    root = write_workspace_files(
        tmp_path,
        {
            "skills/named/SKILL.md": skill("named", NEEDS),
            "skills/there/SKILL.md": skill("there"),
            "skills/web-none/SKILL.md": skill("web-none", NEEDS),
            "skills/of-nobody/SKILL.md": skill("of-nobody", NEEDS),
        },
    )
    agent = root / "agents" / "scout" / "agent.toml"
    lines = [line for line in agent.read_text().splitlines() if not line.startswith("skills")]
    agent.write_text("\n".join(['skills = ["named", "there", "web-*"]', *lines]))
    team = load(root, {}, now=datetime(2026, 11, 21, tzinfo=UTC)).workspace
    why = "no program no-such-program on the PATH; the environment has no NO_SUCH_VARIABLE"
    assert withheld_skills(team, {}, "linux") == (
        WithheldSkill("named", ("scout",), why, is_named=True),
        WithheldSkill("web-none", ("scout",), why, is_named=False),
    )


def test_what_was_installed_is_not_told_any_more(tmp_path: Path) -> None:
    program = Path(shutil.which("sh") or "/bin/sh")
    root = write_workspace_files(
        tmp_path, {"skills/named/SKILL.md": skill("named", f"requires: {{bins: [{program.name}]}}\n")}
    )
    agent = root / "agents" / "scout" / "agent.toml"
    lines = [line for line in agent.read_text().splitlines() if not line.startswith("skills")]
    agent.write_text("\n".join(['skills = ["named"]', *lines]))
    team = load(root, {}, now=datetime(2026, 11, 21, tzinfo=UTC)).workspace
    assert withheld_skills(team, {"PATH": str(program.parent)}, "linux") == ()
    assert len(withheld_skills(team, {"PATH": ""}, "linux")) == 1


def test_a_skill_that_is_named_is_an_error_and_those_of_patterns_are_one_note() -> None:
    named = WithheldSkill("pdf", ("scout", "zoe"), "no program pdftotext on the PATH", is_named=True)
    many = tuple(WithheldSkill(f"web-{n}", ("scout",), "no", is_named=False) for n in range(9))
    facts = replace(WELL, withheld_skills=(named, *many))
    error, note = judge_health(facts)
    assert codes(facts) == ["skill", "skill"]
    assert str(error) == (
        "skill pdf is not offered to scout, zoe: no program pdftotext on the PATH; "
        "put that right, or take it out of agent.toml"
    )
    assert (error.severity, note.severity) == ("error", "note")
    assert note.message.startswith("9 skills that patterns grant are not offered here: web-0, ")
    assert "web-8" not in note.message
