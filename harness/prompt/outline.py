"""What stands in a prompt, in its order: sections with their budgets, made of gathered parts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from harness.collectors.collect import read_kind
from harness.domain.message import ToolSchema
from harness.domain.source import Collected
from harness.gate.outside import fence_content, figure_rows, item_line, series_line
from harness.gate.sanitise import one_line, sanitise
from harness.prompt.body import render_body
from harness.prompt.gather import Gathered
from harness.prompt.memory import memory_section, recalled_section
from harness.prompt.output import ASKED, SCHEDULED, contract_in_words, harness_contract
from harness.prompt.sections import Record, Section
from harness.prompt.skill_choice import FOUND_TOKENS, LISTED_TOKENS, Chosen, directory_line, left_out_line

_NAME_CHARS = 60
_TOLD_POINTS = 10
"""Of a series a model is told the end; a chart shows all of it, and each of its values counts as collected."""

_BETWEEN_BLOCKS = re.compile(r"(\n(?:[ \t]*\n)+|\n(?=(?:[-*+]|#{1,6}|\d{1,3}[.)])[ ]))")


def outline(gathered: Gathered) -> tuple[Section, ...]:
    """Return all sections of the prompt, stable ones first.

    Raises OwnerError where the job's Jinja2 is wrong.
    """
    return (*_stable_sections(gathered), *_volatile_sections(gathered))


def schema_json(tool: ToolSchema) -> dict[str, object]:
    """Return the tool's schema as a value that survives JSON unchanged."""
    return {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}


def _stable_sections(gathered: Gathered) -> tuple[Section, ...]:
    agent, folder = gathered.agent, f"agents/{gathered.agent.name}"
    skills = tuple(_skill_records(gathered.skills))
    tools = tuple(Record(tool.name, json.dumps(schema_json(tool))) for tool in gathered.tools)
    return (
        _whole("harness contract", "", harness_contract(agent.name, gathered.user_name), 250, "harness.toml"),
        _whole("SOUL", "Who you are", agent.soul, 2_000, f"{folder}/SOUL.md"),
        _whole("AGENTS", "How you work", agent.rules, 4_000, f"{folder}/AGENTS.md"),
        _whole("USER", f"About {one_line(gathered.user_name)}", gathered.user, 1_500, "USER.md"),
        Section("skills", skills, LISTED_TOKENS, priority=2, is_stable=True, title="Skills"),
        Section("tools", tools, 3_000, is_stable=True, style="tools", is_required=True, origin=f"{folder}/agent.toml"),
        memory_section(gathered.memory),
    )


def _volatile_sections(gathered: Gathered) -> tuple[Section, ...]:
    job = gathered.job
    inputs = tuple(_input_records(gathered))
    # Not above: what is said of this run alone would keep the prefix from being the same in the next.
    why = ASKED if gathered.request else SCHEDULED
    task = (Record("job", f"Today is {gathered.today}. {why}\n{gathered.request or render_body(gathered)}"),)
    # What others said in it is fenced already.
    news = tuple(Record(one.request_id, one.text, rank) for rank, one in enumerate(gathered.news))
    skills = tuple(_task_skill_records(gathered.skills))
    rules = tuple(Record(rule, f"- {one_line(rule)}") for rule in contract_in_words(job.contract))
    return (
        recalled_section(gathered.recalled),
        Section("inputs", inputs, 24_000, priority=3, title="Collected for this run", style="fenced"),
        Section("requests", news, 2_000, priority=2, title="Your requests to others"),
        Section("skills of the task", skills, FOUND_TOKENS, priority=2, title="Skills for this task"),
        Section("job", task, 6_000, title="Your task", is_required=True, origin=job.path),
        Section("output", rules, 1_000, title="Your result is checked", is_required=True, origin=job.path),
    )


def _whole(name: str, title: str, text: str, budget_tokens: int, origin: str) -> Section:
    """A stable section that is one record: what the person wrote about the agent is never given in part.

    A text that begins with its own heading keeps that one.
    """
    text = sanitise(text).strip()
    records = (Record(name, text),) if text else ()
    own_title = "" if text.startswith("# ") else title
    return Section(name, records, budget_tokens, title=own_title, is_stable=True, is_required=True, origin=origin)


def _skill_records(skills: Chosen) -> Iterator[Record]:
    for skill in skills.listed:
        yield Record(skill.name, directory_line(skill), int(not skill.is_always))
    # Counted without what this run is told of: here it stays the same for every run.
    others = len(skills.by_search) + skills.left_out
    if others:
        yield Record("how many more there are", left_out_line(others))


def _task_skill_records(skills: Chosen) -> Iterator[Record]:
    """What applies to this run stands longer than what its words found."""
    reasons = dict(skills.applies)
    for skill in skills.listed:
        if skill.name in reasons:
            yield Record(f"{skill.name} applies", f"- {skill.name} applies: {reasons[skill.name]}")
    for rank, skill in enumerate(skills.by_search, start=1):
        reason = f" (applies: {reasons[skill.name]})" if skill.name in reasons else ""
        yield Record(skill.name, f"{directory_line(skill)}{reason}", rank)


def _input_records(gathered: Gathered) -> Iterator[Record]:
    """Each item, number, block of a text and gap is a record; all inputs lose their last ones first."""
    for part in gathered.collected:
        yield from _collected_records(part)
    taken = {part.read for part in gathered.collected}
    for name, text in (gathered.run_inputs or {}).items():
        if name not in taken:
            yield from _blocks(text, name)


def _collected_records(part: Collected) -> Iterator[Record]:
    for gap in part.gaps:
        yield Record(f"{part.read}: gap", f"Not available: {one_line(str(gap))}", 0, part.read)
    # What another job wrote holds the numbers that it found worth telling; the others are there to trace these.
    figures = () if read_kind(part.read) == "output" else part.figures
    for key, line in figure_rows(figures):
        yield Record(_name(f"{part.read}: {key}"), line, 0, part.read)
    for series in part.series:
        yield Record(_name(f"{part.read}: {series.key}"), series_line(series, _TOLD_POINTS), 1, part.read)
    if part.text.strip():
        yield from _blocks(part.text, part.read)
    # The text of another job's digest holds its items already, with their headings and reasons.
    items = [item for item in part.items if item.url not in part.text]
    for number, item in enumerate(items, start=1):
        yield Record(_name(f"{part.read} {number}. {item.title}"), item_line(number, item), number, part.read)


def _blocks(text: str, group: str) -> Iterator[Record]:
    """Paragraphs, headings and list entries, each a record; put together again they are the text."""
    parts = _BETWEEN_BLOCKS.split(fence_content(text))
    blocks = [(block, gap) for block, gap in zip(parts[::2], [*parts[1::2], ""], strict=True) if block.strip()]
    for number, (block, gap) in enumerate(blocks, start=1):
        blank_line = "\n" if gap.count("\n") > 1 else ""
        yield Record(_name(f"{group} {number}. {block}"), block + blank_line, number, group)


def _name(text: str) -> str:
    return one_line(text)[:_NAME_CHARS]
