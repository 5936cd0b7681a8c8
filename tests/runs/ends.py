"""Whole runs over a model server that misbehaves, and how each of them ended."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, select

from harness.domain.message import Message
from harness.domain.run import Fire, FireState
from harness.pytest_plugin import Workbench
from harness.store.json_codec import from_json
from harness.store.runs import run_by_id
from harness.store.tables import usage
from harness.testing.chat_server import ChatAnswer, ChatServer
from harness.testing.misbehaving_server import Behaviour, always
from harness.testing.openai_server import OpenAIServer
from tests.runs.model_workspace import SETTINGS, with_job

ENDS_WITHIN_S = 120.0
"""Of real time, on a machine that does much else: twice what a job has here if a test says nothing."""


@dataclass(frozen=True)
class End:
    """How one run ended; `stop` is the name of the reason, `calls` what was booked for it, in order."""

    state: FireState
    stop: str
    reason: str
    calls: tuple[Row[Any], ...]

    def is_(self, state: FireState, stop: str) -> bool:
        return (self.state, self.stop) == (state, stop)


def run(
    workbench: Workbench,
    behaviour: Behaviour,
    *,
    adapter: str = "openai",
    made_by: Callable[[Behaviour], ChatServer] = OpenAIServer,
    profile: str = "",
    attempts: int = 1,
    patience_s: int = 20,
    job: str = "timeout: 60s",
) -> End:
    """Run the job against a server that behaves so, on a day of its own, so that no other has spent its budget.

    `adapter` and `made_by` are the two sides of the format that is spoken; `job` and `profile` are lines for those.
    """
    workbench.clock.advance(timedelta(days=1).total_seconds())
    with made_by(behaviour) as server:
        settings = SETTINGS.format(base_url=server.base_url, name="test-model")
        more = f'attempts = {attempts}\ntimeout = "{patience_s}s"\n{profile}'
        settings = settings.replace("attempts = 1", more).replace('"openai"', f'"{adapter}"')
        agent = 'description = "Looks"\ntools = ["web.read"]\n'
        files = {"harness.toml": settings, "agents/scout/agent.toml": agent}
        workbench.write({**files, **with_job(f"deliver: digest\n{job}")})
        workbench.system.workspace.reload()
        begun_s = time.monotonic()
        fire = workbench.run()
        assert time.monotonic() - begun_s < ENDS_WITHIN_S
    return _end_of(workbench, fire)


def run_all(workbench: Workbench, answers: Mapping[str, ChatAnswer], **options: Any) -> dict[str, End]:
    """Run the job once against each of the answers, given to everything; return how each ended."""
    return {name: run(workbench, always(answer), **options) for name, answer in answers.items()}


def _end_of(workbench: Workbench, fire: Fire) -> End:
    with workbench.system.database.read() as connection:
        row = run_by_id(connection, fire.run_id or "")
        calls = connection.execute(select(usage).where(usage.c.run_id == fire.run_id)).all()
    assert row is not None
    assert not fire.state.is_open
    assert fire.reason or fire.state is FireState.DELIVERED
    _assert_every_call_has_its_result(workbench, fire)
    in_order = sorted(calls, key=lambda call: [int(number) for number in re.findall(r"\d+", call.call_id)])
    return End(fire.state, row.stop or "", fire.reason, tuple(in_order))


def _assert_every_call_has_its_result(workbench: Workbench, fire: Fire) -> None:
    """Whatever the model did: in what it is shown, no tool call is without an answer."""
    transcript = workbench.system.state.run_folder(fire.run_id or "") / "transcript.json"
    if not transcript.exists():
        return
    messages = from_json(tuple[Message, ...], json.loads(transcript.read_text(encoding="utf-8")))
    for position, message in enumerate(messages[:-1]):
        asked = [call.id for call in message.tool_calls]
        following = itertools.takewhile(lambda later: later.role == "tool", messages[position + 1 :])
        assert not asked or [later.tool_call_id for later in following] == asked
