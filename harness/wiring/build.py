"""The whole harness, put together for one workspace: here every implementation is chosen."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

from harness.bus.files.inbox_folder import InboxFolder
from harness.bus.files.mirrors import Mirrors
from harness.bus.team import Team
from harness.gate.audit import AuditLog
from harness.gate.budgets import Budgets
from harness.gate.egress import SystemResolver
from harness.gate.pipeline import Gate
from harness.gate.redact import redact
from harness.llm.cool_downs import CoolDowns
from harness.llm.run_limited_model import spent_in_run_of
from harness.memory.known_mistakes import KnownMistakes
from harness.ports import Clock, Resolver
from harness.runs.broken_off import BrokenOff
from harness.runs.dispatcher import Dispatcher
from harness.runs.engine import DurableEngine
from harness.runs.examining import Examiner, Lessons
from harness.runs.incidents import LedgerIncidents
from harness.runs.nodes import Membership
from harness.runs.recovery import Reconciler
from harness.runs.requests.duties import BusDuties
from harness.runs.services import RunServices
from harness.runs.stalled import StalledRuns
from harness.runs.wall_clock import WallClock
from harness.runs.workflow_version import WORKFLOW_VERSION
from harness.store.address import database_address
from harness.store.state_folder import state_folder
from harness.tools.bus import Desk
from harness.tools.catalogue import build_registry
from harness.wiring.actions import actions_of
from harness.wiring.channels import open_channels
from harness.wiring.files import load
from harness.wiring.installation import installation_of, open_database
from harness.wiring.memory import MemoryShelf
from harness.wiring.models import Models, StandIn, no_stand_in, secrets_in
from harness.wiring.reach import feed_lists, manners, reach_of, searches
from harness.wiring.skills import SkillShelf
from harness.wiring.system import System
from harness.wiring.team import team_of
from harness.wiring.tools import caller_of, schemas_for
from harness.workspace.current import CurrentWorkspace
from harness.workspace.load import Loaded
from harness.workspace.revision import Revision


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
    stand_in: StandIn = no_stand_in,
) -> System:
    """Put the harness together for one workspace.

    `loader` stands in for reading the workspace as it is, `resolver` for the system's name resolution;
    `notice` stands above every digest; `stand_in` answers where there is no language model. `out` is where
    stdout channels print; `wake` is called, from any thread, whenever a run has ended.
    Raises OwnerError for a workspace or a state folder that cannot be used.
    """
    current = CurrentWorkspace(loader or (lambda: load(root, environ, now=clock.now())))
    state = state_folder(root, environ)
    database = open_database(root, environ, state, current().settings)
    installation = installation_of(state, environ)
    is_shared = database_address(root, environ).path != state.database
    node = installation.name if is_shared else ""
    secrets = secrets_in(current().settings, environ)
    hide_secrets = partial(redact, secrets=secrets)
    engine = DurableEngine(database)
    membership = Membership(database, engine, installation, workflow_version=WORKFLOW_VERSION, now=clock.now)
    dispatcher = Dispatcher(
        database,
        engine,
        membership,
        now=clock.now,
        max_running=lambda: current().settings.max_running,
        workflow_version=WORKFLOW_VERSION,
    )
    incidents, broken_off = LedgerIncidents(database, clock.now), BrokenOff()

    def team() -> Team:
        return team_of(current())

    def today() -> date:
        return clock.now().astimezone(ZoneInfo(current().settings.home_zone)).date()

    def ended() -> None:
        dispatcher.ended()
        wake()

    reach = reach_of(current, database, clock, resolver or SystemResolver(), environ)
    # A run in flight waits for a server that restarts, as its engine does.
    patient = database.patiently()
    shelf = SkillShelf(environ, sys.platform)
    registry = build_registry(
        web=reach.web,
        parser=reach.parser,
        fetch_list=feed_lists(current, reach, clock),
        search=searches(current, reach, clock),
        why_not=manners(current, reach, clock),
        desk=Desk(patient, state, clock, team, ended),
        find_skills=lambda query, among, limit: shelf.find(current().skills, query, among, limit),
    )
    models = Models(
        environ=environ,
        root=root,
        breakers=reach.breakers,
        budgets=Budgets(patient, clock.now),
        cool_downs=CoolDowns(patient, clock.now, lambda: current().settings.home_zone),
        spent_in_run=partial(spent_in_run_of, patient),
        stand_in=stand_in,
    )
    memory = MemoryShelf(state, incidents, clock.now)
    services = RunServices(
        database=patient,
        state=state,
        clock=clock,
        stopwatch=time.monotonic,
        owner=lambda: membership.executor_id,
        workspace=current,
        web=reach.web,
        source_web=reach.source_web,
        parser=reach.parser,
        sources=reach.sources,
        shared=reach.shared,
        gate=Gate(
            registry=registry,
            audit=AuditLog(state.audit_log, secrets=secrets),
            clock=clock,
            secrets=secrets,
            lessons=KnownMistakes(root, lambda: current().agents, today),
        ),
        tool_schemas=lambda agent, job: schemas_for(registry, agent, job, current(), shelf),
        choose_skills=shelf.choose,
        recall=memory.recall,
        caller=lambda agent, workspace, job, run_id: caller_of(agent, workspace, job, run_id, state, shelf),
        choose_model=models.choice,
        channels=partial(open_channels, state, out, environ, resolver or SystemResolver()),
        actions=actions_of(database, current, state, hide_secrets),
        ended=ended,
        redact=hide_secrets,
        recorded=engine.recorded,
        broken_off=broken_off,
        revision=Revision(root),
        notice=notice,
    )
    return System(
        workspace=current,
        state=state,
        database=database,
        clock=clock,
        engine=engine,
        membership=membership,
        dispatcher=dispatcher,
        reconciler=Reconciler(
            database,
            engine,
            membership,
            workflow_version=WORKFLOW_VERSION,
            broken_off=broken_off,
            stalled=StalledRuns(engine, current, stopwatch=time.monotonic, records_now=WallClock().now),
        ),
        incidents=incidents,
        services=services,
        memory=memory,
        bus=BusDuties(database, state.root, engine.recorded),
        team=team,
        mirrors=Mirrors(database, current, incidents, hide_secrets, node),
        inbox=InboxFolder(database, team, incidents, state=state.root, stopwatch=time.monotonic, node=node),
        examiner=Examiner(
            Lessons(
                database,
                current,
                membership,
                engine.recorded,
                incidents,
                state=state.root,
                secrets=secrets,
                node=node,
            )
        ),
        is_shared=is_shared,
    )
