"""A circuit breaker: who does not answer is left alone for a while, and then asked once before all ask again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

OPENS_AFTER = 5
FIRST_PAUSE_S = 30.0
LONGEST_PAUSE_S = 900.0
PROBE_S = 600.0
"""How long the one call of a half-open breaker may take before another is let through in its place."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of one endpoint, `host:port`; times are aware UTC.

    `closed`: calls go through. `open`: none does before `retry_at`. `half-open`: one call is under way to
    see whether it answers again; if nothing is heard of it, another is let through at `retry_at`.
    `opened_at` is since when calls have been held back, `problem` what the last failure was.
    """

    endpoint: str
    state: Literal["closed", "open", "half-open"] = "closed"
    failures_in_a_row: int = 0
    opened_at: datetime | None = None
    retry_at: datetime | None = None
    problem: str = ""

    @property
    def is_new(self) -> bool:
        """Whether there is nothing to remember of it."""
        return self.state == "closed" and self.failures_in_a_row == 0


def is_held_back(breaker: Breaker, now: datetime) -> bool:
    """Say whether a call at `now` must not be made."""
    return breaker.state != "closed" and breaker.retry_at is not None and now < breaker.retry_at


def let_through(breaker: Breaker, now: datetime) -> Breaker:
    """Return the breaker after a call that is not held back was let through."""
    if breaker.state == "closed":
        return breaker
    return replace(breaker, state="half-open", retry_at=now + timedelta(seconds=PROBE_S))


def after_answer(breaker: Breaker) -> Breaker:
    """Return the breaker after an answer, whatever it says: the endpoint is there."""
    return Breaker(breaker.endpoint)


def after_failure(breaker: Breaker, now: datetime, problem: str) -> Breaker:
    """Return the breaker after a call that was not answered.

    The pause doubles with every try that fails, from half a minute up to a quarter of an hour. A call that was made
    before it opened, and fails after, counts and does not lengthen the pause.
    """
    failures = breaker.failures_in_a_row + 1
    if failures < OPENS_AFTER:
        return replace(breaker, failures_in_a_row=failures, problem=problem)
    if breaker.state == "open":
        return replace(breaker, problem=problem)
    pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures - OPENS_AFTER, 20))
    return replace(
        breaker,
        state="open",
        failures_in_a_row=failures,
        opened_at=breaker.opened_at or now,
        retry_at=now + timedelta(seconds=pause_s),
        problem=problem,
    )


def after_no_verdict(breaker: Breaker, now: datetime) -> Breaker:
    """Return the breaker after a call that says nothing about the endpoint: cancelled, or never sent.

    If it was the one call of a half-open breaker, the next one takes its place.
    """
    return replace(breaker, state="open", retry_at=now) if breaker.state == "half-open" else breaker
