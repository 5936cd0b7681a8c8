"""A job's own words: its Jinja2 body, rendered without letting collected text in.

What was collected stands fenced in its own section. Here an input is a reference to that section, whatever
filters and slices the author applies: `{{ inputs.feeds }}` writes its name, and no text from outside can reach
the part of the prompt that gives instructions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from harness.gate.sanitise import sanitise
from harness.prompt.gather import Gathered
from harness.prompt.inputs import Inputs
from harness.prompt.sandbox import TemplateText, TemplateValue, render


@dataclass(frozen=True, slots=True)
class InputReference(TemplateValue):
    """Stands for an input in a job's body. True if the input holds anything; `count` is its number of items."""

    called: ClassVar[str] = "an input"
    name: str
    count: int
    is_empty: bool

    def __str__(self) -> str:
        return f"(DATA {self.name})" if not self.is_empty else f"({self.name}: nothing was collected)"

    def __bool__(self) -> bool:
        return not self.is_empty

    def __len__(self) -> int:
        return self.count


def render_body(gathered: Gathered) -> str:
    """Return the job's instructions. Raises OwnerError naming the line of the job file."""
    job = gathered.job
    inputs = {
        part.read: InputReference(part.read, len(part.items), is_empty=part.is_empty) for part in gathered.collected
    }
    for name, text in (gathered.run_inputs or {}).items():
        inputs.setdefault(name, InputReference(name, 0, is_empty=not text.strip()))
    variables: dict[str, Any] = {
        "user": {"name": gathered.user_name},
        "today": gathered.today,
        "time": gathered.time,
        "day_number": date.fromisoformat(gathered.today).toordinal(),
        "agent": gathered.agent.name,
        "job": job.name,
        "inputs": Inputs(inputs),
    }
    return sanitise(render(TemplateText(job.prompt, job.path, job.prompt_line), variables)).strip()
