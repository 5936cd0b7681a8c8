"""Everything that is left when the daemons are gone: rows, records, digests, effects."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Connection, select

from chaos.node import Interruption, Node
from chaos.outside import Effect
from harness.domain.job import Job
from harness.store.database import Database
from harness.store.fires import JobState, job_states
from harness.store.incidents import IncidentRow
from harness.store.outbox import OutboxRow
from harness.store.step_records import recorded_step
from harness.store.tables import fire, incident, outbox, run

DECLARED_LOST = "declared lost"
_UNNOTICED_S = 10.0
_LOST = re.compile(r"^(\S+ \S+) ERROR \S+ this daemon was declared lost", re.MULTILINE)
_DELIVERY = re.compile(r"harness delivery: (\S+)")


@dataclass(frozen=True, slots=True)
class FireRow:
    """One line of the ledger; times in epoch seconds."""

    job_id: str
    due_at: int
    kind: str
    state: str
    reason: str
    run_id: str | None
    created_at: float
    closed_at: float | None


@dataclass(frozen=True, slots=True)
class RunLife:
    """What the run's row says of its course."""

    id: str
    job_id: str
    due_at: int
    state: str
    stop: str | None
    started_at: float | None
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class StepRow:
    """One record that the engine kept; `ended_at` is when the step's work was done, in epoch seconds."""

    run_id: str
    position: int
    kind: str
    call_id: str
    ended_at: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the claims are judged by. `engine` maps a run to the state that the engine keeps of it; `digests`
    counts the files of the channel by the key of their delivery."""

    jobs: Mapping[str, Job]
    states: Mapping[str, JobState]
    fires: tuple[FireRow, ...]
    runs: tuple[RunLife, ...]
    steps: tuple[StepRow, ...]
    engine: Mapping[str, str]
    outbox: tuple[OutboxRow, ...]
    incidents: tuple[IncidentRow, ...]
    digests: Mapping[str, int]
    effects: tuple[Effect, ...] = ()
    interruptions: tuple[Interruption, ...] = ()
    exit_codes: tuple[int, ...] = field(default=())


def read_evidence(
    database: Database, jobs: Iterable[Job], nodes: Iterable[Node], effects: Iterable[Effect], digests: Path
) -> Evidence:
    """Read what is left; the daemons must be gone."""
    nodes = tuple(nodes)
    with database.read() as connection:
        return Evidence(
            jobs={job.id: job for job in jobs},
            states=job_states(connection),
            fires=tuple(_fires(connection)),
            runs=tuple(_runs(connection)),
            steps=tuple(_steps(connection, database)),
            engine=dict(_engine(connection, database)),
            outbox=tuple(OutboxRow(*row) for row in connection.execute(select(*outbox.c))),
            incidents=tuple(_incidents(connection)),
            digests=Counter(_deliveries(digests)),
            effects=(*effects, *(effect for node in nodes for effect in tool_effects(node))),
            interruptions=tuple(one for node in nodes for one in (*node.interruptions, *losses(node))),
            exit_codes=tuple(code for node in nodes for code in node.codes),
        )


def tool_effects(node: Node) -> Iterator[Effect]:
    """Yield what the node's audit log says that it began to change, in the order of time."""
    if not node.state.audit_log.exists():
        return
    for line in node.state.audit_log.read_bytes().splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # a kill cut the line short: the effect had not begun
        if entry.get("outcome") == "started":
            at = datetime.fromisoformat(entry["at"]).timestamp()
            yield Effect(entry["run_id"], entry["call_id"], node.name, at)


def losses(node: Node) -> Iterator[Interruption]:
    """Yield when the node noticed that the others had declared it lost, because it was too slow or frozen.

    What they could have taken from it before it noticed lies at most so long back as that may take.
    """
    for path in node.state.logs.glob("harness.log*"):
        for said_at in _LOST.findall(path.read_text(encoding="utf-8", errors="replace")):
            noticed_at = datetime.strptime(said_at, "%Y-%m-%d %H:%M:%S,%f").astimezone().timestamp()
            yield Interruption(node.name, noticed_at - _UNNOTICED_S, noticed_at, DECLARED_LOST)


def _fires(connection: Connection) -> Iterator[FireRow]:
    columns = (fire.c[name] for name in FireRow.__slots__)
    for row in connection.execute(select(*columns).order_by(fire.c.due_at, fire.c.job_id)):
        yield FireRow(*row)


def _runs(connection: Connection) -> Iterator[RunLife]:
    columns = (run.c[name] for name in RunLife.__slots__)
    for row in connection.execute(select(*columns).order_by(run.c.due_at, run.c.id)):
        yield RunLife(*row)


def _incidents(connection: Connection) -> Iterator[IncidentRow]:
    for row in connection.execute(select(*incident.c).order_by(incident.c.first_at)):
        values: dict[str, Any] = dict(row._mapping)
        yield IncidentRow(**{**values, "jobs": tuple(json.loads(values["jobs"]))})


def _steps(connection: Connection, database: Database) -> Iterator[StepRow]:
    query = (
        f"SELECT workflow_uuid, function_id, output, completed_at_epoch_ms FROM {_schema(database)}operation_outputs"
    )
    for run_id, position, output, ended_ms in connection.exec_driver_sql(query):
        step = recorded_step(position, json.loads(output) if output else None, None, ended_ms)
        if step is not None:
            yield StepRow(run_id, position, step.kind, step.call_id, (ended_ms or 0) / 1000)


def _engine(connection: Connection, database: Database) -> Iterator[tuple[str, str]]:
    query = f"SELECT workflow_uuid, status FROM {_schema(database)}workflow_status"
    for run_id, status in connection.exec_driver_sql(query):
        yield str(run_id), str(status)


def _schema(database: Database) -> str:
    return "dbos." if database.is_server else ""


def _deliveries(digests: Path) -> Iterator[str]:
    for path in sorted(digests.rglob("*.md")):
        if path.parent.name != "latest":
            yield from map(unquote, _DELIVERY.findall(path.read_text(encoding="utf-8")))
