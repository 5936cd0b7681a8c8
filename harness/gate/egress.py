"""The one door to the network: every address is resolved, checked and pinned before anything connects to it."""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin

import httpx2

from harness.domain.cause import endpoint_cause
from harness.domain.errors import LimitReached, Refused, TransientError
from harness.domain.settings import Egress
from harness.gate.addresses import refuse_address
from harness.ports import Resolver, WebResponse

MAX_REDIRECTS = 5
USER_AGENT = "agent-team-harness (+feed reader)"

_REDIRECTS = (301, 302, 303, 307, 308)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_OWN_HEADERS = ("host", "connection", "content-length", "transfer-encoding", "accept-encoding")
_SECRET_HEADERS = ("authorization", "proxy-authorization", "cookie", "x-subscription-token", "x-api-key")


class SystemResolver:
    """Asks the operating system, off the event loop."""

    async def resolve(self, host: str, port: int) -> list[tuple[str, int]]:
        """Return the host's addresses in the system's order, each once.

        Raises TransientError if the name has none.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise TransientError(f"the host name {host} could not be resolved") from error
        return list(dict.fromkeys((str(entry[4][0]), int(entry[4][1])) for entry in found))


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that passed the syntax check; `host` is in ASCII, as it stands on the wire."""

    url: httpx2.URL
    host: str
    port: int

    @property
    def authority(self) -> str:
        """What the `Host` header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.url.scheme] else f"{host}:{self.port}"

    @property
    def endpoint(self) -> str:
        """What stands and falls together: `host:port`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.url.scheme, self.host, self.port


@dataclass(frozen=True, slots=True)
class WebDoor:
    """Implements `ports.Web`: reads pages from addresses that `allow` lets through.

    It keeps no connection between two calls, so it may be used from several event loops.
    `tls` replaces the system's trust store.
    """

    allow: Egress
    resolver: Resolver
    tls: ssl.SSLContext | None = field(default=None, kw_only=True)

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> WebResponse:
        """Fetch the URL with GET or HEAD, following at most 5 redirects, each checked anew.

        `timeout_s` bounds the whole exchange, so that a server which sends a byte now and then cannot hold
        it; `max_bytes` bounds the body on the wire and after decompression.
        Raises Refused (`egress`), LimitReached (`bytes`), TransientError as `ports.Web` says; where nobody
        answered, its cause names whom.
        """
        if method not in ("GET", "HEAD"):
            raise Refused("egress", f"{method} could change something there; only GET and HEAD are let through")
        wanted = _sendable(headers or {})
        try:
            async with asyncio.timeout(timeout_s):
                return await self._follow(url, method, wanted, max_bytes, timeout_s)
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise _unanswered(read_target(url), f"no complete answer within {timeout_s:g} s") from error

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        max_bytes: int,
        timeout_s: float,
        headers: Mapping[str, str],
        needs_body: bool = True,
    ) -> WebResponse:
        """Send the body to an address that the person wrote, and return what it answers; see `ports.Outlet`.

        A redirect is an answer: followed, it would carry body and signature to an address that nobody wrote.
        """
        target = read_target(url)
        wanted = _sendable(headers)
        try:
            async with asyncio.timeout(timeout_s):
                addresses = await self._checked_addresses(target)
                return await self._fetch(
                    target, addresses, "POST", wanted, max_bytes, timeout_s, body, needs_body=needs_body
                )
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise _unanswered(target, f"no complete answer within {timeout_s:g} s") from error

    async def addresses(self, host: str, port: int) -> list[tuple[str, int]]:
        """Return where a server that the person named may be reached; see `ports.Outlet`."""
        return await self._checked_addresses(read_target(f"https://{f'[{host}]' if ':' in host else host}:{port}/"))

    async def _follow(
        self, url: str, method: str, headers: dict[str, str], max_bytes: int, timeout_s: float
    ) -> WebResponse:
        target = read_target(url)
        for _ in range(MAX_REDIRECTS + 1):
            addresses = await self._checked_addresses(target)
            answer = await self._fetch(target, addresses, method, headers, max_bytes, timeout_s)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not location:
                return answer
            following = read_target(_join(str(target.url), location))
            if target.url.scheme == "https" and following.url.scheme == "http":
                raise Refused("egress", f"{target.host} redirects from https to plain http")
            if following.origin != target.origin:
                headers = {name: value for name, value in headers.items() if name not in _SECRET_HEADERS}
            target = following
        raise Refused("egress", f"more than {MAX_REDIRECTS} redirects")

    async def _checked_addresses(self, target: Target) -> list[tuple[str, int]]:
        """Return where the target may be reached. One forbidden address among public ones refuses them all:
        a name that leads to both is the mark of DNS rebinding."""
        try:
            addresses = await self.resolver.resolve(target.host, target.port)
        except TransientError as error:
            raise _unanswered(target, str(error)) from error
        if not addresses:
            raise _unanswered(target, f"the host name {target.host} has no address")
        for ip, _ in addresses:
            reason = refuse_address(ip, self.allow)
            if reason is not None:
                raise Refused("egress", f"{target.host}: {reason}; [egress] in harness.toml can grant it")
        return addresses

    async def _fetch(
        self,
        target: Target,
        addresses: list[tuple[str, int]],
        method: str,
        headers: Mapping[str, str],
        max_bytes: int,
        timeout_s: float,
        body: bytes | None = None,
        *,
        needs_body: bool = True,
    ) -> WebResponse:
        # An address that swallows packets must leave time for the next one.
        timeout = httpx2.Timeout(timeout_s, connect=timeout_s / len(addresses))
        async with httpx2.AsyncClient(
            verify=self._trust(target.url.scheme), trust_env=False, follow_redirects=False, timeout=timeout
        ) as client:
            for index, address in enumerate(addresses):
                request = _pinned_request(client, target, address, method, headers, body)
                try:
                    response = await client.send(request, stream=True)
                except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                    if index + 1 < len(addresses):
                        continue
                    raise _unanswered(target, f"no connection to {target.host}: {error or 'timed out'}") from error
                except httpx2.HTTPError as error:
                    raise _failure(target, error) from error
                return await _whole_answer(response, target, max_bytes, needs_body)
        raise AssertionError("there is always an address: an empty list was refused")

    def _trust(self, scheme: str) -> ssl.SSLContext:
        if scheme == "http":
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never used, and it trusts nobody
        return self.tls or _system_trust()


