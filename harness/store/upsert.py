"""INSERT … ON CONFLICT, in the dialect of the database at hand."""

from __future__ import annotations

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def upsert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an insert into the table that knows `on_conflict_do_nothing` and `on_conflict_do_update`.

    The `rowcount` of what it comes to is 1 if a row was written, 0 if not, on either kind of database.
    """
    made = postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
    # Without it, SQLAlchemy answers -1 for an insert on PostgreSQL, and what is new would pass for known.
    return made.execution_options(preserve_rowcount=True)
