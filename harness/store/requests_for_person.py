"""Queries on `request` for what waits for the person: what is asked of them, and dead letters."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, literal_column, select

from harness.domain.job import PRIORITIES
from harness.store.request_conditions import waits_for_person
from harness.store.tables import request

# Not as a parameter: the index is of these rows only, and the planner has to see that.
_IS_DEAD: ColumnElement[bool] = request.c.is_dead == literal_column("1")


@dataclass(frozen=True, slots=True)
class ForPerson:
    """How many requests wait for the person, and how many dead letters are open."""

    requests: int = 0
    dead_letters: int = 0


def count_for_person(connection: Connection) -> ForPerson:
    """Return how much waits for the person, in one look."""
    asked = select(func.count()).where(waits_for_person()).scalar_subquery()
    dead = select(func.count()).where(_IS_DEAD).scalar_subquery()
    return ForPerson(*connection.execute(select(asked, dead)).one())


def urgent_for_person(connection: Connection) -> list[str]:
    """Return the ids of the open requests to the person that were made with priority high, oldest first."""
    query = select(request.c.id).where(waits_for_person(), request.c.priority == PRIORITIES["high"])
    return list(connection.execute(query.order_by(request.c.made_at, request.c.id)).scalars())


def open_dead_letters(connection: Connection, limit: int) -> list[str]:
    """Return the ids of the dead letters that nobody has settled, oldest first."""
    query = select(request.c.id).where(_IS_DEAD).order_by(request.c.closed_at, request.c.id)
    return list(connection.execute(query.limit(limit)).scalars())
