"""Duties of the daemon that fail and work again."""

from __future__ import annotations

import asyncio
import logging

import pytest

from harness.daemon.supervise import Supervisor
from harness.domain.errors import OwnerError, TransientError


class _Notebook:
    """Incidents in memory, on a disk that can be full."""

    def __init__(self) -> None:
        self.is_full = False
        self.open_causes: dict[str, str] = {}
        self.writes = 0
        self.told: list[str] = []

    def open(self, cause: str, message: str, *, run_id: str | None = None) -> None:
        self._write()
        self.told.append(message)
        self.open_causes[cause] = message

    def resolve(self, cause: str) -> None:
        self._write()
        self.open_causes.pop(cause, None)

    def _write(self) -> None:
        if self.is_full:
            raise OwnerError("harness.db", None, "the disk is full", "free some space")
        self.writes += 1


def _fails() -> str:
    raise TransientError("the database is locked")


def _works() -> str:
    return "done"


def _messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_duty_that_works_again_is_told_also_where_its_incident_could_not_be_written(
    caplog: pytest.LogCaptureFixture,
) -> None:
    notebook = _Notebook()
    supervisor = Supervisor(notebook)

    async def day() -> None:
        notebook.is_full = True
        assert await supervisor.guarded("outbox", _fails) is None
        assert await supervisor.guarded("outbox", _works) == "done"
        assert await supervisor.guarded("outbox", _works) == "done"
        notebook.is_full = False
        assert await supervisor.guarded("outbox", _works) == "done"

    with caplog.at_level(logging.INFO, "harness.daemon"):
        asyncio.run(day())
    assert _messages(caplog).count("outbox failed: the database is locked") == 1
    assert _messages(caplog).count("outbox works again") == 1
    assert notebook.open_causes == {}


def test_an_outage_is_written_down_when_it_can_be_also_where_other_work_succeeded_before() -> None:
    notebook = _Notebook()
    supervisor = Supervisor(notebook)

    async def day() -> None:
        notebook.is_full = True
        await supervisor.guarded("tick", _fails)
        # A ping needs no database, and works while that is away.
        await supervisor.guarded("ping", _works)
        notebook.is_full = False
        await supervisor.guarded("ping", _works)

    asyncio.run(day())
    assert notebook.told == ["for a while nothing could be recorded: the database is locked"]


def test_an_incident_that_cannot_be_closed_at_once_is_closed_when_it_can_be() -> None:
    notebook = _Notebook()
    supervisor = Supervisor(notebook)

    async def day() -> None:
        await supervisor.guarded("outbox", _fails)
        assert "daemon outbox" in notebook.open_causes
        notebook.is_full = True
        await supervisor.guarded("outbox", _works)
        assert "daemon outbox" in notebook.open_causes
        notebook.is_full = False
        await supervisor.guarded("outbox", _works)

    asyncio.run(day())
    assert "daemon outbox" not in notebook.open_causes


def test_what_an_earlier_life_of_the_daemon_left_open_is_closed_by_the_first_success_and_looked_at_once() -> None:
    notebook = _Notebook()
    notebook.open_causes["daemon tick"] = "the database is locked"
    supervisor = Supervisor(notebook)

    async def day() -> None:
        for _ in range(5):
            await supervisor.guarded("tick", _works)

    asyncio.run(day())
    assert notebook.open_causes == {}
    assert notebook.writes == 1
