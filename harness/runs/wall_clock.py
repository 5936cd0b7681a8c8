"""The real time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime


class WallClock:
    """The clock on the wall, in UTC."""

    def now(self) -> datetime:
        """Return the present moment, aware UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that reads the real clock

    async def sleep_until(self, moment: datetime) -> None:
        """Return when `moment` has come, or after at most one second: a laptop that slept is noticed."""
        remaining_s = (moment - self.now()).total_seconds()
        await asyncio.sleep(min(1.0, max(0.0, remaining_s)))
