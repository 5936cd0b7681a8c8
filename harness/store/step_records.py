"""How a finished step is kept: `{kind, call_id, args_hash, value | error}`, as plain JSON.

The engine writes these records, and whoever looks at a run reads them, also where no engine is running.
Standard library only: fast commands import this.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from harness.domain.cause import cause_of
from harness.domain.errors import HarnessError, LimitReached, OwnerError, Refused, TransientError
from harness.domain.message import Spent, Usage
from harness.ports import Json, RecordedStep


def args_hash(args: Json) -> str:
    """Return the hash by which a step's arguments are recognised on replay."""
    return hashlib.sha256(json.dumps(args, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def recorded_step(position: int, record: Json, started_ms: int | None, ended_ms: int | None) -> RecordedStep | None:
    """Return the step that the record tells of; None for what DBOS wrote for itself,
    such as the mark of a cancellation."""
    if not isinstance(record, dict) or "call_id" not in record:
        return None
    error = None if "error" not in record else error_from_json(record["error"])
    return RecordedStep(
        position=position,
        kind=record["kind"],
        call_id=record["call_id"],
        args_hash=record["args_hash"],
        value=record.get("value"),
        error=None if error is None else str(error),
        started_at=_seconds(started_ms),
        ended_at=_seconds(ended_ms),
        failure=error,
    )


def error_to_json(error: HarnessError) -> dict[str, Json]:
    """Return the error as plain data: exceptions come back from JSON as another class."""
    named = {"cause": cause_of(error), "failure": error.failure}
    cost = {"paid": None if error.paid is None else asdict(error.paid), "took_s": error.took_s or None}
    return {**_fields(error), **{key: value for key, value in {**named, **cost}.items() if value is not None}}


def error_from_json(data: dict[str, Any]) -> HarnessError:
    """Return the error that `error_to_json` was given."""
    error = _error(data)
    error.cause = data.get("cause")
    error.failure = data.get("failure")
    error.took_s = data.get("took_s", 0.0)
    if "paid" in data:
        error.paid = Spent(Usage(**data["paid"]["usage"]), data["paid"]["cost_usd"])
    return error


def _fields(error: HarnessError) -> dict[str, Json]:
    match error:
        case OwnerError():
            return {"type": "owner", "path": error.path, "line": error.line, "problem": error.problem, "fix": error.fix}
        case Refused():
            return {"type": "refused", "rule": error.rule, "reason": error.reason}
        case LimitReached():
            return {"type": "limit", "limit": error.limit, "reason": error.reason}
        case TransientError():
            return {"type": "transient", "message": str(error)}
        case _:
            return {"type": "error", "message": str(error)}


def _error(data: dict[str, Any]) -> HarnessError:
    match data["type"]:
        case "owner":
            return OwnerError(data["path"], data["line"], data["problem"], data["fix"])
        case "refused":
            return Refused(data["rule"], data["reason"])
        case "limit":
            return LimitReached(data["limit"], data["reason"])
        case "transient":
            return TransientError(data["message"])
        case _:
            return HarnessError(data["message"])


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
