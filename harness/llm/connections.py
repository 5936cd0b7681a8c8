"""Connections to endpoints that are kept open from call to call."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
from collections.abc import AsyncGenerator, Hashable
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from harness.domain.cause import profile_cause
from harness.domain.errors import OwnerError
from harness.domain.settings import Profile

if TYPE_CHECKING:
    import httpx2

CONNECT_TIMEOUT_S = 10.0

# Longer than a model and its tools take in turns; most servers hang up after one to two minutes.
_KEPT_IDLE_S = 30.0


class Connections:
    """One HTTP client for each endpoint and key, on each event loop; safe to share between threads.

    A client is closed by its event loop, when that ends in the usual way (`asyncio.run`, or anything else that calls
    `shutdown_asyncgens`): nobody else could, as its connections belong to that loop. With `is_keeping` False no
    connection outlives its call, for who is not there when the event loop ends.
    """

    def __init__(self, *, is_keeping: bool = True) -> None:
        self._is_keeping = is_keeping
        self._lock = threading.Lock()
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, _Held]] = WeakKeyDictionary()

    async def client(
        self, profile: Profile, origin: str, api_key: str | None, *, is_loopback: bool
    ) -> httpx2.AsyncClient:
        """Return the client for the endpoint on the running event loop.

        Raises OwnerError if the proxy or the certificates that the environment names cannot be used.
        """
        loop = asyncio.get_running_loop()
        with self._lock:
            held = self._by_loop.setdefault(loop, {})
        key = (origin, api_key)
        if key not in held:
            held[key] = await _hold(self._new_client(profile, is_loopback), held, key)
        return held[key].client

    @property
    def open_clients(self) -> int:
        """How many clients are open, on all event loops."""
        with self._lock:
            return sum(len(held) for held in self._by_loop.values())

    def _new_client(self, profile: Profile, is_loopback: bool) -> httpx2.AsyncClient:
        # It costs 60 ms to import: only who asks a language model pays for it.
        import httpx2

        # How many calls are made at a time is decided where runs are started, not here.
        kept = 20 if self._is_keeping else 0
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=kept, keepalive_expiry=_KEPT_IDLE_S)
        try:
            return httpx2.AsyncClient(
                verify=_ssl_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")),
                limits=limits,
                trust_env=not is_loopback,  # a proxy cannot reach this machine's loopback
                follow_redirects=False,  # a redirect would carry the key to an address nobody configured
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # no answer steers the next question
            )
        except (ImportError, OSError, ValueError):
            # What the library says of a proxy repeats its address, and with it its password.
            raise OwnerError(
                "environment",
                None,
                f"profile {profile.name!r} cannot be called through the proxy or certificates that are set there",
                "correct or unset HTTPS_PROXY, HTTP_PROXY and ALL_PROXY (http:// only), SSL_CERT_FILE, SSL_CERT_DIR",
                cause=profile_cause(profile.name),
                failure="network",
            ) from None


class _Held:
    """A client, and what its event loop closes it by."""

    def __init__(self, client: httpx2.AsyncClient, keeper: AsyncGenerator[None, None]) -> None:
        self.client = client
        self._keeper = keeper


async def _hold(client: httpx2.AsyncClient, held: dict[Hashable, _Held], key: Hashable) -> _Held:
    async def keep() -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            held.pop(key, None)
            await client.aclose()

    # An event loop that ends closes the asynchronous generators that have begun on it.
    keeper = keep()
    await anext(keeper)
    return _Held(client, keeper)


@lru_cache(maxsize=2)
def _ssl_context(_cert_file: str | None, _cert_dir: str | None) -> ssl.SSLContext:
    """Return what connections are verified by, as the environment says; reading it takes 20 ms, once."""
    import httpx2

    return httpx2.create_ssl_context()
