"""Incidents and pauses as JSON; the one place that decides their keys."""

from __future__ import annotations

from typing import Any

from harness.cli.fires import iso
from harness.domain.pause import PauseRow
from harness.store.records import OpenIncident


def incident_json(incident: OpenIncident) -> dict[str, Any]:
    """Return the incident with stable keys; times are ISO 8601 in UTC."""
    return {
        "cause": incident.cause,
        "message": incident.message,
        "since": iso(incident.first_at),
        "occurrences": incident.occurrences,
        "jobs": list(incident.jobs),
    }


def pause_json(pause: PauseRow) -> dict[str, Any]:
    """Return the pause with stable keys; times are ISO 8601 in UTC."""
    return {
        "scope": pause.scope,
        "by": pause.paused_by,
        "reason": pause.reason,
        "since": iso(pause.paused_at),
        "is_automatic": pause.is_automatic,
    }
