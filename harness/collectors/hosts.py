"""What is remembered of the hosts of sources: their rules for robots, and until when they want to be left alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from harness.store.database import Database
from harness.store.source_hosts import load_host, save_leave_until, save_robots


@dataclass(frozen=True, slots=True)
class HostNote:
    """What is known of one host. Moments are aware UTC, None where nothing is known.

    `robots` is its robots.txt as it was at `robots_read_at`, empty if it has none.
    """

    robots: str = ""
    robots_read_at: datetime | None = None
    leave_until: datetime | None = None


class HostMemory(Protocol):
    """What is remembered of hosts from run to run, by origin (`https://host`); used from several threads."""

    def load(self, origin: str) -> HostNote:
        """Return what is known of the host."""
        ...

    def keep_robots(self, origin: str, robots: str, at: datetime) -> None:
        """Keep its rules for robots."""
        ...

    def keep_away(self, origin: str, until: datetime) -> None:
        """Keep until when it wants to be left alone."""
        ...


@dataclass(frozen=True, slots=True)
class HostsInMemory:
    """A HostMemory for as long as it lives."""

    notes: dict[str, HostNote] = field(default_factory=dict)

    def load(self, origin: str) -> HostNote:
        """Return what is known of the host."""
        return self.notes.get(origin, HostNote())

    def keep_robots(self, origin: str, robots: str, at: datetime) -> None:
        """Keep its rules for robots."""
        self.notes[origin] = replace(self.load(origin), robots=robots, robots_read_at=at)

    def keep_away(self, origin: str, until: datetime) -> None:
        """Keep until when it wants to be left alone."""
        self.notes[origin] = replace(self.load(origin), leave_until=until)


@dataclass(frozen=True, slots=True)
class HostsInDatabase:
    """The HostMemory that outlives the process, and that all daemons of a team share."""

    database: Database

    def load(self, origin: str) -> HostNote:
        """Return what is known of the host."""
        with self.database.read() as connection:
            row = load_host(connection, origin)
        if row is None:
            return HostNote()
        return HostNote(row.robots, _moment(row.robots_read_at), _moment(row.leave_until))

    def keep_robots(self, origin: str, robots: str, at: datetime) -> None:
        """Keep its rules for robots."""
        with self.database.write() as connection:
            save_robots(connection, origin, robots, at.timestamp())

    def keep_away(self, origin: str, until: datetime) -> None:
        """Keep until when it wants to be left alone."""
        with self.database.write() as connection:
            save_leave_until(connection, origin, until.timestamp())


def _moment(epoch_s: float | None) -> datetime | None:
    return None if epoch_s is None else datetime.fromtimestamp(epoch_s, UTC)
