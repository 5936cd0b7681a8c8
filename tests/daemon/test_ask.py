"""`harness ask`, through a daemon and without one, as a person starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from harness.domain.message import ToolCall
from harness.domain.request import RequestState
from harness.store.address import file_address
from harness.store.peek import peek
from harness.store.request_records import RequestRecord
from harness.store.state_folder import StateFolder
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, call_tools, delay, say
from harness.testing.workspace import write_workspace_files
from harness.wiring.bus import open_bus
from tests.daemon.daemon_process import SETTINGS, daemon_on, wait_until

FINISH = call_tools(
    ToolCall(
        "c1",
        "finish",
        json.dumps({"conclusion": "There are two kettles.", "next_actions": ["buy a third"], "verdict": "PASS"}),
    )
)
ASK_THE_PERSON = call_tools(ToolCall("c1", "ask", json.dumps({"to": "user", "task": "Which kettles?", "wait": True})))


def workspace(folder: Path, model: OpenAIServer) -> Path:
    agent = 'description = "Counts"\nprofile = "cheap"\nmay_ask = ["user"]\n'
    settings = SETTINGS.format(base_url=model.base_url)
    return write_workspace_files(folder / "team", {"harness.toml": settings, "agents/scout/agent.toml": agent})


def harness(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    with begin(root, *arguments) as process:
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def begin(root: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "harness", *arguments, "--workspace", str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )


def requests(root: Path) -> tuple[RequestRecord, ...]:
    with peek(file_address(StateFolder(root / ".harness").database)) as look:
        return () if look is None else look.requests.listed()


def answers_waiting(root: Path) -> list[str]:
    items = json.loads(harness(root, "inbox", "--json").stdout)
    return [item["command"] for item in items if item["kind"] == "answer"]


def test_without_a_daemon_the_work_is_done_here_and_its_result_printed(tmp_path: Path) -> None:
    with OpenAIServer([FINISH]) as model:
        root = workspace(tmp_path, model)
        done = harness(root, "ask", "scout", "Count the kettles.", "--accept", "a number")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["There are two kettles.", "", "next  buy a third"]
    (record,) = requests(root)
    assert f"{record.id}: scout has it" in done.stderr
    assert f"{record.id}: done (PASS); its whole story: harness bus show {record.id}" in done.stderr
    assert record.noticed_at is not None  # it was read, and waits in no inbox


def test_what_is_rejected_is_printed_as_well_and_is_no_success(tmp_path: Path) -> None:
    reject = call_tools(
        ToolCall("c1", "reject", json.dumps({"reason": "There is no kitchen.", "missing": ["a kitchen"]}))
    )
    with OpenAIServer([reject]) as model:
        done = harness(workspace(tmp_path, model), "ask", "scout", "Count the kettles.", "--json")
    assert done.returncode == 1, done.stderr
    story = json.loads(done.stdout)
    assert (story["result"], story["final"]["actions"]) == ("rejected", ["a kitchen"])


def test_the_person_answers_what_the_work_asks_of_them_and_the_work_goes_on(tmp_path: Path) -> None:
    def script(request: ChatRequest) -> ChatAnswer:
        return (
            FINISH
            if any("The blue ones." in str(message["content"]) for message in request.messages)
            else ASK_THE_PERSON
        )

    with OpenAIServer(script) as model:
        root = workspace(tmp_path, model)
        with begin(root, "ask", "scout", "Count the kettles.") as asking:
            assert asking.stderr is not None
            line = next(line for line in iter(asking.stderr.readline, "") if "asks you" in line)
            (question,) = (record for record in requests(root) if record.receiver == "user")
            assert f"scout asks you: Which kettles? (in another terminal: harness bus answer {question.id}" in line
            assert harness(root, "bus", "answer", question.id, "The blue ones.").returncode == 0
            out, err = asking.communicate(timeout=60)
        assert (asking.returncode, out.splitlines()[0]) == (0, "There are two kettles."), err
        assert len(model.requests) == 2


def test_a_daemon_does_it_and_what_was_asked_of_nobody_waiting_waits_in_the_inbox(tmp_path: Path) -> None:
    with OpenAIServer([FINISH, FINISH]) as model, daemon_on(workspace(tmp_path, model)) as daemon:
        daemon.start()
        done = harness(daemon.root, "ask", "scout", "Count the kettles.")
        assert (done.returncode, done.stdout.splitlines()[0]) == (0, "There are two kettles."), done.stderr
        left = harness(daemon.root, "ask", "scout", "Count the pots.", "--no-wait").stdout.strip()
        wait_until(lambda: all(not record.is_open for record in requests(daemon.root)))
        assert answers_waiting(daemon.root) == [f"harness bus show {left}"]
        harness(daemon.root, "bus", "show", left)
        assert answers_waiting(daemon.root) == []


def test_ctrl_c_leaves_the_request_open_and_says_how_to_end_it(tmp_path: Path) -> None:
    with OpenAIServer([delay(say("never"), None)]) as model, daemon_on(workspace(tmp_path, model)) as daemon:
        daemon.start()
        with begin(daemon.root, "ask", "scout", "Count the kettles.") as asking:
            model.wait_for(1, 30)
            asking.send_signal(signal.SIGINT)
            _, err = asking.communicate(timeout=60)
        (record,) = requests(daemon.root)
        assert (asking.returncode, record.state) == (130, RequestState.CONFIRMED), err
        assert f"{record.id} stays open" in err
        assert f"harness bus cancel {record.id}" in err
        assert harness(daemon.root, "bus", "cancel", record.id).returncode == 0
        wait_until(lambda: all(not fire.state.is_open for fire in daemon.fires()))


def test_the_wait_outlives_a_daemon_that_is_killed_and_started_anew(tmp_path: Path) -> None:
    with OpenAIServer([delay(FINISH, None), FINISH]) as model, daemon_on(workspace(tmp_path, model)) as daemon:
        daemon.start()
        with begin(daemon.root, "ask", "scout", "Count the kettles.") as asking:
            model.wait_for(1, 30)
            daemon.end(signal.SIGKILL)
            daemon.start()
            out, err = asking.communicate(timeout=120)
        assert (asking.returncode, out.splitlines()[0]) == (0, "There are two kettles."), err


def test_a_program_sends_through_the_database_and_the_daemon_works_on_it(tmp_path: Path) -> None:
    with OpenAIServer([FINISH]) as model, daemon_on(workspace(tmp_path, model)) as daemon:
        daemon.start()
        with open_bus(daemon.root, {}) as bus:
            sent = bus.send("scout", "Count the kettles.")
            final = bus.wait(sent.standing.request.id, timeout_s=60)
        assert (final.result, final.conclusion) == ("done", "There are two kettles.")
