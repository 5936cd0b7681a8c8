"""Failures by cause, in the database: told once, counted when they come again, closed when they are over."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from harness.store.database import Database
from harness.store.incidents import open_incident, open_incidents, resolve_incident

log = logging.getLogger("harness.incidents")


class LedgerIncidents:
    """Incidents beside the ledger; every new cause is logged as an error as well."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def open(self, cause: str, message: str, *, run_id: str | None = None) -> None:
        """Tell of a failure; the same cause again counts up instead of telling twice."""
        with self._database.write() as connection:
            is_new = open_incident(connection, cause, message, self._now(), run_id)
        if is_new:
            log.error("incident %s: %s%s", cause, message, f" (run {run_id})" if run_id else "")

    def resolve(self, cause: str) -> None:
        """Say that the cause is gone."""
        with self._database.write() as connection:
            was_open = resolve_incident(connection, cause, self._now())
        if was_open:
            log.warning("incident %s is over", cause)

    def open_causes(self, prefix: str) -> list[str]:
        """Return the causes that are open and begin with `prefix`."""
        with self._database.read() as connection:
            return [incident.cause for incident in open_incidents(connection) if incident.cause.startswith(prefix)]
