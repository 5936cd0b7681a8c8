"""What is remembered about sources from run to run, in the database."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from harness.collectors.context import CachedSource
from harness.collectors.health import SourceNote
from harness.collectors.reach import Reach
from harness.domain.cause import NETWORK
from harness.domain.source import Item
from harness.store.database import Database
from harness.store.incidents import open_incident, resolve_incident
from harness.store.json_codec import from_json, to_json
from harness.store.sources import CachedSourceRow, load_source, record_source, save_source

FAILURES_UNTIL_INCIDENT = 3

_LOG = logging.getLogger(__name__)


class DatabaseSourceCache:
    """The harness.collectors.context.SourceCache that outlives the process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, url: str) -> CachedSource | None:
        """Return the last whole answer of the URL."""
        with self._database.read() as connection:
            row = load_source(connection, url)
        if row is None:
            return None
        try:
            items = from_json(tuple[Item, ...], json.loads(row.items))
        except ValueError:
            # Written by another version, or damaged: without an answer to go back to, the whole is asked for anew.
            _LOG.warning("the kept answer of %s cannot be read; it is fetched anew", url)
            return None
        fetched_at = datetime.fromtimestamp(row.fetched_at, UTC)
        return CachedSource(row.url, row.etag, row.last_modified, items, fetched_at)

    def save(self, cached: CachedSource) -> None:
        """Keep an answer in place of the one before."""
        row = CachedSourceRow(
            url=cached.url,
            etag=cached.etag,
            last_modified=cached.last_modified,
            items=json.dumps(to_json(tuple[Item, ...], cached.items)),
            fetched_at=cached.fetched_at.timestamp(),
        )
        with self._database.write() as connection:
            save_source(connection, row)

    def record(self, source: str, *, ok: bool, problem: str, at: datetime) -> None:
        """Count a success or a failure of the source; three failures in a row are an incident until it works."""
        with self._database.write() as connection:
            _record(connection, SourceNote(source, ok, problem, at))

    def settle(self, notes: Sequence[SourceNote], reach: Reach, at: datetime) -> None:
        """Count how the sources of a run did, in one transaction.

        Where not one of several hosts answered, the network is to blame and no source; an answer from any
        host shows that it is back.
        """
        if reach.cause == NETWORK or not (notes or reach.answered):
            return
        with self._database.write() as connection:
            for note in notes:
                _record(connection, note)
            if reach.answered:
                resolve_incident(connection, NETWORK, at)


def _record(connection: Connection, note: SourceNote) -> None:
    failures = record_source(connection, note.source, ok=note.is_ok, problem=note.problem, at=note.at)
    if failures >= FAILURES_UNTIL_INCIDENT:
        message = f"{note.source} failed {failures} times in a row: {note.problem}"
        open_incident(connection, f"source {note.source}", message, note.at)
    elif failures == 0:
        resolve_incident(connection, f"source {note.source}", note.at)
