"""What stands in a prompt and what was left out of it, as a table that is kept with the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One section: its estimated tokens, how many records were kept, and the names of those dropped.

    `ids` are the records of memory that stand in it.
    """

    section: str
    tokens: int
    budget_tokens: int
    kept: int
    dropped: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """The token table of one prompt; `total_tokens` estimates the whole request, overhead included."""

    rows: tuple[ManifestRow, ...]
    total_tokens: int
    budget_tokens: int

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as a value that survives JSON unchanged."""
        return {
            "total_tokens": self.total_tokens,
            "budget_tokens": self.budget_tokens,
            "sections": [
                {
                    "section": row.section,
                    "tokens": row.tokens,
                    "budget_tokens": row.budget_tokens,
                    "kept": row.kept,
                    "dropped": list(row.dropped),
                    "ids": list(row.ids),
                }
                for row in self.rows
            ],
        }


def manifest_from_json(value: Mapping[str, Any]) -> Manifest:
    """Return the manifest that `to_json` wrote. Raises KeyError if it is none."""
    rows = tuple(
        ManifestRow(
            section=row["section"],
            tokens=row["tokens"],
            budget_tokens=row["budget_tokens"],
            kept=row["kept"],
            dropped=tuple(row["dropped"]),
            ids=tuple(row.get("ids", ())),  # manifests that were written before there was recall lack them
        )
        for row in value["sections"]
    )
    return Manifest(rows, value["total_tokens"], value["budget_tokens"])
