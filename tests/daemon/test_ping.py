"""The sign of life goes out while the tick works, and a failure of it is told."""

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.daemon.ping import Ping, is_due, works
from harness.domain.settings import Egress, Watchdog
from harness.gate.egress import SystemResolver, WebDoor
from harness.testing.clock import VirtualClock
from harness.testing.openai_server import OpenAIServer
from harness.testing.web_server import WebReply, WebServer
from tests.daemon.daemon_process import daemon_on, serve_feed, wait_until, write_workspace

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Told:
    """Incidents that are remembered."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, str]] = []
        self.resolved: list[str] = []

    def open(self, cause: str, message: str, *, run_id: str | None = None) -> None:
        self.opened.append((cause, message))

    def resolve(self, cause: str) -> None:
        self.resolved.append(cause)


class World:
    """A ping, the clock that it looks at, and the answers of the other side."""

    def __init__(self, web: WebServer, *, loopback: bool = True) -> None:
        self.web = web
        self.clock = VirtualClock(NOW)
        self.told = Told()
        self.tick_age_s: float | None = 0.5
        self.settings = Watchdog(ping_url=web.serve("/ping/secret-id", WebReply(b"OK")), every_s=60)
        self.ping = Ping(
            WebDoor(Egress(loopback=loopback), SystemResolver()),
            self.told,
            settings=lambda: self.settings,
            tick_age_s=lambda: self.tick_age_s,
            now=self.clock.now,
        )

    def answer(self, status: int) -> None:
        self.web.serve("/ping/secret-id", WebReply(b"", status=status))

    def look(self, after_s: float = 0.0) -> bool:
        self.clock.advance(after_s)
        return asyncio.run(self.ping.send_if_due())

    @property
    def pings(self) -> int:
        return self.web.count("/ping/secret-id")


def test_it_goes_out_once_in_every_period() -> None:
    with WebServer() as web:
        world = World(web)
        sent = [world.look(after_s=10) for _ in range(13)]
        assert [position for position, was_sent in enumerate(sent) if was_sent] == [0, 6, 12]
        assert world.pings == 3
        assert world.told.opened == []


def test_a_daemon_whose_tick_does_not_work_sends_none() -> None:
    with WebServer() as web:
        world = World(web)
        world.tick_age_s = None
        assert not world.look()
        world.tick_age_s = 31.0
        assert not world.look(after_s=3600)
        assert world.pings == 0
        world.tick_age_s = 29.0
        assert world.look()


def test_the_third_failure_in_a_row_is_told_without_the_secret_and_a_success_ends_it() -> None:
    with WebServer() as web:
        world = World(web)
        world.answer(503)
        world.look()
        world.look(after_s=60)
        assert world.told.opened == []
        world.look(after_s=60)
        assert world.told.opened == [
            ("watchdog ping", "the ping to 127.0.0.1 has failed 3 times in a row: it answered 503")
        ]
        world.answer(200)
        world.look(after_s=60)
        assert world.told.resolved == ["watchdog ping"]
        world.answer(503)
        world.look(after_s=60)
        assert len(world.told.opened) == 1


def test_an_address_behind_the_door_says_what_can_grant_it() -> None:
    with WebServer() as web:
        world = World(web, loopback=False)
        for _ in range(3):
            world.look(after_s=60)
        [(_, message)] = world.told.opened
        assert "[egress] in harness.toml can grant it" in message
        assert world.pings == 0


def test_an_address_that_is_taken_out_of_the_settings_ends_the_incident_of_an_earlier_life() -> None:
    with WebServer() as web:
        world = World(web)
        world.settings = Watchdog()
        assert not world.look()
        assert not world.look()
        assert world.told.resolved == ["watchdog ping"]


@pytest.mark.parametrize("seconds", [60, 61, 8 * 3600, -1, -86_400])
def test_a_machine_that_slept_or_whose_clock_was_set_pings_at_once(seconds: int) -> None:
    assert is_due(NOW, NOW + timedelta(seconds=seconds), 60)
    assert not is_due(NOW, NOW + timedelta(seconds=59), 60)


def test_a_tick_counts_for_thirty_seconds() -> None:
    assert works(0.0)
    assert not works(30.0)
    assert not works(None)


@pytest.mark.slow
def test_a_daemon_at_work_pings_the_address_of_its_settings(tmp_path: Path) -> None:
    with WebServer() as web, OpenAIServer([]) as model:
        serve_feed(web)
        url = web.serve("/ping", WebReply(b"OK"))
        root = write_workspace(tmp_path / "w", web, model)
        settings = (root / "harness.toml").read_text()
        (root / "harness.toml").write_text(f'{settings}\n[watchdog]\nping_url = "{url}"\nevery = "1h"\n')
        with daemon_on(root) as daemon:
            daemon.start()
            wait_until(lambda: web.count("/ping") == 1)
            assert daemon.end(signal.SIGTERM) == 0
        assert web.count("/ping") == 1
