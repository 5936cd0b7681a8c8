"""What a run needs from the rest of the harness, chosen in `wiring` and handed in as one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from harness.collectors.cache import DatabaseSourceCache
from harness.collectors.context import SharedMeans
from harness.collectors.parse import FeedParser
from harness.delivery.channels import Channel
from harness.domain.agent import Agent
from harness.domain.fallbacks import Order
from harness.domain.job import Job
from harness.domain.message import ToolSchema, Usage
from harness.domain.settings import Settings
from harness.domain.workspace import Workspace
from harness.gate.caller import Caller
from harness.gate.pipeline import Gate
from harness.memory.recall import Hit, Question
from harness.ports import ChatModel, Clock, RecordedStep, Web
from harness.prompt.skill_choice import Chosen, Task
from harness.runs.actions import Action, AskingAction
from harness.runs.broken_off import BrokenOff
from harness.store.database import Database
from harness.store.state_folder import StateFolder
from harness.turn.means import Stopwatch
from harness.workspace.revision import Revision


@dataclass(frozen=True, slots=True)
class Choice:
    """The model for one run, and what its tokens cost at most, whichever profile of the `order` answers.

    What they did cost, the reply says.
    """

    model: ChatModel
    price: Callable[[Usage], float]
    max_output_tokens: int
    order: Order


@dataclass(frozen=True, slots=True)
class RunServices:
    """Everything that a run's steps reach out to.

    `workspace` returns the snapshot that is in force now. `owner` returns the token under which this executor
    holds fires now. `source_web` is the door to sources: it leaves hosts alone that do not answer. `ended` is
    called, from any thread, when a run has ended. `recorded` returns the finished steps of a run. `broken_off`
    takes what kept a run from being taken to its end. `revision` tells from which state of the files a prompt is
    made. `notice` stands above every digest, if there is something that its reader must know first. `shared` is what
    all collecting has in common.
    """

    database: Database
    state: StateFolder
    clock: Clock
    stopwatch: Stopwatch
    owner: Callable[[], str]
    workspace: Callable[[], Workspace]
    web: Web
    source_web: Web
    parser: FeedParser
    sources: DatabaseSourceCache
    gate: Gate
    tool_schemas: Callable[[Agent, Job], tuple[ToolSchema, ...]]
    choose_skills: Callable[[Workspace, Agent, Task], Chosen]
    recall: Callable[[Workspace, Agent, Question, date], tuple[Hit, ...]]
    caller: Callable[[Agent, Workspace, Job, str], Caller]
    choose_model: Callable[[Settings, Agent, Job], Choice]
    channels: Callable[[Settings], Mapping[str, Channel]]
    actions: Mapping[str, Action | AskingAction]
    ended: Callable[[], None]
    redact: Callable[[str], str]
    recorded: Callable[[str], tuple[RecordedStep, ...]]
    broken_off: BrokenOff
    revision: Revision
    notice: str = ""
    shared: SharedMeans = field(default_factory=SharedMeans)
