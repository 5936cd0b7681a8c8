"""The model of agents that ask one another: it does as planned, and remembers what it was shown."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from chaos.bus_work import Work
from chaos.outside import Effect
from harness.domain.message import ToolCall
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, call_tools, delay, say

_AGENT = re.compile(r"You are (agent-\d+)\.")
_THINKS_AT_MOST_S = 0.15


class BusModel:
    """Serves the scripted model while the `with` block lasts."""

    def __init__(self, works: Sequence[Work], seed: int) -> None:
        self._works = works
        self._dice = random.Random(seed)
        self._effects: list[Effect] = []
        self._read: dict[int, set[int]] = {}
        self._lock = threading.Lock()
        self.server = OpenAIServer(self._answer, is_keeping=False)

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.server.__exit__(kind, error, traceback)

    @property
    def effects(self) -> tuple[Effect, ...]:
        """Return every call that was paid for."""
        with self._lock:
            return tuple(self._effects)

    @property
    def read(self) -> Mapping[int, frozenset[int]]:
        """Return whose answers each work was shown, by their numbers."""
        with self._lock:
            return {number: frozenset(answers) for number, answers in self._read.items()}

    def _answer(self, request: ChatRequest) -> ChatAnswer:
        run_id, _, call = unquote(request.headers["idempotency-key"]).rpartition("/")
        node = request.headers.get("authorization", "").removeprefix("Bearer ")
        work = self._work_of(request)
        results = [str(message["content"]) for message in request.messages if message["role"] == "tool"]
        answers = {asked for asked in work.asks if any(self._works[asked].answer in text for text in results)}
        with self._lock:
            self._effects.append(Effect(run_id, call, node, time.time()))
            self._read.setdefault(work.number, set()).update(answers)
            thinks_s = self._dice.uniform(0.0, _THINKS_AT_MOST_S)
        return delay(self._ask(work) if work.asks and not results else _end(work), thinks_s)

    def _work_of(self, request: ChatRequest) -> Work:
        """Return the work of this conversation; what the agent asked of others is named in it as well."""
        whole = json.dumps(request.messages)
        agent = _AGENT.search(whole)
        found = None if agent is None else re.search(rf"Do work-(\d+) as {agent[1]}\.", whole)
        if found is None:
            raise ValueError(f"a conversation about no work: {whole[:2000]}")
        return self._works[int(found[1])]

    def _ask(self, work: Work) -> ChatAnswer:
        asked = [self._works[number] for number in work.asks]
        wanted = [{"to": one.agent, "task": one.task, "wait": work.waits} for one in asked]
        return call_tools(*(ToolCall(f"call-{n}", "ask", json.dumps(one)) for n, one in enumerate(wanted, 1)))


def _end(work: Work) -> ChatAnswer:
    match work.way:
        case "say":
            return say(work.answer)
        case "reject":
            return call_tools(ToolCall("call-end", "reject", json.dumps({"reason": work.answer})))
        case "finish":
            said = {"conclusion": work.answer, "verdict": "PASS"}
            return call_tools(ToolCall("call-end", "finish", json.dumps(said)))
