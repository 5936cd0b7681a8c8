"""How long to wait before a failed call is tried again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_WAIT_S = 1.0
LONGEST_BACKOFF_S = 30.0
LONGEST_ASKED_WAIT_S = 60.0


def wait_s(failures: int, asked_s: float | None, jitter: float) -> float:
    """Return the seconds to wait after that many failures in a row (at least one).

    Doubles from FIRST_WAIT_S to LONGEST_BACKOFF_S; `jitter` in [0, 1) takes away up to half of it, so that
    agents that failed together do not return together. What the endpoint asked for is a lower bound, up
    to LONGEST_ASKED_WAIT_S: a run must not sleep through its own deadline because a header says so.
    """
    backoff = min(LONGEST_BACKOFF_S, FIRST_WAIT_S * 2.0 ** min(failures - 1, 10)) * (1 - jitter / 2)
    return max(backoff, min(asked_s or 0.0, LONGEST_ASKED_WAIT_S))


def asked_wait_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that `retry-after` asks for, or None if it asks for nothing that can be understood.

    An HTTP date is read against the response's own `date`, the one clock that both sides of the
    difference share. `headers` have lower-case names.
    """
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        until, now = _moment(text), _moment(headers.get("date", ""))
        if until is None or now is None:
            return None
        seconds = (until - now).total_seconds()
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # no date, or one with a year that no machine can count
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
