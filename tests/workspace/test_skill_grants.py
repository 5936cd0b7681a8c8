"""Which skills an agent has: by name, by pattern, and of the workspace before those that the harness ships."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.domain.skill import Skill
from harness.testing.workspace import write_workspace_files
from harness.wiring.files import vocabulary
from harness.workspace.last_good import LastGood
from harness.workspace.load import Loaded, load_workspace
from harness.workspace.shipped import shipped_skills, shipped_workspace

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SHIPPED = {name: Skill(name, "Shipped.", f"/x/{name}/SKILL.md", "S", origin="shipped") for name in ("tell", "web-old")}


def skill_text(name: str, description: str = "Ours.") -> str:
    return f"---\nname: {name}\ndescription: {description}\n---\nDo it.\n"


def load(root: Path, grants: str, names: tuple[str, ...] = (), files: Mapping[str, str | None] | None = None) -> Loaded:
    texts: dict[str, str | None] = {f"skills/{name}/SKILL.md": skill_text(name) for name in names}
    texts["agents/scout/agent.toml"] = f'description = "x"\nskills = {grants}\n'
    write_workspace_files(root, {**texts, **(files or {})})
    return load_workspace(root, dataclasses.replace(vocabulary(), shipped_skills=SHIPPED), now=NOW)


@pytest.mark.parametrize(
    ("grants", "skills", "named"),
    [
        ('["web-b", "web-*"]', ("web-b", "web-a", "web-old"), ("web-b",)),
        ('["*"]', ("rank-items", "tell", "web-a", "web-b", "web-old"), ()),
        ('["web-[ab]", "rank-items"]', ("web-a", "web-b", "rank-items"), ("rank-items",)),
        ('["tell"]', ("tell",), ("tell",)),
    ],
)
def test_names_stand_as_they_are_written_and_patterns_for_all_that_match(
    tmp_path: Path, grants: str, skills: tuple[str, ...], named: tuple[str, ...]
) -> None:
    loaded = load(tmp_path, grants, ("web-b", "web-a"))
    agent = loaded.workspace.agents["scout"]
    assert loaded.findings == ()
    assert (agent.skills, agent.named_skills) == (skills, named)


def test_a_name_that_is_not_there_is_an_error_and_a_pattern_without_a_match_a_warning(tmp_path: Path) -> None:
    loaded = load(tmp_path, '["web-c", "mail-*"]', ("web-b",))
    assert [(finding.severity, finding.problem) for finding in loaded.findings] == [
        ("error", "unknown skill 'web-c'"),
        ("warning", "no skill is named like 'mail-*'"),
    ]


def test_a_skill_of_the_workspace_takes_the_place_of_one_that_is_shipped(tmp_path: Path) -> None:
    workspace = load(tmp_path, '["tell", "web-old"]', ("tell",)).workspace
    assert (workspace.skills["tell"].origin, workspace.skills["tell"].description) == ("workspace", "Ours.")
    assert workspace.skills["tell"].folder == tmp_path / "skills/tell"
    assert workspace.skills["web-old"].origin == "shipped"


def test_a_broken_skill_is_missed_and_not_replaced_unseen_by_the_shipped_one(tmp_path: Path) -> None:
    loaded = load(tmp_path, '["tell"]', files={"skills/tell/SKILL.md": "no front matter"})
    assert "tell" not in loaded.workspace.skills
    assert [finding.path for finding in loaded.errors] == ["skills/tell/SKILL.md"]


def test_an_edit_of_a_skill_is_in_force_and_a_bad_one_leaves_the_last_good(tmp_path: Path) -> None:
    root, good = tmp_path / "team", LastGood(tmp_path / "kept")
    for text, description in ((skill_text("rank-items"), "Ours."), ("broken", "Ours."), (None, None)):
        write_workspace_files(root, {"skills/rank-items/SKILL.md": text or skill_text("rank-items", "Newer.")})
        loaded = load_workspace(root, vocabulary(), good, now=NOW)
        assert loaded.workspace.skills["rank-items"].description == (description or "Newer.")
        assert bool(loaded.errors) == (text == "broken")


def test_the_harness_ships_the_skills_of_its_own_workspace() -> None:
    shipped = shipped_skills()
    folders = {path.parent.name for path in (shipped_workspace() / "skills").glob("*/SKILL.md")}
    assert set(shipped) == folders and "rank-items" in shipped
    assert {skill.origin for skill in shipped.values()} == {"shipped"}
    assert all((skill.folder / "SKILL.md").is_file() for skill in shipped.values())
