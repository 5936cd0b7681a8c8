"""One real call to a profile's model, to see whether it works."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from harness.domain.agent import Agent
from harness.domain.budget import day_budgets
from harness.domain.errors import OwnerError
from harness.domain.job import Job
from harness.domain.message import Message, ModelReply, ModelRequest, ToolSchema
from harness.domain.request import USER
from harness.domain.settings import Profile, Settings
from harness.gate.budgets import Budgets
from harness.llm.adapters import AdapterContext, open_model
from harness.llm.budgeted_model import BudgetedModel
from harness.llm.cool_downs import CoolDowns
from harness.llm.fallback import Candidate, FallbackModel
from harness.llm.spending import check_budgeted
from harness.store.database import Database
from harness.store.usage import BookedCall, record_usage
from harness.wiring.models import fingerprint_of

Tools = Literal["work", "unused", "refused"]

_PERSON = Agent(USER, "", "", "")
_TRIAL = Job(USER, "try", "", (), "UTC")
_MOST_TOKENS = 512
_READY = ToolSchema(
    "say_ready",
    "Say that you are ready.",
    {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"], "additionalProperties": False},
)
_WITH_TOOL = (Message("user", "Call the tool say_ready with the word ready. Say nothing else."),)
_WITHOUT = (Message("user", "Answer with the one word: ready"),)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it. `tools`: the model called the one that it was given, did not, or its endpoint takes none."""

    profile: Profile
    reply: ModelReply
    tools: Tools
    latency_s: float


async def try_profile(
    profile: Profile,
    settings: Settings,
    database: Database,
    *,
    root: Path,
    environ: Mapping[str, str],
    now: Callable[[], datetime],
    stopwatch: Callable[[], float],
) -> Trial:
    """Ask the profile's model for one word, through a tool if it takes any, and book what that cost.

    It is asked at once and once, whatever has failed before; if it answers, its cool-down and its incident are over.
    The budgets of the team and of the profile hold as for any call. Raises what the model raises, and OwnerError where
    it may cost money and nothing limits it.
    """
    check_budgeted(settings, _PERSON, _TRIAL, (profile,))
    context = AdapterContext(environ, root, asyncio.sleep, lambda: 0.0)
    model = BudgetedModel(
        open_model(replace(profile, attempts=1), context),
        profile,
        _TRIAL.id,
        budgets=Budgets(database, now),
        held_to=day_budgets(settings, _PERSON, profile),
        zone=settings.home_zone,
        sleep=asyncio.sleep,
    )
    candidate = Candidate(profile, model, fingerprint_of(profile, environ))
    asked = FallbackModel([candidate], CoolDowns(database, now, lambda: settings.home_zone), settings.profiles)
    # A model that thinks before it speaks needs the room that its parameters give it.
    room = profile.max_output_tokens if profile.parameters else min(_MOST_TOKENS, profile.max_output_tokens)
    request = ModelRequest(
        _WITH_TOOL, (_READY,), max_output_tokens=room, key=f"try:{profile.name}:{now().timestamp():.0f}/model-1"
    )
    begun_s = stopwatch()
    try:
        reply = await asked.complete(request)
        tools: Tools = "work" if reply.tool_calls else "unused"
    except OwnerError as error:
        if error.failure != "rejected":
            raise
        # Servers of small models answer 400 to any tool. If it was something else, it says so again.
        request, tools = replace(request, messages=_WITHOUT, tools=()), "refused"
        begun_s = stopwatch()
        reply = await asked.complete(request)
    latency_s = stopwatch() - begun_s
    await asyncio.to_thread(_book, database, request.key, reply, latency_s, now())
    return Trial(profile, reply, tools, latency_s)


def _book(database: Database, key: str, reply: ModelReply, latency_s: float, now: datetime) -> None:
    run_id, _, call_id = key.rpartition("/")
    call = BookedCall(run_id, call_id, _TRIAL.id, reply.profile, reply.model, reply.usage, reply.cost_usd, latency_s)
    with database.write() as connection:
        record_usage(connection, call, now)
