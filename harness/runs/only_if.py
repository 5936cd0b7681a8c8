"""The step in which a job's `only_if` is looked at: after its inputs were collected, before anything is paid for."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace

from harness.domain.job import Job
from harness.runs.answer import Draft
from harness.runs.collecting import Inputs
from harness.runs.conditions import CONDITION_STOP, Circumstances, Sighting, observe, remember, why_not
from harness.runs.plan import RunPlan
from harness.runs.services import RunServices
from harness.runs.workspace_files import matches
from harness.store.conditions import load_condition
from harness.store.json_codec import from_json, to_json

log = logging.getLogger("harness.runs")


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the condition came to: how the run ends that it holds back, or what is kept of it if it succeeds.

    `state` is JSON, and None where nothing is to be kept.
    """

    held_back: Draft | None = None
    state: str | None = None

    def kept_in(self, draft: Draft) -> Draft:
        """Return the draft, with what is kept if it closes its fire as a success."""
        return replace(draft, outcome=replace(draft.outcome, condition_state=self.state))


def collects(plan: RunPlan) -> bool:
    """Say whether the run collects its inputs: an action does without, unless its condition looks at them."""
    only_if = plan.job.only_if
    return plan.job.action is None or bool(only_if.changed or only_if.new_items)


def rule(services: RunServices, plan: RunPlan, inputs: Inputs) -> Ruling:
    """Judge the job's condition.

    A preview, and a run whose inputs the person replaced, leave no memory: they saw something else, or nobody
    was told of it.
    Raises OwnerError where a file that `exists` names cannot be looked at: that is no answer.
    """
    now = inputs.sighting or observe(plan.job.only_if, (), plan.begun_at)
    before = _before(services, plan.job)
    reason = None if plan.is_forced else _why_not(services, plan, inputs, now, before)
    if reason is not None:
        return Ruling(held_back=plan.skip(reason, CONDITION_STOP))
    if plan.is_preview or plan.inputs:
        return Ruling()
    return Ruling(state=json.dumps(to_json(Sighting, remember(now, before)), separators=(",", ":")))


def _why_not(
    services: RunServices, plan: RunPlan, inputs: Inputs, now: Sighting, before: Sighting | None
) -> str | None:
    only_if = plan.job.only_if
    root = services.workspace().root
    return why_not(
        only_if,
        Circumstances(
            now=now,
            before=before,
            new=inputs.items,
            gaps=inputs.gaps,
            has_failed=inputs.has_failed,
            missing=tuple(pattern for pattern in only_if.exists if not matches(root, pattern)),
            zone=plan.job.zone,
        ),
    )


def _before(services: RunServices, job: Job) -> Sighting | None:
    with services.database.read() as connection:
        row = load_condition(connection, job.id)
    if row is None:
        return None
    try:
        return from_json(Sighting, json.loads(row.state))
    except ValueError:
        # Written by a version that remembered something else: a run too many is better than none at all.
        log.warning("%s: what run %s saw cannot be read any more; the condition holds", job.id, row.run_id)
        return None
