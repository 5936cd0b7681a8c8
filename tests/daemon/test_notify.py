"""What a service manager hears, over a real datagram socket."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.daemon.notify import service_manager


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(10)
        yield listener


def test_a_service_manager_hears_of_the_start_of_the_life_and_of_the_end(tmp_path: Path) -> None:
    address = str(tmp_path / "n")
    with listening(address) as listener:
        manager = service_manager({"NOTIFY_SOCKET": address})
        manager.ready("ready: 6 agents,\nnext at Mon 08:00")
        manager.alive()
        manager.stopping("draining: 2 runs in flight", 35)
        heard = [listener.recv(4096).decode() for _ in range(3)]
    assert heard == [
        "READY=1\nSTATUS=ready: 6 agents, next at Mon 08:00",
        "WATCHDOG=1",
        "STOPPING=1\nSTATUS=draining: 2 runs in flight\nEXTEND_TIMEOUT_USEC=35000000",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has abstract sockets")
def test_an_abstract_socket_is_written_with_an_at_sign() -> None:
    name = f"harness-test-{os.getpid()}"
    with listening(f"\0{name}") as listener:
        service_manager({"NOTIFY_SOCKET": f"@{name}"}).alive()
        assert listener.recv(100) == b"WATCHDOG=1"


def test_a_manager_that_is_gone_or_does_not_listen_holds_up_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    unheard = service_manager({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    unheard.alive()
    unheard.alive()
    assert caplog.text.count("did not take 'WATCHDOG=1'") == 1
    caplog.clear()
    with listening(str(tmp_path / "full")):
        manager = service_manager({"NOTIFY_SOCKET": str(tmp_path / "full")})
        for _ in range(100_000):
            manager.alive()
            if caplog.text:
                break
    assert caplog.records[-1].levelno == logging.WARNING


@pytest.mark.parametrize(
    ("environ", "starts_again"),
    [({}, False), ({"NOTIFY_SOCKET": "/run/n"}, True), ({"HARNESS_SERVICE": "launchd"}, True)],
)
def test_only_where_somebody_starts_it_again_may_the_daemon_give_itself_up(
    environ: dict[str, str], starts_again: bool
) -> None:
    assert service_manager(environ).starts_again is starts_again


def test_in_a_terminal_nothing_is_said() -> None:
    service_manager({}).ready("ready")
