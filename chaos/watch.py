"""Looking at the database while it happens, and waiting until nothing is open any more."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, func, inspect, select

from harness.domain.errors import TransientError
from harness.domain.pause import EVERYTHING
from harness.runs.pausing import pause
from harness.runs.wall_clock import WallClock
from harness.store.address import DatabaseAddress
from harness.store.database import Database
from harness.store.fires import open_fires
from harness.store.outbox import count_pending
from harness.store.tables import fire

Tell = Callable[[str], None]
_TOLD_EVERY_S = 10.0
_LOOK_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Figures:
    """How far it is: rows of the ledger, and what is not at its end in the ledger, the outbox and the engine."""

    fires: int
    open_fires: int
    pending: int
    unfinished: int

    @property
    def is_drained(self) -> bool:
        return not (self.open_fires or self.pending or self.unfinished)


class Watch:
    """One more user of the database, which mostly reads."""

    def __init__(self, address: DatabaseAddress, tell: Tell) -> None:
        self.database = Database.connect(address)
        self._tell = tell
        self._told_at = time.monotonic()

    def __enter__(self) -> Self:
        self.database.migrate()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.database.close()

    def figures(self) -> Figures:
        with self.database.read() as connection:
            count = connection.execute(select(func.count()).select_from(fire)).scalar_one()
            return Figures(count, len(open_fires(connection)), count_pending(connection), self._unfinished(connection))

    def _unfinished(self, connection: Connection) -> int:
        table = "dbos.workflow_status" if self.database.is_server else "workflow_status"
        if not inspect(connection).has_table("workflow_status", schema="dbos" if self.database.is_server else None):
            return 0
        query = f"SELECT count(*) FROM {table} WHERE status IN ('PENDING', 'ENQUEUED')"
        return int(connection.exec_driver_sql(query).scalar_one())

    def has_closed(self, job_id: str) -> bool:
        """Say whether a fire of the job is closed."""
        query = select(fire.c.run_id).where(fire.c.job_id == job_id, fire.c.closed_at.is_not(None))
        with self.database.read() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def has_open(self, job_id: str, before: float) -> bool:
        """Say whether a fire of the job is open that was planned before that moment (epoch seconds)."""
        query = select(fire.c.run_id).where(fire.c.job_id == job_id, fire.c.closed_at.is_(None))
        with self.database.read() as connection:
            return connection.execute(query.where(fire.c.created_at < before).limit(1)).first() is not None

    def tell(self, what: str) -> None:
        """Say how far it is, if that is long ago."""
        if time.monotonic() - self._told_at < _TOLD_EVERY_S:
            return
        self._told_at = time.monotonic()
        try:
            figures = self.figures()
        except TransientError as error:
            self._tell(f"{what}; {error}")
            return
        self._tell(f"{what}; {figures.fires} slots, {figures.open_fires} open")

    def pause_all(self) -> None:
        """Let nothing begin any more, as `harness jobs pause --all` does."""
        pause(self.database, EVERYTHING, "chaos", "the storm is over", WallClock().now())

    def drain(self, timeout_s: float) -> float:
        """Wait until nothing is open, at most that long, and return how long it took."""
        begun = time.monotonic()
        while (waited_s := time.monotonic() - begun) < timeout_s:
            if self.figures().is_drained:
                break
            self.tell("draining")
            time.sleep(_LOOK_EVERY_S)
        return waited_s
