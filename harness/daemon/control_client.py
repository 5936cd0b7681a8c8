"""Talking to a running daemon over its control socket, from the outside.

One JSON line goes in, JSON lines come back; the last one carries `"done": true`. Standard library only
and no event loop, because fast commands import this. The other end is `harness.daemon.control`.
"""

from __future__ import annotations

import errno
import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from harness.domain.errors import HarnessError, OwnerError, Refused, TransientError
from harness.store.state_folder import StateFolder

_MAX_REPLY_LINE_BYTES = 16_000_000
_NOBODY_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ECONNREFUSED, errno.ECONNRESET, None)
"""What the system says where no daemon listens; no number at all for a path that no socket can lie at."""


class NoDaemon(HarnessError):
    """No daemon is listening: it is not running, or it died without saying goodbye."""


class DaemonSilent(TransientError):
    """A daemon is listening and does not answer in time."""


def ask(state: StateFolder, command: str, timeout_s: float, **arguments: Any) -> dict[str, Any]:
    """Send one command and return its final answer; see `ask_lines`."""
    final: dict[str, Any] = {}
    for line in ask_lines(state, command, timeout_s, **arguments):
        final = line
    return final


def ask_lines(state: StateFolder, command: str, timeout_s: float, **arguments: Any) -> Iterator[dict[str, Any]]:
    """Send one command and yield its answers as they come; the last one has `done`.

    A daemon at work on a long command says so every few seconds, so `timeout_s` is how long it may be
    silent, not how long the command may take.
    Raises NoDaemon, DaemonSilent, and whatever error the daemon answers with: OwnerError, TransientError,
    Refused, HarnessError.
    """
    with closing(_connect(state.control_socket, timeout_s)) as connection, _silence_named(timeout_s):
        connection.sendall(json.dumps({"command": command, **arguments}).encode() + b"\n")
        with connection.makefile("rb") as answers:
            while raw := answers.readline(_MAX_REPLY_LINE_BYTES):
                if not raw.endswith(b"\n"):
                    break  # it was killed in the middle of a line
                line = json.loads(raw)
                if "error" in line:
                    raise _error_from(line["error"])
                if "alive" in line:
                    continue
                yield line
                if line.get("done"):
                    return
    raise DaemonSilent("the daemon closed the connection before it had answered; see harness status")


def socket_address(path: Path) -> Path:
    """Return where the socket really lies: `path`, or where it points if the path is too long for a socket."""
    return path.readlink() if path.is_symlink() else path


def error_to_json(error: HarnessError) -> dict[str, Any]:
    """Return the error as the control socket carries it."""
    match error:
        case OwnerError():
            return {
                "kind": "owner",
                "path": error.path,
                "line": error.line,
                "problem": error.problem,
                "fix": error.fix,
            }
        case TransientError():
            return {"kind": "transient", "message": str(error)}
        case Refused():
            return {"kind": "refused", "rule": error.rule, "reason": error.reason}
        case _:
            return {"kind": "failed", "message": str(error)}


def _error_from(error: dict[str, Any]) -> HarnessError:
    match error["kind"]:
        case "owner":
            return OwnerError(error["path"], error["line"], error["problem"], error["fix"])
        case "transient":
            return TransientError(error["message"])
        case "refused":
            return Refused(error["rule"], error["reason"])
        case _:
            return HarnessError(error["message"])


def _connect(path: Path, timeout_s: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    try:
        connection.connect(str(socket_address(path)))
    except TimeoutError as error:
        connection.close()
        raise DaemonSilent(f"the daemon did not take the connection within {timeout_s:g} s") from error
    except OSError as error:
        connection.close()
        # EAGAIN is what Linux says when the daemon's queue of connections is full: it is there, and stuck.
        if error.errno == errno.EAGAIN:
            raise DaemonSilent("the daemon takes no more connections; see harness status") from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise OwnerError(path, None, "the control socket belongs to another user", "ask as that user") from error
        if error.errno not in _NOBODY_THERE:
            problem = f"the control socket cannot be reached ({error.strerror or error})"
            raise OwnerError(path, None, problem, "correct that, then: harness status") from error
        raise NoDaemon("no daemon is running; start it with: harness up") from error
    return connection


@contextmanager
def _silence_named(timeout_s: float) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise DaemonSilent(f"the daemon has not answered for {timeout_s:g} s; see harness status") from error
    except OSError as error:
        raise DaemonSilent(f"the daemon went away before it had answered ({error.strerror})") from error
