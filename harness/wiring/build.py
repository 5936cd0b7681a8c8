"""The whole harness, put together for one workspace: here every implementation is chosen."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TextIO

from harness.bus.files.inbox_folder import InboxFolder
from harness.bus.files.mirrors import Mirrors
from harness.bus.team import Team
from harness.collectors.cache import DatabaseSourceCache
from harness.collectors.collect import collect
from harness.collectors.context import CollectContext, SourceCache
from harness.collectors.parse import FeedParser
from harness.delivery.channels import Channel, FileChannel, StdoutChannel
from harness.domain.agent import Agent
from harness.domain.errors import ToolError
from harness.domain.job import Job
from harness.domain.message import ToolSchema
from harness.domain.request import request_of_job
from harness.domain.settings import Settings
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from harness.gate.audit import AuditLog
from harness.gate.breakers import Breakers
from harness.gate.caller import Caller, caller_for
from harness.gate.egress import SystemResolver
from harness.gate.granted_web import GrantedWeb
from harness.gate.guarded_web import GuardedWeb
from harness.gate.pipeline import Gate
from harness.gate.redact import redact
from harness.gate.registry import ToolRegistry
from harness.llm.endpoint import endpoint_of
from harness.llm.guarded_model import GuardedModel
from harness.llm.routes import choose_model, chosen_profile
from harness.llm.usage import cost_usd
from harness.ports import Clock, Resolver, Web
from harness.runs.actions import Action
from harness.runs.backing_up import backup_action
from harness.runs.backup import BackupSource
from harness.runs.broken_off import BrokenOff
from harness.runs.dispatcher import Dispatcher
from harness.runs.engine import WORKFLOW_VERSION, DurableEngine
from harness.runs.followups.dispatch import followup_dispatch
from harness.runs.followups.status import followup_status
from harness.runs.incidents import LedgerIncidents
from harness.runs.nodes import Membership
from harness.runs.recovery import Reconciler
from harness.runs.requests.duties import BusDuties
from harness.runs.self_check import self_check
from harness.runs.services import Choice, RunServices
from harness.runs.stalled import StalledRuns
from harness.runs.wall_clock import WallClock
from harness.store.address import database_address
from harness.store.database import Database
from harness.store.state_folder import StateFolder, state_folder
from harness.tools.bus import Desk, granted_bus_tools, naming_receivers
from harness.tools.catalogue import build_registry
from harness.tools.feeds import FetchList
from harness.wiring.files import ACTION_NAMES, load
from harness.wiring.installation import installation_of, open_database
from harness.wiring.system import System
from harness.workspace.current import CurrentWorkspace
from harness.workspace.load import Loaded

_ANY_JOB = Job(agent="", name="", path="", schedules=(), zone="UTC")
"""For a tool that reads a feed list: what a job would say about age and inputs does not apply."""


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
    current = CurrentWorkspace(loader or (lambda: load(root, environ, now=clock.now())))
    state = state_folder(root, environ)
    database = open_database(root, environ, state, current().settings)
    web = GrantedWeb(lambda: current().settings.egress, resolver or SystemResolver())
    breakers = Breakers(database, clock.now, lambda: current().settings.home_zone)
    source_web = GuardedWeb(web, breakers)
    parser = FeedParser()
    sources = DatabaseSourceCache(database.patiently())
    fetch_list = _fetch_list(current, source_web, parser, sources, clock)
    desk = Desk(database.patiently(), state, clock, lambda: team_of(current()), lambda: ended())
    registry = build_registry(web=web, parser=parser, fetch_list=fetch_list, desk=desk)
    secrets = secrets_in(current().settings, environ)
    hide_secrets = partial(redact, secrets=secrets)
    gate = Gate(registry=registry, audit=AuditLog(state.audit_log, secrets=secrets), clock=clock, secrets=secrets)
    engine = DurableEngine(database)
    installation = installation_of(state, environ)
    membership = Membership(database, engine, installation, workflow_version=WORKFLOW_VERSION, now=clock.now)
    dispatcher = Dispatcher(
        database,
        engine,
        membership,
        now=clock.now,
        max_running=lambda: current().settings.max_running,
        workflow_version=WORKFLOW_VERSION,
    )

    def ended() -> None:
        dispatcher.ended()
        wake()

    broken_off = BrokenOff()
    services = RunServices(
        # A run in flight waits for a server that restarts, as its engine does.
        database=database.patiently(),
        state=state,
        clock=clock,
        stopwatch=time.monotonic,
        owner=lambda: membership.executor_id,
        workspace=current,
        web=web,
        source_web=source_web,
        parser=parser,
        sources=sources,
        gate=gate,
        tool_schemas=lambda agent, job: schemas_for(registry, agent, job, current().agents),
        caller=lambda agent, workspace, job, run_id: caller_of(agent, workspace, job, run_id, state),
        choose_model=partial(_choose, environ, breakers),
        channels=partial(_channels, state, out),
        actions=_actions(database, current, state, hide_secrets),
        ended=ended,
        redact=hide_secrets,
        recorded=engine.recorded,
        broken_off=broken_off,
        notice=notice,
    )
    incidents = LedgerIncidents(database, clock.now)
    reconciler = Reconciler(
        database,
        engine,
        membership,
        workflow_version=WORKFLOW_VERSION,
        broken_off=broken_off,
        stalled=StalledRuns(engine, current, stopwatch=time.monotonic, records_now=WallClock().now),
    )
    is_shared = database_address(root, environ).path != state.database
    node = installation.name if is_shared else ""
    return System(
        current,
        state,
        database,
        clock,
        engine,
        membership,
        dispatcher,
        reconciler,
        incidents,
        services,
        BusDuties(database, state.root, engine.recorded),
        lambda: team_of(current()),
        Mirrors(database, current, incidents, hide_secrets, node),
        InboxFolder(
            database,
            lambda: team_of(current()),
            incidents,
            state=state.root,
            stopwatch=time.monotonic,
            node=node,
        ),
        is_shared,
    )


def _choose(environ: Mapping[str, str], breakers: Breakers, settings: Settings, agent: Agent, job: Job) -> Choice:
    model = choose_model(settings, agent, job, environ=environ, sleep=asyncio.sleep, jitter=random.random)
    profile = chosen_profile(settings, agent, job)
    if model.is_language_model:
        model = GuardedModel(model, endpoint_of(profile).name, breakers)
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


def team_of(workspace: Workspace) -> Team:
    """Return what the bus must know of the team; files are stamped by the wall's clock, also in virtual time."""
    return Team(workspace, WORKFLOW_VERSION, files_now=WallClock().now())


