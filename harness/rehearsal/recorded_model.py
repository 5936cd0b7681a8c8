"""A model for the sample world: it says what was recorded, and is labelled so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from harness.domain.job import Job
from harness.domain.message import ModelReply, ModelRequest, ToolCall
from harness.domain.settings import Profile
from harness.domain.workspace import Workspace
from harness.llm.plausible import plausible_usage
from harness.llm.script_file import Line, call_number, line_for
from harness.ports import ChatModel
from harness.rehearsal.recorded_answers import Prompt, RecordedAnswers, Script, read_prompt, said

LABEL = "recorded"
_PROFILE = Profile(LABEL, "scripted")
_FIRST_TURN = 1
"""So many times the model is told something before its first answer: the task. What comes later is what was wrong."""


class RecordedModel:
    """A ChatModel that answers from a script, which takes its figures and items from the prompt.

    What it says depends on the request alone, so that a run that is repeated says the same. Entries come in their
    order, but for those with a `when`, which answer such words of the task or of a complaint. Past the end of the
    script it repeats itself: what was recorded knows no other way to put it.
    """

    label = LABEL
    is_language_model = True

    def __init__(self, script: Script) -> None:
        self._script = script

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the entry that is due. Raises HarnessError where it speaks of what was not collected."""
        return await asyncio.to_thread(self._answer, request)

    def _answer(self, request: ModelRequest) -> ModelReply:
        # What the system says shows forms by examples, which are no items of this day.
        asked = [each.content for each in request.messages if each.role == "user"]
        prompt = read_prompt("\n\n".join(asked), complaint=asked[-1] if len(asked) > _FIRST_TURN else "")
        line, text, calls = self._due(request, prompt)
        usage = plausible_usage(None, request, _PROFILE, text, calls).usage
        finish = "stop" if line.finish == "tool_calls" and not calls else line.finish
        return ModelReply(text, LABEL, calls, line.usage or usage, finish, profile=LABEL)

    def _due(self, request: ModelRequest, prompt: Prompt) -> tuple[Line, str, tuple[ToolCall, ...]]:
        """Return the entry that is due and what it says; one that says nothing on this day is passed over."""
        # What a tool returned is no question: it may quote whatever an entry waits for.
        was_told = request.messages[-1].role != "tool"
        lines = [line for line in self._script.lines if was_told or not line.when]
        chosen = line_for(tuple(lines), request, 0)
        if chosen is not None:
            return (chosen, *said(self._script, chosen, prompt))
        in_order = [(line, *said(self._script, line, prompt)) for line in lines if not line.when]
        speaking = [each for each in in_order if each[1].strip() or each[2]] or in_order[-1:]
        return speaking[min(call_number(request) or 1, len(speaking)) - 1]


def recorded_models(answers: RecordedAnswers) -> Callable[[Job], ChatModel | None]:
    """Return what `build_system` asks for the model of a job that has none: one that says what was recorded for it."""

    def model_for(job: Job) -> ChatModel | None:
        script = answers.of(job)
        return RecordedModel(script) if script is not None and script.lines else None

    return model_for


def without_calls(workspace: Workspace) -> Workspace:
    """Return the workspace with every profile that would call a model somewhere replaced by the embedded default.

    A rehearsal in the sample world costs nothing and reaches nobody. Scripts of the person's own stay.
    """
    profiles = {
        name: profile if profile.adapter == "scripted" else Profile(name, "extractive")
        for name, profile in workspace.settings.profiles.items()
    }
    return replace(workspace, settings=replace(workspace.settings, profiles=profiles))
