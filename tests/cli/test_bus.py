"""`harness bus` without a daemon: what is asked, shown, answered and settled is written down at once."""

from __future__ import annotations

import json
import socket
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from harness.bus.finals import bury, finish
from harness.bus.log import append, standing_of
from harness.bus.sending import send
from harness.domain.cause import dead_letter_cause
from harness.domain.request import Final, Progressed, Situation, request_run
from harness.store.incidents import open_incident
from harness.store.runs import claim_runs
from harness.store.suspensions import Awaited, suspend_for
from harness.testing.workspace import write_workspace_files
from tests.bus.team_of import ask, team_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from harness.store.state_folder import StateFolder
    from tests.cli.conftest import CommandLine, Ledger

NOW = datetime.now(UTC)  # noqa: TID251 - the command looks at the real clock
TEAM = team_of("zoe", "scout")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_workspace_files(
        tmp_path / "team",
        {
            "agents/zoe/SOUL.md": "You are zoe.\n",
            "agents/zoe/AGENTS.md": "Ask others.\n",
            "agents/zoe/agent.toml": 'description = "Asks"\nprofile = "cheap"\nmay_ask = ["scout"]\n',
        },
    )


def sent(ledger: Ledger, *parties: str, **fields: Any) -> str:
    made: list[str] = []
    wanted = ask(*parties, **{"due_at": NOW + timedelta(hours=1), **fields})
    ledger.write(lambda connection: made.append(send(connection, wanted, TEAM, NOW).standing.request.id))
    return made[0]


def died(ledger: Ledger, request_id: str, situation: Situation = Situation.WORKING) -> None:
    def work(connection: Connection) -> None:
        standing = standing_of(connection, request_id)
        bury(connection, standing, Final("timed_out", "it took too long"), situation, by="system", now=NOW)

    ledger.write(work)


