"""A quiet HTTP server on loopback that answers for many host names."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import SplitResult, urlsplit

LOOPBACK = "127.0.0.1"
_IDLE_S = 5.0
_HANGS_S = 60.0
"""Longer than anybody waits; a world that closes does not wait for it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host says to a request; `changed_at` (aware) is the Last-Modified of a document that has one.

    `location` is where a redirect leads. The body is sent `times` times, or nothing at all where the host `hangs`.
    """

    status: int
    content_type: str
    body: bytes
    changed_at: datetime | None = None
    location: str = ""
    times: int = 1
    hangs: bool = False

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:20]}"'


AnswerFor = Callable[[SplitResult], Answer]
"""Takes the requested URL, its host from the Host header, and may be called from several threads."""


@contextmanager
def serving(answer_for: AnswerFor) -> Iterator[tuple[str, int]]:
    """Serve on a free port of loopback until the block ends; yields the address and the port."""
    with _Server(answer_for) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="sample-world")
        thread.start()
        try:
            yield LOOPBACK, server.server_address[1]
        finally:
            server.is_closing.set()
            server.shutdown()
            thread.join()


def is_unchanged(answer: Answer, if_none_match: str | None, if_modified_since: str | None) -> bool:
    """Return whether the client has this answer already; a tag decides before a date, as RFC 9110 says."""
    if answer.status != HTTPStatus.OK:
        return False
    if if_none_match is not None:
        tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
        return "*" in tags or answer.etag in tags
    if if_modified_since is None or answer.changed_at is None:
        return False
    try:
        known_at = parsedate_to_datetime(if_modified_since)
    except ValueError:
        return False  # RFC 9110: a date that cannot be read is as if it were not there
    if known_at.utcoffset() is None:
        known_at = known_at.replace(tzinfo=UTC)
    return answer.changed_at.replace(microsecond=0) <= known_at


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    # Waiting for the handlers on close leaves no socket behind; none of them can outlast _IDLE_S by then.
    daemon_threads = False

    def __init__(self, answer_for: AnswerFor) -> None:
        self.answer_for = answer_for
        self.is_closing = threading.Event()
        super().__init__((LOOPBACK, 0), _Handler)

    def server_bind(self) -> None:
        """Bind without HTTPServer's look-up of our own host name, which can take seconds on a laptop."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what went wrong here; a client that went away is no news."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    server: _Server

    def do_GET(self) -> None:
        self._reply(with_body=True)

    def do_HEAD(self) -> None:
        self._reply(with_body=False)

    def log_message(self, *args: Any, **kwargs: Any) -> None:
        """Stay quiet: the terminal belongs to the rehearsal."""

    def _reply(self, *, with_body: bool) -> None:
        try:
            url = urlsplit(f"http://{self.headers.get('Host', '')}{self.path}")
        except ValueError:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        answer = self.server.answer_for(url)
        if answer.hangs:
            self.server.is_closing.wait(_HANGS_S)
            self.close_connection = True
            return
        unchanged = is_unchanged(answer, self.headers.get("If-None-Match"), self.headers.get("If-Modified-Since"))
        self.send_response(HTTPStatus.NOT_MODIFIED if unchanged else answer.status)
        if answer.status == HTTPStatus.OK:
            self.send_header("ETag", answer.etag)
        if answer.location:
            self.send_header("Location", answer.location)
        if answer.changed_at is not None:
            self.send_header("Last-Modified", format_datetime(answer.changed_at.astimezone(UTC), usegmt=True))
        if not unchanged:
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body) * answer.times))
        # One request per connection: no handler is left waiting for a second one when the world closes.
        self.send_header("Connection", "close")
        self.end_headers()
        for _ in range(answer.times if with_body and not unchanged else 0):
            self.wfile.write(answer.body)
