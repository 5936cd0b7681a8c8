"""The daemon's control socket: a Unix socket that only its owner can open.

A request is one JSON line, `{"command": "run", "job": "ainews/arxiv"}`. The answers are JSON lines, the
last one with `"done": true`, or with `"error"`. While a command is at work, `{"alive": true}` lines say so.
"""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from harness.daemon.control_client import error_to_json, socket_address
from harness.domain.errors import HarnessError, OwnerError

Answer = dict[str, Any]
Handler = Callable[[dict[str, Any]], Awaitable[Answer] | AsyncIterator[Answer]]
"""Takes the request's arguments. Returns the answer; or yields lines of progress, which the client sees at
once, and then the answer, which it marks with `"done": True` itself."""

_LOG = logging.getLogger(__name__)
_FOLDER_PREFIX = "harness-"
_MAX_PATH_BYTES = 100
"""Linux allows 107 bytes in the address of a Unix socket, macOS 103."""
_MAX_REQUEST_BYTES = 1_000_000
_REQUEST_TIMEOUT_S = 10.0
_ALIVE_EVERY_S = 5.0
_PAUSE_S = 1.0


class ControlServer:
    """Answers commands on the socket `path` from `start` until `close`.

    Whoever cannot enter the socket's folder cannot ask. Where `path` is too long for a socket, or its
    folder is open to others, the socket lies in a private temporary folder and `path` points to it.
    """

    def __init__(self, path: Path, handlers: Mapping[str, Handler], *, alive_every_s: float = _ALIVE_EVERY_S) -> None:
        self._path = path
        self._handlers = handlers
        self._alive_every_s = alive_every_s
        self._listener: socket.socket | None = None
        self._private_folder: Path | None = None
        self._conversations: dict[asyncio.Task[None], socket.socket] = {}

    async def start(self) -> None:
        """Listen. A socket that a dead daemon left is replaced.

        Raises OwnerError if another daemon answers there, or something that is no socket lies in the way.
        """
        clear_stale_socket(self._path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            address = self._choose_address()
            listener.bind(str(address))
            address.chmod(0o600)
            if address != self._path:
                self._path.symlink_to(address)
            listener.listen()
            listener.setblocking(False)
        except BaseException:
            listener.close()
            self._remove_files()
            raise
        self._listener = listener
        asyncio.get_running_loop().add_reader(listener, self._accept)

    async def close(self) -> None:
        """Stop listening, end the conversations under way, and leave no socket behind."""
        if self._listener is None:
            return
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()
        self._listener = None
        conversations = dict(self._conversations)
        for conversation in conversations:
            conversation.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)
        for connection in conversations.values():
            connection.close()  # a conversation that had not begun to run could not
        self._remove_files()

    def _choose_address(self) -> Path:
        parent = self._path.parent
        is_private = not stat.S_IMODE(parent.stat().st_mode) & 0o077
        if is_private and len(str(self._path).encode()) <= _MAX_PATH_BYTES:
            return self._path
        self._private_folder = _private_folder()
        return self._private_folder / "control.sock"

    def _remove_files(self) -> None:
        self._path.unlink(missing_ok=True)
        if self._private_folder is not None:
            shutil.rmtree(self._private_folder, ignore_errors=True)
            self._private_folder = None

    # asyncio's own server loses a connection that comes while it is closed: it is neither refused nor
    # told to anybody. Here a connection has an owner from the moment at which it is accepted.
    def _accept(self) -> None:
        assert self._listener is not None
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return  # it hung up in between
        except OSError as error:
            _LOG.error("the control socket takes nobody for %g s: %s", _PAUSE_S, error)
            asyncio.get_running_loop().remove_reader(self._listener)
            asyncio.get_running_loop().call_later(_PAUSE_S, self._listen_again)
            return
        connection.setblocking(False)
        conversation = asyncio.create_task(self._converse(connection))
        self._conversations[conversation] = connection
        conversation.add_done_callback(lambda ended: self._conversations.pop(ended, None))

    def _listen_again(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().add_reader(self._listener, self._accept)

    async def _converse(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=connection, limit=_MAX_REQUEST_BYTES)
        try:
            await self._answer(reader, writer)
        except (ConnectionError, TimeoutError):
            _LOG.debug("a client of the control socket went away")
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_TIMEOUT_S):
                line = await reader.readline()
            if not line:
                return  # somebody only wanted to know whether anyone is listening
            request = _parse_request(line)
            handler = self._find_handler(request)
        except HarnessError as error:
            await _send(writer, {"error": error_to_json(error), "done": True})
            return
        except ValueError:
            too_long = HarnessError(f"a request may be {_MAX_REQUEST_BYTES:,} bytes long")
            await _send(writer, {"error": error_to_json(too_long), "done": True})
            return
        work = asyncio.create_task(_carry_out(handler, request, writer))
        hangup = asyncio.create_task(_client_gone(reader))
        try:
            while not work.done():
                await asyncio.wait({work, hangup}, timeout=self._alive_every_s, return_when=asyncio.FIRST_COMPLETED)
                if hangup.done():
                    break
                if not work.done():
                    await _send(writer, {"alive": True})
        finally:
            for task in (work, hangup):
                task.cancel()
            await asyncio.gather(work, hangup, return_exceptions=True)

    def _find_handler(self, request: dict[str, Any]) -> Handler:
        command = request.pop("command", None)
        if not isinstance(command, str) or command not in self._handlers:
            near = get_close_matches(str(command), self._handlers, n=1)
            known = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(self._handlers))}"
            raise HarnessError(f"the daemon has no command {command!r}; {known}")
        return self._handlers[command]


