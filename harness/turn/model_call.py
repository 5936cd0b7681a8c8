"""One model call: a durable step, priced, timed and booked."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

from harness.domain.budget import BudgetReached
from harness.domain.errors import HarnessError
from harness.domain.message import ModelReply, ModelRequest, Spent
from harness.domain.run import BudgetSpent, Stop, TimedOut
from harness.ports import Json
from harness.store.json_codec import from_json, to_json
from harness.turn.carried_reply import carried
from harness.turn.means import Means
from harness.turn.talk import Talk


async def ask_next(talk: Talk, request: ModelRequest) -> ModelReply | Stop:
    """Return the answer to the run's next model call, or why there is none.

    Raises what the model raises: TransientError, OwnerError, LimitReached but for BudgetReached.
    """
    talk.progress.model_calls += 1
    reply = await ask(talk, request, f"model-{talk.progress.model_calls}")
    if isinstance(reply, ModelReply):
        talk.made_by = reply.model
    return reply


async def ask(talk: Talk, request: ModelRequest, call_id: str) -> ModelReply | Stop:
    """Return the answer to a model call of any kind, as `ask_next`; what it used is counted."""
    means, progress = talk.means, talk.progress
    keyed = replace(request, key=means.key(call_id))
    work = partial(_complete, means, keyed, talk, call_id)
    try:
        answer = await means.steps.reserve("model", call_id, _asked(request)).run(work)
    except HarnessError as error:
        progress.count(error.paid or Spent())
        progress.elapsed_s += error.took_s
        raise
    progress.elapsed_s += answer["elapsed_s"]
    if answer["reply"] is None:
        # A record of the harness before budgets of the day were held here says nothing of one.
        spent = answer.get("budget")
        return TimedOut(talk.limits.timeout_s) if spent is None else from_json(BudgetSpent, spent)
    reply = from_json(ModelReply, answer["reply"])
    progress.count(Spent(reply.usage, reply.cost_usd) + reply.lost)
    return reply


def _asked(request: ModelRequest) -> Json:
    """Return what a record of this call is checked against; which run and call it is, it says beside that.

    Where a model keeps no thoughts the request reads as it did before any could be kept, so that older records match.
    """
    asked = to_json(ModelRequest, request)
    del asked["key"]
    for message in asked["messages"]:
        if not message["thinking"]:
            del message["thinking"]
    return asked


async def _complete(means: Means, request: ModelRequest, talk: Talk, call_id: str) -> Json:
    begun_s = means.stopwatch()
    try:
        async with asyncio.timeout(talk.left_s):
            reply = await means.model.complete(request)
    except TimeoutError:
        return {"reply": None, "elapsed_s": means.stopwatch() - begun_s}
    except BudgetReached as error:
        return {"reply": None, "elapsed_s": means.stopwatch() - begun_s, "budget": to_json(BudgetSpent, error.stop)}
    except HarnessError as error:
        error.took_s = means.stopwatch() - begun_s
        raise
    await asyncio.to_thread(means.book, call_id, reply, means.stopwatch() - begun_s)
    # Before it is recorded: a replay goes on with what the run went on with.
    reply = carried(reply, talk.rules.context_tokens)
    return {"reply": to_json(ModelReply, reply), "elapsed_s": means.stopwatch() - begun_s}
