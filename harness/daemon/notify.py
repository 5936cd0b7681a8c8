"""What systemd is told: that the daemon is ready, that it goes on, that it is stopping. A datagram each.

Standard library only. Where no service manager listens, every word falls on nobody and costs nothing.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping

SOCKET = "NOTIFY_SOCKET"
SERVICE = "HARNESS_SERVICE"
"""Set by our own unit and plist: whoever set it starts the daemon again when it ends with a failure."""

log = logging.getLogger("harness.notify")


class ServiceManager:
    """Whoever keeps the daemon up, as far as the environment names one; `address` is systemd's socket."""

    def __init__(self, address: str = "", *, starts_again: bool = False) -> None:
        self._address = address
        self._is_heard = True
        self.starts_again = starts_again

    def ready(self, status: str) -> None:
        """Say that the daemon is up; `status` is one line for `systemctl status`."""
        self._say(f"READY=1\nSTATUS={_one_line(status)}")

    def alive(self) -> None:
        """Say that the daemon goes on. Silence for WatchdogSec ends it and starts it again."""
        self._say("WATCHDOG=1")

    def stopping(self, status: str, within_s: float) -> None:
        """Say that the daemon has begun to stop, and that it may take that long."""
        self._say(f"STOPPING=1\nSTATUS={_one_line(status)}\nEXTEND_TIMEOUT_USEC={int(within_s * 1_000_000)}")

    def _say(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagram:
                datagram.setblocking(False)  # a full queue must not hold up whoever speaks
                datagram.sendto(message.encode(), _socket_address(self._address))
        except OSError as error:
            if self._is_heard:
                log.warning("the service manager at %s did not take %r: %s", self._address, message, error)
            self._is_heard = False
        else:
            self._is_heard = True


def service_manager(environ: Mapping[str, str]) -> ServiceManager:
    """Return the service manager that the environment names."""
    address = environ.get(SOCKET, "")
    return ServiceManager(address, starts_again=bool(address or environ.get(SERVICE)))


def _socket_address(address: str) -> str:
    # A leading @ is how the name of an abstract socket is written down.
    return f"\0{address[1:]}" if address.startswith("@") else address


def _one_line(text: str) -> str:
    return " ".join(text.split())
