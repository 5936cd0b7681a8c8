"""Any endpoint that speaks the OpenAI chat-completions protocol."""

from __future__ import annotations

import asyncio
import json
import os
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import httpx2

from harness.domain.cause import profile_cause
from harness.domain.errors import OwnerError
from harness.domain.message import ModelReply, ModelRequest
from harness.domain.settings import Profile
from harness.llm.backoff import wait_s
from harness.llm.completions import MalformedReply, read_reply, refuse_what_cannot_fit, request_body
from harness.llm.endpoint import SETTINGS_FILE, Endpoint, endpoint_of
from harness.llm.failures import (
    ErrorAnswer,
    Filtered,
    Retry,
    asks_for_completion_limit,
    codes_in,
    given_up,
    judge_answer,
    shown_words,
    words_in,
)

MAX_BODY_BYTES = 20_000_000

_CONNECT_TIMEOUT_S = 10.0
_ERROR_STATUS = re.compile(r"[45]\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Response:
    """What came back, whole; `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class OpenAIModel:
    """A ChatModel behind a profile's `base_url`.

    `sleep` waits between attempts, `jitter` returns a number in [0, 1). Every call opens and closes its own
    connections, because the caller's event loop may be another one each time. The key is sent and never
    shown: no message of an error contains it, also where the endpoint repeats it.
    Raises OwnerError if the profile's address or the key cannot be used at all.
    """

    is_language_model = True

    def __init__(
        self,
        profile: Profile,
        *,
        api_key: str | None,
        sleep: Callable[[float], Awaitable[None]],
        jitter: Callable[[], float],
    ) -> None:
        self._profile = profile
        self._endpoint = endpoint_of(profile)
        self._url = _callable_url(profile, self._endpoint)
        self._api_key = _clean_key(profile, api_key)
        self._sleep = sleep
        self._jitter = jitter
        self._limit_field = "max_tokens"

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
        failures: list[Retry] = []
        async with self._client(request.key) as client:
            while True:
                outcome = await self._attempt(client, request)
                if isinstance(outcome, ModelReply):
                    return outcome
                failures.append(outcome)
                if len(failures) >= max(1, self._profile.attempts):
                    raise given_up(failures, self._profile, self._endpoint)
                await self._sleep(wait_s(len(failures), outcome.asked_s, self._jitter()))

    async def _attempt(self, client: httpx2.AsyncClient, request: ModelRequest) -> ModelReply | Retry:
        response = await self._send(client, request_body(self._profile, request, self._limit_field))
        if isinstance(response, Retry):
            return response
        payload = _parsed(response.body)
        if response.status == 200 and not (isinstance(payload, dict) and payload.get("error")):
            try:
                return read_reply(payload, self._profile, request)
            except MalformedReply as malformed:
                return Retry("malformed body", "malformed", str(malformed))
        answer = self._error_answer(response, payload)
        if asks_for_completion_limit(answer) and self._limit_field == "max_tokens":
            self._limit_field = "max_completion_tokens"
            return await self._attempt(client, request)
        judged = judge_answer(answer, self._profile, self._endpoint, has_key=self._api_key is not None)
        if isinstance(judged, Filtered):
            return ModelReply(judged.said, self.label, finish="refused")
        return judged

    async def _send(self, client: httpx2.AsyncClient, body: dict[str, Any]) -> _Response | Retry:
        # httpx2 limits each wait for bytes; only the outer timeout ends an answer that drips.
        timeout_s = self._profile.timeout_s
        try:
            async with (
                asyncio.timeout(timeout_s),
                client.stream("POST", self._url, content=json.dumps(body).encode()) as response,
            ):
                content = await _read_body(response)
        except httpx2.ConnectTimeout:
            return Retry("no connection", "network")
        except (TimeoutError, httpx2.TimeoutException):
            return Retry(f"no answer within {timeout_s:g} s", "network")
        except httpx2.ConnectError as error:
            return Retry("no connection", "network", self._redacted(str(error)))
        except httpx2.DecodingError as error:
            return Retry("malformed body", "malformed", self._redacted(str(error)))
        except httpx2.TransportError as error:
            return Retry("connection cut", "network", self._redacted(str(error)))
        if content is None:
            return Retry("malformed body", "malformed", f"it is longer than {MAX_BODY_BYTES / 1_000_000:g} MB")
        headers = {name.lower(): value for name, value in response.headers.items()}
        return _Response(response.status_code, headers, content)

    def _client(self, key: str) -> httpx2.AsyncClient:
        headers = {"content-type": "application/json", "accept": "application/json"}
        if key:
            # An endpoint that knows it charges a call once that is repeated after a crash; others pass it over.
            headers["idempotency-key"] = quote(key, safe="/:~")
        if self._api_key is not None:
            headers["authorization"] = f"Bearer {self._api_key}"
        timeout_s = self._profile.timeout_s
        try:
            return httpx2.AsyncClient(
                verify=_ssl_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")),
                headers=headers,
                timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_TIMEOUT_S)),
                trust_env=not self._endpoint.is_loopback,  # a proxy cannot reach this machine's loopback
                follow_redirects=False,  # a redirect would carry the key to an address nobody configured
            )
        except (ImportError, OSError, ValueError):
            # What the library says of a proxy repeats its address, and with it its password.
            raise OwnerError(
                "environment",
                None,
                f"profile {self._profile.name!r} cannot be called through the proxy or certificates that are set there",
                "correct or unset HTTPS_PROXY, HTTP_PROXY and ALL_PROXY (http:// only), SSL_CERT_FILE, SSL_CERT_DIR",
                cause=profile_cause(self._profile.name),
                failure="network",
            ) from None

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


@lru_cache(maxsize=2)
def _ssl_context(_cert_file: str | None, _cert_dir: str | None) -> ssl.SSLContext:
    """Return what connections are verified by, as the environment says; reading it takes 20 ms, once."""
    return httpx2.create_ssl_context()


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
