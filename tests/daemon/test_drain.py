"""A real daemon that is told to stop while a run is in flight."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.daemon.control_client import ask
from harness.domain.errors import TransientError
from harness.domain.message import ToolCall
from harness.domain.run import Fire, FireState
from harness.store.heartbeat import read_heartbeat
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, call_tools, delay, say
from harness.testing.web_server import WebServer
from tests.daemon.daemon_process import SETTINGS, Daemon, daemon_on, serve_feed, wait_until, write_workspace

pytestmark = pytest.mark.slow


class SlowModel:
    """A model that answers when it may."""

    def __init__(self, link: str) -> None:
        self._link = link
        self.may_answer = threading.Event()

    def __call__(self, _request: ChatRequest) -> ChatAnswer:
        self.may_answer.wait(60)
        return say(f"- [A story]({self._link}) — read.")


@contextmanager
def daemon_in_flight(tmp_path: Path, drain: str) -> Iterator[tuple[Daemon, SlowModel]]:
    """A daemon with one run whose model call is under way."""
    with WebServer() as web:
        script = SlowModel(serve_feed(web))
        with OpenAIServer(script) as model, daemon_on(write_workspace(tmp_path / "w", web, model)) as daemon:
            settings = SETTINGS.format(base_url=model.base_url).replace('drain = "1s"', f'drain = "{drain}"')
            (daemon.root / "harness.toml").write_text(settings)
            daemon.start()
            client = daemon.order()
            try:
                model.wait_for(1)
                yield daemon, script
            finally:
                script.may_answer.set()
                client.join()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_in_flight_is_delivered_before_the_daemon_ends(tmp_path: Path, number: signal.Signals) -> None:
    with daemon_in_flight(tmp_path, drain="10m") as (daemon, model):
        daemon.send(number)
        assert daemon.hear("draining") == "draining: 1 run in flight, at most 600 s (again to stop at once)\n"
        model.may_answer.set()
        assert daemon.wait() == 0
        assert daemon.said[-1] == "stopping\n"
        assert [fire.state for fire in daemon.fires()] == [FireState.DELIVERED]


def test_a_second_signal_stops_at_once_and_loses_nothing(tmp_path: Path) -> None:
    with daemon_in_flight(tmp_path, drain="10m") as (daemon, model):
        daemon.send(signal.SIGTERM)
        daemon.hear("draining")
        assert daemon.end(signal.SIGTERM) == 0
        assert "stopping; 1 run in flight goes on at the next start\n" in daemon.said
        assert [fire.state for fire in daemon.fires()] == [FireState.RUNNING]
        model.may_answer.set()
        daemon.start()
        assert [fire.state for fire in closed_fires(daemon)] == [FireState.DELIVERED]


def test_a_draining_daemon_says_so_and_begins_nothing_any_more(tmp_path: Path) -> None:
    with daemon_in_flight(tmp_path, drain="10m") as (daemon, model):
        daemon.send(signal.SIGTERM)
        daemon.hear("draining")
        beat = read_heartbeat(daemon.state.heartbeat)
        assert beat is not None
        assert beat.is_draining
        assert "draining" in daemon.harness("status").stdout
        assert ask(daemon.state, "ping", 10.0)["draining"] is True
        with pytest.raises(TransientError, match="stopping"):
            daemon.run()
        model.may_answer.set()
        assert daemon.wait() == 0
        assert len(daemon.fires()) == 1


def test_down_waits_for_the_drain_and_shows_it(tmp_path: Path) -> None:
    with daemon_in_flight(tmp_path, drain="10m") as (daemon, model):
        assert daemon.process is not None
        threading.Thread(target=daemon.process.wait).start()  # a process that nobody waits for stays in the table
        down = subprocess.Popen(
            [sys.executable, "-m", "harness", "down", "--workspace", str(daemon.root)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with down:
            assert down.stderr is not None
            assert (
                down.stderr.readline() == "draining: 1 run in flight, at most 600 s; harness down once more ends it\n"
            )
            model.may_answer.set()
            assert down.wait(60) == 0
            assert down.stdout is not None
            assert down.stdout.read().startswith("stopped (pid ")
        assert daemon.wait() == 0
        assert [fire.state for fire in daemon.fires()] == [FireState.DELIVERED]


def test_down_twice_stops_at_once(tmp_path: Path) -> None:
    with daemon_in_flight(tmp_path, drain="10m") as (daemon, _model):
        ask(daemon.state, "stop", 10.0)
        daemon.hear("draining")
        assert daemon.process is not None
        threading.Thread(target=daemon.process.wait).start()
        down = daemon.harness("down")
        assert (down.returncode, down.stdout.startswith("stopped (pid ")) == (0, True)
        assert daemon.wait() == 0


def test_a_run_that_takes_longer_is_parked_and_goes_on_without_repeating_what_was_finished(tmp_path: Path) -> None:
    with WebServer() as web:
        link = serve_feed(web)
        page = web.serve("/page", b"the page")
        answers = iter(
            [
                call_tools(ToolCall("c-1", "web_read", json.dumps({"url": page}))),
                delay(say("never heard"), None),
                say(f"- [A story]({link}) — read."),
            ]
        )
        with OpenAIServer(answers) as model, daemon_on(write_workspace(tmp_path / "w", web, model)) as daemon:
            daemon.start()
            client = daemon.order()
            model.wait_for(2)
            assert daemon.end(signal.SIGTERM) == 0
            client.join()
            assert "stopping; 1 run in flight goes on at the next start\n" in daemon.said
            assert [fire.state for fire in daemon.fires()] == [FireState.RUNNING]
            daemon.start()
            assert [fire.state for fire in closed_fires(daemon)] == [FireState.DELIVERED]
            assert len(model.requests) == 3
            assert (web.count("/page"), web.count("/feed.xml")) == (1, 1)


def closed_fires(daemon: Daemon) -> list[Fire]:
    wait_until(lambda: all(not fire.state.is_open for fire in daemon.fires()))
    return daemon.fires()


def test_systemd_hears_of_the_start_of_the_life_and_of_the_end(tmp_path: Path) -> None:
    with WebServer() as web, OpenAIServer([]) as model, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        serve_feed(web)
        systemd.bind(str(tmp_path / "n"))
        systemd.settimeout(30)
        environ = {"NOTIFY_SOCKET": str(tmp_path / "n")}
        with daemon_on(write_workspace(tmp_path / "w", web, model), environ) as daemon:
            daemon.start()
            heard = [systemd.recv(4096).decode() for _ in range(3)]
            daemon.send(signal.SIGTERM)
            assert daemon.wait() == 0
            while not heard[-1].startswith("STOPPING=1"):
                heard.append(systemd.recv(4096).decode())
    assert heard[0].startswith("READY=1\nSTATUS=ready: ")
    assert set(heard[1:-1]) == {"WATCHDOG=1"}
    assert heard[-1] == "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=16000000"
