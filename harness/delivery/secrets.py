"""Secrets of channels, which stand in the environment and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from harness.domain.errors import OwnerError


def secret_in(environ: Mapping[str, str], variable: str, channel: str) -> str:
    """Return what the variable holds. Raises OwnerError if it is not set, or empty."""
    value = environ.get(variable, "")
    if not value:
        problem = f"channels.{channel}: the environment variable {variable} is not set"
        raise OwnerError("environment", None, problem, f"set {variable}, where the daemon runs as well")
    return value


def address_of(url: str, url_env: str | None, environ: Mapping[str, str], channel: str) -> str:
    """Return where the channel sends to, also where a variable holds it. Raises OwnerError if that is no address."""
    address = secret_in(environ, url_env, channel).strip() if url_env else url
    try:
        parts = urlsplit(address)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        problem = f"channels.{channel}: {url_env or 'url'} holds no web address"
        raise OwnerError(
            "environment" if url_env else "harness.toml", None, problem, "write it with https:// and a host"
        )
    return address
