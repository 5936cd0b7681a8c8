"""The world that the team acts on: a model and a web page that remember what they were asked, by whom and when."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from harness.domain.message import ToolCall
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, call_tools, delay, say
from harness.testing.web_server import WebReply, WebRequest, WebServer

EFFECT_PATH = "/effect/"
OUT_FOLDER = "shared-context/out"


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that happened outside of the database, because a step was executed.

    `call` is the id of the step within its run: `model-1`, or `model-1.2` for the second tool call of that
    reply. `node` did it; empty where that cannot be told. `at` is in epoch seconds.
    """

    run_id: str
    call: str
    node: str
    at: float

    def __str__(self) -> str:
        return f"{self.run_id} {self.call}"


class Outside:
    """Serves a scripted model and a page while the `with` block lasts, and keeps every effect.

    Jobs named `talk-…` have the model call two tools first; `delay_s` says how long it thinks about a run, None
    for ever. Nodes are told apart by their API keys.
    """

    def __init__(self, delay_s: Callable[[str], float | None] = lambda run_id: 0.0) -> None:
        self._delay_s = delay_s
        self._effects: list[Effect] = []
        self._news = threading.Condition()
        self.model = OpenAIServer(self._answer)
        self.web = WebServer(self._page)

    def __enter__(self) -> Self:
        self.web.__enter__()
        self.model.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.model.__exit__(kind, error, traceback)
        self.web.__exit__(kind, error, traceback)

    @property
    def effects(self) -> tuple[Effect, ...]:
        with self._news:
            return tuple(self._effects)

    def wait_for(self, wanted: Callable[[Effect], bool], timeout_s: float) -> Effect:
        """Return the first effect that is wanted, now or as soon as it happens. Raises TimeoutError."""
        with self._news:
            if not self._news.wait_for(lambda: any(map(wanted, self._effects)), timeout_s):
                raise TimeoutError(f"what was waited for did not happen within {timeout_s:g} s")
            return next(effect for effect in self._effects if wanted(effect))

    def _keep(self, run_id: str, call: str, node: str) -> None:
        with self._news:
            self._effects.append(Effect(run_id, call, node, time.time()))
            self._news.notify_all()

    def _answer(self, request: ChatRequest) -> ChatAnswer:
        run_id, _, call = unquote(request.headers["idempotency-key"]).rpartition("/")
        self._keep(run_id, call, request.headers.get("authorization", "").removeprefix("Bearer "))
        job = run_id.split(":")[1].partition("/")[2]
        if call == "model-1" and job.startswith("talk"):
            return delay(self._tool_calls(run_id), self._delay_s(run_id))
        return delay(say("All is well."), self._delay_s(run_id))

    def _tool_calls(self, run_id: str) -> ChatAnswer:
        name = run_id.replace(":", "-").replace("/", "-")
        writing = {"path": f"{OUT_FOLDER}/{name}.md", "text": f"written by {run_id}\n"}
        reading = {"url": self.web.url(f"{EFFECT_PATH}{run_id}")}
        return call_tools(
            # Called as the steps are in which they are made, so that the audit log names the step.
            ToolCall("model-1.1", "files_write", json.dumps(writing)),
            ToolCall("model-1.2", "web_read", json.dumps(reading)),
        )

    def _page(self, request: WebRequest) -> WebReply | None:
        if not request.path.startswith(EFFECT_PATH):
            return None
        self._keep(unquote(request.path.removeprefix(EFFECT_PATH)), "model-1.2", "")
        return WebReply(b"noted", content_type="text/plain")
