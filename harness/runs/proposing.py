"""The action `propose-skills`: what agents have proven becomes proposals of skills, for the person to decide on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path, PurePosixPath

from harness.domain.job import Job
from harness.domain.learning import Learning
from harness.domain.sizes import counted
from harness.domain.workspace import Workspace
from harness.memory.agent_memory import all_records
from harness.memory.learnings import parse_learnings
from harness.memory.proposed_skills import FOLDER, proposals_of, write_proposals
from harness.memory.skill_proposals import SkillProposal, propose_skills
from harness.runs.actions import Action, ActionResult
from harness.store.durable_file import read_if_there

_SHARED = PurePosixPath("shared-context", "learnings.md")

log = logging.getLogger("harness.memory")


def propose_skills_action(workspace: Callable[[], Workspace], state: Path) -> Action:
    """Return the action: it speaks only of proposals that are new, and installs nothing."""

    def propose(job: Job, due_at: datetime, now: datetime) -> ActionResult:
        root = workspace().root
        new = write_proposals(root, state, propose_skills(_learnings(root, state)))
        waiting = len(proposals_of(root, log.warning))
        reason = f"{counted(len(new), 'skill')} proposed, {waiting} waiting for the person"
        return ActionResult(reason, _page(new) if new else "")

    return propose


def _learnings(root: Path, state: Path) -> list[Learning]:
    """Return the records of all agents, and those that the team shares; shared ones last, as their copies say more."""
    own = [kept.learning for kept in all_records(root, state, log.warning)]
    shared = parse_learnings(read_if_there(root / _SHARED) or "")
    return [*own, *(found.learning for found in shared.found)]


def _page(new: tuple[SkillProposal, ...]) -> str:
    parts = [
        f"### {each.name}\n\nMade of {', '.join(each.ids)}; the evidence is in"
        f" `{FOLDER / each.name / 'references/EVIDENCE.md'}`.\n\n"
        f'`harness skills review {each.name}`, then with `--accept`, or with `--reject --reason "…"`.'
        for each in new
    ]
    return "## Skills that your agents could have\n\n" + "\n\n".join(parts) + "\n"
