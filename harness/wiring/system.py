"""The whole harness, put together for one workspace."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from harness.collectors.cache import DatabaseSourceCache
from harness.collectors.collect import collect
from harness.collectors.context import CollectContext, SourceCache
from harness.collectors.parse import FeedParser
from harness.delivery.channels import Channel, FileChannel, StdoutChannel
from harness.domain.agent import Agent
from harness.domain.errors import OwnerError, ToolError
from harness.domain.job import Job
from harness.domain.settings import Settings
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from harness.gate.audit import AuditLog
from harness.gate.caller import Caller, caller_for
from harness.gate.egress import SystemResolver
from harness.gate.granted_web import GrantedWeb
from harness.gate.pipeline import Gate
from harness.gate.redact import redact
from harness.llm.routes import choose_model, chosen_profile
from harness.llm.usage import cost_usd
from harness.ports import Clock, Engine, Resolver, Web
from harness.runs.actions import Action
from harness.runs.dispatcher import Dispatcher
from harness.runs.engine import WORKFLOW_VERSION, DurableEngine
from harness.runs.incidents import LedgerIncidents
from harness.runs.recovery import Reconciler
from harness.runs.self_check import self_check
from harness.runs.services import Choice, RunServices
from harness.runs.workflows import RunWorkflow
from harness.store.database import Database
from harness.store.runs import beat, record_node
from harness.store.state_folder import StateFolder, state_folder
from harness.tools.catalogue import build_registry
from harness.tools.feeds import FetchList
from harness.wiring.files import ACTION_NAMES, load
from harness.workspace.current import CurrentWorkspace
from harness.workspace.load import Loaded

_ANY_JOB = Job(agent="", name="", path="", schedules=(), zone="UTC")
"""For a tool that reads a feed list: what a job would say about age and inputs does not apply."""


@dataclass(frozen=True, slots=True)
class System:
    """The harness, put together and not started. `close` gives everything back."""

    workspace: CurrentWorkspace
    state: StateFolder
    database: Database
    clock: Clock
    engine: Engine
    dispatcher: Dispatcher
    reconciler: Reconciler
    incidents: LedgerIncidents
    services: RunServices
    executor_id: str

    def launch(self) -> None:
        """Start the engine: runs that this executor had not finished go on."""
        self.engine.launch(RunWorkflow(self.services))
        self.dispatcher.restart_claimed()

    def register(self) -> None:
        """Say in the database that this executor has started to plan and fire what is due."""
        with self.database.write() as connection:
            record_node(
                connection,
                executor_id=self.executor_id,
                pid=os.getpid(),
                host=socket.gethostname(),
                workflow_version=WORKFLOW_VERSION,
                now=self.clock.now(),
            )

    def beat(self) -> None:
        """Say in the database that this executor is alive."""
        with self.database.write() as connection:
            beat(connection, self.executor_id, self.clock.now())

    def reconcile(self) -> list[str]:
        """Start what was claimed and never started, and close what can no longer finish; return what was closed."""
        self.dispatcher.restart_claimed()
        return self.reconciler.reconcile(self.clock.now())

    def close(self) -> None:
        """Stop the engine and release processes, connections and files."""
        self.engine.close()
        self.services.parser.close()
        self.database.close()


def build_system(
    root: Path,
    *,
    environ: Mapping[str, str],
    clock: Clock,
    resolver: Resolver | None = None,
    out: TextIO = sys.stdout,
    wake: Callable[[], None] = lambda: None,
    loader: Callable[[], Loaded] | None = None,
    notice: str = "",
) -> System:
    """Put the harness together for one workspace.

    `loader` stands in for reading the workspace as it is, `resolver` for the system's name resolution;
    `notice` stands above every digest. `out` is where stdout channels print; `wake` is called, from any
    thread, whenever a run has ended.
    Raises OwnerError for a workspace or a state folder that cannot be used.
    """
    current = CurrentWorkspace(loader or partial(load, root, environ))
    state = state_folder(root, environ)
    database = _open_database(state)
    web = GrantedWeb(lambda: current().settings.egress, resolver or SystemResolver())
    parser = FeedParser()
    sources = DatabaseSourceCache(database)
    fetch_list = _fetch_list(current, web, parser, sources, clock)
    registry = build_registry(web=web, parser=parser, fetch_list=fetch_list)
    secrets = _secrets(current().settings, environ)
    gate = Gate(registry=registry, audit=AuditLog(state.audit_log, secrets=secrets), clock=clock, secrets=secrets)
    executor_id = _executor_id(state)
    engine = DurableEngine(database, executor_id=executor_id)
    dispatcher = Dispatcher(
        database,
        engine,
        owner=executor_id,
        now=clock.now,
        max_running=lambda: current().settings.max_running,
    )

    def ended() -> None:
        dispatcher.ended()
        wake()

    services = RunServices(
        database=database,
        state=state,
        clock=clock,
        stopwatch=time.monotonic,
        owner=executor_id,
        workspace=current,
        web=web,
        parser=parser,
        sources=sources,
        gate=gate,
        tool_schemas=lambda agent: registry.schemas(agent.tools),
        caller=lambda agent, workspace, run_id: _caller(agent, workspace, run_id, state),
        choose_model=partial(_choose, environ),
        channels=partial(_channels, state, out),
        actions=_actions(database, current),
        ended=ended,
        redact=partial(redact, secrets=secrets),
        notice=notice,
    )
    incidents = LedgerIncidents(database, clock.now)
    reconciler = Reconciler(database, engine, incidents, owner=executor_id)
    return System(current, state, database, clock, engine, dispatcher, reconciler, incidents, services, executor_id)


def _open_database(state: StateFolder) -> Database:
    try:
        state.create()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        fix = "make it writable, or name another folder in HARNESS_HOME"
        raise OwnerError(state.root, None, f"the state folder cannot be made ({reason})", fix) from error
    database = Database(state.database)
    database.migrate()
    return database


def _executor_id(state: StateFolder) -> str:
    """Return this installation's id, the same over restarts, so that it takes up its own runs and no others."""
    if state.executor_id.exists():
        return state.executor_id.read_text(encoding="ascii").strip()
    executor_id = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
    # Whole or not at all: a crash must not leave an installation with half a name.
    written = state.executor_id.with_suffix(".new")
    written.write_text(executor_id + "\n", encoding="ascii", errors="replace")
    written.replace(state.executor_id)
    return executor_id


