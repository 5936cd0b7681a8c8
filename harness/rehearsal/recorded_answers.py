"""The answers that were recorded for the sample world: a file for each job that needs a model's judgement.

`recorded/<agent>/<job>.yaml` is a script as the scripted profile has one (harness/llm/script_file.py), and
`recorded/<agent>/request.yaml` answers whatever the agent is asked over the bus. Texts, and the texts in the arguments
of calls, are Jinja2: they take the figures and the items of the prompt that they answer, and say by them what rose and
what fell, so that they are true on every day that is rehearsed. They know

    today, brief                      the day of the prompt, and all that it says
    inputs["market/us"]               .figures, .series, .items, .text, .lines of one input
    items                             the items of all inputs, each link once
    link(item)                        its title, linked where it has an address that somebody can open
    wrong                             what was wrong with the answer before, in a repair; else empty
    judged(12)                        the first of them with .priority and .why as they were judged, P0 first
    waiting("radar/trial", "mossdb")  the title of an input's item that holds the word; empty if none does
    say("^spx"), begin("^spx")        "the S&P 500 rose 0.83 % to 6,846.55", in a sentence and at its beginning; and
                                      price, change, week, called, moved, source
    table("^spx", "us10y")            a table of these symbols
    has("^spx.close"), value(…)       whether a figure was collected, and its number; number(…, 1) and signed(…) as text
    cited("macro/weekly-review")      the day of another job's result
    turn("^spx.change", "up", "down") a word by the sign; a third one for what stands still
    past("^spx.closes", 10)           the last ten values of a series, the oldest first
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from harness.domain.job import Job
from harness.domain.message import ToolCall
from harness.domain.request import request_of_job
from harness.llm.script_file import Line, read_script
from harness.prompt.inputs import Inputs
from harness.prompt.sandbox import TemplateText, render
from harness.rehearsal.judgements import judged
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
    complaint: str = ""
    """What was wrong with the answer before, in a repair."""

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


def read_prompt(text: str, complaint: str = "") -> Prompt:
    """Return the prompt as recorded answers see it."""
    return Prompt(text, read_inputs(text), read_outside(text), complaint)


def said(script: Script, line: Line, prompt: Prompt) -> tuple[str, tuple[ToolCall, ...]]:
    """Return the text and the calls of the entry, for this prompt; a call with an argument left empty is not made.

    Raises HarnessError for a figure that was not collected, OwnerError for a template that is wrong.
    """
    telling = _Telling(script.path, line.line, _variables(script.path, prompt))
    calls = []
    for call in line.calls:
        arguments = telling.filled(json.loads(call.arguments))
        if "" not in arguments.values():
            calls.append(ToolCall(call.id, call.name, json.dumps(arguments, ensure_ascii=False)))
    return telling.filled(line.text), tuple(calls)


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
        "wrong": prompt.complaint,
        "link": _link,
        "judged": partial(judged, prompt.items, prompt.complaint),
        "waiting": lambda name, word: next(
            (one.title for one in _items(prompt, name) if word in one.title.lower()), ""
        ),
        "cited": lambda job_id: _day_of(job_id, prompt),
        **ToldFigures(path, prompt.figures, prompt.series).names(),
    }


def _link(item: PromptItem) -> str:
    """Return the title with its link; only the title of what stands in a file of the person's."""
    return f"[{item.title}]({item.url})" if "://" in item.url else item.title


def _items(prompt: Prompt, name: str) -> tuple[PromptItem, ...]:
    return prompt.inputs[name].items if name in prompt.inputs else ()


def _day_of(job_id: str, prompt: Prompt) -> str:
    """Return the day of another job's result as the prompt has it: in what is to be repaired, or in its text."""
    # The job's own words show the form by an example, which is not to be taken for the day.
    said_so = re.search(rf"name it as {re.escape(job_id)} \((\d{{4}}-\d\d-\d\d)\)", prompt.text)
    source = prompt.inputs.get(job_id)
    dated = re.search(r"\d{4}-\d\d-\d\d", source.text) if source else None
    return said_so[1] if said_so else dated[0] if dated else ""
