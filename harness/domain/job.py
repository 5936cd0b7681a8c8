"""A job: schedule + prompt + contract, from one Markdown file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from harness.domain.contract import Contract
from harness.domain.schedule import CatchUp, Schedule

WithoutModel = Literal["extract", "template", "skip"]
Lane = Literal["agent", "system"]


@dataclass(frozen=True, slots=True)
class Job:
    """One job file, checked.

    `zone` is an IANA name, already resolved from `home` and `local`. `read` names what is collected
    before the model is asked. `action` names a harness action for a job that needs no model; then
    `prompt` may be empty. `template` is the text that fills in for a model when `without_model` is
    `template`. `path` is relative to the workspace, `prompt_line` the 1-based line on which the
    prompt begins. Times are seconds, money is US dollars.
    """

    agent: str
    name: str
    path: str
    schedules: tuple[Schedule, ...]
    zone: str
    prompt: str = ""
    prompt_line: int = 1
    schedule_text: str = ""
    if_missed: CatchUp = field(default_factory=CatchUp)
    read: tuple[str, ...] = ()
    max_age_s: int | None = None
    contract: Contract = field(default_factory=Contract)
    deliver: tuple[str, ...] = ()
    budget_usd: float | None = None
    without_model: WithoutModel = "extract"
    template: str | None = None
    action: str | None = None
    profile: str | None = None
    timeout_s: int = 900
    max_iterations: int = 12
    title: str | None = None

    @property
    def id(self) -> str:
        return f"{self.agent}/{self.name}"

    @property
    def lane(self) -> Lane:
        return "system" if self.action else "agent"
