"""`harness up` as a real process, for the tests that start, kill and stop it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from harness.daemon.control_client import ask
from harness.domain.run import Fire
from harness.store.database import Database
from harness.store.fires import fires_between
from harness.store.state_folder import StateFolder
from harness.testing.openai_server import OpenAIServer
from harness.testing.web_server import WebServer
from harness.testing.workspace import write_workspace_files

SETTINGS = """\
home = "America/Los_Angeles"
profile = "cheap"
drain = "1s"

[profiles.cheap]
adapter = "openai"
base_url = "{base_url}"
model = "test-model"
attempts = 1

[channels.digest]
kind = "file"

[channels.terminal]
kind = "stdout"

[egress]
loopback = true
"""
JOB = "---\nschedule: daily 03:00\nread: [feeds/ai]\ndeliver: digest\ncontract: {min_items: 1}\n---\nReport.\n"


class Daemon:
    """`harness up` on one workspace, as often as a test starts it."""

    def __init__(self, root: Path, environ: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.environ = dict(environ or {})
        self.state = StateFolder(root / ".harness")
        self.process: subprocess.Popen[str] | None = None
        self.said: list[str] = []

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "harness", "up", "--workspace", str(self.root)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "error", **self.environ},
        )
        self.hear("ready")

    def hear(self, beginning: str) -> str:
        """Return the next line that it says and that begins so."""
        assert self.process is not None
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            if line.startswith(beginning):
                return line
        raise AssertionError(f"the daemon ended and never said {beginning!r}: {self.said}")

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: signal.Signals) -> int:
        self.send(number)
        return self.wait()

    def wait(self) -> int:
        """Return its exit code once it has ended."""
        assert self.process is not None
        code = self.process.wait(30)
        assert self.process.stderr is not None
        self.said += self.process.stderr.readlines()
        self.process.stderr.close()
        self.process = None
        return code

    def run(self, job_id: str = "scout/morning") -> dict[str, object]:
        """Ask the daemon for one run and wait for its end."""
        return ask(self.state, "run", 30.0, job=job_id, inputs={}, profile=None, preview=False)

    def order(self, job_id: str = "scout/morning") -> threading.Thread:
        """Ask for one run from a thread that may be left alone when the daemon dies."""

        def quietly() -> None:
            try:
                self.run(job_id)
            except Exception:  # noqa: BLE001 - the daemon is killed under it, on purpose
                return

        thread = threading.Thread(target=quietly)
        thread.start()
        return thread

    def fires(self) -> list[Fire]:
        database = Database(self.state.database)
        try:
            with database.read() as connection:
                return fires_between(connection, datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
        finally:
            database.close()

    def harness(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "harness", *arguments, "--workspace", str(self.root)],
            capture_output=True,
            text=True,
            check=False,
        )


@contextmanager
def daemon_on(root: Path, environ: Mapping[str, str] | None = None) -> Iterator[Daemon]:
    daemon = Daemon(root, environ)
    try:
        yield daemon
    finally:
        if daemon.process is not None:
            daemon.end(signal.SIGKILL)


def wait_until(claim: Callable[[], bool]) -> None:
    """Return when the claim holds; the limit is generous, and no part of what is tested."""
    pause = threading.Event()
    for _ in range(1500):
        if claim():
            return
        pause.wait(0.02)
    raise AssertionError("it never came about")


def serve_feed(web: WebServer) -> str:
    link = web.serve("/story", b"a page")
    item = f"<item><title>A story</title><link>{link}</link></item>"
    web.serve("/feed.xml", f'<rss version="2.0"><channel><title>News</title>{item}</channel></rss>'.encode())
    return link


def write_workspace(root: Path, web: WebServer, model: OpenAIServer) -> Path:
    return write_workspace_files(
        root,
        {
            "harness.toml": SETTINGS.format(base_url=model.base_url),
            "agents/scout/jobs/morning.md": JOB,
            "shared-context/feeds/ai.md": f"- [News]({web.url('/feed.xml')})\n",
        },
    )
