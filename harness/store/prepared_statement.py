"""A statement that is built once: SQLAlchemy takes longer to build it, or to find it built, than it takes to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ClauseElement, Connection, CursorResult, Dialect


class PreparedStatement:
    """One statement of the tables, for whichever kind of database it is carried out on.

    For what every event of a request needs; its values are handed to the driver as they are, so they have to be
    what the driver knows: texts, numbers and None. The `rowcount` of what it comes to is that of the driver.
    """

    def __init__(self, statement: ClauseElement) -> None:
        """Take a statement whose values are all `bindparam`s."""
        self._statement = statement
        self._built: dict[str, tuple[str, Sequence[str] | None]] = {}

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Carry it out with these values by name; what the statement does not name is left out."""
        built = self._built.get(connection.dialect.name)
        if built is None:
            # Two threads may build the same.
            built = self._built[connection.dialect.name] = self._build(connection.dialect)
        text, order = built
        given = dict(values) if order is None else tuple([values[name] for name in order])
        return connection.exec_driver_sql(text, given)

    def _build(self, dialect: Dialect) -> tuple[str, Sequence[str] | None]:
        """Return the text, and the names of its values in their order where the driver takes them by that."""
        compiled: Any = self._statement.compile(dialect=dialect)
        return str(compiled), compiled.positiontup if compiled.positional else None
