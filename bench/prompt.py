"""What a prompt costs to make: from the files and what was collected to the bytes that are sent."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bench.workload import percentile, timed_s, write_team
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from harness.prompt.assemble import AssembledPrompt, assemble
from harness.prompt.gather import gather
from harness.prompt.skill_choice import Task
from harness.wiring.files import load
from harness.wiring.skills import SkillShelf

_JOB = "scout/report"
_NOWHERE = "http://127.0.0.1:9/v1"
_WORDS = "A line of a note that somebody took, about what changed and why it matters to the reader of it."
_TASK = "Rank the kettles by how long they keep the water hot, and say which of them is worth its price."


@dataclass(frozen=True, slots=True)
class Assembly:
    """Seconds to gather and assemble a prompt, and to read and hash the same Markdown and nothing else."""

    markdown_bytes: int
    skills: int
    p50_s: float
    p99_s: float
    bare_s: float
    tokens: int
    left_out: int


def measure_assembly(markdown_bytes: int, skills: int, rounds: int) -> Assembly:
    """Make the prompt of one job so often: half the Markdown is memory, the other half was collected.

    The workspace is loaded once, as in a daemon; MEMORY.md is read anew for every prompt. In turn with each prompt
    the same bytes are read from their files and hashed.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        root = write_team(Path(folder), _NOWHERE, {_JOB: "0 0 1 1 *"})
        files = [root / "agents" / "scout" / "MEMORY.md", root / "notes.md"]
        for path in files:
            path.write_text(_markdown(markdown_bytes // 2), encoding="utf-8")
        write_skills(root, "scout", skills)
        workspace = load(root, {}, now=datetime.now(UTC)).workspace
        collected = (Collected("notes.md", text=files[1].read_text(encoding="utf-8")),)
        shelf = SkillShelf({}, sys.platform)
        prompt = make_prompt(workspace, shelf, collected)
        taken, bare = [], []
        for _ in range(rounds):
            taken.append(timed_s(lambda: make_prompt(workspace, shelf, collected))[0])
            bare.append(timed_s(lambda: _read_and_hash(files))[0])
    left_out = sum(len(row.dropped) for row in prompt.manifest.rows)
    tokens = prompt.manifest.total_tokens
    bare_s = percentile(bare, 0.5)
    return Assembly(markdown_bytes, skills, percentile(taken, 0.5), percentile(taken, 0.99), bare_s, tokens, left_out)


def make_prompt(workspace: Workspace, shelf: SkillShelf, collected: Iterable[Collected] = ()) -> AssembledPrompt:
    """Return the prompt of the one job of the workspace."""
    agent = workspace.agent("scout")
    job = replace(workspace.job(_JOB), prompt=_TASK)
    now = datetime(2026, 11, 21, 16, tzinfo=UTC)
    skills = shelf.choose(workspace, agent, Task(agent.name, job.id, job.prompt, job.inputs))
    return assemble(gather(workspace, agent, job, tuple(collected), now=now, run_inputs={}, tools=(), skills=skills))


def write_skills(root: Path, agent: str, count: int) -> None:
    """Write so many skills into the workspace, and grant all of them to the agent."""
    kinds = ("rank", "compare", "summarise", "translate", "file", "plan", "measure", "repair", "order", "paint")
    things = ("kettles", "bridges", "letters", "gardens", "ledgers", "maps", "engines", "songs", "menus", "clouds")
    names = []
    for number in range(count):
        kind, thing = kinds[number % 10], things[number // 10 % 10]
        name = f"{kind}-{thing}-{number:04d}"
        words = f"How to {kind} {thing} of series {number // 100}. Use it when somebody wants to {kind} {thing}."
        path = root / "skills" / name / "SKILL.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        body = f"1. Look at the {thing}.\n2. {kind.capitalize()} them.\n"
        path.write_text(f"---\nname: {name}\ndescription: {words}\n---\n{body}", encoding="utf-8")
        names.append(name)
    with (root / "agents" / agent / "agent.toml").open("a", encoding="utf-8") as settings:
        settings.write(f"skills = {json.dumps(names)}\n")


def _markdown(size: int) -> str:
    lines, length, number = [], 0, 0
    while length < size:
        line = f"- {number}. {_WORDS}" if number % 40 else f"\n## Part {number // 40}\n"
        lines.append(line)
        length, number = length + len(line) + 1, number + 1
    return "\n".join(lines)[:size]


def _read_and_hash(files: list[Path]) -> str:
    return hashlib.sha256("".join(path.read_text(encoding="utf-8") for path in files).encode()).hexdigest()
