"""The actions that a job without a model may name, each with what it works on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime

from harness.bus.team import Team
from harness.domain.workspace import Workspace
from harness.reflection.night import Place, Reflection
from harness.runs.actions import Action, AskingAction
from harness.runs.audit_rotation import audit_rotation_action
from harness.runs.backing_up import backup_action
from harness.runs.backup import BackupSource
from harness.runs.compressing import compress_memory_action
from harness.runs.cost_report import cost_report
from harness.runs.followups.dispatch import followup_dispatch
from harness.runs.followups.review import followup_review
from harness.runs.followups.status import followup_status
from harness.runs.incidents import LedgerIncidents
from harness.runs.proposing import propose_skills_action
from harness.runs.reflecting import ReflectAction
from harness.runs.self_check import self_check
from harness.runs.task_watcher import task_watcher
from harness.store.database import Database
from harness.store.state_folder import StateFolder
from harness.wiring.files import ACTION_NAMES
from harness.wiring.team import team_of
from harness.workspace.current import CurrentWorkspace


def actions_of(
    database: Database, workspace: CurrentWorkspace, state: StateFolder, hide_secrets: Callable[[str], str]
) -> Mapping[str, Action | AskingAction]:
    """Return the actions by the names that a workspace may use."""

    def team() -> Team:
        return team_of(workspace())

    def incidents(now: datetime) -> LedgerIncidents:
        return LedgerIncidents(database, lambda: now)

    source = BackupSource(workspace().root, state, workspace().settings, database.address)
    reflection = reflection_of(database, workspace, state)
    actions: dict[str, Action | AskingAction] = {
        "audit-rotation": audit_rotation_action(state.audit_log, incidents),
        "backup": backup_action(source, lambda: workspace().settings, time.monotonic),
        "compress-memory": compress_memory_action(workspace, state.root, incidents),
        "cost-report": cost_report(database, workspace),
        "followup-dispatch": followup_dispatch(database, team),
        "followup-review": followup_review(team, state.root),
        "followup-status": followup_status(database, team, hide_secrets),
        "propose-skills": propose_skills_action(workspace, state.root),
        "reflect": ReflectAction(reflection, is_of_team=False, redact=hide_secrets),
        "reflect-team": ReflectAction(reflection, is_of_team=True, redact=hide_secrets),
        "self-check": self_check(database, workspace),
        "task-watcher": task_watcher(database, team, incidents),
    }
    assert actions.keys() == ACTION_NAMES, "a workspace may name exactly the actions that there are"
    return actions


def reflection_of(database: Database | None, workspace: Callable[[], Workspace], state: StateFolder) -> Reflection:
    """Return the nights of the team's agents; without a database, of a team that has not run yet."""

    def place() -> Place:
        here = workspace()
        return Place(here.root, state.root, here.settings.home_zone, tuple(sorted(here.agents)))

    return Reflection(database, place)
