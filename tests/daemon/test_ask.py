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


JOB = "---\nschedule: daily 03:00\ndeliver: digest\n---\nReport what scout counts.\n"
ASK_SCOUT = call_tools(ToolCall("c1", "ask", json.dumps({"to": "scout", "task": "Count the kettles.", "wait": True})))


def two_agents(folder: Path, model: OpenAIServer) -> Path:
    return write_workspace_files(
        workspace(folder, model),
        {
            "harness.toml": SETTINGS.format(base_url=model.base_url),
            "agents/scout/agent.toml": 'description = "Counts"\nprofile = "cheap"\n',
            "agents/zoe/SOUL.md": "You are zoe.\n",
            "agents/zoe/AGENTS.md": "Ask scout.\n",
            "agents/zoe/agent.toml": 'description = "Asks"\nprofile = "cheap"\nmay_ask = ["scout"]\n',
            "agents/zoe/jobs/report.md": JOB,
        },
    )


def play_both(request: ChatRequest) -> ChatAnswer:
    """Play zoe, who asks scout and reports what it says, and scout, who counts."""
    tools = {tool["function"]["name"] for tool in request.body.get("tools", ())}
    if "finish" in tools:
        return FINISH
    is_answered = any("There are two kettles." in str(message["content"]) for message in request.messages)
    return say("# Report\n\nScout counted two kettles.\n") if is_answered else ASK_SCOUT


def test_a_job_that_asks_another_agent_is_done_to_its_end_without_a_daemon(tmp_path: Path) -> None:
    with OpenAIServer(play_both) as model:
        root = two_agents(tmp_path, model)
        done = harness(root, "run", "zoe/report", "--json")
        assert (done.returncode, json.loads(done.stdout or "{}").get("state")) == (0, "delivered"), done.stderr
        assert len(model.requests) == 3
    (record,) = requests(root)
    assert (record.result, record.parent_run is not None) == ("done", True)


def test_a_job_that_asks_another_agent_is_waited_for_at_a_daemon(tmp_path: Path) -> None:
    with OpenAIServer(play_both) as model, daemon_on(two_agents(tmp_path, model)) as daemon:
        daemon.start()
        done = harness(daemon.root, "run", "zoe/report", "--json")
        assert (done.returncode, json.loads(done.stdout or "{}").get("state")) == (0, "delivered"), done.stderr


def test_a_run_that_waits_for_the_person_says_so_and_which_command_answers(tmp_path: Path) -> None:
    def script(request: ChatRequest) -> ChatAnswer:
        is_answered = any("The blue ones." in str(message["content"]) for message in request.messages)
        return FINISH if is_answered else ASK_THE_PERSON

    with OpenAIServer(script) as model, daemon_on(workspace(tmp_path, model)) as daemon:
        daemon.start()
        harness(daemon.root, "ask", "scout", "Count the kettles.", "--no-wait")
        wait_until(lambda: any(record.waits_for_person for record in requests(daemon.root)))
        (question,) = (record for record in requests(daemon.root) if record.waits_for_person)
        assert question.parent_run is not None
        wait_until(lambda: "suspended" in harness(daemon.root, "runs").stdout)
        shown = " ".join(harness(daemon.root, "runs", "show", question.parent_run).stdout.split())
        assert f"it waits for your answer to scout, “Which kettles?”: harness bus answer {question.id}" in shown
        story = json.loads(harness(daemon.root, "why", question.parent_run, "--json").stdout)
        assert story["run"]["state"] == "suspended"
        document = json.loads(harness(daemon.root, "runs", "show", question.parent_run, "--json").stdout)
        assert document["waits_for"] == [question.id]
        assert harness(daemon.root, "bus", "answer", question.id, "The blue ones.").returncode == 0
        wait_until(lambda: all(not record.is_open for record in requests(daemon.root)))
