"""Queries on `node`: the daemons that share this database, one row for each time that one started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, delete, insert, select, update

from harness.store.tables import node, run

NodeState = Literal["up", "draining", "left", "lost"]
Role = Literal["daemon", "once"]


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One life of one daemon; times in epoch seconds.

    `executor_id` is this life's, `node_id` the installation's. `role` is `daemon`, or `once` for a command
    that does one run and ends. `left`: it stopped; `lost`: its heartbeat stopped, and others took its runs.
    `version` is the harness's.
    """

    executor_id: str
    pid: int
    host: str
    workflow_version: int
    started_at: float
    heartbeat_at: float
    node_id: str
    name: str
    state: NodeState
    left_at: float | None
    left_why: str
    role: Role
    version: str = ""

    @property
    def is_here(self) -> bool:
        return self.state in ("up", "draining")


def add_node(connection: Connection, row: NodeRow) -> None:
    """Say that this executor has started."""
    values = {column.name: getattr(row, column.name) for column in node.columns}
    connection.execute(insert(node).values(values))


def all_nodes(connection: Connection) -> list[NodeRow]:
    """Return every life that is remembered, the latest first."""
    query = select(*node.c).order_by(node.c.started_at.desc(), node.c.executor_id)
    return [NodeRow(*row) for row in connection.execute(query)]


def beat(connection: Connection, executor_id: str, at: float, state: NodeState = "up") -> bool:
    """Say that this executor is alive; False if it has been declared lost meanwhile."""
    alive = update(node).where(node.c.executor_id == executor_id, node.c.left_at.is_(None))
    return connection.execute(alive.values(heartbeat_at=at, state=state)).rowcount == 1


def close_node(
    connection: Connection,
    executor_id: str,
    state: NodeState,
    why: str,
    at: float,
    *,
    last_beat_at: float | None = None,
) -> bool:
    """Say that this life is over; False if that was known, or it has beaten since `last_beat_at`."""
    open_one = update(node).where(node.c.executor_id == executor_id, node.c.left_at.is_(None))
    if last_beat_at is not None:
        open_one = open_one.where(node.c.heartbeat_at == last_beat_at)
    return connection.execute(open_one.values(state=state, left_at=at, left_why=why)).rowcount == 1


def forget_nodes(connection: Connection, node_id: str, keep: int) -> None:
    """Forget all but the newest lives of one installation, and those whose runs have not ended."""
    lives = select(node.c.executor_id).where(node.c.node_id == node_id).order_by(node.c.started_at.desc())
    kept = set(connection.execute(lives.limit(keep)).scalars())
    owners = set(connection.execute(select(run.c.owner).where(run.c.ended_at.is_(None)).distinct()).scalars())
    gone = [life for life in connection.execute(lives).scalars() if life not in kept | owners]
    if gone:
        connection.execute(delete(node).where(node.c.executor_id.in_(gone)))
