"""The shelf of skills: what is there is looked at anew for every run, what is searched is built once."""

from __future__ import annotations

from pathlib import Path

from harness.domain.agent import Agent
from harness.domain.settings import Settings
from harness.domain.skill import Needs, Skill
from harness.domain.workspace import Workspace
from harness.prompt.skill_choice import Chosen, Task
from harness.wiring.skills import SkillShelf

LAMP = Skill("lamp", "Switch lamps.", "skills/lamp/SKILL.md", "Do.", needs=Needs(bins=("lampctl",)))
TIDES = Skill("tides", "Read tables of tides.", "skills/tides/SKILL.md", "Do.")
AGENT = Agent("scout", "", "", "", skills=("lamp", "tides"))


def workspace(root: Path, *skills: Skill) -> Workspace:
    return Workspace(root, Settings(), skills={skill.name: skill for skill in skills})


def test_a_program_that_is_installed_meanwhile_lets_the_next_run_have_the_skill(tmp_path: Path) -> None:
    shelf, team = SkillShelf({"PATH": str(tmp_path)}, "linux"), workspace(tmp_path, LAMP, TIDES)
    assert [skill.name for skill in shelf.choose(team, AGENT, Task()).listed] == ["tides"]
    assert shelf.offer(team, AGENT).withheld == {"lamp": "no program lampctl on the PATH"}
    (tmp_path / "lampctl").write_text("#!/bin/sh\n")
    (tmp_path / "lampctl").chmod(0o755)
    assert [skill.name for skill in shelf.choose(team, AGENT, Task()).listed] == ["lamp", "tides"]


def test_an_agent_without_skills_is_told_of_none(tmp_path: Path) -> None:
    shelf = SkillShelf({}, "linux")
    assert shelf.choose(workspace(tmp_path, TIDES), Agent("scout", "", "", ""), Task()) == Chosen()


def test_a_search_is_of_the_skills_that_are_in_force(tmp_path: Path) -> None:
    shelf = SkillShelf({}, "linux")
    before, after = workspace(tmp_path, LAMP).skills, workspace(tmp_path, LAMP, TIDES).skills
    among = ("lamp", "tides")
    assert shelf.find(before, "tide tables and lamps", among, 5) == ("lamp",)
    assert shelf.find(after, "tide tables and lamps", among, 5) == ("tides", "lamp")
    assert shelf.find(before, "tide tables and lamps", among, 5) == ("lamp",)
