"""Secrets of channels, which stand in the environment and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

from harness.domain.errors import OwnerError


def secret_in(environ: Mapping[str, str], variable: str, channel: str) -> str:
    """Return what the variable holds. Raises OwnerError if it is not set, or empty."""
    value = environ.get(variable, "")
    if not value:
        problem = f"channels.{channel}: the environment variable {variable} is not set"
        raise OwnerError("environment", None, problem, f"set {variable}, where the daemon runs as well")
    return value


def address_of(url: str, url_env: str | None, environ: Mapping[str, str], channel: str) -> str:
    """Return where the channel sends to, also where a variable holds it. Raises OwnerError if that is not set."""
    return secret_in(environ, url_env, channel).strip() if url_env else url
