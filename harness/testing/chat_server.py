"""A real HTTP server on loopback that answers chat requests from a script, whatever format they are in."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Protocol, Self

from harness.domain.tokens import estimate_tokens

_FAR_MORE = 3


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What arrived: the parsed body; `headers` have lower-case names."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]

    @property
    def messages(self) -> list[dict[str, Any]]:
        return list(self.body["messages"])


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """What to send back; the module of each format has functions that make the usual ones.

    `body` is sent as JSON, or as it is when it is bytes. `delay_s` seconds pass before, or with None the time
    until the server closes. `is_cut` ends the connection in the middle of the body, `is_dropped` before a single byte
    of an answer; `drip_s` is the pause after each byte of the body.
    """

    body: Mapping[str, Any] | bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float | None = 0.0
    is_cut: bool = False
    drip_s: float = 0.0
    is_dropped: bool = False


Script = Iterable[ChatAnswer] | Callable[[ChatRequest], ChatAnswer]


class Dialect(Protocol):
    """One API as its servers speak it."""

    path: str

    def refusal(self, request: ChatRequest, api_key: str | None) -> ChatAnswer | None:
        """Return what a real endpoint would answer to a request that it does not take; None if it takes it."""
        ...

    def fail(self, status: int, message: str) -> ChatAnswer:
        """Return an error answer in the API's own format."""
        ...

    def counted(self, answer: ChatAnswer, request: ChatRequest) -> ChatAnswer:
        """Return the answer; where nobody said what to count, with counts that can be true of it and the request."""
        ...


def delay(answer: ChatAnswer, delay_s: float | None) -> ChatAnswer:
    """The answer after that many seconds; None: not before the server closes."""
    return replace(answer, delay_s=delay_s)


def drip(answer: ChatAnswer, pause_s: float) -> ChatAnswer:
    """The answer one byte at a time, with that many seconds after each."""
    return replace(answer, drip_s=pause_s)


def garble(body: bytes = b'{"choices": [{"mess') -> ChatAnswer:
    """200 with a body that is no answer in any format."""
    return ChatAnswer(body)


def drop_connection() -> ChatAnswer:
    """No answer: the connection ends as soon as the request has arrived."""
    return ChatAnswer(b"", is_dropped=True)


def could_be(tokens: int, texts: Iterable[str]) -> int:
    """Return the number of tokens, or the estimate of the texts if it is so much more that it could not be true."""
    estimate = sum(map(estimate_tokens, texts))
    return max(tokens, estimate) if estimate > _FAR_MORE * tokens else tokens


class ChatServer:
    """Answers on 127.0.0.1 while the `with` block lasts, and keeps what was asked.

    The script is a list of answers, given in order of arrival, or a function from request to answer. When a
    list is used up the answer is 400. What a real endpoint would refuse, the `dialect` refuses, and so it does whoever
    has not the `api_key`, if one is given. Other processes may use the address as well.
    A script that raises answers 400 too, and its error is raised at the end of the block.
    With `is_keeping` False it forgets each request once it is answered: for a server that is asked for days.
    """

    def __init__(
        self, dialect: Dialect, script: Script, *, api_key: str | None = None, is_keeping: bool = True
    ) -> None:
        self._dialect = dialect
        self._answers = None if callable(script) else iter(script)
        self._script = script if callable(script) else None
        self._api_key = api_key
        self._is_keeping = is_keeping
        self._requests: list[ChatRequest] = []
        self._errors: list[Exception] = []
        self._arrival = threading.Condition()
        self._closing = threading.Event()
        self._server = _ChatHTTPServer(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()
        if error is None and self._errors:
            raise self._errors[0]

    @property
    def base_url(self) -> str:
        """The address, with no path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def connections(self) -> int:
        """How many connections were made so far."""
        return self._server.accepted

    def drop_idle(self) -> None:
        """End the connections on which nobody asks anything, as a server does that has waited long enough."""
        self._server.hang_up()

    @property
    def requests(self) -> tuple[ChatRequest, ...]:
        """All requests so far, in order of arrival, refused ones included."""
        with self._arrival:
            return tuple(self._requests)

    def wait_for(self, count: int, timeout_s: float = 10.0) -> tuple[ChatRequest, ...]:
        """Return the requests as soon as that many have arrived. Raises TimeoutError."""
        with self._arrival:
            if not self._arrival.wait_for(lambda: len(self._requests) >= count, timeout_s):
                raise TimeoutError(f"{len(self._requests)} of {count} requests arrived within {timeout_s:g} s")
            return tuple(self._requests)

    def answer_to(self, path: str, request: ChatRequest) -> ChatAnswer:
        """Keep the request and return what it gets, once it is due."""
        with self._arrival:
            if self._is_keeping:
                self._requests.append(request)
            self._arrival.notify_all()
            answer = self._refusal(path, request) or self._next_scripted()
        if answer is None:
            answer = self._ask_script(request)
        answer = self._dialect.counted(answer, request)
        if answer.delay_s != 0:
            self.pause(answer.delay_s)
        return answer

    def pause(self, seconds: float | None) -> None:
        """Wait that long (None: without limit), or until the block ends."""
        self._closing.wait(seconds)

    def _refusal(self, path: str, request: ChatRequest) -> ChatAnswer | None:
        if path.partition("?")[0] != self._dialect.path:
            return self._dialect.fail(404, f"Invalid URL (POST {path})")
        return self._dialect.refusal(request, self._api_key)

    def _next_scripted(self) -> ChatAnswer | None:
        if self._answers is None:
            return None
        return next(self._answers, self._dialect.fail(400, "the script of this server has no further answer"))

    def _ask_script(self, request: ChatRequest) -> ChatAnswer:
        if self._script is None:
            raise AssertionError("a server has a list or a function")
        try:
            return self._script(request)
        except Exception as error:  # noqa: BLE001 - raised again where the test can see it
            self._errors.append(error)
            return self._dialect.fail(400, f"the script of this server raised {error!r}")


class _ChatHTTPServer(ThreadingHTTPServer):
    """Waits for its threads at the end, and can end the connections that clients keep open."""

    daemon_threads = False
    request_queue_size = 128  # a hundred clients that come at once are not turned away

    def __init__(self, chat: ChatServer) -> None:
        self.chat = chat
        self.accepted = 0
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _ChatHandler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self.accepted += 1
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Stop reading from all connections; answers under way are still sent."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):  # the client hung up first
                    connection.shutdown(socket.SHUT_RD)


class _ChatHandler(BaseHTTPRequestHandler):
    # Small writes would wait 40 ms for an acknowledgement: the answer would seem to take that long.
    disable_nagle_algorithm = True
    protocol_version = "HTTP/1.1"
    server: _ChatHTTPServer

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            # The client went away: it timed out, or it was killed, which is what slow answers are for.
            self.close_connection = True

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", "0"))
        content = self.rfile.read(length)
        if len(content) < length:  # the client was killed while it asked
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.chat.answer_to(self.path, ChatRequest(json.loads(content), headers))
        if answer.is_dropped:
            self.close_connection = True
            return
        self._send(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of the class above
        """Stay quiet: the test asks for `requests`."""

    def _send(self, answer: ChatAnswer) -> None:
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.send_response_only(answer.status)
        headers = {"Date": self.date_time_string(), "Content-Type": "application/json", **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        sent = body[: len(body) // 2] if answer.is_cut else body
        for piece in (bytes([byte]) for byte in sent) if answer.drip_s else (sent,):
            self.wfile.write(piece)
            if answer.drip_s:
                self.server.chat.pause(answer.drip_s)
        if answer.is_cut:
            self.close_connection = True
