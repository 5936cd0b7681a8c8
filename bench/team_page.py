"""docs/team.md: who of the shipped team does what when, from the files of the workspace.

`python -m bench.team_page > docs/team.md` writes it; a test holds the page to the workspace.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from harness.domain.agent import Agent
from harness.domain.job import Job
from harness.domain.schedule import Every
from harness.domain.workspace import Workspace
from harness.prompt.skill_choice import Task, why_they_apply
from harness.schedule.due import slots_between
from harness.wiring.files import vocabulary
from harness.workspace.load import load_workspace

_MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
"""A week without a holiday and without a change of clocks."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SPANS = {_DAYS: "", _DAYS[:5]: "weekdays", ("Sat",): "Saturday", ("Sun",): "Sunday"}
_WITHOUT = {"extract": "selection of the sources", "template": "template", "skip": "skipped"}


def render(team: Workspace) -> str:
    """Return the page."""
    return _PAGE.format(
        count=sum(1 for _ in team.jobs()),
        agents=_table(("agent", "what it does", "tools", "may ask", "a day"), map(_agent_row, team.agents.values())),
        jobs=_table(("time", "job", "delivers", "clock", "without a model"), _job_rows(team)),
        skills=_table(("skill", "used by"), _skill_rows(team)),
        home=team.settings.home_zone,
    )


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _agent_row(agent: Agent) -> tuple[str, ...]:
    tools = ", ".join(f"`{name}`" for name in agent.tools) or "none"
    budget = "" if agent.budget_usd is None else f"${agent.budget_usd:.2f}"
    asked = ", ".join(agent.may_ask) or "nobody"
    return f"[{agent.name}](../agents/{agent.name})", agent.description, tools, asked, budget


def _job_rows(team: Workspace) -> Iterator[tuple[str, ...]]:
    rows = [(*_when(job, team.settings.home_zone), job) for job in team.jobs()]
    for order, shown, job in sorted(rows, key=lambda row: (row[0], row[2].id)):
        del order
        link = f"[{job.id}](../agents/{job.agent}/jobs/{job.name}.md)"
        place = job.zone.partition("/")[2].replace("_", " ") if job.zone != team.settings.home_zone else ""
        place = "where you are" if job.follows_person else place or "home"
        place += ", when it is open" if job.calendar else ""
        means = f"`{job.action}`, needs none" if job.action else _WITHOUT[job.without_model]
        yield shown, link, job.title or job.name, place, means


def _when(job: Job, home: str) -> tuple[str, str]:
    """Return what the job is sorted by, and its days and times by the clock at home."""
    every = next((one for one in job.schedules if isinstance(one, Every)), None)
    if every is not None:
        return "", f"every {every.period_s // 60} min"
    start = _MONDAY.replace(tzinfo=ZoneInfo(home)).astimezone(UTC) - timedelta(seconds=1)
    slots = slots_between(job.schedules, job.zone, start, start + timedelta(days=7))
    local = [slot.astimezone(ZoneInfo(home)) for slot in slots]
    days = tuple(day for day in _DAYS if any(f"{slot:%a}" == day for slot in local))
    times = sorted({f"{slot:%H:%M}" for slot in local})
    return times[0], " ".join(filter(None, (_SPANS[days], ", ".join(times))))


def _skill_rows(team: Workspace) -> Iterator[tuple[str, ...]]:
    for name, skill in sorted(team.skills.items()):
        tasks = (Task(job.agent, job.id, job.prompt, job.read) for job in team.jobs() if job.action is None)
        granted = {agent.name for agent in team.agents.values() if name in agent.skills}
        used = [task.job_id for task in tasks if task.agent in granted and name in why_they_apply([skill], task)]
        called = f"{' and '.join(sorted(granted))} at a roundtable"
        yield f"[{name}](../skills/{name}/SKILL.md)", ", ".join(used) or called


_PAGE = """\
# The team

Six agents and {count} jobs, as the repository ships them: all of it Markdown and TOML that you edit. Three files make
an agent: `SOUL.md` says who it is, `AGENTS.md` how it works, `agent.toml` what it may use. `python -m bench.team_page`
prints this page from the workspace, and a test holds it to that.

## Who

{agents}

What an agent must keep in every job stands in `[contract]` of its `agent.toml` and is [checked by code](contracts.md):
ainews' items have a collected, reachable link and a priority; trading's entries have a stop, its figures were
collected, and its sentence that this is no advice is always there; macro keeps facts and judgements apart, with a
confidence and a counter-argument; content's items are of AI at most to 40 %; butler's reminders are short, apart, and
not at night.

## When

Times are of {home}, in a week of November without holidays. Jobs with another clock follow it:
New York's changes with the Pacific coast, Tokyo's never, so that Asia's morning is an hour later by your clock in
summer. `harness jobs next` says what is due now, `harness day` plays a whole day through.

{jobs}

## By which skills

{skills}

## Make it yours

- **Another home**: `home` in `harness.toml`; `harness here` when you travel. Market jobs stay with their exchanges.
- **Without markets**: delete `agents/trading` and `agents/macro`. Nothing else needs them: who reads their pages does
  so with `read_if_there`, and the roundtable is skipped for want of speakers (delete its file as well, if you like).
  `harness check` then warns of what is left out, and has no errors.
- **Fewer jobs**: delete the file, or `harness jobs pause AGENT/JOB`.
- **Your own**: what you watch stands in `shared-context/`: `feeds/`, `baskets.md`, `markets/`, `stack.md`,
  `positions.md`, `todos.md`; who you are in `USER.md`.
"""


if __name__ == "__main__":
    root = Path(__file__).parents[1]
    print(render(load_workspace(root, vocabulary(), now=_MONDAY).workspace), end="")
