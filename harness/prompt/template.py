"""Digests without a model: a template of the person, filled with what was collected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from typing import ClassVar
from zoneinfo import ZoneInfo

from harness.delivery.commonmark import escape, escape_with_addresses, link_target
from harness.domain.errors import OwnerError
from harness.domain.figures import Figure
from harness.domain.job import Job
from harness.domain.source import Collected, Item
from harness.gate.outside import plain_number
from harness.gate.sanitise import one_line, sanitise
from harness.prompt.inputs import Inputs
from harness.prompt.sandbox import TemplateText, TemplateValue, render


@dataclass(frozen=True, slots=True)
class TemplateItem(TemplateValue):
    """One item, as Markdown that shows exactly what was collected.

    So `- [{{ item.title }}]({{ item.url }}) — {{ item.why }}` is always one link and its reason. `published`
    is an ISO date in the job's zone, or empty; `priority` is P0, P1 or P2 where another agent has judged the item.
    """

    called: ClassVar[str] = "an item"
    title: str
    url: str
    why: str
    sources: tuple[str, ...]
    published: str
    priority: str = ""

    @property
    def summary(self) -> str:
        """The same as `why`."""
        return self.why

    def __str__(self) -> str:
        ending = f" {self.priority}" if self.priority else ""
        return f"- [{self.title}]({self.url})" + (f" — {self.why}" if self.why else "") + ending


@dataclass(frozen=True, slots=True)
class TemplateFigure(TemplateValue):
    """One collected number; written out, it is its value with all its digits, without the unit.

    `text` is the value with its unit as people read it, `6,602.99 USD`; `{{ '%.1f' | format(figure.value) }}` rounds
    it otherwise. `at` is an ISO date in the job's zone, or empty.
    """

    called: ClassVar[str] = "a figure"
    key: str
    name: str
    value: float
    unit: str
    source: str
    url: str
    at: str

    @property
    def text(self) -> str:
        """The value with its unit."""
        number = f"{self.value:,.{len(plain_number(self.value).partition('.')[2])}f}"
        return f"{number} {self.unit}".strip()

    def __str__(self) -> str:
        return plain_number(self.value)


@dataclass(frozen=True, slots=True)
class TemplateInput(TemplateValue):
    """One collected input; written out, it is its text, or a list of its items if it has none.

    `figures` are its numbers by their keys.
    """

    called: ClassVar[str] = "an input"
    name: str
    items: tuple[TemplateItem, ...]
    text: str
    gaps: tuple[str, ...]
    figures: Mapping[str, TemplateFigure] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text or "\n".join(str(item) for item in self.items)


def render_template(
    job: Job,
    collected: Sequence[Collected],
    *,
    user_name: str,
    now: datetime,
    run_inputs: Mapping[str, str] | None = None,
) -> str:
    """Return the job's template filled in: what a job delivers when `without_model` is `template`.

    The template knows user.name, today, time, day_number, agent, job and `inputs`, whose values have .items, .text,
    .figures and .gaps.
    Raises OwnerError naming the template's line, or the job if it has no template.
    """
    if job.template is None:
        fix = "name one in the front matter: `template: FILE`, beside the job"
        raise OwnerError(job.path, None, "without_model is template, and there is no template", fix)
    zone = ZoneInfo(job.zone)
    inputs = {part.read: _template_input(part, zone) for part in collected}
    inputs |= {
        name: TemplateInput(name, (), sanitise(text), ())
        for name, text in (run_inputs or {}).items()
        if name not in inputs
    }
    variables = {
        "user": {"name": user_name},
        "today": now.astimezone(zone).date().isoformat(),
        "time": f"{now.astimezone(zone):%H:%M}",
        "day_number": now.astimezone(zone).toordinal(),
        "agent": job.agent,
        "job": job.name,
        "inputs": Inputs(inputs),
    }
    return render(TemplateText(job.template, _template_path(job)), variables)


def _template_path(job: Job) -> str:
    """The path by convention: a job carries its template's text, and not the name that the person gave it."""
    return str(PurePosixPath(job.path).with_suffix(".template.md"))


def _template_input(part: Collected, zone: ZoneInfo) -> TemplateInput:
    return TemplateInput(
        name=part.read,
        items=tuple(_template_item(item, zone) for item in part.items),
        text=sanitise(part.text).strip(),
        gaps=tuple(escape_with_addresses(one_line(str(gap))) for gap in part.gaps),
        figures={figure.key: _template_figure(figure, zone) for figure in part.figures},
    )


def _template_figure(figure: Figure, zone: ZoneInfo) -> TemplateFigure:
    return TemplateFigure(
        key=figure.key,
        name=escape(one_line(figure.name)),
        value=figure.value,
        unit=escape(one_line(figure.unit)),
        source=escape(one_line(figure.source)),
        url=link_target(one_line(figure.url)) if figure.url else "",
        at=figure.at.astimezone(zone).date().isoformat() if figure.at else "",
    )


def _template_item(item: Item, zone: ZoneInfo) -> TemplateItem:
    return TemplateItem(
        title=escape(one_line(item.title)),
        url=link_target(one_line(item.url)),
        why=escape_with_addresses(one_line(item.summary)),
        sources=tuple(escape(one_line(source)) for source in (item.source, *item.also_in)),
        published=item.published_at.astimezone(zone).date().isoformat() if item.published_at else "",
        priority=item.priority,
    )
