"""A run that waits for the answers to its requests: all that another run needs to go on with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from harness.bus.brief import final_as_text, final_overflow
from harness.bus.continuations import wait_for
from harness.bus.log import standing_of
from harness.bus.payload import write_overflow
from harness.domain.errors import HarnessError
from harness.domain.message import ModelRequest
from harness.domain.request import Final, Request
from harness.domain.run import FireState, Outcome, Suspended
from harness.ports import Json
from harness.runs.answer import Draft, Suspension
from harness.runs.collecting import Inputs
from harness.runs.plan import RunPlan
from harness.runs.services import RunServices
from harness.store.database import Database
from harness.store.fires import suspend_fire
from harness.store.json_codec import from_json, to_json
from harness.store.runs import RunRow, suspend_run
from harness.store.suspensions import Awaited, conversation_of
from harness.turn.limits import Progress, progress_to_json
from harness.turn.signals import with_answers
from harness.turn.talk import Turn


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a run had come to when it was suspended.

    `waits` are the awaited requests by the ids of the tool calls that made them. `condition_state` is what the job's
    `only_if` remembers if it succeeds, `told` the requests of whose ends the prompt told. A `round` of a roundtable was
    waited for: nobody has talked to a model yet.
    """

    plan: RunPlan
    inputs: Inputs
    request: ModelRequest
    progress: Json
    waits: Mapping[str, str] = field(default_factory=dict)
    condition_state: str | None = None
    told: tuple[str, ...] = ()
    round: int = 0


def suspended(plan: RunPlan, inputs: Inputs, turn: Turn, asked: ModelRequest, told: tuple[str, ...]) -> Draft:
    """Return how the run ends here and goes on when what its turn waits for is final."""
    # The sources are the items of the inputs, and not kept twice.
    request = replace(asked, messages=turn.messages, sources=())
    kept = Conversation(plan, inputs, request, progress_to_json(turn.progress), turn.waits, told=told)
    outcome = Outcome(FireState.SUSPENDED, str(turn.stop))
    return Draft(outcome, turn.stop.reason, suspension=Suspension(turn.waits, to_json(Conversation, kept)))


def awaiting_round(plan: RunPlan, inputs: Inputs, number: int, waits: Mapping[str, str]) -> Draft:
    """Return how the run ends here and goes on when the round of its roundtable is over."""
    kept = Conversation(plan, inputs, ModelRequest(()), progress_to_json(Progress()), waits, round=number)
    stop = Suspended(tuple(waits.values()))
    outcome = Outcome(FireState.SUSPENDED, str(stop))
    return Draft(outcome, stop.reason, suspension=Suspension(waits, to_json(Conversation, kept)))


def suspend(connection: Connection, run: RunRow, draft: Draft, owner: str, now: datetime) -> FireState | None:
    """Suspend the run and its fire; the run that goes on is queued at once if all is answered already.

    None if the fire was closed before, or is held by another owner: then nothing is changed.
    """
    assert draft.suspension is not None, "only what waits is suspended"
    if not suspend_fire(connection, run.id, owner, reason=draft.outcome.reason):
        return None
    suspend_run(
        connection, run.id, stop=draft.stop, outcome=to_json(Outcome, replace(draft.outcome, condition_state=None))
    )
    conversation = {**draft.suspension.conversation, "condition_state": draft.outcome.condition_state}
    waits_for = [Awaited(request_id, call_id) for call_id, request_id in draft.suspension.waits.items()]
    wait_for(connection, run, waits_for, json.dumps(conversation), now)
    return FireState.SUSPENDED


def resumed_plan(services: RunServices, run: RunRow) -> RunPlan:
    """Return the plan of the run that this one goes on with, as its own.

    Raises HarnessError if the agent is gone.
    """
    kept = _kept(services.database, run)
    plan = replace(kept.plan, run_id=run.id, goes_on_from=run.options["continues"])
    # The agent may have been removed meanwhile. A plan of an older harness counted the budgets of its day in.
    services.workspace().agent(plan.job.agent)
    return replace(plan, budget_usd=plan.job.budget_usd)


def resume(database: Database, run: RunRow, limit_chars: int | None, folder: Path) -> Conversation:
    """Return the conversation that the run goes on with, with the answers in the places of the calls that waited.

    What of an answer is longer than the limit lies in the run's folder. Raises HarnessError if the conversation is
    not kept any more, or an answer is missing.
    """
    kept = _kept(database, run)
    with database.read() as connection:
        ended = {call_id: _ended(connection, request_id) for call_id, request_id in kept.waits.items()}
    answers = {call_id: _shown(final, request, limit_chars, folder) for call_id, (final, request) in ended.items()}
    return replace(kept, request=replace(kept.request, messages=with_answers(kept.request.messages, answers)))


def _kept(database: Database, run: RunRow) -> Conversation:
    with database.read() as connection:
        text = conversation_of(connection, run.options["continues"])
    if text is None:
        raise HarnessError(f"the conversation of {run.options['continues']} is not kept any more")
    return from_json(Conversation, json.loads(text))


def _ended(connection: Connection, request_id: str) -> tuple[Final, Request]:
    standing = standing_of(connection, request_id)
    if standing.final is None:
        raise HarnessError(f"request {request_id} is {standing.state}, and not final")
    return standing.final, standing.request


def _shown(final: Final, request: Request, limit_chars: int | None, folder: Path) -> str:
    whole = None if limit_chars is None else final_overflow(final, request, limit_chars)
    if whole is not None:
        write_overflow(whole, folder)
    return final_as_text(final, request, limit_chars)