def granted_tools(agent: Agent, job: Job) -> tuple[str, ...]:
    """Return the names of the tools that a run of the job has: the agent's grants, and those of the bus."""
    return (*agent.tools, *granted_bus_tools(agent, is_on_request=request_of_job(job.id) is not None))


def schemas_for(registry: ToolRegistry, agent: Agent, job: Job, agents: Mapping[str, Agent]) -> tuple[ToolSchema, ...]:
    """Return what the model of a run of the job is told of its tools."""
    granted = registry.schemas(granted_tools(agent, job))
    return tuple(naming_receivers(schema, agent, agents) for schema in granted)


def caller_of(agent: Agent, workspace: Workspace, job: Job, run_id: str, state: StateFolder) -> Caller:
    """Return on whose behalf the run calls tools."""
    return caller_for(
        replace(agent, tools=granted_tools(agent, job)),
        workspace.skills.values(),
        run_id=run_id,
        root=workspace.root,
        folder=state.run_folder(run_id),
    )


def secrets_in(settings: Settings, environ: Mapping[str, str]) -> tuple[str, ...]:
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


def _actions(
    database: Database, workspace: CurrentWorkspace, state: StateFolder, hide_secrets: Callable[[str], str]
) -> Mapping[str, Action]:
    def team() -> Team:
        return team_of(workspace())

    source = BackupSource(workspace().root, state, workspace().settings, database.address)
    actions = {
        "backup": backup_action(source, lambda: workspace().settings, time.monotonic),
        "followup-dispatch": followup_dispatch(database, team),
        "followup-status": followup_status(database, team, hide_secrets),
        "self-check": self_check(database, workspace),
    }
    assert actions.keys() == ACTION_NAMES, "a workspace may name exactly the actions that there are"
    return actions
