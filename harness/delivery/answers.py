"""What a web server's answer to a delivery means: it has it, it may have it later, or the person must act."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from urllib.parse import unquote, urlsplit

from harness.domain.errors import OwnerError, Refused, TransientError
from harness.gate.redact import redact
from harness.gate.sanitise import one_line
from harness.ports import Outlet, WebResponse

SETTINGS_FILE = "harness.toml"
_LATER = frozenset({408, 409, 425, 429})
"""Of what is the client's fault, these pass: a timeout, the same key in work, too early, too many."""
_MOST_ANSWER_BYTES = 200_000
_SHOWN_CHARS = 200
_MIN_SECRET_CHARS = 8
"""A shorter piece of an address is a word such as `hook`."""


def post(
    outlet: Outlet, channel: str, url: str, body: bytes, *, headers: Mapping[str, str], timeout_s: float
) -> WebResponse:
    """Send the body to the channel's address and return the answer that says it was taken.

    Raises TransientError where a later try may work, with how long the server asked for, OwnerError where the person
    must act first. Neither repeats the address, which may be a secret, beyond its host, nor what a header says.
    """
    host = urlsplit(url).netloc.rpartition("@")[2]
    try:
        response = asyncio.run(
            outlet.post(url, body, max_bytes=_MOST_ANSWER_BYTES, timeout_s=timeout_s, headers=headers, needs_body=False)
        )
    except Refused as error:
        fix = "correct the address or the token, or grant it under [egress]"
        raise must_act(channel, f"{host} may not be reached: {error.reason}", fix) from error
    except TransientError as error:
        if is_untrusted(error):
            raise must_act(channel, *untrusted_words(host)) from error
        raise
    _check_status(response, channel, host, _secrets_of(url, headers))
    return response


def must_act(channel: str, problem: str, fix: str) -> OwnerError:
    """Return that the person must act before the channel can take anything."""
    return OwnerError(SETTINGS_FILE, None, f"channels.{channel}: {problem}", fix)


def is_untrusted(error: BaseException | None) -> bool:
    """Say whether it failed because the server's certificate cannot be trusted."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def untrusted_words(host: str) -> tuple[str, str]:
    """Return what is wrong with a server whose certificate cannot be trusted, and how to fix it."""
    return (
        f"the certificate of {host} cannot be trusted",
        "correct the host's name, renew its certificate, or add its authority to this machine's trust store",
    )


def _check_status(response: WebResponse, channel: str, host: str, secrets: Sequence[str]) -> None:
    status = response.status
    if 200 <= status < 300:
        return
    said = f"{host} answered {status}{_said(response, secrets)}"
    if status >= 500 or status in _LATER:
        raise TransientError(f"channel {channel}: {said}", retry_after_s=_retry_after_s(response.headers))
    if 300 <= status < 400:
        raise must_act(channel, f"{said}, which leads elsewhere", "write the address to which it leads")
    if status in (401, 403):
        raise must_act(channel, f"{said}: it does not let us in", "correct the key, the token or the address")
    raise must_act(channel, f"{said}: it does not take what is sent", "correct the address or the kind of the channel")


def _said(response: WebResponse, secrets: Sequence[str]) -> str:
    """The first words of the answer, on one line; many servers repeat what they were asked for."""
    words = one_line(redact(response.body.decode("utf-8", "replace"), secrets))
    return f" ({words[:_SHOWN_CHARS]})" if words else ""


def _secrets_of(url: str, headers: Mapping[str, str]) -> Sequence[str]:
    """What could let somebody in who reads it: the address but for its host, also piece by piece, and a login."""
    parts = urlsplit(url)
    pieces = (parts.path.strip("/"), parts.query, *re.split(r"[/&=]", f"{parts.path}/{parts.query}"))
    login = headers.get("Authorization", "")
    found = (url, *pieces, *map(unquote, pieces), login, login.rpartition(" ")[2])
    return [piece for piece in found if len(piece) >= _MIN_SECRET_CHARS]


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """How long to wait, also where a date says it: counted from the server's own clock."""
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0.0, wait.total_seconds())
