"""The whole harness, put together for one workspace."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TextIO

from sqlalchemy import Connection

from harness.collectors.cache import DatabaseSourceCache
from harness.collectors.collect import collect
from harness.collectors.context import CollectContext, SourceCache
from harness.collectors.parse import FeedParser
from harness.delivery.channels import Channel, FileChannel, StdoutChannel
from harness.domain.agent import Agent
from harness.domain.errors import HarnessError, OwnerError, ToolError
from harness.domain.job import Job
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
from harness.llm.endpoint import endpoint_of
from harness.llm.guarded_model import GuardedModel
from harness.llm.routes import choose_model, chosen_profile
from harness.llm.usage import cost_usd
from harness.ports import Clock, Engine, Resolver, Web
from harness.runs.actions import Action
from harness.runs.alerts import GATHER_S, deliver_alerts, tell_incidents
from harness.runs.backing_up import backup_action
from harness.runs.backup import BackupSource
from harness.runs.broken_off import BrokenOff
from harness.runs.cancelling import carry_out_cancels
from harness.runs.deadlines import enforce_deadlines
from harness.runs.dispatcher import Dispatcher
from harness.runs.engine import WORKFLOW_VERSION, DurableEngine
from harness.runs.incidents import LedgerIncidents
from harness.runs.nodes import Installation, Membership
from harness.runs.pausing import pause_failing_jobs
from harness.runs.recovery import Reconciler
from harness.runs.retention import Retained, retain
from harness.runs.self_check import self_check
from harness.runs.services import Choice, RunServices
from harness.runs.stalled import StalledRuns
from harness.runs.turnstile import Turnstile
from harness.runs.workflows import RunWorkflow
from harness.store.address import DatabaseAddress, database_address
from harness.store.database import Database
from harness.store.identity import Claim, claim_database, require_team
from harness.store.node_name import keep_node_name
from harness.store.nodes import Role
from harness.store.runs import RunRow
from harness.store.state_folder import StateFolder, state_folder
from harness.tools.catalogue import build_registry
from harness.tools.feeds import FetchList
from harness.wiring.files import ACTION_NAMES, load
from harness.workspace.current import CurrentWorkspace
from harness.workspace.find import SETTINGS_FILE
from harness.workspace.load import Loaded

log = logging.getLogger("harness.system")

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
    membership: Membership
    dispatcher: Dispatcher
    reconciler: Reconciler
    incidents: LedgerIncidents
    services: RunServices
    is_shared: bool
    """Whether other daemons may use the same database."""
    turnstile: Turnstile = field(default_factory=Turnstile)
    """Passed by all that use the engine: it is closed while a new life begins."""

    def launch(self, role: Role = "once") -> None:
        """Begin a life as an executor: the runs that this installation's earlier lives had not finished go on."""
        self.join(role)
        self.membership.take_over(only_own=True)
        self.dispatcher.restart_claimed()

    def join(self, role: Role = "once") -> None:
        """Begin a life as an executor that goes on with nothing yet; what was cancelled meanwhile is closed."""
        self.engine.launch(RunWorkflow(self.services), self.membership.join(role))
        self.carry_out_cancels()

    def beat(self, *, is_draining: bool = False) -> None:
        """Say that this life goes on.

        If others have declared it lost meanwhile, because the machine slept, they have its runs: what it
        still does to them is parked, and a new life begins.
        """
        if self.membership.beat("draining" if is_draining else "up"):
            return
        log.error("this daemon was declared lost while it did not answer; its runs went on elsewhere")
        with self.turnstile.alone():
            self.engine.close()
            self.launch(self.membership.role)

    def adopt(self) -> list[str]:
        """Go on with the runs of other daemons that are gone; return the runs' ids."""
        with self.turnstile.passing():
            return self.membership.take_over()

    def dispatch(self) -> list[str]:
        """Begin the queued runs that may run now; return their ids."""
        with self.turnstile.passing():
            return self.dispatcher.dispatch()

    def tell_incidents(self, *, gather_s: float = GATHER_S) -> None:
        """Pause the jobs that keep failing, and tell the person what is broken and what works again.

        What is new waits `gather_s` for others, so that one cause is one message.
        """
        settings, now = self.workspace().settings, self.clock.now()
        pause_failing_jobs(self.database, self.workspace(), now)
        tell_incidents(self.database, settings, now, notice=self.services.notice, gather_s=gather_s)
        deliver_alerts(self.database, self.services.channels(settings), settings, now)

    def carry_out_cancels(self) -> list[str]:
        """Interrupt and close what somebody wants cancelled; return the runs' ids."""
        with self.turnstile.passing():
            return carry_out_cancels(self.database, self.engine, self.membership.executor_id, self.clock.now())

    def enforce_deadlines(self) -> list[str]:
        """Close what is over its deadline; return the runs' ids."""

        def is_ours(run: RunRow) -> bool:
            return run.owner == self.membership.executor_id or run.owner in self.membership.gone()

        with self.turnstile.passing():
            return enforce_deadlines(self.database, self.engine, is_ours, self.clock.now())

    def reconcile(self) -> list[str]:
        """Start what was claimed and never started, and close what can no longer finish; return what was closed."""
        with self.turnstile.passing():
            self.dispatcher.restart_claimed()
            return self.reconciler.reconcile(self.clock.now())

    def retain(self) -> Retained:
        """Delete what is older than the settings keep; what cannot be deleted is an incident until it can."""
        with self.turnstile.passing():
            kept = retain(self.database, self.engine, self.state, self.workspace(), self.clock.now())
        log.info("retention: %s", kept)
        if kept.problems:
            self.incidents.open("retention", kept.problem)
        elif self.incidents.open_causes("retention"):
            self.incidents.resolve("retention")
        return kept

    def close(self) -> None:
        """Stop the engine, say that this life is over, and release processes, connections and files."""
        self.dispatcher.close()
        self.engine.close()
        self.services.parser.close()
        try:
            self.membership.leave()
        except HarnessError as error:  # others notice by the heartbeat
            log.error("could not say that this daemon leaves: %s", error)
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
    current = CurrentWorkspace(loader or (lambda: load(root, environ, now=clock.now())))
    state = state_folder(root, environ)
    database = _open_database(root, environ, state, current().settings)
    web = GrantedWeb(lambda: current().settings.egress, resolver or SystemResolver())
    breakers = Breakers(database, clock.now, lambda: current().settings.home_zone)
    source_web = GuardedWeb(web, breakers)
    parser = FeedParser()
    sources = DatabaseSourceCache(database.patiently())
    fetch_list = _fetch_list(current, source_web, parser, sources, clock)
    registry = build_registry(web=web, parser=parser, fetch_list=fetch_list)
    secrets = secrets_in(current().settings, environ)
    gate = Gate(registry=registry, audit=AuditLog(state.audit_log, secrets=secrets), clock=clock, secrets=secrets)
    engine = DurableEngine(database)
    membership = Membership(
        database, engine, _installation(state, environ), workflow_version=WORKFLOW_VERSION, now=clock.now
    )
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
        tool_schemas=lambda agent: registry.schemas(agent.tools),
        caller=lambda agent, workspace, run_id: caller_of(agent, workspace, run_id, state),
        choose_model=partial(_choose, environ, breakers),
        channels=partial(_channels, state, out),
        actions=_actions(database, current, state),
        ended=ended,
        redact=partial(redact, secrets=secrets),
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
        stalled=StalledRuns(engine, current, stopwatch=time.monotonic),
    )
    is_shared = database_address(root, environ).path != state.database
    return System(
        current, state, database, clock, engine, membership, dispatcher, reconciler, incidents, services, is_shared
    )


