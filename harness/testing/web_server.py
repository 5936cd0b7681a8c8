"""A real HTTP server on loopback that behaves, or misbehaves, as a test tells it to."""

from __future__ import annotations

import gzip
import ssl
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from harness.domain.errors import TransientError

_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class WebRequest:
    """What arrived; `path` includes the query, `headers` have lower-case names."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def host(self) -> str:
        return self.headers.get("host", "").partition(":")[0]


@dataclass(frozen=True, slots=True)
class WebReply:
    """What to answer.

    With an `etag` or a `last_modified`, a request that carries the same one is answered with 304.
    `body` in pieces is sent as it comes, without a length; a `status` of 0 sends no head.
    `promised_bytes` overstates the length, so that the connection is cut before the body is complete.
    """

    body: bytes | Callable[[], Iterator[bytes]] = b""
    status: int = 200
    content_type: str = "application/rss+xml; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str | None = None
    last_modified: str | None = None
    promised_bytes: int | None = None


class WebServer:
    """Serves routes on 127.0.0.1 while the `with` block lasts, and counts what was asked.

    A route is a path (`/feed.xml`), for every host name; requests that match none go to `answer` (which
    may look at `WebRequest.host`), or get 404. `tls` makes it an https server.
    """

    def __init__(
        self, answer: Callable[[WebRequest], WebReply | None] | None = None, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self._answer = answer
        self._routes: dict[str, WebReply] = {}
        self._requests: list[WebRequest] = []
        self._closing = threading.Event()
        self._scheme = "http" if tls is None else "https"
        self._server = _Listener(("127.0.0.1", 0), _handler_for(self))
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str = "/", *, host: str = "127.0.0.1") -> str:
        """Return the address of a path; another host needs a resolver that leads it here."""
        return f"{self._scheme}://{host}:{self.port}{path}"

    @property
    def requests(self) -> tuple[WebRequest, ...]:
        """All requests so far, in order of arrival."""
        return tuple(self._requests)

    def count(self, path: str) -> int:
        """Return how often the path (with its query) was asked for."""
        return Counter(request.path for request in self._requests)[path]

    def serve(self, path: str, reply: WebReply | bytes) -> str:
        """Answer the path with this from now on, and return its URL."""
        self._routes[path] = reply if isinstance(reply, WebReply) else WebReply(reply)
        return self.url(path)

    def redirect(self, path: str, location: str, status: int = 302) -> str:
        """Send whoever asks for the path elsewhere."""
        return self.serve(path, WebReply(status=status, headers={"Location": location}))

    def drip(self, path: str, piece: bytes = b" ", interval_s: float = 0.05) -> str:
        """Answer the path with a piece now and then, without end."""

        def pieces() -> Iterator[bytes]:
            while not self._closing.wait(interval_s):
                yield piece

        return self.serve(path, WebReply(pieces))

    def silence(self, path: str) -> str:
        """Accept the request for the path and never answer it."""

        def pieces() -> Iterator[bytes]:
            self._closing.wait()
            yield from ()

        return self.serve(path, WebReply(pieces, status=0))

    def cut(self, path: str, body: bytes) -> str:
        """Close the connection after the body, of which twice as much was promised."""
        return self.serve(path, WebReply(body, promised_bytes=2 * len(body) + 1))

    def flood(self, path: str, size_bytes: int, head: bytes = b"") -> str:
        """Answer the path with that many bytes, without saying how many there will be."""

        def pieces() -> Iterator[bytes]:
            yield head
            for _ in range(size_bytes // _PIECE):
                if self._closing.is_set():
                    return
                yield b" " * _PIECE

        return self.serve(path, WebReply(pieces))

    def gzip_bomb(self, path: str, size_bytes: int) -> str:
        """Answer the path with a small gzip body that unpacks to that many bytes."""
        return self.serve(path, WebReply(gzip.compress(b" " * size_bytes), headers={"Content-Encoding": "gzip"}))

    def reply_to(self, request: WebRequest) -> WebReply:
        """Count the request and return what it gets."""
        self._requests.append(request)
        reply = self._routes.get(request.path)
        if reply is None and self._answer is not None:
            reply = self._answer(request)
        if reply is None:
            return WebReply(b"not found", status=404, content_type="text/plain")
        return reply


class HostTable:
    """A resolver that knows the names it is given and no other: `{"feeds.test": ("127.0.0.1", 8000)}`.

    Several candidates are given as a list. A port of 0 keeps the port of the URL.
    """

    def __init__(self, hosts: Mapping[str, tuple[str, int] | list[tuple[str, int]]]) -> None:
        self._hosts = {
            name: list(candidates) if isinstance(candidates, list) else [candidates]
            for name, candidates in hosts.items()
        }

    async def resolve(self, host: str, port: int) -> list[tuple[str, int]]:
        """Return the candidates of the host. Raises TransientError for a name that is not in the table."""
        if host not in self._hosts:
            raise TransientError(f"the host name {host} could not be resolved")
        return [(ip, own_port or port) for ip, own_port in self._hosts[host]]


class _Listener(ThreadingHTTPServer):
    # Connections are waited for at the end, so that no thread and no socket outlives the block.
    daemon_threads = False
    # A hundred feeds are fetched at once; a short queue would cost them a second each.
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Report what went wrong in a handler, except a client that left (or refused our certificate)."""
        if not isinstance(sys.exception(), ConnectionError | ssl.SSLError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def _handler_for(server: WebServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        # A client that opens a connection and says nothing must not hold up the end of the block.
        timeout = 10

        def do_GET(self) -> None:
            self._respond()

        def do_HEAD(self) -> None:
            self._respond()

        def do_POST(self) -> None:
            self._respond()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of the class above
            """Stay quiet: the test asks for `requests`."""

        def _respond(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0")))
            reply = server.reply_to(WebRequest(self.command, self.path, headers, body))
            try:
                _send(self, reply, headers)
            except (ConnectionError, ssl.SSLError):
                # The client went away in the middle, as tests of caps and timeouts make it do.
                self.close_connection = True

    return Handler


def _send(handler: BaseHTTPRequestHandler, reply: WebReply, asked: Mapping[str, str]) -> None:
    is_unchanged = (reply.etag is not None and asked.get("if-none-match") == reply.etag) or (
        reply.last_modified is not None and asked.get("if-modified-since") == reply.last_modified
    )
    if reply.status:
        handler.send_response(304 if is_unchanged else reply.status)
        handler.send_header("Content-Type", reply.content_type)
        for name, value in {"ETag": reply.etag, "Last-Modified": reply.last_modified, **reply.headers}.items():
            if value is not None:
                handler.send_header(name, value)
        if isinstance(reply.body, bytes) and not is_unchanged:
            handler.send_header("Content-Length", str(reply.promised_bytes or len(reply.body)))
        handler.end_headers()
    if is_unchanged or handler.command == "HEAD":
        return
    for piece in (reply.body,) if isinstance(reply.body, bytes) else reply.body():
        handler.wfile.write(piece)
        handler.wfile.flush()
