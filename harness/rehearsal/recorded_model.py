"""A model for the sample world: it says what was recorded, and is labelled so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from harness.domain.job import Job
from harness.domain.message import ModelReply, ModelRequest
from harness.domain.settings import Profile
from harness.domain.workspace import Workspace
from harness.llm.plausible import plausible_usage
from harness.llm.script_file import call_number, line_for
from harness.ports import ChatModel
from harness.rehearsal.recorded_answers import RecordedAnswers, Script, read_prompt, said

LABEL = "recorded"
_PROFILE = Profile(LABEL, "scripted")


class RecordedModel:
    """A ChatModel that answers from a script, which takes its figures and items from the prompt.

    What it says depends on the request alone, so that a run that is repeated says the same. Past the end of the script
    it repeats itself: what was recorded knows no other way to put it.
    """

    label = LABEL
    is_language_model = True

    def __init__(self, script: Script) -> None:
        self._script = script

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the entry that is due. Raises HarnessError where it speaks of what was not collected."""
        return await asyncio.to_thread(self._answer, request)

    def _answer(self, request: ModelRequest) -> ModelReply:
        script = self._script
        in_order = sum(not line.when for line in script.lines)
        line = line_for(script.lines, request, min(call_number(request) or 1, in_order))
        assert line is not None, "a script that is empty is none"
        prompt = read_prompt("\n\n".join(each.content for each in request.messages if each.role in ("system", "user")))
        text, calls = said(script, line, prompt)
        usage = plausible_usage(None, request, _PROFILE, text, calls).usage
        return ModelReply(text, LABEL, calls, line.usage or usage, line.finish, profile=LABEL)


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
