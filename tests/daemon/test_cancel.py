"""Cancelled while a model is asked, by a real daemon: interrupted, told, and never resumed."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from harness.daemon.control_client import ask
from harness.domain.run import FireState, RunState
from harness.runs.cancelling import CancelRequest, request_cancel
from harness.runs.wall_clock import WallClock
from harness.store.database import Database
from harness.store.runs import runs_in
from harness.testing.openai_server import OpenAIServer, delay, say
from harness.testing.web_server import WebServer
from tests.daemon.daemon_process import SETTINGS, Daemon, daemon_on, serve_feed, wait_until, write_workspace

pytestmark = pytest.mark.slow


class SilentModel:
    """Takes a request, never answers, and notices when the caller hangs up."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self.asked = threading.Event()
        self.hung_up = threading.Event()
        self.hung_up_at = 0.0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            while connection.recv(65_536):
                self.asked.set()
            self.hung_up_at = time.monotonic()
            self.hung_up.set()


def run_at_work(daemon: Daemon) -> str:
    database = Database(daemon.state.database)
    try:
        with database.read() as connection:
            (run,) = runs_in(connection, RunState.RUNNING)
    finally:
        database.close()
    return run.id


def digests(daemon: Daemon) -> list[Path]:
    return list((daemon.state.root / "digests").rglob("*.md"))


def test_a_model_call_is_broken_off_within_a_second_and_nothing_is_delivered(tmp_path: Path) -> None:
    with WebServer() as web, OpenAIServer([]) as unused, SilentModel() as model:
        serve_feed(web)
        root = write_workspace(tmp_path / "w", web, unused)
        (root / "harness.toml").write_text('user = "Sam"\n' + SETTINGS.format(base_url=model.base_url))
        with daemon_on(root) as daemon:
            daemon.start()
            client = daemon.order()
            assert model.asked.wait(30)
            run_id = run_at_work(daemon)
            begun_at = time.monotonic()
            answer = ask(daemon.state, "cancel", 10.0, run=run_id, reason="wrong feeds")
            assert model.hung_up.wait(10)
            client.join()
            again = daemon.harness("runs", "cancel", run_id, "--json")
            (fire,) = daemon.fires()
            assert daemon.end(signal.SIGTERM) == 0
    assert answer["became"] == "closed"
    assert model.hung_up_at - begun_at < 1.0
    assert (fire.state, fire.reason) == (FireState.CANCELLED, "cancelled by Sam: wrong feeds")
    assert digests(daemon) == []
    assert (again.returncode, json.loads(again.stdout)["became"]) == (0, "cancelled"), "what was asked for holds"


def test_a_wish_that_a_crash_kept_from_being_carried_out_is_carried_out_at_the_next_start(tmp_path: Path) -> None:
    with WebServer() as web:
        link = serve_feed(web)
        answers = [delay(say("never heard"), None), say(f"- [A story]({link}) — read.")]
        with OpenAIServer(answers) as model, daemon_on(write_workspace(tmp_path / "w", web, model)) as daemon:
            daemon.start()
            client = daemon.order()
            model.wait_for(1)
            daemon.end(signal.SIGKILL)
            client.join()
            # As the daemon does, and dies before it interrupts anything.
            database = Database(daemon.state.database)
            with database.write() as connection:
                (run,) = runs_in(connection, RunState.RUNNING)
                asked = request_cancel(connection, run.id, "cancelled by Sam", WallClock().now())
            database.close()
            assert asked is CancelRequest.ASKED
            daemon.start()
            wait_until(lambda: all(not fire.state.is_open for fire in daemon.fires()))
            # The daemon works on, and the agent is free for its next run.
            assert daemon.run()["state"] == "delivered"
            fires = daemon.fires()
            assert len(model.requests) == 2
            assert daemon.end(signal.SIGTERM) == 0
    assert [(fire.state, fire.reason) for fire in fires] == [
        (FireState.CANCELLED, "cancelled by Sam"),
        (FireState.DELIVERED, ""),
    ]


def test_what_an_interrupted_daemon_left_is_cancelled_without_one_and_never_resumed(tmp_path: Path) -> None:
    with WebServer() as web:
        serve_feed(web)
        with (
            OpenAIServer([delay(say("never heard"), None)]) as model,
            daemon_on(write_workspace(tmp_path / "w", web, model)) as daemon,
        ):
            daemon.start()
            client = daemon.order()
            model.wait_for(1)
            run_id = run_at_work(daemon)
            daemon.end(signal.SIGKILL)
            client.join()
            ended = daemon.harness("runs", "cancel", run_id)
            assert (ended.returncode, ended.stdout) == (0, f"{run_id} cancelled by you\n"), ended.stderr
            daemon.start()
            assert daemon.end(signal.SIGTERM) == 0
            assert len(model.requests) == 1
            assert [fire.state for fire in daemon.fires()] == [FireState.CANCELLED]


def test_a_fork_that_was_killed_goes_on_and_repeats_nothing_that_it_had_taken_over(tmp_path: Path) -> None:
    with WebServer() as web:
        link = serve_feed(web)
        answer = say(f"- [A story]({link}) — read.")
        with (
            OpenAIServer([answer, delay(say("never heard"), None), answer]) as model,
            daemon_on(write_workspace(tmp_path / "w", web, model)) as daemon,
        ):
            daemon.start()
            source = str(daemon.run()["run_id"])
            client = threading.Thread(target=daemon.harness, args=("runs", "fork", source))
            client.start()
            model.wait_for(2)
            daemon.end(signal.SIGKILL)
            client.join()
            web.serve("/feed.xml", b"gone")
            daemon.start()
            wait_until(lambda: all(not fire.state.is_open for fire in daemon.fires()))
            fires = daemon.fires()
            assert (len(model.requests), web.count("/feed.xml")) == (3, 1)
            assert model.requests[0].messages == model.requests[2].messages
            assert daemon.end(signal.SIGTERM) == 0
    assert [(fire.state, fire.items) for fire in fires] == [(FireState.DELIVERED, 1), (FireState.DELIVERED, 1)]
    assert len([page for page in digests(daemon) if page.parent.name != "latest"]) == 2


def test_the_daemon_retries_and_forks_and_refuses_as_the_commands_do_without_it(tmp_path: Path) -> None:
    with WebServer() as web:
        link = serve_feed(web)
        answer = say(f"- [A story]({link}) — read.")
        with (
            OpenAIServer([answer, answer]) as model,
            daemon_on(write_workspace(tmp_path / "w", web, model)) as daemon,
        ):
            daemon.start()
            source = str(daemon.run()["run_id"])
            retried = daemon.harness("runs", "retry", source, "--json")
            forked = daemon.harness("runs", "fork", source, "--step", "6")
            refused = daemon.harness("runs", "fork", source, "--step", "99")
            assert daemon.end(signal.SIGTERM) == 0
            refused_without = daemon.harness("runs", "fork", source, "--step", "99")
            assert len(model.requests) == 2
    assert (retried.returncode, json.loads(retried.stdout)["kind"]) == (0, "retry"), retried.stderr
    assert (forked.returncode, forked.stdout.splitlines()[0]) == (0, "scout/morning delivered: 1 item"), forked.stderr
    assert (refused.returncode, refused_without.returncode) == (2, 2)
    assert refused.stderr == refused_without.stderr
    assert "name a step from 1 to" in refused.stderr
