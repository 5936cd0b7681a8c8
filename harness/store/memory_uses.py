"""Looks at where a record of memory was used: the manifests of prompts name those that stood in them.

Standard library only, as every look at the database.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from harness.store.reader import Reader


@dataclass(frozen=True, slots=True)
class Use:
    """One run to whose prompt the record belonged; `at` in epoch seconds.

    `section` says where it stood. `is_told` is false where it had no room.
    """

    run_id: str
    job_id: str
    at: float
    section: str
    is_told: bool


class MemoryUses:
    """The queries on what runs were told of memory, all within one view of the database."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def of(self, record_id: str, limit: int) -> tuple[Use, ...]:
        """Return the newest runs whose prompt had the record, newest first; retention forgets old prompts."""
        rows = self._reader.rows(
            "SELECT id, job_id, created_at, manifest FROM run WHERE manifest LIKE ?"
            " ORDER BY created_at DESC, id LIMIT ?",
            (f'%"{record_id}"%', limit),
        )
        return tuple(
            Use(row["id"], row["job_id"], row["created_at"], section, is_told)
            for row in rows
            for section, is_told in _sections(json.loads(row["manifest"]), record_id)
        )


def _sections(manifest: dict[str, list[dict[str, object]]], record_id: str) -> Iterator[tuple[str, bool]]:
    for part in manifest["sections"]:
        told, dropped = (part.get(key) or () for key in ("ids", "dropped"))
        for names, is_told in ((told, True), (dropped, False)):
            if isinstance(names, list) and record_id in names:
                yield str(part["section"]), is_told
