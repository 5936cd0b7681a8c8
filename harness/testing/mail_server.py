"""A real SMTP server on loopback that behaves, or misbehaves, as a test tells it to."""

from __future__ import annotations

import base64
import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class TakenMail:
    """A mail that the server answered for; `was_encrypted` says whether it came over TLS."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    was_encrypted: bool

    @property
    def message(self) -> EmailMessage:
        """The mail as a mail program reads it."""
        parsed = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed


@dataclass(frozen=True, slots=True)
class Manners:
    """How the server behaves.

    `answers` replaces what it says to a command (`"RCPT": b"550 no such user"`); `login` is the name and the password
    that it lets in. With `cuts_after_data` it takes a mail and closes the connection before it says so; with
    `is_silent` it never says a word; to the command `drips_at` it says something now and then, without end.
    """

    answers: Mapping[str, bytes] | None = None
    login: tuple[str, str] | None = None
    cuts_after_data: bool = False
    is_silent: bool = False
    drips_at: str = ""


class MailServer:
    """Takes mail on 127.0.0.1 while the `with` block lasts.

    With `tls` it offers STARTTLS, or speaks TLS from the first byte if `is_implicit`. `manners` may be changed between
    two connections.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, is_implicit: bool = False) -> None:
        self.manners = Manners()
        self.tls = tls
        self.is_implicit = is_implicit
        self.closing = threading.Event()
        self._mails: list[TakenMail] = []
        self._server = _Listener(("127.0.0.1", 0), _conversation_with(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def mails(self) -> tuple[TakenMail, ...]:
        """All mails that it has, in order of arrival."""
        return tuple(self._mails)

    def take(self, mail: TakenMail) -> None:
        """Keep a mail that came."""
        self._mails.append(mail)


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    # Conversations are waited for at the end, so that no thread and no socket outlives the block.
    daemon_threads = False


def _conversation_with(server: MailServer) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(10)
            with contextlib.suppress(OSError, ssl.SSLError):  # the client went away, as tests make it do
                _Conversation(server, self.request).hold()

    return Handler


class _Conversation:
    def __init__(self, server: MailServer, connection: socket.socket) -> None:
        self._server = server
        self._connection = connection
        self._is_encrypted = False
        self._sender = ""
        self._recipients: list[str] = []
        if server.tls is not None and server.is_implicit:
            self._encrypt()
        self._lines = self._connection.makefile("rb")

    def hold(self) -> None:
        """Answer until the client says QUIT or goes."""
        try:
            if self._server.manners.is_silent:
                self._server.closing.wait()
                return
            self._say(b"220 mail.test ready")
            while line := self._lines.readline():
                if not self._answer(line.rstrip(b"\r\n").decode("ascii", "replace")):
                    return
        finally:
            self._lines.close()
            self._connection.close()

    def _answer(self, line: str) -> bool:
        command, _, rest = line.partition(" ")
        command = command.upper()
        said = (self._server.manners.answers or {}).get(command)
        if said is not None:
            self._say(said)
            return True
        if command == self._server.manners.drips_at:
            while not self._server.closing.wait(0.05):
                self._connection.sendall(b"2")
            return False
        match command:
            case "EHLO":
                self._say(b"\r\n".join([b"250-mail.test", *self._offers(), b"250 SIZE 10000000"]))
            case "STARTTLS":
                self._say(b"220 go on")
                self._lines.close()
                self._encrypt()
                self._lines = self._connection.makefile("rb")
            case "AUTH":
                self._say(b"235 come in" if self._lets_in(rest) else b"535 wrong name or password")
            case "MAIL":
                self._sender, self._recipients = _address(rest), []
                self._say(b"250 ok")
            case "RCPT":
                self._recipients.append(_address(rest))
                self._say(b"250 ok")
            case "DATA":
                return self._take_mail()
            case "QUIT":
                self._say(b"221 bye")
                return False
            case _:
                self._say(b"250 ok")
        return True

    def _offers(self) -> list[bytes]:
        offers = [b"250-AUTH PLAIN"] if self._server.manners.login is not None else []
        if self._server.tls is not None and not self._is_encrypted:
            offers.append(b"250-STARTTLS")
        return offers

    def _take_mail(self) -> bool:
        self._say(b"354 go on")
        content = bytearray()
        while (line := self._lines.readline()) and line != b".\r\n":
            content += line[1:] if line.startswith(b"..") else line
        self._server.take(TakenMail(self._sender, tuple(self._recipients), bytes(content), self._is_encrypted))
        if self._server.manners.cuts_after_data:
            return False
        self._say(b"250 taken")
        return True

    def _lets_in(self, rest: str) -> bool:
        _, _, token = rest.partition(" ")
        _, name, password = base64.b64decode(token).decode().split("\0")
        return (name, password) == self._server.manners.login

    def _encrypt(self) -> None:
        assert self._server.tls is not None, "nothing to encrypt with was offered"
        self._connection = self._server.tls.wrap_socket(self._connection, server_side=True)
        self._is_encrypted = True

    def _say(self, line: bytes) -> None:
        self._connection.sendall(line + b"\r\n")


def _address(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]
