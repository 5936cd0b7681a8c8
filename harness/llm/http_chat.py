"""A model behind an HTTP endpoint, whatever format it speaks: sending, trying again, judging what came back."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2

from harness.domain.cause import profile_cause
from harness.domain.errors import HarnessError, OwnerError
from harness.domain.message import ModelReply, ModelRequest
from harness.domain.settings import Profile
from harness.llm.attempts import Attempts
from harness.llm.connections import CONNECT_TIMEOUT_S, Connections
from harness.llm.context import refuse_what_cannot_fit
from harness.llm.endpoint import SETTINGS_FILE, Endpoint, endpoint_of
from harness.llm.failures import (
    ErrorAnswer,
    Filtered,
    Retry,
    codes_in,
    judge_answer,
    shown_words,
    words_in,
)
from harness.llm.reply import joined, left_for_next_piece
from harness.llm.wire import MalformedReply, WireAnswer, WireFormat

MAX_BODY_BYTES = 20_000_000
MOST_PIECES = 8
"""A provider that breaks off answers is asked to go on at most so often."""

_ERROR_STATUS = re.compile(r"[45]\d\d", re.ASCII)

log = logging.getLogger("harness.llm")


@dataclass(frozen=True, slots=True)
class _Response:
    """What came back, whole; `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpChatModel:
    """A ChatModel behind a profile's `base_url` that speaks `wire`.

    `sleep` waits between attempts, `jitter` returns a number in [0, 1), `connections` are kept open for the next call;
    without them every call makes its own. It may be asked from several event loops. The key is sent and never shown:
    no message of an error contains it, also where the endpoint repeats it.
    Raises OwnerError if the profile's address or the key cannot be used at all.
    """

    is_language_model = True

    def __init__(
        self,
        profile: Profile,
        wire: WireFormat,
        *,
        api_key: str | None,
        sleep: Callable[[float], Awaitable[None]],
        jitter: Callable[[], float],
        connections: Connections | None = None,
    ) -> None:
        self._profile = profile
        self._wire = wire
        self._endpoint = endpoint_of(profile)
        self._url = _callable_url(profile, self._endpoint)
        self._api_key = _clean_key(profile, api_key)
        self._attempts = Attempts(profile, self._endpoint, sleep, jitter)
        self._connections = connections or Connections(is_keeping=False)

    @property
    def label(self) -> str:
        """The model's name."""
        return self._profile.model

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the model's answer, after at most `attempts` tries with growing waits between them.

        Raises TransientError naming what happened and how often, OwnerError naming the profile and the fix,
        LimitReached("context"), also before anything is sent. A refusal is a reply with finish `refused`.
        """
        refuse_what_cannot_fit(self._profile, request)
        return await self._attempts.reply(request, lambda: self._attempt(request))

    async def _attempt(self, request: ModelRequest) -> WireAnswer | Retry | Filtered:
        body = self._wire.body(self._profile, request)
        answers: list[WireAnswer] = []
        while True:
            outcome = await self._piece(body, request, answers)
            if isinstance(outcome, Retry | Filtered):
                return outcome
            answer, payload = outcome
            answers.append(answer)
            if not answer.is_paused or len(answers) >= MOST_PIECES:
                return joined(answers)
            left_tokens = left_for_next_piece(self._profile, request, answers)
            if left_tokens <= 0:
                return joined(answers)
            body = self._wire.going_on(body, payload, left_tokens)

    async def _piece(
        self, body: dict[str, Any], request: ModelRequest, before: Sequence[WireAnswer]
    ) -> tuple[WireAnswer, Any] | Retry | Filtered:
        """Return the next piece of the answer. Where it fails after others, they are the answer: they are paid for."""
        try:
            outcome = await self._exchange(body, request, len(before))
        except HarnessError as error:
            if not before:
                raise
            outcome = Retry(str(error), "rejected")
        if not before or isinstance(outcome, tuple):
            return outcome
        log.warning("%s: the answer ends early, since it could not be gone on with: %s", request.key, outcome)
        return WireAnswer("", finish="length", usage=outcome.paid if isinstance(outcome, Retry) else None), None

    async def _exchange(
        self, body: dict[str, Any], request: ModelRequest, piece: int
    ) -> tuple[WireAnswer, Any] | Retry | Filtered:
        response = await self._send(body, f"{request.key}+{piece}" if request.key and piece else request.key)
        if isinstance(response, Retry):
            return response
        payload = _parsed(response.body)
        if response.status == 200 and not (isinstance(payload, dict) and payload.get("error")):
            try:
                return self._wire.read(payload, self._profile, request), payload
            except (MalformedReply, RecursionError) as malformed:
                return Retry("malformed body", "malformed", str(malformed), paid=self._wire.usage(payload))
        answer = self._error_answer(response, payload)
        other = self._wire.otherwise(answer)
        if other is not None:
            self._wire = other
            return await self._exchange(other.body(self._profile, request), request, 0)
        return judge_answer(answer, self._profile, self._endpoint, has_key=self._api_key is not None)

    async def _send(self, body: dict[str, Any], key: str) -> _Response | Retry:
        """Send the body, and again where it met a kept connection that the other side had just given up."""
        # What no encoding can carry is refused by every endpoint, and says nothing to a model.
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        while True:
            trail = _Trail()
            outcome = await self._send_once(content, key, trail)
            # Each such failure takes a dead connection away, so this ends with one that is made anew.
            if not isinstance(outcome, Retry) or not trail.is_dead_end:
                return outcome

    async def _send_once(self, content: bytes, key: str, trail: _Trail) -> _Response | Retry:
        # httpx2 limits each wait for bytes; only the outer timeout ends an answer that drips.
        timeout_s = self._profile.timeout_s
        client = await self._connections.client(
            self._profile, self._endpoint.name, self._api_key, is_loopback=self._endpoint.is_loopback
        )
        try:
            async with (
                asyncio.timeout(timeout_s),
                client.stream(
                    "POST",
                    self._url,
                    content=content,
                    headers=self._headers(key),
                    timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S)),
                    extensions={"trace": trail},
                ) as response,
            ):
                content_of_answer = await _read_body(response)
        except httpx2.ConnectTimeout:
            return Retry("no connection", "network")
        except (TimeoutError, httpx2.TimeoutException):
            return Retry(f"no answer within {timeout_s:g} s", "network")
        except httpx2.ConnectError as error:
            return Retry("no connection", "network", self._redacted(str(error)))
        except httpx2.DecodingError as error:
            return Retry("malformed body", "malformed", self._redacted(str(error)))
        except httpx2.TransportError as error:
            trail.was_cut = True
            return Retry("connection cut", "network", self._redacted(str(error)))
        if content_of_answer is None:
            return Retry("malformed body", "malformed", f"it is longer than {MAX_BODY_BYTES / 1_000_000:g} MB")
        headers = {name.lower(): value for name, value in response.headers.items()}
        return _Response(response.status_code, headers, content_of_answer)

    def _headers(self, key: str) -> dict[str, str]:
        headers = {"content-type": "application/json", "accept": "application/json"}
        if key:
            # An endpoint that knows it charges a call once that is repeated after a crash; others pass it over.
            headers["idempotency-key"] = quote(key, safe="/:~")
        return {**headers, **self._wire.headers(self._api_key)}

    def _error_answer(self, response: _Response, payload: Any) -> ErrorAnswer:
        codes = codes_in(payload)
        # Gateways answer 200 and put the status of whoever they asked into the body.
        inner = next((int(code) for code in sorted(codes) if _ERROR_STATUS.fullmatch(code)), 502)
        text = response.body.decode("utf-8", "replace")
        return ErrorAnswer(
            status=inner if response.status == 200 else response.status,
            said=shown_words(self._redacted(words_in(payload, text))),
            codes=codes,
            headers={name: self._redacted(value) for name, value in response.headers.items()},
        )

    def _redacted(self, text: str) -> str:
        return text.replace(self._api_key, "[key]") if self._api_key else text


class _Trail:
    """What a request met on its way, as the HTTP library tells it."""

    def __init__(self) -> None:
        self.was_cut = False
        self._is_new = False
        self._is_answered = False

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        self._is_new = self._is_new or event.startswith("connection.connect_")
        self._is_answered = self._is_answered or event.endswith("receive_response_headers.complete")

    @property
    def is_dead_end(self) -> bool:
        """Whether it went over a connection of an earlier call, which ended before a single word came back."""
        return self.was_cut and not self._is_new and not self._is_answered


async def _read_body(response: httpx2.Response) -> bytes | None:
    """Return the body, or None if it is too long to be an answer."""
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)


def _parsed(body: bytes) -> Any:
    """Return the JSON value, or None for what is not JSON: the reader of the value says so with its reason."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _callable_url(profile: Profile, endpoint: Endpoint) -> httpx2.URL:
    try:
        return httpx2.URL(endpoint.url)
    except httpx2.InvalidURL as error:
        raise OwnerError(
            SETTINGS_FILE,
            None,
            f"profile {profile.name!r}: base_url {endpoint.shown} cannot be called ({error})",
            f"correct base_url in [profiles.{profile.name}]",
            cause=profile_cause(profile.name),
            failure="rejected",
        ) from None


def _clean_key(profile: Profile, api_key: str | None) -> str | None:
    """A key copied with its newline is common and harmless; one that no header can carry would otherwise
    surface in the error text of the HTTP library."""
    key = (api_key or "").strip()
    if not key:
        return None
    if not key.isascii() or not key.isprintable() or " " in key:
        raise OwnerError(
            SETTINGS_FILE,
            None,
            f"profile {profile.name!r}: the key in {profile.key_env or 'its environment variable'} holds characters "
            "that no key has",
            "set the variable again, to the key alone",
            cause=profile_cause(profile.name),
            failure="auth",
        )
    return key