def _choose(environ: Mapping[str, str], settings: Settings, agent: Agent, job: Job) -> Choice:
    model = choose_model(settings, agent, job, environ=environ, sleep=asyncio.sleep, jitter=random.random)
    profile = chosen_profile(settings, agent, job)
    return Choice(model, partial(cost_usd, profile), profile.max_output_tokens)


def _channels(state: StateFolder, out: TextIO, settings: Settings) -> Mapping[str, Channel]:
    made: dict[str, Channel] = {}
    for name, channel in settings.channels.items():
        match channel.kind:
            case "file":
                made[name] = FileChannel(name, state.root / channel.folder)
            case "stdout":
                made[name] = StdoutChannel(name, out)
    return made


def _caller(agent: Agent, workspace: Workspace, run_id: str, state: StateFolder) -> Caller:
    return caller_for(
        agent, workspace.skills.values(), run_id=run_id, root=workspace.root, folder=state.run_folder(run_id)
    )


def _secrets(settings: Settings, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values that must never reach a prompt, a log or a transcript."""
    named = (profile.key_env for profile in settings.profiles.values() if profile.key_env)
    return tuple(dict.fromkeys(value for name in named if (value := environ.get(name))))


def _fetch_list(
    workspace: CurrentWorkspace, web: Web, parser: FeedParser, sources: SourceCache, clock: Clock
) -> FetchList:
    async def fetch(name: str) -> Collected:
        snapshot = workspace()
        if name not in snapshot.feed_lists:
            raise ToolError(f"there is no feed list {name!r}; there are: {', '.join(sorted(snapshot.feed_lists))}")
        context = CollectContext(
            workspace=snapshot,
            job=_ANY_JOB,
            web=web,
            now=clock.now(),
            cache=sources,
            parser=parser,
            latest_output=lambda job_id: None,
        )
        return await collect(f"feeds/{name}", context)

    return fetch


def _actions(database: Database, workspace: CurrentWorkspace) -> Mapping[str, Action]:
    actions = {"self-check": self_check(database, workspace)}
    assert actions.keys() == ACTION_NAMES, "a workspace may name exactly the actions that there are"
    return actions
