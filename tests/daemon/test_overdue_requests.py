"""Requests whose due time passes while a daemon works on them, is killed, or is not there at all."""

from __future__ import annotations

import signal
from datetime import timedelta
from pathlib import Path

import pytest

from harness.bus.sending import Ask
from harness.domain.request import USER, Standing, Watch
from harness.domain.run import FireState
from harness.runs.wall_clock import WallClock
from harness.testing.openai_server import OpenAIServer, delay, say
from harness.testing.workspace import write_workspace_files
from harness.wiring.bus import open_bus
from tests.daemon.daemon_process import SETTINGS, Daemon, daemon_on, wait_until

pytestmark = pytest.mark.slow

DUE_IN = timedelta(seconds=4)


def workspace(folder: Path, model: OpenAIServer) -> Path:
    agent = 'description = "Counts"\nprofile = "cheap"\n'
    settings = SETTINGS.format(base_url=model.base_url)
    return write_workspace_files(folder / "team", {"harness.toml": settings, "agents/scout/agent.toml": agent})


def sent(daemon: Daemon, receiver: str, watch: Watch | None = None, key: str = "k") -> str:
    ask = Ask(USER, receiver, f"ask {receiver}", key, due_at=WallClock().now() + DUE_IN, watch=watch)
    with open_bus(daemon.root, {}) as bus:
        return bus.ask(ask).standing.request.id


def standing(daemon: Daemon, request_id: str) -> Standing:
    with open_bus(daemon.root, {}) as bus:
        return bus.show(request_id)


def kinds(daemon: Daemon, request_id: str) -> list[str]:
    with open_bus(daemon.root, {}) as bus:
        return [event.body.kind for event in bus.log(request_id)]


def test_a_request_that_becomes_due_around_a_kill_ends_once_and_its_run_is_not_resumed(tmp_path: Path) -> None:
    silence = [delay(say("never heard"), None)] * 3
    with OpenAIServer(silence) as model, daemon_on(workspace(tmp_path, model)) as daemon:
        daemon.start()
        request_id = sent(daemon, "scout")
        # On a machine that is slow beyond measure it is over before the model is asked; all the rest holds then, too.
        wait_until(lambda: bool(model.requests) or not standing(daemon, request_id).is_open)
        daemon.end(signal.SIGKILL)
        daemon.start()
        wait_until(lambda: not standing(daemon, request_id).is_open)
        wait_until(lambda: all(not fire.state.is_open for fire in daemon.fires()))
        after = standing(daemon, request_id)
        (fire,) = (fire for fire in daemon.fires() if fire.job_id == f"scout/request:{request_id}")
        assert daemon.end(signal.SIGTERM) == 0
    assert after.is_dead_letter
    assert after.final is not None
    assert after.final.result == "timed_out"
    assert fire.state is FireState.CANCELLED
    assert request_id in fire.reason
    said = kinds(daemon, request_id)
    assert (said.count("final"), said.count("dead")) == (1, 1)


def test_what_became_due_while_no_daemon_was_there_is_told_by_the_next_one(tmp_path: Path) -> None:
    with OpenAIServer([]) as model, daemon_on(workspace(tmp_path, model)) as daemon:
        question = sent(daemon, "system", Watch(file="shared-context/answer.md"))
        happened = sent(daemon, "system", Watch(file="shared-context/there.md"), key="happens")
        (daemon.root / "shared-context").mkdir(exist_ok=True)
        (daemon.root / "shared-context" / "there.md").write_text("news")
        wait_until(lambda: WallClock().now() > standing(daemon, happened).request.due_at)
        daemon.start()
        wait_until(lambda: not standing(daemon, question).is_open and not standing(daemon, happened).is_open)
        assert daemon.end(signal.SIGTERM) == 0
    assert standing(daemon, question).is_dead_letter
    final = standing(daemon, happened).final
    assert final is not None
    assert (final.result, [one.path for one in final.evidence]) == ("done", ["shared-context/there.md"])
