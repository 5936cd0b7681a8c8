"""Loading a skill when it is needed: its instructions, its files, and others that a search finds."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from harness.domain.errors import OwnerError, Refused, ToolError
from harness.domain.skill import Skill
from harness.gate.caller import Caller
from harness.gate.paths import PathRules
from harness.gate.registry import Arguments, Tool, Traits, define_tool
from harness.gate.sanitise import in_short
from harness.workspace.skill_folder import folder_sha256, is_hidden, list_files, read_files
from harness.workspace.skills import SKILL_FILE

USE_SKILL = "use_skill"
MOST_LOADED = 3
"""So many skills are loaded in one run, over all its crashes, pauses and delegates."""

MOST_FOUND = 5
MOST_FILES_NAMED = 100
MAX_FILE_BYTES = 5_000_000
PAGE_CHARS = 20_000  # the instructions of a skill that keeps to the format's advice, whole
_LEDGER = ".skills"
_SHOWN_CHARS = 300

FindSkills = Callable[[str, Collection[str], int], tuple[str, ...]]
"""Takes words, the names of the skills that may be found, and how many; returns names, best first."""


class UseSkillArguments(Arguments):
    name: str = ""
    file: str = ""
    query: str = ""
    offset: Annotated[int, Field(ge=0)] = 0


def skill_tools(find: FindSkills) -> tuple[Tool, ...]:
    """Return the tool that loads the skills that its caller is offered, found with the given search."""

    async def use_skill(arguments: UseSkillArguments, caller: Caller) -> str:
        if not arguments.name:
            if not arguments.query:
                raise ToolError("name a skill, or give a query")
            return await asyncio.to_thread(_found, arguments.query, caller, find)
        return await asyncio.to_thread(_loaded, arguments, caller, find)

    description = "Load a skill by name, or one of its files; or find skills by a query."
    # What a person wrote or accepted speaks for the person: it is no text from outside.
    traits = Traits(effect="read", cap_chars=PAGE_CHARS + 10_000)
    return (define_tool(USE_SKILL, description, UseSkillArguments, use_skill, traits),)


def _found(query: str, caller: Caller, find: FindSkills) -> str:
    skills = caller.offer.skills
    names = find(query, skills.keys(), MOST_FOUND)
    return "\n".join(_lines(names, skills)) or f"No skill of yours says anything of that; you have {len(skills):,}."


def _loaded(arguments: UseSkillArguments, caller: Caller, find: FindSkills) -> str:
    skill = _skill_of(arguments.name, caller, find)
    if arguments.file and arguments.file != SKILL_FILE:
        return _page(_text(_file_of(skill, arguments.file), arguments.file), arguments.offset)
    body = _body_of(skill)
    number = _take_place(caller.folder, skill.name)
    page = _page(body, arguments.offset)
    is_all = arguments.offset == 0 and page == body
    files = _files_line(skill) if is_all or arguments.offset + PAGE_CHARS >= len(body) else ""
    heading = f"Skill {skill.name} ({number} of {MOST_LOADED} in this run)"
    return "\n\n".join(filter(None, (heading, page or "(it says nothing)", files)))


def _skill_of(name: str, caller: Caller, find: FindSkills) -> Skill:
    offer = caller.offer
    if name in offer.skills:
        return offer.skills[name]
    if name in offer.withheld:
        raise Refused("skill-withheld", f"the skill {name} cannot be used: {offer.withheld[name]}")
    near = _lines(find(name.replace("-", " "), offer.skills.keys(), 3), offer.skills)
    hint = "these are near:\n" + "\n".join(near) if near else "find one with query"
    raise ToolError(f"you have no skill {name[:64]!r}; {hint}")


def _lines(names: Collection[str], skills: Mapping[str, Skill]) -> list[str]:
    return [f"- {name}: {in_short(skills[name].purpose, _SHOWN_CHARS)}" for name in names]


def _take_place(folder: Path, name: str) -> int:
    """Note that the run loads the skill; return which of its skills that is, the same one again counting once.

    It stands in the run's folder, where whoever goes on with the run finds it. Raises Refused (`skill-limit`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LEDGER).open("a+b") as file:
        # Calls of one reply are carried out side by side.
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        written = file.read()
        # A crash may have cut off the last line: whoever was to write it comes again.
        whole = written[: written.rfind(b"\n") + 1]
        file.truncate(len(whole))
        taken = whole.decode("utf-8").splitlines()
        if name not in taken:
            if len(taken) >= MOST_LOADED:
                loaded = ", ".join(taken)
                raise Refused("skill-limit", f"this run has loaded {MOST_LOADED} skills ({loaded}); work with these")
            file.write(f"{name}\n".encode())
            file.flush()
            os.fsync(file.fileno())
            taken.append(name)
        return taken.index(name) + 1


def _body_of(skill: Skill) -> str:
    """Return the instructions as they were when the workspace was read; of an installed skill, if it is still that."""
    if skill.origin == "installed":
        _accepted_files(skill)
    return skill.body


def _file_of(skill: Skill, file: str) -> bytes:
    """Return a file of the skill; one of an installed skill as it was accepted, or none."""
    rules = PathRules(skill.folder, read_paths=(".",))
    if skill.origin != "installed":
        return rules.read_bytes(file, MAX_FILE_BYTES)
    name = "/".join(rules.check(file, "read"))
    files = _accepted_files(skill)
    if name not in files:
        raise ToolError(f"the skill {skill.name} has no file {file}; it has: {', '.join(_shown(files)) or 'none'}")
    return files[name]


def _accepted_files(skill: Skill) -> dict[str, bytes]:
    """Return the files of an installed skill, all of them read now and compared with what the person accepted."""
    try:
        files = read_files(skill.folder)
    except OwnerError as error:
        raise Refused("skill-changed", f"the skill {skill.name} is not what was accepted: {error.problem}") from error
    if folder_sha256(files) != skill.sha256:
        raise Refused("skill-changed", f"the skill {skill.name} was changed since a person accepted it")
    return {name: file.content for name, file in files.items()}


def _text(content: bytes, file: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise ToolError(f"{file} is no UTF-8 text, and only text can be shown") from None


def _page(text: str, offset: int) -> str:
    end = offset + PAGE_CHARS
    page = text[offset:end]
    if end < len(text):
        page += f"\n… {end:,} of {len(text):,} characters; go on with offset={end}"
    return page or ("(empty)" if not text else f"(it ends at {len(text):,} characters)")


def _files_line(skill: Skill) -> str:
    files = list_files(skill.folder)
    names = _shown(files)
    more = f" and {len(names) - MOST_FILES_NAMED:,} more" if len(names) > MOST_FILES_NAMED else ""
    return f"Its files: {', '.join(names[:MOST_FILES_NAMED])}{more}" if names else ""


def _shown(files: Collection[str]) -> list[str]:
    return [name for name in files if name != SKILL_FILE and not is_hidden(name)]
