"""Work that waits for a node that is not there, as one incident for each such node."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from harness.daemon.disk_watch import OpenIncidents
from harness.domain.run import RunState
from harness.store.database import Database
from harness.store.nodes import all_nodes
from harness.store.runs import RunRow, runs_in

PATIENCE = timedelta(minutes=15)
"""A machine that is restarted is back by then, and a laptop that sleeps for a night keeps nothing waiting."""
_PREFIX = "node "
_NAMED = 3


def tell_absent_nodes(database: Database, incidents: OpenIncidents, now: datetime) -> None:
    """Open an incident for each node for which work has waited too long, and close it when nothing waits any more.

    Without it, what is bound to a machine that never comes back would pile up, and nobody would be told.
    """
    with database.read() as connection:
        here = {node.name for node in all_nodes(connection) if node.is_here}
        unfinished = runs_in(connection, RunState.QUEUED, RunState.RUNNING)
    waiting = _waiting(unfinished, here, now)
    known = set(incidents.open_causes(_PREFIX))
    for cause in known - {f"{_PREFIX}{name}" for name in waiting}:
        incidents.resolve(cause)
    for name, jobs in waiting.items():
        if f"{_PREFIX}{name}" not in known:
            incidents.open(f"{_PREFIX}{name}", _in_words(name, jobs))


def _waiting(unfinished: Iterable[RunRow], here: set[str], now: datetime) -> dict[str, list[str]]:
    """Return the jobs whose runs have waited too long for their node, by the name of the node."""
    found: dict[str, list[str]] = defaultdict(list)
    for run in unfinished:
        since = max(run.created_at, run.not_before or 0.0, run.started_at or 0.0)
        if run.node is None or run.node in here or now.timestamp() - since < PATIENCE.total_seconds():
            continue
        if run.job_id not in found[run.node]:
            found[run.node].append(run.job_id)
    return found


def _in_words(name: str, jobs: list[str]) -> str:
    more = f" and {len(jobs) - _NAMED} more" if len(jobs) > _NAMED else ""
    wait = "waits" if len(jobs) == 1 else "wait"
    return (
        f"{', '.join(jobs[:_NAMED])}{more} {wait} for the node {name}, which is not there;"
        f" start the daemon on {name}, or take `on: {name}` away"
    )
