"""The answers that were recorded for the sample world: a file for each job that needs a model's judgement.

`recorded/<agent>/<job>.yaml` is a script as the scripted profile has one (harness/llm/script_file.py), and
`recorded/<agent>/request.yaml` answers whatever the agent is asked over the bus. Texts, and the texts in the arguments
of calls, are Jinja2: they take the figures and the items of the prompt that they answer, and say by them what rose and
what fell, so that they are true on every day that is rehearsed. They know

    today, brief                      the day of the prompt, and all that it says
    inputs["market/us"]               .figures, .series, .items, .text, .lines of one input
    items                             the items of all inputs, each link once
    say("^spx")                       "S&P 500 rose 0.83 % to 6,846.55"; price, change, week, called, moved, source
    table("^spx", "us10y")            a table of these symbols
    has("^spx.close"), value(…)       whether a figure was collected, and its number; number(…, 1) and signed(…) as text
    turn("^spx.change", "up", "down") a word by the sign; a third one for what stands still
    past("^spx.closes", 10)           the last ten values of a series, the oldest first
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from harness.domain.job import Job
from harness.domain.message import ToolCall
from harness.domain.request import request_of_job
from harness.llm.script_file import Line, read_script
from harness.prompt.inputs import Inputs
from harness.prompt.sandbox import TemplateText, render
from harness.rehearsal.prompt_inputs import PromptFigure, PromptInput, PromptItem, read_inputs, read_outside, read_today
from harness.rehearsal.told_figures import ToldFigures

_ON_REQUEST = "request"


@dataclass(frozen=True, slots=True)
class Script:
    """The recorded answers of one job: the name of their file, and its entries."""

    path: str
    lines: tuple[Line, ...]


class RecordedAnswers:
    """The folder of recorded answers; without one, that of the package."""

    def __init__(self, folder: Traversable | None = None) -> None:
        self._folder = folder or files("harness.rehearsal").joinpath("recorded")

    def of(self, job: Job) -> Script | None:
        """Return what was recorded for the job, None if nothing was. Raises OwnerError for a script that is wrong."""
        name = job.name if request_of_job(job.id) is None else _ON_REQUEST
        path = f"{job.agent}/{name}.yaml"
        file = self._folder.joinpath(job.agent, f"{name}.yaml")
        if not file.is_file():
            return None
        path = f"recorded/{path}"
        return Script(path, read_script(path, file.read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a recorded answer may speak of; everything in it stands in the text of the prompt."""

    text: str
    inputs: Mapping[str, PromptInput]
    beside: PromptInput = field(default_factory=lambda: PromptInput(""))
    """What stands outside of the inputs: the snapshot that a speaker is shown with a request."""

    @property
    def figures(self) -> Mapping[str, PromptFigure]:
        """The figures of all inputs by key; of two with the same, that of the first input."""
        found: dict[str, PromptFigure] = {}
        for each in self._parts:
            found = {**each.figures, **found}
        return found

    @property
    def series(self) -> Mapping[str, tuple[float, ...]]:
        """The values of all series by key."""
        return {key: values for each in self._parts for key, values in each.series.items()}

    @property
    def _parts(self) -> tuple[PromptInput, ...]:
        return (*self.inputs.values(), self.beside)

    @property
    def items(self) -> tuple[PromptItem, ...]:
        """The items of all inputs, each link once."""
        found: dict[str, PromptItem] = {}
        for each in self._parts:
            for item in each.items:
                found.setdefault(item.url, item)
        return tuple(found.values())


def read_prompt(text: str) -> Prompt:
    """Return the prompt as recorded answers see it."""
    return Prompt(text, read_inputs(text), read_outside(text))


def said(script: Script, line: Line, prompt: Prompt) -> tuple[str, tuple[ToolCall, ...]]:
    """Return the text and the calls of the entry, for this prompt.

    Raises HarnessError for a figure that was not collected, OwnerError for a template that is wrong.
    """
    telling = _Telling(script.path, line.line, _variables(script.path, prompt))
    calls = tuple(
        ToolCall(call.id, call.name, json.dumps(telling.filled(json.loads(call.arguments)), ensure_ascii=False))
        for call in line.calls
    )
    return telling.filled(line.text), calls


@dataclass(frozen=True, slots=True)
class _Telling:
    path: str
    line: int
    variables: Mapping[str, Any]

    def filled(self, value: Any) -> Any:
        """Return the value with each text in it filled in."""
        if isinstance(value, str):
            return render(TemplateText(value, self.path, self.line), self.variables)
        if isinstance(value, list):
            return [self.filled(each) for each in value]
        if isinstance(value, dict):
            return {key: self.filled(each) for key, each in value.items()}
        return value


def _variables(path: str, prompt: Prompt) -> dict[str, Any]:
    return {
        "today": read_today(prompt.text),
        "brief": prompt.text,
        "inputs": Inputs(prompt.inputs),
        "items": prompt.items,
        **ToldFigures(path, prompt.figures, prompt.series).names(),
    }
