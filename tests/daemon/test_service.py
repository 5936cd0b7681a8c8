"""The daemon as a real process: killed, started again, told to stop."""

from __future__ import annotations

import json
import signal
import sqlite3
import threading
from pathlib import Path

import pytest

from harness.daemon.control_client import ask
from harness.domain.message import ToolCall
from harness.domain.run import FireState
from harness.testing.openai_server import ChatRequest, OpenAIServer, call_tools, delay, say
from harness.testing.web_server import WebServer
from tests.daemon.daemon_process import JOB, Daemon, daemon_on, serve_feed, wait_until, write_workspace

pytestmark = pytest.mark.slow


def test_a_killed_run_goes_on_and_repeats_nothing_that_was_finished(tmp_path: Path) -> None:
    with WebServer() as web:
        link = serve_feed(web)
        fast, slow = web.serve("/fast", b"the fast page"), web.silence("/slow")

        def script(request: ChatRequest) -> object:
            answered = any(message["role"] == "tool" for message in request.messages)
            if answered:
                return say(f"- [A story]({link}) — read.")
            return call_tools(
                ToolCall("c-slow", "web_read", json.dumps({"url": slow})),
                ToolCall("c-fast", "web_read", json.dumps({"url": fast})),
            )

        with OpenAIServer(script) as model, daemon_on(write_workspace(tmp_path / "w", web, model)) as daemon:  # type: ignore[arg-type]
            daemon.start()
            client = daemon.order()
            # Both calls are in flight, the fast one is recorded, and then the process dies.
            wait_until(lambda: web.count("/slow") == 1 and web.count("/fast") == 1 and recorded(daemon, "model-1.2"))
            daemon.end(signal.SIGKILL)
            client.join()
            web.serve("/slow", b"the slow page")
            daemon.start()
            wait_until(lambda: all(not fire.state.is_open for fire in daemon.fires()))
            (fire,) = daemon.fires()
            assert (fire.state, fire.items) == (FireState.DELIVERED, 1)
            _, second = model.requests
            assert (web.count("/fast"), web.count("/slow"), web.count("/feed.xml")) == (1, 2, 1)
            results = {m["tool_call_id"]: m["content"] for m in second.messages if m["role"] == "tool"}
            assert [m["tool_call_id"] for m in second.messages if m["role"] == "tool"] == ["c-slow", "c-fast"]
            assert "the slow page" in results["c-slow"]
            assert "the fast page" in results["c-fast"]
            digests = [p for p in (daemon.state.root / "digests").rglob("*.md") if p.parent.name != "latest"]
            assert len(digests) == 1
            assert daemon.end(signal.SIGTERM) == 0


def recorded(daemon: Daemon, call_id: str) -> bool:
    connection = sqlite3.connect(daemon.state.database)
    try:
        query = "SELECT COUNT(*) FROM operation_outputs WHERE output LIKE ?"
        return bool(connection.execute(query, (f'%"call_id":"{call_id}"%',)).fetchone()[0])
    finally:
        connection.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_clean_and_leaves_a_run_in_flight_to_the_next_start(tmp_path: Path, number: signal.Signals) -> None:
    with WebServer() as web:
        link = serve_feed(web)
        answers = [delay(say("never heard"), None), say(f"- [A story]({link}) — read.")]
        with OpenAIServer(answers) as model, daemon_on(write_workspace(tmp_path / "w", web, model)) as daemon:
            daemon.start()
            client = daemon.order()
            model.wait_for(1)
            assert daemon.end(number) == 0
            client.join()
            assert [fire.state for fire in daemon.fires()] == [FireState.RUNNING]
            assert not daemon.state.heartbeat.exists()
            assert not daemon.state.control_socket.exists()
            daemon.start()
            wait_until(lambda: all(not fire.state.is_open for fire in daemon.fires()))
            assert [fire.state for fire in daemon.fires()] == [FireState.DELIVERED]
            assert (len(model.requests), web.count("/feed.xml")) == (2, 1)


def test_the_daemon_answers_beside_its_work_and_does_jobs_that_are_asked_for(tmp_path: Path) -> None:
    with WebServer() as web:
        link = serve_feed(web)
        answers = [say(f"- [A story]({link}) — read.")]
        with OpenAIServer(answers) as model, daemon_on(write_workspace(tmp_path / "w", web, model)) as daemon:
            daemon.start()
            assert ask(daemon.state, "ping", 10.0)["ready"] is True
            answer = daemon.run()
            assert (answer["state"], answer["items"]) == ("delivered", 1)
            second = daemon.harness("up")
            assert second.returncode == 75
            assert "harness up (pid" in second.stderr
            assert daemon.harness("status").returncode == 0
            assert daemon.process is not None
            # As a shell does: a process that nobody waits for stays in the table.
            reaper = threading.Thread(target=daemon.process.wait)
            reaper.start()
            assert daemon.harness("down").returncode == 0
            reaper.join()
            assert daemon.end(signal.SIGTERM) == 0


def test_a_bad_edit_keeps_the_last_good_version_in_force_and_is_told(tmp_path: Path) -> None:
    with WebServer() as web:
        link = serve_feed(web)
        answers = [say(f"- [A story]({link}) — read.")]
        with OpenAIServer(answers) as model, daemon_on(write_workspace(tmp_path / "w", web, model)) as daemon:
            daemon.start()
            (daemon.root / "agents/scout/jobs/morning.md").write_text(JOB.replace("daily 03:00", "daily 25:00"))
            wait_until(lambda: "25:00" in daemon.harness("status").stdout)
            assert daemon.run()["state"] == "delivered"
            (daemon.root / "agents/scout/jobs/morning.md").write_text(JOB)
            wait_until(lambda: "25:00" not in daemon.harness("status").stdout)


def test_after_a_kill_status_and_doctor_say_what_is_overdue_and_since_when(tmp_path: Path) -> None:
    with WebServer() as web, OpenAIServer([]) as model:
        serve_feed(web)
        with daemon_on(write_workspace(tmp_path / "w", web, model)) as daemon:
            daemon.start()
            daemon.end(signal.SIGKILL)
            # As if it had died a day ago: the slot of 03:00 came, and nothing fired it.
            connection = sqlite3.connect(daemon.state.database)
            with connection:
                connection.execute(
                    "UPDATE job_state SET known_since = known_since - 86400, planned_until = planned_until - 86400,"
                    " next_due = next_due - 86400"
                )
            connection.close()
            status = daemon.harness("status")
            doctor = daemon.harness("doctor")
            overdue = daemon.harness("doctor", "--overdue")
    assert "the daemon died" in doctor.stdout
    assert "scout/morning was due" in doctor.stdout
    assert doctor.returncode == 1
    assert "scout/morning" in status.stdout.partition("overdue")[2]
    assert (overdue.returncode, overdue.stdout.count("\n")) == (1, 1)