@functools.cache
def _system_trust() -> ssl.SSLContext:
    # One for the process, although it is state of a module: reading the system's certificates takes 60 ms on
    # the event loop, longer than most fetches, and doors are made anew whenever the grants may have changed.
    return httpx2.create_ssl_context(trust_env=False)


def read_target(url: str) -> Target:
    """Return the URL's parts if it may be asked for at all.

    Raises Refused (`egress`) for other schemes than http and https, for credentials, and for what is no URL.
    """
    try:
        parsed = httpx2.URL(url.strip())
    except (httpx2.InvalidURL, ValueError) as error:
        raise Refused("egress", f"not a URL: {str(error)[:80]}") from error
    if parsed.scheme not in _DEFAULT_PORTS:
        raise Refused("egress", f"only http and https are let through, not {parsed.scheme or 'a URL without scheme'}")
    if parsed.userinfo:
        raise Refused("egress", "a URL must not carry a user name or password")
    host = parsed.raw_host.decode("ascii")
    port = parsed.port or _DEFAULT_PORTS[parsed.scheme]
    if not host or port > 65_535:
        raise Refused("egress", "not a URL: " + ("it names no host" if not host else f"there is no port {port}"))
    return Target(parsed.copy_with(fragment=None), host, port)


def _sendable(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers in small letters, without those that are the door's own.

    Raises Refused (`egress`) for one that no header can carry, by its name: below, its value would be in the error,
    and it may be a key that ends in a line break.
    """
    wanted = {name.lower(): value for name, value in headers.items() if name.lower() not in _OWN_HEADERS}
    for name, value in wanted.items():
        if not (value.isascii() and value.isprintable() and value == value.strip()):
            raise Refused("egress", f"the header {name} holds a line break or another character that none can carry")
    return wanted


def _join(base: str, location: str) -> str:
    try:
        return urljoin(base, location)
    except ValueError as error:
        raise Refused("egress", "redirects to what is not a URL") from error


def _pinned_request(
    client: httpx2.AsyncClient,
    target: Target,
    address: tuple[str, int],
    method: str,
    headers: Mapping[str, str],
    body: bytes | None,
) -> httpx2.Request:
    """Return the request to one checked address of the target.

    The URL holds the address, so nothing below resolves a name again; the header and the TLS handshake (SNI and
    verification) still say the name.
    """
    ip, port = address
    own = {"host": target.authority, "accept-encoding": "gzip"}
    return client.build_request(
        method,
        target.url.copy_with(host=ip, port=port, fragment=None),
        content=body,
        headers={"user-agent": USER_AGENT, "accept": "*/*", **headers, **own},
        extensions={"sni_hostname": target.host.rstrip(".")},
    )


async def _whole_answer(
    response: httpx2.Response, target: Target, max_bytes: int, needs_body: bool = True
) -> WebResponse:
    """Return the response with its body, closed; without it if it cannot be read and nobody needs it."""
    body = b""
    try:
        if response.status_code not in _REDIRECTS:
            body = await _read_body(response, max_bytes)
    except (LimitReached, TransientError):
        if needs_body:
            raise
    except httpx2.HTTPError as error:
        raise _failure(target, error) from error
    finally:
        await response.aclose()
    return WebResponse(response.status_code, str(target.url), body, dict(response.headers.items()))


def _failure(target: Target, error: httpx2.HTTPError) -> Exception:
    """Return what to raise for a connection that opened and then failed; timeouts are named by the caller.

    The words are ours where the server's could get into them: they end up in front of a person and a model.
    """
    if isinstance(error, httpx2.TimeoutException):
        return error
    if isinstance(error, httpx2.RemoteProtocolError):
        return _unanswered(target, f"the connection to {target.host} failed: it was cut, or is no proper HTTP")
    return _unanswered(target, f"the connection to {target.host} failed: {error or type(error).__name__}")


def _unanswered(target: Target, problem: str) -> TransientError:
    return TransientError(problem, cause=endpoint_cause(target.endpoint))


async def _read_body(response: httpx2.Response, max_bytes: int) -> bytes:
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length) > max_bytes and response.request.method != "HEAD":
        raise _too_large(max_bytes)
    inflate = _Inflate(response.headers.get("content-encoding", ""))
    body = bytearray()
    received = 0
    async for chunk in response.aiter_raw():
        received += len(chunk)
        body += inflate.feed(chunk, max_bytes - len(body) + 1)
        if received > max_bytes or len(body) > max_bytes:
            raise _too_large(max_bytes)
    inflate.finish()
    return bytes(body)


def _too_large(max_bytes: int) -> LimitReached:
    return LimitReached("bytes", f"it is larger than {max_bytes / 1_000_000:g} MB")


class _Inflate:
    """Undoes gzip piece by piece, never yielding more than it is asked for.

    httpx2 would decompress by itself, but the cap must hold inside one chunk, and for a stream that goes on
    after the end of its gzip data.
    """

    def __init__(self, encoding: str) -> None:
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise TransientError(f"answers in an encoding that was not asked for: {encoding[:40]}")
        self._gzip = zlib.decompressobj(zlib.MAX_WBITS | 16) if "gzip" in encoding else None
        self._is_started = False

    def feed(self, chunk: bytes, max_bytes: int) -> bytes:
        """Return at most `max_bytes` of what the chunk holds; the rest of an overlong chunk is lost."""
        if self._gzip is None:
            return chunk
        try:
            piece = self._gzip.decompress(chunk, max_bytes)
        except (zlib.error, EOFError) as error:
            raise TransientError(f"its gzip data is broken: {error}") from error
        # After the end zlib would store whatever follows, copying all of it again with every chunk.
        if self._gzip.unused_data:
            raise TransientError("its gzip data goes on after its end")
        self._is_started = True
        return piece

    def finish(self) -> None:
        """Raise TransientError if data that has begun does not end."""
        if self._gzip is not None and self._is_started and not self._gzip.eof:
            raise TransientError("its gzip data is cut off")
