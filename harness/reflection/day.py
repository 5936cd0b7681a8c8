"""What an agent did in a day, as far as a night needs to know: counts, and the latest of what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from harness.store.days_of_agents import (
    Incident,
    Trouble,
    count_fires,
    count_requests,
    incidents_of,
    troubles,
    used_by,
)

MOST_TROUBLES = 10
_MOST_INCIDENTS = 10


@dataclass(frozen=True, slots=True)
class Day:
    """One agent's day. `outcomes` counts fires by their state; `troubles` and `incidents` are the latest few."""

    outcomes: Mapping[str, int] = field(default_factory=dict)
    troubles: tuple[Trouble, ...] = ()
    incidents: tuple[Incident, ...] = ()
    requests_made: int = 0
    requests_received: int = 0
    requests_ended: int = 0
    model_calls: int = 0
    tokens: int = 0
    cost_usd: float = 0.0

    @property
    def fires(self) -> int:
        return sum(self.outcomes.values())


def night_of(due_at: datetime, zone: str) -> date:
    """Return the day that a reflection which is due then looks back on, also where it is made up for later."""
    return due_at.astimezone(ZoneInfo(zone)).date()


def collect_day(connection: Connection, agent: str, day: date, zone: str) -> Day:
    """Return what the agent did on that day of the zone, from the ledger."""
    start = datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone)).astimezone(UTC)
    made, received, ended = count_requests(connection, agent, start, end)
    calls, tokens, cost_usd = used_by(connection, agent, start, end)
    return Day(
        dict(sorted(count_fires(connection, agent, start, end).items())),
        troubles(connection, agent, start, end, MOST_TROUBLES),
        incidents_of(connection, agent, start, _MOST_INCIDENTS),
        made,
        received,
        ended,
        calls,
        tokens,
        cost_usd,
    )
