"""What the daemon answers about requests on its control socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.daemon.bus_commands import BusCommands
from harness.domain.errors import HarnessError, Refused
from harness.testing.workspace import write_workspace_files
from harness.wiring.bus import Bus, open_bus


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    with open_bus(write_workspace_files(tmp_path / "team"), {}) as opened:
        yield opened


class Desk:
    """Gives commands as the control socket does, and counts how often the daemon was woken."""

    def __init__(self, bus: Bus) -> None:
        self.woken = 0
        self._handlers = BusCommands(bus, self._wake).handlers()

    def __call__(self, command: str, **arguments: Any) -> dict[str, Any]:
        async def answer() -> dict[str, Any]:
            answered = self._handlers[command](arguments)
            assert not isinstance(answered, AsyncIterator)
            return await answered

        return asyncio.run(answer())

    def _wake(self) -> None:
        self.woken += 1


def test_every_change_wakes_the_daemon_and_what_fails_does_not(bus: Bus) -> None:
    desk = Desk(bus)
    sent = desk("bus_send", receiver="scout", task="count", key="k")
    assert (sent["state"], sent["is_new"], desk.woken) == ("confirmed", True, 1)
    with pytest.raises(HarnessError, match="this is no request"):
        desk("bus_send", receiver="scout")
    assert desk.woken == 1
    assert desk("bus_cancel", request=sent["request"], reason="enough")["state"] == "final"
    assert desk.woken == 2


def test_the_person_answers_through_the_daemon_and_reading_it_is_noted_once(bus: Bus) -> None:
    desk = Desk(bus)
    question = bus.send("user", "which?", sender="scout").standing.request.id
    answered = desk("bus_answer", request=question, conclusion="the second", evidence=None, actions=["go on"])
    assert answered == {"request": question, "state": "final"}
    final = bus.show(question).final
    assert final is not None
    assert (final.result, final.conclusion, final.actions) == ("done", "the second", ("go on",))
    assert desk("bus_read", request=question) == {"changed": False}  # it is scout's to hear of


@pytest.mark.parametrize("command", ["bus_answer", "bus_cancel", "bus_resend", "bus_drop", "bus_read"])
def test_a_command_without_the_id_of_a_request_is_refused(bus: Bus, command: str) -> None:
    with pytest.raises(HarnessError, match="this needs the id of a request"):
        Desk(bus)(command, request=7)


def test_what_the_bus_refuses_keeps_the_name_of_its_rule(bus: Bus) -> None:
    mine = bus.send("scout", "count").standing.request.id
    with pytest.raises(Refused, match="not-yours"):
        Desk(bus)("bus_answer", request=mine, conclusion="two")