def _open_database(root: Path, environ: Mapping[str, str], state: StateFolder, settings: Settings) -> Database:
    try:
        state.create()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        fix = "make it writable, or name another folder in HARNESS_HOME"
        raise OwnerError(state.root, None, f"the state folder cannot be made ({reason})", fix) from error
    address, claim = database_address(root, environ), Claim(settings.team, root.resolve())
    require_team(address, claim)
    database = Database.connect(address)
    try:
        database.migrate(lambda connection: _claim(connection, address, claim))
    except BaseException:
        database.close()
        raise
    return database


def _claim(connection: Connection, address: DatabaseAddress, claim: Claim) -> None:
    if not address.is_own:
        claim_database(connection, address, claim, lambda folder: (folder / SETTINGS_FILE).is_file())


def _installation(state: StateFolder, environ: Mapping[str, str]) -> Installation:
    """Return what this state folder is called, the same over restarts, so that its runs are known as its own."""
    host = socket.gethostname()
    return Installation(_installation_id(state, host), keep_node_name(environ, state, host), host)


def _installation_id(state: StateFolder, host: str) -> str:
    if state.executor_id.exists():
        return state.executor_id.read_text(encoding="ascii").strip()
    made = f"{host}-{uuid.uuid4().hex[:8]}"
    # Whole or not at all: a crash must not leave an installation with half a name.
    written = state.executor_id.with_suffix(".new")
    written.write_text(made + "\n", encoding="ascii", errors="replace")
    written.replace(state.executor_id)
    return made


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


def caller_of(agent: Agent, workspace: Workspace, run_id: str, state: StateFolder) -> Caller:
    """Return on whose behalf the run calls tools."""
    return caller_for(
        agent, workspace.skills.values(), run_id=run_id, root=workspace.root, folder=state.run_folder(run_id)
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


def _actions(database: Database, workspace: CurrentWorkspace, state: StateFolder) -> Mapping[str, Action]:
    source = BackupSource(workspace().root, state, workspace().settings, database.address)
    actions = {
        "backup": backup_action(source, lambda: workspace().settings, time.monotonic),
        "self-check": self_check(database, workspace),
    }
    assert actions.keys() == ACTION_NAMES, "a workspace may name exactly the actions that there are"
    return actions
