"""The actions `reflect` and `reflect-team`: an agent's night, and that of the agent that looks after the team."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.domain.message import ModelRequest
from harness.reflection.night import Occasion, Reflection
from harness.runs.actions import ActionResult, ActionRun


@dataclass(frozen=True, slots=True)
class ReflectAction:
    """Implements `AskingAction` for the agent of the job. `redact` hides what nobody may read."""

    reflection: Reflection
    is_of_team: bool
    redact: Callable[[str], str]

    def question(self, run: ActionRun) -> ModelRequest | None:
        """Return the one question of the night."""
        asked = self.reflection.question(self._occasion(run))
        if asked is None:
            return None
        messages = tuple(replace(each, content=self.redact(each.content)) for each in asked.messages)
        return replace(asked, messages=messages)

    def act(self, run: ActionRun, answer: str | None) -> ActionResult:
        """Carry the night out; a preview only shows what it would change by itself."""
        occasion = self._occasion(run)
        told = self.reflection.preview(occasion) if run.is_preview else self.reflection.reflect(occasion, answer)
        return ActionResult(self.redact(told.reason), self.redact(told.text))

    def _occasion(self, run: ActionRun) -> Occasion:
        return Occasion(run.run_id, run.job.agent, run.due_at, run.begun_at, self.is_of_team)
