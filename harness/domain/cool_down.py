"""A profile that could not answer, and is left alone for a while so that another one answers in its place. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from harness.domain.cause import cause_of, profile_cause
from harness.domain.errors import HarnessError, TransientError
from harness.domain.settings import Profile

LONGEST_S = 86_400.0
"""However long an endpoint asks to be left alone: by then it is asked again."""

_CLOCKS_DIFFER_S = 300.0


@dataclass(frozen=True, slots=True)
class CoolDown:
    """Until when a profile is not asked, and why; times are aware UTC.

    `cause` is the key of the incident that tells of it. `fingerprint` says for which settings and key of the profile
    it holds: who corrects them does not wait for its end.
    """

    profile: str
    since: datetime
    until: datetime
    cause: str
    problem: str
    fingerprint: str = ""

    def holds(self, now: datetime, fingerprint: str) -> bool:
        """Say whether the profile must be left alone at `now`.

        One that begins in the future is from before a clock was set back, and could last for years.
        """
        has_begun = now >= self.since - timedelta(seconds=_CLOCKS_DIFFER_S)
        return self.fingerprint == fingerprint and has_begun and now < self.until


def cool_down_after(error: HarnessError, profile: Profile, fingerprint: str, now: datetime) -> CoolDown:
    """Return the cool-down of a profile that has just failed with the error: its own, or what it was asked for."""
    asked_s = error.retry_after_s if isinstance(error, TransientError) else None
    pause_s = max(profile.cool_down_s, min(asked_s or 0.0, LONGEST_S))
    return CoolDown(
        profile=profile.name,
        since=now,
        until=now + timedelta(seconds=pause_s),
        cause=cause_of(error) or profile_cause(profile.name),
        problem=str(error),
        fingerprint=fingerprint,
    )
