"""Retry-After: how long a host asks to be left alone. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from harness.ports import WebResponse

LONGEST = timedelta(days=1)
"""What a host may ask for at most: a slip of its own must not silence a source for years."""

_STATUSES = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


def leave_alone_until(response: WebResponse, now: datetime) -> datetime | None:
    """Return until when the response asks not to be asked again (aware UTC), None if it does not."""
    if response.status not in _STATUSES:
        return None
    text = response.headers.get("retry-after", "").strip()
    until = now + timedelta(seconds=int(text)) if text.isdecimal() and len(text) < 10 else _as_date(text)
    return None if until is None or until <= now else min(until, now + LONGEST)


def _as_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.utcoffset() is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
