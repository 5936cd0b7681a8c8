"""A server that plays any of the services of a person's days, and a way to collect from it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.collectors.collect import collect
from harness.collectors.context import CollectContext
from harness.collectors.deadline import Deadline
from harness.collectors.parse import FeedParser
from harness.domain.agent import Agent
from harness.domain.job import Job
from harness.domain.settings import Egress
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from harness.gate.egress import SystemResolver, WebDoor
from harness.testing.web_server import WebReply, WebRequest, WebServer
from tests.collectors.conftest import RememberedSources


class DailyServer:
    """Answers by path, whatever the query: a real server while the `with` block lasts."""

    def __init__(self) -> None:
        self._replies: dict[str, WebReply] = {}
        self._server = WebServer(self._answer)
        self.url = self._server.url
        self.asked: list[str] = []

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.__exit__(kind, error, traceback)

    def serve(self, path: str, reply: WebReply) -> None:
        """Answer requests to the path with this from now on."""
        self._replies[path] = reply

    def _answer(self, request: WebRequest) -> WebReply | None:
        self.asked.append(request.path)
        path = request.path.partition("?")[0]
        if path == SILENT:
            self._server.silence("/silence")
            return self._server.reply_to(WebRequest("GET", "/silence", {}))
        return self._replies.get(path)


SILENT = "/yahoo/SILENT"
"""The path at which nobody ever answers."""

SUNDAY = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)


def gather(
    read: str,
    workspace: Workspace,
    parser: FeedParser,
    *,
    now: datetime = SUNDAY,
    health: dict[str, tuple[bool, str]] | None = None,
    limit_s: float | None = None,
) -> Collected:
    """Return what the entry yields in this workspace at this moment."""
    agents: Mapping[str, Agent] = {"scout": Agent("scout", "", "", "")}
    egress = Egress(loopback=True)

    # Nobody is hurried here but ourselves.
    limits = dataclasses.replace(workspace.settings.sources, host_pause_s=0.0)

    async def run() -> Collected:
        context = CollectContext(
            workspace=Workspace(
                root=workspace.root,
                settings=dataclasses.replace(workspace.settings, sources=limits),
                agents=agents,
                calendars=workspace.calendars,
                watchlists=workspace.watchlists,
                economic_dates=workspace.economic_dates,
            ),
            job=Job("scout", "morning", "agents/scout/jobs/morning.md", (), "America/New_York"),
            web=WebDoor(egress, SystemResolver()),
            now=now,
            cache=AnyTime(health if health is not None else {}),
            parser=parser,
            latest_output=lambda job_id: None,
            deadline=None if limit_s is None else Deadline.after(limit_s),
        )
        return await collect(read, context)

    return asyncio.run(run())


class AnyTime(RememberedSources):
    """Keeps how sources did, whatever time it is."""

    def record(self, source: str, *, ok: bool, problem: str, at: datetime) -> None:
        self.health[source] = (ok, problem)


def folder(root: Path, texts: Mapping[str, str]) -> Path:
    """Write the files below the root."""
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def weekdays(last: date, count: int) -> list[date]:
    """Return so many weekdays up to the last one, oldest first."""
    days = [last - timedelta(days=back) for back in range(2 * count + 7)]
    return sorted([day for day in days if day.weekday() < 5][:count])


def chart(closes: Mapping[date, float], zone: str = "America/New_York") -> bytes:
    """Return the answer of the first source of prices."""
    moments = [int(datetime(day.year, day.month, day.day, 15, tzinfo=UTC).timestamp()) for day in closes]
    prices = list(closes.values())
    quote = {"close": prices, "high": prices, "low": prices}
    result = {"meta": {"exchangeTimezoneName": zone}, "timestamp": moments, "indicators": {"quote": [quote]}}
    return json.dumps({"chart": {"result": [result], "error": None}}).encode()


def ticks(closes: Mapping[date, float]) -> bytes:
    """Return the answer of the second source of prices."""
    return "\n".join(["Date,Open,High,Low,Close", *(f"{day},1,1,1,{close}" for day, close in closes.items())]).encode()
