"""Requests that cannot be served: an incident each while it lasts, and nobody else's concern."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from harness.domain.errors import HarnessError, TransientError
from harness.store.database import Database
from harness.store.incidents import open_incident, open_incidents, resolve_incident

_CAUSE = "request "
_OVER_AFTER = timedelta(seconds=60)
"""How long nothing must have failed until it is said to be over: what fails is tried again much sooner."""

T = TypeVar("T")
log = logging.getLogger("harness.bus")


@dataclass(slots=True)
class BusFaults:
    """Keeps one request's failure from the others, and tells the person of it once."""

    database: Database
    _failed_at: dict[str, datetime] = field(default_factory=dict)

    def guarded(self, name: str, work: Callable[[], T], now: datetime) -> T | None:
        """Return what the work on this request returns; None if it failed, which is an incident then.

        Raises TransientError: the database cannot be written for now, for whichever request.
        """
        try:
            return work()
        except TransientError:
            raise
        except HarnessError as error:
            if name not in self._failed_at:
                log.error("request %s cannot be served: %s", name, error)
                with self.database.write() as connection:
                    open_incident(connection, f"{_CAUSE}{name}", f"request {name}: {error}", now)
            self._failed_at[name] = now
            return None

    def all_of(self, names: Iterable[str], work: Callable[[str], bool], now: datetime) -> tuple[str, ...]:
        """Do the work for each; return those for which something was done."""
        return tuple(name for name in names if self.guarded(name, partial(work, name), now))

    def resolve_past(self, now: datetime) -> list[str]:
        """Close the incidents of what has not failed for a while, of earlier lives included; return their causes."""
        for name, at in list(self._failed_at.items()):
            if not at <= now < at + _OVER_AFTER:
                del self._failed_at[name]
        with self.database.read() as connection:
            told = [row.cause for row in open_incidents(connection) if row.cause.startswith(_CAUSE)]
        over = [cause for cause in told if cause.removeprefix(_CAUSE) not in self._failed_at]
        if over:
            with self.database.write() as connection:
                for cause in over:
                    resolve_incident(connection, cause, now)
        return over