def clear_stale_socket(path: Path) -> None:
    """Remove what a dead daemon left at `path`.

    Raises OwnerError if a daemon answers there, or something that is no socket lies in the way.
    """
    if not path.is_symlink() and not path.exists():
        return
    address = socket_address(path)
    if not path.is_symlink() and not path.is_socket():
        raise OwnerError(path, None, "something that is no socket lies where the control socket belongs", "remove it")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(address))
        except (TimeoutError, BlockingIOError):
            pass  # somebody listens, and is too busy to answer
        except OSError:
            path.unlink(missing_ok=True)
            if address != path and address.parent.name.startswith(_FOLDER_PREFIX):
                shutil.rmtree(address.parent, ignore_errors=True)
            return
    raise OwnerError(path, None, "another daemon of this workspace is running", "stop it first: harness down")


def _private_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX))
    if len(str(folder / "control.sock").encode()) <= _MAX_PATH_BYTES:
        return folder
    folder.rmdir()  # TMPDIR itself is too long; /tmp is on every system that has Unix sockets
    return Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX, dir="/tmp"))


def _parse_request(line: bytes) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except ValueError as error:
        raise HarnessError(f"a request is one line of JSON ({error})") from error
    if not isinstance(request, dict):
        raise HarnessError("a request is a JSON object with a command")
    return request


async def _carry_out(handler: Handler, request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
    try:
        answer = handler(request)
        if isinstance(answer, AsyncIterator):
            async for line in answer:
                await _send(writer, line)
                if line.get("done"):
                    return
            await _send(writer, {"done": True})
        else:
            await _send(writer, {**await answer, "done": True})
    except HarnessError as error:
        await _send(writer, {"error": error_to_json(error), "done": True})
    except ConnectionError:
        raise
    except Exception as error:  # noqa: BLE001 - the client must hear of it, and the daemon must outlive it
        _LOG.exception("a command of the control socket failed: %s", request)
        await _send(writer, {"error": error_to_json(HarnessError(f"{type(error).__name__}: {error}")), "done": True})


async def _send(writer: asyncio.StreamWriter, line: Mapping[str, Any]) -> None:
    writer.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
    await writer.drain()


async def _client_gone(reader: asyncio.StreamReader) -> None:
    """Return when the client has gone; whatever else it says is ignored."""
    with suppress(ConnectionError):
        while await reader.read(4096):
            pass
