"""The Python API of the bus, as programs use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.bus.finals import bury
from harness.bus.log import UnknownRequest, standing_of
from harness.domain.errors import HarnessError, Refused, ToolError, TransientError
from harness.domain.request import Dropped, Final, IllegalTransition, RequestState, Resent, Situation, Watch
from harness.store.address import URL_VARIABLE, DatabaseAddress, database_address
from harness.store.database import Database
from harness.testing.workspace import SAMPLE_FILES, write_workspace_files
from harness.wiring.bus import Bus, ask_of, open_bus

SCRIPT = """
import sys
from pathlib import Path

import harness

with harness.open_bus(Path(sys.argv[1]), {}) as bus:
    sent = bus.send("scout", "Count the kettles.", key="daily", acceptance=["a number"])
    print(sent.standing.request.id, sent.standing.state, sent.is_new)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    settings = SAMPLE_FILES["harness.toml"]
    return write_workspace_files(tmp_path / "team", {"harness.toml": f'team = "kitchen"\n{settings}'})


@pytest.fixture
def environ(address: DatabaseAddress) -> dict[str, str]:
    """What names a database of either kind: the server's, or the file in the state folder."""
    return {} if address.kind == "sqlite" else {URL_VARIABLE: address.url}


@pytest.fixture
def bus(root: Path, environ: dict[str, str]) -> Iterator[Bus]:
    with open_bus(root, environ) as opened:
        yield opened


@pytest.fixture
def die(root: Path, environ: dict[str, str], bus: Bus) -> Iterator[Callable[[str], None]]:
    """Ends a request as the tick does when its time is over."""
    database = Database.connect(database_address(root, environ))

    def bury_it(request_id: str) -> None:
        with database.write(alone=True) as connection:
            standing = standing_of(connection, request_id)
            now, final = standing.request.due_at, Final("timed_out", "it took too long")
            bury(connection, standing, final, Situation.WORKING, by="system", now=now)

    yield bury_it
    database.close()


def sent(bus: Bus, receiver: str = "scout", sender: str = "user") -> str:
    return bus.send(receiver, "Count the kettles.", sender=sender).standing.request.id


def test_a_plain_script_asks_and_asking_again_with_its_key_is_the_same_request(root: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(Path(harness.__file__).parents[1])}
    ran = [
        subprocess.run(
            [sys.executable, "-W", "error", "-c", SCRIPT, str(root)],
            env=environ, capture_output=True, text=True, check=False,
        )
        for _ in range(2)
    ]  # fmt: skip
    assert [one.returncode for one in ran] == [0, 0], ran
    (first, *_), (second, *_) = ids = [one.stdout.split() for one in ran]
    assert first == second
    assert [one[1:] for one in ids] == [["confirmed", "True"], ["confirmed", "False"]]


def test_importing_the_package_loads_nothing_of_it() -> None:
    code = "import harness, sys, json; print(json.dumps([m for m in sys.modules if m.startswith('harness')]))"
    environ = {**os.environ, "PYTHONPATH": str(Path(harness.__file__).parents[1])}
    ran = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == ["harness"]
    assert harness.open_bus is open_bus
    with pytest.raises(AttributeError, match="has no attribute 'invented'"):
        harness.invented  # noqa: B018


def test_what_was_sent_can_be_shown_listed_and_its_log_read(bus: Bus) -> None:
    request_id = sent(bus)
    assert bus.show(request_id).state is RequestState.CONFIRMED
    assert [row.id for row in bus.list(receiver="scout", state=RequestState.CONFIRMED)] == [request_id]
    assert bus.list(sender="zoe") == ()
    assert [event.body.kind for event in bus.log(request_id)] == ["requested", "delivered", "confirmed"]
    assert bus.log("r-nothing") == ()
    with pytest.raises(UnknownRequest):
        bus.show("r-nothing")


def test_the_person_answers_once_with_evidence_that_exists(bus: Bus) -> None:
    request_id = sent(bus, "user", "scout")
    with pytest.raises(ToolError, match=r"nowhere\.md: there is no such file"):
        bus.answer(request_id, "See the file.", evidence=["nowhere.md"])
    final = bus.answer(request_id, "See the file.", evidence=["USER.md"], verdict="PASS").final
    assert final is not None
    assert [one.path for one in final.evidence] == ["USER.md"]
    with pytest.raises(IllegalTransition):
        bus.answer(request_id, "Again.")
    with pytest.raises(Refused, match="not-yours"):
        bus.answer(sent(bus), "It is scout's.")


def test_waiting_ends_with_the_final_and_then_the_person_counts_as_told(bus: Bus, die: Callable[[str], None]) -> None:
    request_id = sent(bus)
    with pytest.raises(TransientError, match=r"is confirmed after 0 s; it stays open"):
        bus.wait(request_id, timeout_s=0)
    die(request_id)
    assert bus.show(request_id).noticed_at is None
    assert bus.wait(request_id, timeout_s=60).conclusion == "it took too long"
    assert bus.show(request_id).noticed_at is not None
    assert bus.note_read(request_id) is False


def test_the_end_of_another_ones_request_is_not_marked_as_told(bus: Bus) -> None:
    request_id = sent(bus, "user", "scout")
    bus.answer(request_id, "Yes.")
    assert bus.wait(request_id, timeout_s=60).conclusion == "Yes."
    assert bus.show(request_id).noticed_at is None


def test_who_takes_back_their_own_request_knows_it_and_whoever_asked_otherwise_does_not(bus: Bus) -> None:
    mine, theirs = sent(bus), sent(bus, "user", "scout")
    assert bus.cancel(mine, "found it").noticed_at is not None
    assert bus.cancel(theirs).noticed_at is None
    with pytest.raises(IllegalTransition):
        bus.cancel(mine)


def test_a_dead_letter_is_sent_again_or_given_up(bus: Bus, die: Callable[[str], None]) -> None:
    first, second = sent(bus, "user", "scout"), sent(bus, "user", "scout")
    for request_id in (first, second):
        die(request_id)
    assert {row.id for row in bus.list(dead=True)} == {first, second}
    with pytest.raises(Refused, match="may-do-twice"):
        bus.resend(first)  # the person had it
    again = bus.resend(first, force=True)
    assert bus.show(first).settled == Resent(again.standing.request.id)
    assert bus.drop(second, "not needed").settled == Dropped("not needed")
    assert bus.list(dead=True) == ()


def test_a_watch_is_asked_for_and_nobody_works_on_it(bus: Bus) -> None:
    made = bus.send("system", "the export is there", watch=Watch(file="out/*.csv")).standing
    assert (made.state, made.run_id) == (RequestState.REQUESTED, None)


@pytest.mark.parametrize("wrong", [{"receiver": "scout", "task": 3, "key": "k"}, {"receiver": "scout", "task": "x"}])
def test_a_command_that_is_no_request_is_refused_in_words(wrong: dict[str, Any]) -> None:
    with pytest.raises(HarnessError, match="this is no request"):
        ask_of(wrong)


def test_a_command_names_its_times_in_any_zone_and_the_person_asks_unless_it_says_who() -> None:
    order = {"receiver": "scout", "task": "x", "key": "k", "due_at": "2026-12-05T17:00:00+01:00"}
    assert ask_of(order).sender == "user"
    assert ask_of(order).due_at == datetime(2026, 12, 5, 16, 0, tzinfo=UTC)
