"""What a replay runs on: today's files and code, and nothing that leads to the world or to the ledger."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.bus.team import Team
from harness.collectors.cache import DatabaseSourceCache
from harness.collectors.parse import FeedParser
from harness.domain.agent import Agent
from harness.domain.errors import Refused, ToolError
from harness.domain.job import ASKING_ACTIONS, Job
from harness.domain.message import ModelReply, ModelRequest
from harness.domain.settings import Settings
from harness.domain.source import Collected
from harness.gate.audit import AuditLog
from harness.gate.pipeline import Gate
from harness.gate.redact import redact
from harness.gate.registry import ToolRegistry
from harness.llm.routes import order_of
from harness.ports import Web
from harness.runs.actions import ActionResult, ActionRun
from harness.runs.broken_off import BrokenOff
from harness.runs.services import Choice, RunServices
from harness.runs.wall_clock import WallClock
from harness.runs.workflow_version import WORKFLOW_VERSION
from harness.store.database import Database
from harness.store.state_folder import StateFolder
from harness.tools.bus import Desk
from harness.tools.catalogue import build_registry
from harness.wiring.files import ACTION_NAMES, load
from harness.wiring.models import dearest_usd, secrets_in
from harness.wiring.skills import SkillShelf
from harness.wiring.tools import caller_of, schemas_for
from harness.workspace.current import CurrentWorkspace
from harness.workspace.revision import Revision

_NOT_IN_A_REPLAY = "a replay plays back what was recorded, and does nothing else"


@contextmanager
def playback_services(root: Path, environ: Mapping[str, str], links: Web) -> Iterator[RunServices]:
    """Services for one replay of a run of this workspace; whatever they write is gone afterwards.

    `links` is the only web there is. Raises OwnerError for a workspace that cannot be used.
    """
    current = CurrentWorkspace(partial(load, root, environ, now=WallClock().now()))
    with TemporaryDirectory(prefix="harness-replay-") as scratch:
        state = StateFolder(Path(scratch))
        database = Database(state.database)
        parser = FeedParser()
        try:
            database.migrate()
            yield _services(current, environ, state, database, parser, links)
        finally:
            parser.close()
            database.close()


def _services(
    current: CurrentWorkspace,
    environ: Mapping[str, str],
    state: StateFolder,
    database: Database,
    parser: FeedParser,
    links: Web,
) -> RunServices:
    # The tools are there to be described to the model. None of them is ever called.
    clock = WallClock()
    desk = Desk(database, state, clock, lambda: Team(current(), WORKFLOW_VERSION), lambda: None)
    shelf = SkillShelf(environ, sys.platform)
    described = build_registry(
        web=links,
        parser=parser,
        fetch_list=_fetch_nothing,
        search=lambda words, limit: _fetch_nothing(words),
        why_not=_ask_nobody,
        desk=desk,
        find_skills=lambda query, among, limit: (),
    )
    secrets = secrets_in(current().settings, environ)
    return RunServices(
        database=database,
        state=state,
        clock=clock,
        stopwatch=lambda: 0.0,
        owner=lambda: "replay",
        workspace=current,
        web=links,
        source_web=links,
        parser=parser,
        sources=DatabaseSourceCache(database),
        gate=Gate(registry=ToolRegistry(()), audit=AuditLog(state.audit_log), clock=clock),
        tool_schemas=lambda agent, job: schemas_for(described, agent, job, current(), shelf),
        choose_skills=shelf.choose,
        recall=lambda workspace, agent, question, today: (),
        caller=lambda agent, workspace, job, run_id: caller_of(agent, workspace, job, run_id, state, shelf),
        choose_model=_choose,
        channels=lambda settings: {},
        actions={name: _AskingAct() if name in ASKING_ACTIONS else _act for name in ACTION_NAMES},
        ended=lambda: None,
        redact=partial(redact, secrets=secrets),
        recorded=lambda run_id: (),
        broken_off=BrokenOff(),
        revision=Revision(state.root),
    )


class _SilentModel:
    """Stands where a model would: its answers are played back, and it has none of its own."""

    label = "recorded"
    is_language_model = True

    async def complete(self, request: ModelRequest) -> ModelReply:
        raise Refused("replay", _NOT_IN_A_REPLAY)


def _choose(settings: Settings, agent: Agent, job: Job) -> Choice:
    # A key is not asked for; the prices are, since they decide when a budget is spent.
    order = order_of(settings, agent, job)
    return Choice(_SilentModel(), partial(dearest_usd, order.profiles), order.first.max_output_tokens, order)


def _act(job: Job, due_at: datetime, now: datetime) -> ActionResult:
    raise Refused("replay", _NOT_IN_A_REPLAY)


class _AskingAct:
    """Stands where an action would that asks a model."""

    def question(self, run: ActionRun) -> ModelRequest | None:
        raise Refused("replay", _NOT_IN_A_REPLAY)

    def act(self, run: ActionRun, answer: str | None) -> ActionResult:
        raise Refused("replay", _NOT_IN_A_REPLAY)


async def _fetch_nothing(name: str) -> Collected:
    raise ToolError(_NOT_IN_A_REPLAY)


async def _ask_nobody(url: str) -> str | None:
    raise ToolError(_NOT_IN_A_REPLAY)
