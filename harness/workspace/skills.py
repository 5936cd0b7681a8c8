"""`skills/<skill>/SKILL.md`, in the format of agentskills.io and as its makers write it."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from harness.domain.skill import Skill
from harness.workspace.front_matter import FrontMatter, read_front_matter
from harness.workspace.report import Report
from harness.workspace.skill_keys import read_keys

SKILL_FILE = "SKILL.md"
LONGEST_NAME = 64
LONGEST_DESCRIPTION = 1024
LONGEST_COMPATIBILITY = 500

_TOP_LEVEL = re.compile(r"([A-Za-z][\w-]*):[ \t]+(?![\"'|>&!{])(\S.*?)[ \t]*")


def read_skill(folder: str, text: str, report: Report) -> Skill | None:
    """Return the skill in the folder of that name, or None with the reasons in the report.

    Keys of other makers are kept out of the way: what of them has a meaning here is taken over.
    """
    matter = read_skill_matter(text, report)
    if matter is None:
        return None
    values, line = matter.located.values, matter.located.line
    name = _read_name(values.get("name"), folder, line("name"), report)
    description = _text_of(values.get("description"), "description", line("description"), report)
    if not description:
        report.error(line("description"), "the skill has no description", "say what it does and when: description: …")
    if len(description) > LONGEST_DESCRIPTION:
        problem = f"the description has {len(description):,} characters"
        report.error(line("description"), problem, f"shorten it to {LONGEST_DESCRIPTION:,}")
    compatibility = _loose_text(values.get("compatibility"))
    if len(compatibility) > LONGEST_COMPATIBILITY:
        problem = f"compatibility has {len(compatibility):,} characters"
        report.warning(line("compatibility"), problem, f"shorten it to {LONGEST_COMPATIBILITY}")
    if not matter.body:
        report.warning(matter.body_line, "the skill says nothing", "write below the front matter how it is done")
    keys = read_keys(matter.located, report)
    return Skill(
        name=name,
        description=description,
        path=report.path,
        body=matter.body,
        when_to_use=_loose_text(values.get("when_to_use")),
        tags=keys.tags,
        license=_loose_text(values.get("license")),
        compatibility=compatibility,
        needs=keys.needs,
        applies=keys.applies,
        is_always=keys.is_always,
        is_by_name_only=keys.is_by_name_only,
    )


def read_skill_matter(text: str, report: Report) -> FrontMatter | None:
    """Return front matter and body, or None with the reason in the report.

    Many skills have a description with a colon in it and no quotes around it, which is not YAML. What is meant is
    plain: such lines are read as texts, with a warning.
    """
    strict = Report(report.path)
    matter = read_front_matter(text, strict)
    if matter is None:
        loose = Report(report.path)
        quoted = _quote_plain_lines(text)
        mended = read_front_matter(quoted, loose) if quoted != text else None
        if mended is not None and not loose.has_errors:
            finding = strict.entries[0].finding
            report.warning(finding.line, f"{finding.problem}; it was taken for text", "put the value in quotes")
            return mended
    report.entries.extend(strict.entries)
    return matter


def is_skill_name(name: str) -> bool:
    """Say whether the format allows it: lower-case letters and digits of any script, single hyphens between."""
    parts = unicodedata.normalize("NFKC", name).split("-")
    return len(name) <= LONGEST_NAME and all(part.isalnum() and part == part.lower() for part in parts)


def _read_name(value: Any, folder: str, line: int, report: Report) -> str:
    name = _text_of(value, "name", line, report)
    if not name:
        report.warning(line, "the skill has no name; that of its folder stands for it", f"write name: {folder}")
        name, line = folder, 1
    if not is_skill_name(name):
        problem = f"skill name {name!r} is not lower-case words with hyphens, at most {LONGEST_NAME} characters"
        report.error(line, problem, "rename it and its folder")
    elif unicodedata.normalize("NFKC", name) != unicodedata.normalize("NFKC", folder):
        report.error(line, f"skill name {name!r} is not the name of its folder", f"write name: {folder}")
    return name


def _text_of(value: Any, key: str, line: int, report: Report) -> str:
    if value is None or isinstance(value, str):
        return (value or "").strip()
    report.error(line, f"{key} is {value!r}, not a text", "put it in quotes")
    return ""


def _loose_text(value: Any) -> str:
    """Return a text that nothing depends on, however it was written."""
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return value.strip() if isinstance(value, str) else "" if value is None else str(value)


def _quote_plain_lines(text: str) -> str:
    """Put quotes around what stands plainly behind a key at the top of the front matter and is no YAML by itself."""
    lines = text.split("\n")
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), len(lines))
    for number in range(1, end):
        found = _TOP_LEVEL.fullmatch(lines[number])
        if found is not None and read_front_matter(f"---\n{lines[number]}\n---", Report("")) is None:
            quoted = found[2].replace("\\", "\\\\").replace('"', '\\"')
            lines[number] = f'{found[1]}: "{quoted}"'
    return "\n".join(lines)
