"""Where a profile's model answers: its address, and what of it may be shown."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from harness.domain.cause import profile_cause
from harness.domain.errors import OwnerError
from harness.domain.settings import Adapter, Profile

SETTINGS_FILE = "harness.toml"
_COMPLETIONS = "/chat/completions"
_MESSAGES = "/messages"
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`url` is what is called; `shown` is the address without user, password and query, for messages.

    `name` is `host:port`: profiles with the same name stand and fall together.
    """

    url: str
    shown: str
    name: str
    is_loopback: bool


def endpoint_of(profile: Profile) -> Endpoint:
    """Return the endpoint of the profile's protocol below its base URL.

    A base URL that already ends in `/chat/completions` or, for `anthropic`, in `/messages` is taken as it is. The base
    of `anthropic` may end in `/v1` or before it. A query (`?api-version=`) is kept.
    Raises OwnerError if `base_url` or `model` is missing or the address cannot be one.
    """
    fix = f'set it in [profiles.{profile.name}], for example base_url = "http://localhost:11434/v1"'
    if not profile.base_url:
        raise _broken(profile, "has no base_url", fix)
    if not profile.model:
        raise _broken(profile, "has no model", f"set model in [profiles.{profile.name}]")
    try:
        parts = urlsplit(profile.base_url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in ("http", "https"):
        raise _broken(profile, "has a base_url that is no http(s) address", fix)
    path, base = _paths(profile.adapter, parts.path.rstrip("/"))
    netloc = f"[{host}]" if ":" in host else host
    if port is not None:
        netloc = f"{netloc}:{port}"
    return Endpoint(
        url=urlunsplit((parts.scheme, parts.netloc, path, parts.query, "")),
        shown=urlunsplit((parts.scheme, netloc, base, "", "")),
        name=netloc if port is not None else f"{netloc}:{_DEFAULT_PORTS[parts.scheme]}",
        is_loopback=_is_loopback(host),
    )


def _paths(adapter: Adapter, path: str) -> tuple[str, str]:
    """Return the path that is called, and the part of it that the person may have written."""
    if adapter != "anthropic":
        base = path.removesuffix(_COMPLETIONS)
        return base + _COMPLETIONS, base
    if path.endswith(_MESSAGES):
        return path, path.removesuffix(_MESSAGES)
    base = path.removesuffix("/v1") + "/v1"
    return base + _MESSAGES, base


def _broken(profile: Profile, problem: str, fix: str) -> OwnerError:
    return OwnerError(
        SETTINGS_FILE,
        None,
        f"profile {profile.name!r} {problem}",
        fix,
        cause=profile_cause(profile.name),
        failure="rejected",
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
