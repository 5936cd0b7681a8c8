"""INSERT … ON CONFLICT, in the dialect of the database at hand."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

_Insert = sqlite.Insert | postgresql.Insert


def upsert(connection: Connection, table: Table) -> _Insert:
    """Return an insert into the table that knows `on_conflict_do_nothing` and `on_conflict_do_update`.

    The `rowcount` of what it comes to is 1 if a row was written, 0 if not, on either kind of database.
    """
    return _insert(connection.dialect.name, table)


def insert_new(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Write the row; False if there is one of its key already, which then stays as it is."""
    return connection.execute(_insert_new(connection.dialect.name, table), values).rowcount == 1


def insert_or_replace(connection: Connection, table: Table, values: Mapping[str, Any], *key: str) -> None:
    """Write the row, or these values into the one that has the key; what is not named keeps its value."""
    connection.execute(_insert_or_replace(connection.dialect.name, table, tuple(values), key), values)


# A statement takes longer to build than to carry out: a tick in which thousands of jobs are due needs each
# of these as often.
@cache
def _insert_new(dialect: str, table: Table) -> _Insert:
    return _insert(dialect, table).on_conflict_do_nothing()


@cache
def _insert_or_replace(dialect: str, table: Table, columns: tuple[str, ...], key: tuple[str, ...]) -> _Insert:
    new = _insert(dialect, table)
    replaced = {column: new.excluded[column] for column in columns if column not in key}
    return new.on_conflict_do_update(index_elements=list(key), set_=replaced)


def _insert(dialect: str, table: Table) -> _Insert:
    made = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    # Without it, SQLAlchemy answers -1 for an insert on PostgreSQL, and what is new would pass for known.
    return made.execution_options(preserve_rowcount=True)
