"""`skills/<skill>/SKILL.md`, in the format of agentskills.io."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from harness.domain.skill import Skill
from harness.workspace.front_matter import read_front_matter
from harness.workspace.names import SLUG
from harness.workspace.report import Report
from harness.workspace.shapes import Shape, check_shape

_LONGEST_NAME = 64
_LONGEST_DESCRIPTION = 1024


class SkillShape(Shape):
    name: str = ""
    description: str = ""
    license: str | None = None
    compatibility: Annotated[str, Field(max_length=500)] | None = None
    metadata: dict[str, Any] | None = None
    allowed_tools: Annotated[Any, Field(alias="allowed-tools")] = None


def read_skill(folder: str, text: str, report: Report) -> Skill | None:
    """Return the skill in the folder of that name, or None with the reasons in the report."""
    matter = read_front_matter(text, report)
    shape = check_shape(SkillShape, matter.located, report) if matter is not None else None
    if matter is None or shape is None:
        return None
    _check_name(shape.name, folder, matter.located.line("name"), report)
    line = matter.located.line("description")
    if not shape.description.strip():
        report.error(line, "the skill has no description", "say what it does and when to use it: description: …")
    if len(shape.description) > _LONGEST_DESCRIPTION:
        problem = f"the description has {len(shape.description):,} characters"
        report.error(line, problem, f"shorten it to {_LONGEST_DESCRIPTION:,}")
    if not matter.body:
        report.warning(matter.body_line, "the skill says nothing", "write below the front matter how it is done")
    return Skill(shape.name, shape.description.strip(), report.path, matter.body)


def _check_name(name: str, folder: str, line: int, report: Report) -> None:
    if not name:
        report.error(line, "the skill has no name", f"write name: {folder}")
    elif not SLUG.fullmatch(name) or len(name) > _LONGEST_NAME:
        problem = f"skill name {name!r} is not lower-case words with hyphens, at most {_LONGEST_NAME} characters"
        report.error(line, problem, "rename it and its folder")
    elif name != folder:
        report.error(line, f"skill name {name!r} is not the name of its folder", f"write name: {folder}")
