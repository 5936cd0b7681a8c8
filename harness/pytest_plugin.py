"""pytest fixtures: a whole harness on a tiny workspace, with a clock that tests move.

Database, engine, files and HTTP (on loopback) are real; only time and the public internet are not.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from harness.domain.run import Fire
from harness.runs.by_hand import fire_for, start_by_hand
from harness.runs.clock import sync_jobs, tick
from harness.runs.workflow_version import WORKFLOW_VERSION
from harness.store.address import URL_VARIABLE
from harness.store.fires import fires_between
from harness.testing.clock import VirtualClock
from harness.testing.web_server import WebReply, WebServer
from harness.testing.workspace import SAMPLE_FILES, write_workspace_files
from harness.wiring.build import build_system
from harness.wiring.system import System

NOW = datetime(2026, 11, 21, 15, 59, 0, tzinfo=UTC)
"""A minute before the job scout/morning is due, 08:00 in Los Angeles."""


def feed(*stories: tuple[str, str], at: datetime = NOW - timedelta(hours=2)) -> bytes:
    """Return an RSS feed of (title, link) stories."""
    items = "".join(
        f"<item><title>{title}</title><link>{link}</link><pubDate>{format_datetime(at)}</pubDate>"
        f"<description>{title} is told here at some length. Nobody expected it.</description></item>"
        for title, link in stories
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>{items}</channel></rss>'.encode()


@dataclass
class Workbench:
    """The harness under test, with the hands that a test needs."""

    root: Path
    web: WebServer
    clock: VirtualClock
    printed: io.StringIO = field(default_factory=io.StringIO)
    environ: dict[str, str] = field(default_factory=dict)
    _system: System | None = None

    @property
    def system(self) -> System:
        """The system, put together and launched when it is first asked for."""
        if self._system is None:
            self._system = build_system(self.root, environ=self.environ, clock=self.clock, out=self.printed)
            self._system.launch()
            sync_jobs(self._system.database, self._system.workspace(), self.clock.now(), WORKFLOW_VERSION)
        return self._system

    def write(self, files: Mapping[str, str | None]) -> None:
        """Write these workspace files, and no others; None removes one."""
        for name, text in files.items():
            path = self.root / name
            if text is None:
                path.unlink(missing_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def serve_stories(self, count: int, path: str = "/feed.xml") -> list[str]:
        """Serve a feed of that many stories with pages that answer, make it the list `ai`, return the links."""
        links = [self.web.serve(f"/story-{n}", b"a page") for n in range(1, count + 1)]
        titles = ["A kettle learned to sing", "Bridges now repair themselves", "Cats accept a treaty",
                  "Dust turns out useful", "Elevators go sideways", "Fog sold by the metre"]  # fmt: skip
        stories = list(zip(titles, links, strict=False))
        self.web.serve(path, WebReply(feed(*stories), headers={"content-type": "application/rss+xml"}))
        self.write({"shared-context/feeds/ai.md": f"- [News]({self.web.url(path)})\n"})
        return links

    def tick_at(self, moment: datetime) -> None:
        """Move the clock there, tick, and run everything that is queued to its end."""
        system = self.system
        self.clock.jump_to(moment)
        tick(system.database, system.workspace(), self.clock.now(), WORKFLOW_VERSION)
        self.settle()

    def settle(self) -> None:
        """Run everything that is queued to its end."""
        for _ in range(600):
            served = self.system.serve_bus()
            self.system.dispatcher.dispatch()
            if served.is_nothing and not self.system.dispatcher.count_open():
                return
            self.system.dispatcher.wait_for_change(0.1)
        raise AssertionError("runs did not end")

    def run(self, job_id: str = "scout/morning", **options: Any) -> Fire:
        """Run the job by hand to its end."""
        options.setdefault("inputs", {})
        run_id = start_by_hand(self.system.database, self.system.workspace(), job_id, self.clock.now(), **options)
        self.settle()
        return fire_for(self.system.database, run_id)

    def fires(self) -> list[Fire]:
        """Return the whole ledger."""
        with self.system.database.read() as connection:
            return fires_between(connection, NOW - timedelta(days=400), NOW + timedelta(days=400))

    def delivered(self) -> list[Path]:
        """Return the Markdown files that the file channel wrote, without the copies of the latest."""
        return sorted(p for p in (self.system.state.root / "digests").rglob("*.md") if p.parent.name != "latest")

    def restart(self) -> None:
        """Close the system; the next use opens it anew on the same files."""
        if self._system is not None:
            self._system.close()
            self._system = None


@pytest.fixture
def database_url() -> str | None:
    """The database of the workbench; None for a file of its own. Override it to test on a server."""
    return None


@pytest.fixture
def workbench(tmp_path: Path, database_url: str | None) -> Iterator[Workbench]:
    """A workspace with the agent `scout`, a web server beside it, and the time a minute before its job is due."""
    settings = f'team = "kitchen"\n{SAMPLE_FILES["harness.toml"]}'
    root = write_workspace_files(tmp_path / "workspace", {"harness.toml": settings} if database_url else None)
    environ = {URL_VARIABLE: database_url} if database_url else {}
    with WebServer() as web:
        made = Workbench(root, web, VirtualClock(NOW), environ=environ)
        yield made
        made.restart()
