"""This daemon among those that share its database: it joins, beats, takes over from the dead, and leaves.

A run is held by one life of one daemon. Each life has its own id, so that whatever a daemon still does
after it was declared lost is refused: by the engine, which keeps records for the life that holds the run
only, and by the ledger, whose fires are closed by their owner only.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

import harness
from harness.domain.run import RunState
from harness.ports import Engine
from harness.store.database import Database
from harness.store.fires import hand_over_fire
from harness.store.nodes import NodeRow, NodeState, Role, add_node, all_nodes, beat, close_node, forget_nodes
from harness.store.runs import RunRow, hand_over, runs_in

BEAT_EVERY_S = 2.0
LOST_AFTER_S = 6.0
"""Three beats; with the beat that notices, a dead node's runs go on elsewhere in less than 10 s."""
_LIVES_KEPT = 5

log = logging.getLogger("harness.nodes")


@dataclass(frozen=True, slots=True)
class Installation:
    """What one state folder is called: `id` is its own and stays, `name` is what jobs are bound to (`on:`)."""

    id: str
    name: str
    host: str


class Membership:
    """One process as an executor of the database's runs.

    Whoever holds the lock of a state folder is its only process: earlier lives of it are over for certain.
    """

    def __init__(
        self,
        database: Database,
        engine: Engine,
        installation: Installation,
        *,
        workflow_version: int,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._engine = engine
        self._installation = installation
        self._workflow_version = workflow_version
        self._now = now
        self.role: Role = "once"
        self.executor_id = ""
        """The id of this life; empty before `join`."""
        self._beat_at = 0.0
        self._judges_from = 0.0

    @property
    def node_name(self) -> str:
        return self._installation.name

    def join(self, role: Role) -> str:
        """Begin a life and return its executor id; earlier lives of this installation are over."""
        self.role = role
        with self._database.write(alone=True) as connection:
            at = self._at()
            lives = [row for row in all_nodes(connection) if row.node_id == self._installation.id]
            for life in lives:
                close_node(connection, life.executor_id, "lost", "its process ended without saying so", at)
            self.executor_id = f"{self._installation.id}.{1 + max(map(_number_of, lives), default=0)}"
            add_node(connection, self._life(at))
            forget_nodes(connection, self._installation.id, _LIVES_KEPT)
        self._beat_at, self._judges_from = at, 0.0
        return self.executor_id

    def beat(self, state: NodeState = "up") -> bool:
        """Say that this life goes on; False if others have declared it lost and taken its runs."""
        with self._database.write() as connection:
            at = self._at()
            is_alive = beat(connection, self.executor_id, at, state)
        if not self._is_in_time(at):
            # It slept, the clock was set, or the database was away: the others had no chance to beat either.
            self._judges_from = at + LOST_AFTER_S
        self._beat_at = at
        return is_alive

    def leave(self) -> None:
        """Say that this life is over; whoever is there takes its runs at once."""
        if not self.executor_id:
            return
        with self._database.write() as connection:
            close_node(connection, self.executor_id, "left", "it was stopped", self._at())

    def take_over(self, *, only_own: bool = False) -> list[str]:
        """Go on with the runs of executors that are gone, and return the runs' ids.

        A run that is bound to another node waits for that one; one of another version of the workflow
        cannot be gone on with here. With `only_own`, those of this installation's earlier lives alone.
        """
        with self._database.read() as connection:
            if not self._orphans(connection, only_own) and not self._lost(connection):
                return []
        with self._database.write(alone=True) as connection:
            for life in self._lost(connection):
                why = f"no heartbeat for {abs(self._at() - life.heartbeat_at):.0f} s"
                if close_node(connection, life.executor_id, "lost", why, self._at(), last_beat_at=life.heartbeat_at):
                    log.error("node %s (%s) is lost: %s", life.name or life.host, life.executor_id, why)
            orphans = self._orphans(connection, only_own)
            for run in orphans:
                assert run.owner is not None, "a run without owner is not running"
                hand_over(connection, run.id, run.owner, self.executor_id)
                hand_over_fire(connection, run.id, self.executor_id)
        # Committed before the engine is asked: it must find the fire in the hands of this executor.
        return [run.id for run in orphans if self._engine.take_over(run.id)]

    def gone(self) -> set[str]:
        """Return the executors whose life is known to be over; one that nobody remembers is not among them."""
        with self._database.read() as connection:
            return {row.executor_id for row in all_nodes(connection) if not row.is_here}

    def _lost(self, connection: Connection) -> list[NodeRow]:
        """Return the lives whose heartbeat has stopped; none while this one's own says nothing about time."""
        at = self._at()
        if at < self._judges_from or not self._is_in_time(at):
            return []
        others = (row for row in all_nodes(connection) if row.is_here and row.executor_id != self.executor_id)
        # One from the future was written before the clock was set back, and by nobody since.
        return [row for row in others if abs(at - row.heartbeat_at) > LOST_AFTER_S]

    def _is_in_time(self, at: float) -> bool:
        return 0 <= at - self._beat_at <= LOST_AFTER_S

    def _orphans(self, connection: Connection, only_own: bool) -> list[RunRow]:
        lives = {row.executor_id: row for row in all_nodes(connection)}

        def is_orphan(run: RunRow) -> bool:
            life = lives.get(run.owner or "")
            if run.owner == self.executor_id or (life is not None and life.is_here):
                return False
            if only_own and (life is None or life.node_id != self._installation.id):
                return False
            return run.node in (None, self.node_name) and run.workflow_version == self._workflow_version

        return [run for run in runs_in(connection, RunState.RUNNING) if is_orphan(run)]

    def _life(self, at: float) -> NodeRow:
        return NodeRow(
            executor_id=self.executor_id,
            pid=os.getpid(),
            host=self._installation.host,
            workflow_version=self._workflow_version,
            started_at=at,
            heartbeat_at=at,
            node_id=self._installation.id,
            name=self._installation.name,
            state="up",
            left_at=None,
            left_why="",
            role=self.role,
            version=harness.__version__,
        )

    def _at(self) -> float:
        # The clocks of several machines differ by more than a heartbeat: the database's own counts.
        return self._database.now(self._now()).timestamp()


def _number_of(life: NodeRow) -> int:
    number = life.executor_id.rpartition(".")[2]
    return int(number) if number.isdigit() else 0