def document(harness: CommandLine, *arguments: str) -> Any:
    done = harness(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_is_sent_is_confirmed_at_once_and_keeps_all_its_fields(harness: CommandLine, ledger: Ledger) -> None:
    options = ["--due", "2h", "--background", "b", "--expect", "e", "--accept", "a1", "--accept", "a2"]
    options += ["--input", "USER.md", "--fallback", "f", "--priority", "high", "--key", "k", "--from", "zoe"]
    answer = document(harness, "bus", "send", "scout", "count the kettles", *options)
    assert (answer["state"], answer["is_new"]) == ("confirmed", True)
    story = document(harness, "bus", "show", answer["request"])
    wanted: Mapping[str, Any] = {
        "from": "zoe", "to": "scout", "task": "count the kettles", "background": "b", "expected_output": "e",
        "acceptance": ["a1", "a2"], "inputs": ["USER.md"], "fallback": "f", "priority": "high", "key": "k",
    }  # fmt: skip
    assert {name: story[name] for name in wanted} == wanted
    due_in = datetime.fromisoformat(story["due_at"]) - datetime.fromisoformat(story["made_at"])
    assert timedelta(hours=2) - due_in < timedelta(minutes=2)
    assert [event["kind"] for event in story["log"]] == ["requested", "delivered", "confirmed"]
    again = document(harness, "bus", "send", "scout", "count the kettles", "--key", "k", "--from", "zoe")
    assert again == {"request": answer["request"], "state": "confirmed", "is_new": False}


def test_a_request_is_taken_from_a_file_and_what_is_wrong_with_one_is_told_with_its_line(
    harness: CommandLine, root: Path, ledger: Ledger
) -> None:
    file = root / "request.md"
    file.write_text("---\nto: scout\ndue: 2h\naccept: [short]\n---\nCount the kettles.\n")
    story = document(harness, "bus", "show", document(harness, "bus", "send", "--file", "request.md")["request"])
    assert (story["task"], story["acceptance"]) == ("Count the kettles.", ["short"])
    file.write_text("---\nto: scut\n---\nCount the kettles.\n")
    wrong = harness("bus", "send", "--file", "request.md")
    assert (wrong.returncode, wrong.stderr.startswith("request.md:2: ")) == (2, True), wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["send", "scut", "x"], "did you mean scout"),
        (["send", "scout"], "say whom to ask and what"),
        (["send", "scout", " "], "the task is empty"),
        (["send", "scout", "x", "--file", "y.md"], "not both"),
        (["send", "--file", "nowhere.md"], "nowhere.md: there is no such file; name one that is there"),
        (["send", "scout", "x", "--due", "soon"], "--due: 'soon' is not a moment"),
        (["send", "scout", "x", "--priority", "urgent"], "write high, normal, low"),
        (["send", "system", "x"], "nobody works on what is asked of system; give it a watch"),
        (["send", "system", "x", "--watch-file", "a", "--watch-job", "scout/morning"], "one thing"),
        (["show", "r-nothing"], "there is no request 'r-nothing'"),
        (["cancel", "r-nothing"], "there is no request 'r-nothing'"),
        (["drop", "r-nothing", "--reason", " "], "the reason is empty"),
        (["answer", "r-nothing", "x", "--result", "maybe"], "write done or failed or rejected"),
        (["list", "--agent", "scut"], "did you mean scout"),
    ],
)
def test_what_cannot_be_meant_is_told_with_what_can(
    harness: CommandLine, ledger: Ledger, arguments: list[str], words: str
) -> None:
    done = harness("bus", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def hang_up(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    connection.recv(65_536)
    connection.close()


def test_a_daemon_that_dies_over_it_leaves_the_key_with_which_it_is_sent_once(
    harness: CommandLine, state: StateFolder
) -> None:
    with TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        # A socket's own path must be short; the state folder points to it, as the daemon has it.
        listener.bind(f"{folder}/s")
        state.control_socket.symlink_to(f"{folder}/s")
        listener.settimeout(60)
        listener.listen()
        daemon = threading.Thread(target=lambda: hang_up(listener))
        daemon.start()
        done = harness("bus", "send", "scout", "count")
        daemon.join()
    assert done.returncode == 75
    key = done.stderr.partition("repeated with the key ")[2].split()[0]
    assert document(harness, "bus", "send", "scout", "count", "--key", key)["is_new"] is True
    assert document(harness, "bus", "send", "scout", "count", "--key", key)["is_new"] is False


def test_whoever_sends_without_a_daemon_is_told_that_nobody_goes_on_with_it(
    harness: CommandLine, ledger: Ledger
) -> None:
    for arguments in (["bus", "send", "scout", "x"], ["ask", "scout", "x", "--no-wait"]):
        done = harness(*arguments)
        assert (done.returncode, done.stderr) == (0, "no daemon is there to go on with it: harness up\n")
    assert harness("bus", "send", "user", "buy milk", "--from", "zoe").stderr == ""  # which no daemon does


def test_a_watch_is_open_without_anybody_working_on_it(harness: CommandLine, ledger: Ledger) -> None:
    answer = document(harness, "bus", "send", "system", "the export is there", "--watch-file", "out/*.csv")
    story = document(harness, "bus", "show", answer["request"])
    assert (story["state"], story["is_watched"], story["runs"]) == ("requested", True, [])
    assert story["watch"] == {"file": "out/*.csv", "job": None, "at": None}
    assert "becomes final by itself when the file out/*.csv appears" in harness("bus", "show", answer["request"]).stdout
    assert "watching" in harness("bus").stdout


def test_open_requests_come_first_and_what_is_over_shows_with_all(harness: CommandLine, ledger: Ledger) -> None:
    over, working = sent(ledger, "zoe", "scout", "over"), sent(ledger, "user", "zoe", "working")
    assert harness("bus", "cancel", over).returncode == 0
    assert [row["request"] for row in document(harness, "bus", "list")] == [working]
    assert [row["request"] for row in document(harness, "bus", "list", "--all")] == [working, over]
    assert [row["request"] for row in document(harness, "bus", "list", "--all", "--agent", "scout")] == [over]
    assert [row["request"] for row in document(harness, "bus", "list", "--sender", "user")] == [working]
    assert [row["request"] for row in document(harness, "bus", "list", "--state", "final")] == [over]
    (line,) = [line for line in harness("bus", "list", "--all", "--limit", "1").stdout.splitlines() if "more" in line]
    assert line == "and more: harness bus list --limit 5"


def test_the_beginning_of_an_id_is_enough_where_it_is_the_only_one(harness: CommandLine, ledger: Ledger) -> None:
    first = sent(ledger, "zoe", "scout", "one")
    assert document(harness, "bus", "show", first[2:6])["request"] == first
    sent(ledger, "zoe", "scout", "two")
    several = harness("bus", "show", "r-")
    assert (several.returncode, "begins the ids of several requests" in several.stderr) == (2, True)
    near = f"{first[:-1]}{'x' if first[-1] != 'x' else 'y'}"
    assert f"did you mean {first}" in harness("bus", "show", near).stderr


def test_the_story_tells_the_log_the_chain_and_the_runs(harness: CommandLine, ledger: Ledger) -> None:
    above = sent(ledger, "user", "zoe", "above")
    below = sent(ledger, "zoe", "scout", "below", parent=above, parent_run=request_run(above, 1))
    ledger.write(lambda connection: append(connection, standing_of(connection, below), Progressed(1, "half done"),
                                           by="scout", now=NOW))  # fmt: skip
    ledger.write(lambda connection: suspend_for(connection, request_run(above, 1), [Awaited(below, "c")], "[]", NOW))
    story = document(harness, "bus", "show", below)
    assert (story["above"], document(harness, "bus", "show", above)["below"]) == ([above], [below])
    assert [run["run"] for run in story["runs"]] == [request_run(below, 1)]
    assert story["waiting"] == [{"run": request_run(above, 1), "continued_as": None}]
    assert [event["words"] for event in story["log"]][-2:] == ["scout has it", "half done"]
    words = " ".join(harness("bus", "show", below).stdout.split())
    for part in (
        f"asked for {above} user → zoe, confirmed: above",
        f"work harness runs show {request_run(below, 1)} (planned)",
        f"waited for harness runs show {request_run(above, 1)}",
        "confirmed, still working: scout has it",
        "no daemon is there to go on with it: harness up",
        f"harness bus cancel {below}",
    ):
        assert part in words


def test_a_request_to_the_person_is_answered_once(harness: CommandLine, root: Path, ledger: Ledger) -> None:
    request_id = sent(ledger, "zoe", "user", "which logo?")
    assert harness("bus", "answer", request_id, "x", "--evidence", "nowhere.md").returncode == 1
    done = harness("bus", "answer", request_id, "The second.", "--evidence", "USER.md", "--next", "use it")
    assert (done.returncode, done.stdout) == (0, f"{request_id} is answered: done\n")
    assert done.stderr == "no daemon is there to go on with it: harness up\n"
    final = document(harness, "bus", "show", request_id)["final"]
    assert (final["conclusion"], final["actions"]) == ("The second.", ["use it"])
    assert [one["path"] for one in final["evidence"]] == ["USER.md"]
    again = harness("bus", "answer", request_id, "The first.")
    assert (again.returncode, again.stderr.startswith(f"{request_id} is over already: done, ended ")) == (1, True)
    assert f"see: harness bus show {request_id}" in again.stderr


def test_the_story_of_what_waits_for_the_person_names_the_answer_that_it_waits_for(
    harness: CommandLine, ledger: Ledger
) -> None:
    above = sent(ledger, "user", "zoe", "above")
    below = sent(ledger, "zoe", "user", "which logo?", parent=above, parent_run=request_run(above, 1))
    advice = document(harness, "bus", "show", above)["advice"]
    assert f'answer what zoe asks you: harness bus answer {below} "…"' in advice


def test_a_conclusion_stands_in_the_story_once_and_its_situation_is_over_once_it_was_told(
    harness: CommandLine, ledger: Ledger
) -> None:
    late, cancelled = sent(ledger, "zoe", "scout"), sent(ledger, "user", "scout")
    died(ledger, late)
    shown = harness("bus", "show", late).stdout
    assert (shown.count("it took too long"), "timed out; confirmed, still working" in shown) == (1, True)
    assert document(harness, "bus", "show", late)["situation"] == "confirmed, still working"
    assert harness("bus", "cancel", cancelled).returncode == 0
    assert document(harness, "bus", "show", cancelled)["situation"] is None


def test_a_request_to_an_agent_is_not_the_persons_to_answer(harness: CommandLine, ledger: Ledger) -> None:
    done = harness("bus", "answer", sent(ledger, "zoe", "scout"), "x")
    assert (done.returncode, done.stderr.startswith("not-yours: ")) == (1, True)


def test_a_cancelled_request_takes_its_run_with_it(harness: CommandLine, ledger: Ledger) -> None:
    request_id = sent(ledger, "user", "scout")
    assert harness("bus", "cancel", request_id, "--reason", "found it").returncode == 0
    story = document(harness, "bus", "show", request_id)
    assert (story["result"], story["final"]["conclusion"]) == ("cancelled", "cancelled by user: found it")
    assert story["told_at"] is not None  # whoever takes it back knows
    assert [run["outcome"] for run in story["runs"]] == ["cancelled"]
    again = harness("bus", "cancel", request_id)
    assert (again.returncode, again.stderr.startswith(f"{request_id} is over already: cancelled")) == (1, True)


def test_a_dead_letter_names_its_reason_and_the_commands_and_can_be_given_up(
    harness: CommandLine, ledger: Ledger
) -> None:
    assert harness("bus", "dead").stdout == "no dead letters\n"
    request_id = sent(ledger, "zoe", "scout", "count")
    died(ledger, request_id)
    (letter,) = document(harness, "bus", "dead")
    assert (letter["reason"], letter["situation"]) == ("it took too long", "confirmed, still working")
    assert letter["resend"] == f"harness bus resend {request_id}"
    shown = harness("bus", "dead").stdout
    assert letter["resend"] in shown
    assert letter["drop"] in shown
    assert "confirmed, still working: scout had it" in shown
    assert "DEAD, timed out" in harness("bus").stdout
    dropped = harness("bus", "drop", request_id, "--reason", "not needed")
    assert (dropped.returncode, document(harness, "bus", "dead")) == (0, [])
    assert document(harness, "bus", "show", request_id)["dropped"] == "not needed"
    assert harness("bus", "drop", request_id, "--reason", "again").returncode == 1


def test_what_nobody_began_is_sent_again_and_what_was_begun_only_by_force(harness: CommandLine, ledger: Ledger) -> None:
    begun = sent(ledger, "zoe", "scout", "begun")
    ledger.write(lambda connection: claim_runs(connection, "me", 4, NOW, workflow_version=TEAM.workflow_version))
    died(ledger, begun)
    refused = harness("bus", "resend", begun)
    assert refused.returncode == 1
    assert f"risk it: harness bus resend {begun} --force" in refused.stderr
    assert "may-do-twice" in refused.stderr
    forced = document(harness, "bus", "resend", begun, "--force")
    assert document(harness, "bus", "show", begun)["resent_as"] == forced["request"]
    assert document(harness, "bus", "show", forced["request"])["resend_of"] == begun


def test_what_the_bus_refuses_is_told_with_the_rule_and_nothing_is_sent(harness: CommandLine, ledger: Ledger) -> None:
    done = harness("bus", "send", "zoe", "x", "--from", "zoe")
    assert (done.returncode, done.stdout) == (1, "")
    assert "zoe cannot ask zoe" in done.stderr
    assert document(harness, "bus", "list", "--all") == []


@pytest.mark.parametrize("arguments", ["bus", "bus list --all", "bus show {}", "bus dead", "inbox", "why {}", "ledger"])
def test_words_about_requests_fit_into_eighty_columns(harness: CommandLine, ledger: Ledger, arguments: str) -> None:
    task = f"count all the kettles in the kitchen, and say of each whether it leaks; {'x' * 30} {'x' * 30} {'x' * 30}"
    request_id = sent(ledger, "zoe", "scout", task, background=task, acceptance=(task, task))
    sent(ledger, "zoe", "user", task)
    died(ledger, request_id)
    done = harness(*arguments.format(request_id).split())
    assert done.returncode == 0
    assert done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


def test_why_takes_a_request_its_job_and_its_run(harness: CommandLine, ledger: Ledger) -> None:
    request_id = sent(ledger, "zoe", "scout")
    for subject in (request_id, f"scout/request:{request_id}", request_run(request_id, 1)):
        why = document(harness, "why", subject)
        assert (why["job"], why["request"]["request"]) == (f"scout/request:{request_id}", request_id)
        assert why["advice"] == why["request"]["advice"]
    assert why["run"]["request"] == request_id
    assert "there is no request 'r-nothing'" in harness("why", "r-nothing").stderr


def test_the_ledger_says_what_a_request_was_for(harness: CommandLine, ledger: Ledger) -> None:
    sent(ledger, "zoe", "scout", "count the kettles")
    day = NOW.astimezone(ZoneInfo("America/Los_Angeles")).date().isoformat()
    shown = " ".join(harness("ledger", "--date", day).stdout.split())
    assert '"count the kettles" for zoe; it is planned, and nobody is at work on it' in shown


@pytest.mark.parametrize("verb", ["retry", "fork"])
def test_the_work_on_a_request_is_not_done_over_as_a_run(harness: CommandLine, ledger: Ledger, verb: str) -> None:
    request_id = sent(ledger, "zoe", "scout")
    done = harness("runs", verb, request_run(request_id, 1))
    assert done.returncode == 2
    assert f"harness bus resend {request_id}" in done.stderr


def test_status_counts_the_requests_and_tells_a_dead_letter_once(harness: CommandLine, ledger: Ledger) -> None:
    assert "requests   none open" in harness("status").stdout
    died(ledger, sent(ledger, "zoe", "scout", "one"))
    sent(ledger, "zoe", "user", "two")
    request_id = document(harness, "bus", "dead")[0]["request"]
    ledger.write(lambda connection: open_incident(connection, dead_letter_cause(request_id), "zoe asked", NOW))
    assert document(harness, "status")["incidents"] != []
    assert "incidents  none open" in harness("status").stdout
    findings = json.loads(harness("doctor", "--json").stdout)["findings"]
    assert [one["fix"] for one in findings if one["code"] == "incident"] == ["harness bus dead"]
    assert document(harness, "status")["requests"] == {"open": 1, "for_you": 1, "dead": 1}
    assert "1 open, 1 for you, 1 dead letter: harness inbox" in harness("status").stdout


def test_what_its_worker_found_wanting_is_not_listed_as_plainly_done(harness: CommandLine, ledger: Ledger) -> None:
    ids = [sent(ledger, "zoe", "scout", task) for task in ("good", "bad")]
    finals = (Final("done", "x", verdict="PASS"), Final("done", "x", verdict="FAIL"))

    def end(connection: Connection) -> None:
        for request_id, final in zip(ids, finals, strict=True):
            finish(connection, standing_of(connection, request_id), final, by="scout", now=NOW)

    ledger.write(end)
    listed = {record["request"]: record["verdict"] for record in document(harness, "bus", "list", "--all")}
    assert listed == {ids[0]: "PASS", ids[1]: "FAIL"}
    lines = harness("bus", "list", "--all").stdout
    assert "done (FAIL), ended" in lines
    assert "done, ended" in lines
