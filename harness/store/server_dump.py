"""A database on a PostgreSQL server as files, and from files into an empty one, without any program of its own.

Written are exactly our tables and the schema of the durable engine, as the server itself describes them:
definitions as SQL, rows as lines of JSON with every value in PostgreSQL's own text form, which loses nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from harness.domain.errors import HarnessError
from harness.store.tables import metadata

SCHEMA_FILE = "schema.json"
ENGINE_SCHEMA = "dbos"
VERSION_TABLE = "schema_version"
_ROWS_AT_ONCE = 1_000

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class DumpedTable:
    """One table. `columns` are names with their types; `before` creates it, `after` what is built over its rows."""

    schema: str
    name: str
    columns: tuple[tuple[str, str], ...]
    before: str
    after: tuple[str, ...]
    rows: int = 0

    @property
    def label(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def file(self) -> str:
        return f"{self.label}.jsonl"


@dataclass(frozen=True, slots=True)
class ServerDump:
    """What the files hold. `last` are the definitions that need all tables: foreign keys, functions, triggers."""

    own_schema: str
    tables: tuple[DumpedTable, ...]
    last: tuple[str, ...]

    @property
    def counts(self) -> Mapping[str, int]:
        return {table.label: table.rows for table in self.tables}


def dump_server(connection: Connection, folder: Path, *, progress: Progress) -> ServerDump:
    """Write everything of ours that is in the database, as one transaction sees it."""
    # Nothing is found without its schema then, so every name that the server writes has one.
    own_schema = str(connection.execute(text("SELECT current_schema()")).scalar_one())
    connection.execute(text("SET LOCAL search_path TO pg_catalog"))
    described = _describe(connection, own_schema)
    tables = []
    for done, table in enumerate(described.tables):
        progress(done, len(described.tables))
        tables.append(_write_rows(connection, table, folder))
    dump = ServerDump(own_schema, tuple(tables), described.last)
    content = json.dumps(asdict(dump), ensure_ascii=False, indent=1)
    (folder / SCHEMA_FILE).write_text(content, encoding="utf-8")
    return dump


def read_dump(folder: Path) -> ServerDump:
    """Return what the files hold, if every line of them is a row of its table. Raises HarnessError."""
    try:
        dump = _dump_from(json.loads((folder / SCHEMA_FILE).read_text(encoding="utf-8")))
        for table in dump.tables:
            rows = sum(1 for _ in rows_in(folder, table))
            if rows != table.rows:
                raise HarnessError(f"{table.file} has {rows} rows, and should have {table.rows}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HarnessError(f"the dump of the database is damaged: {error}") from error
    return dump


def load_server(connection: Connection, folder: Path, *, progress: Progress) -> None:
    """Put the dump into a database that has nothing of ours, within the caller's transaction."""
    dump = read_dump(folder)
    own_schema = str(connection.execute(text("SELECT current_schema()")).scalar_one())
    if dump.own_schema != own_schema:
        problem = (
            f"the tables of the backup are in the schema {dump.own_schema!r}, and this connection uses {own_schema!r}"
        )
        raise HarnessError(f"{problem}; name the schema in database_url: ?options=-csearch_path%3D{dump.own_schema}")
    execute = connection.exec_driver_sql
    execute("SET LOCAL check_function_bodies = off")
    for schema in dict.fromkeys(table.schema for table in dump.tables):
        execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(schema)}")
    for done, table in enumerate(dump.tables):
        progress(done, len(dump.tables))
        execute(_literal(table.before))
        _copy_rows(connection, table, folder)
        for statement in table.after:
            execute(_literal(statement))
    for statement in dump.last:
        execute(_literal(statement))


def rename_away(connection: Connection, stamp: str) -> None:
    """Rename everything of ours that is in the database to where nobody looks for it."""
    suffix = f"before_restore_{stamp.lower()}"
    execute = connection.exec_driver_sql
    if _schema_exists(connection, ENGINE_SCHEMA):
        execute(f"ALTER SCHEMA {ENGINE_SCHEMA} RENAME TO {ENGINE_SCHEMA}_{suffix}")
    own_schema = str(connection.execute(text("SELECT current_schema()")).scalar_one())
    tables = [name for _, name in _tables(connection, own_schema, own_tables())]
    if tables:
        execute(f"CREATE SCHEMA harness_{suffix}")
    for name in tables:
        execute(f"ALTER TABLE {_quoted(own_schema)}.{_quoted(name)} SET SCHEMA harness_{suffix}")


def is_empty(connection: Connection) -> bool:
    """Say whether the database has nothing of ours."""
    own_schema = str(connection.execute(text("SELECT current_schema()")).scalar_one())
    return not _schema_exists(connection, ENGINE_SCHEMA) and not _tables(connection, own_schema, own_tables())


def own_tables() -> frozenset[str]:
    """Return the names of our own tables; others may share the schema with them."""
    return frozenset({*metadata.tables, VERSION_TABLE})


# ── Describing ───────────────────────────────────────────────────────────────────────────────────────


def _describe(connection: Connection, own_schema: str) -> ServerDump:
    tables: list[DumpedTable] = []
    last: list[str] = []
    for schema, names in ((own_schema, own_tables()), (ENGINE_SCHEMA, None)):
        found = _tables(connection, schema, names)
        for oid, name in found:
            tables.append(_describe_table(connection, schema, oid, name))
        last += _texts(connection, _FUNCTIONS, schema=schema) if names is None else []
        for oid, name in found:
            where = f"{_quoted(schema)}.{_quoted(name)}"
            keys = _texts(connection, _FOREIGN_KEYS, oid=oid)
            last += [f"ALTER TABLE {where} ADD CONSTRAINT {key}" for key in keys]
            last += _texts(connection, _TRIGGERS, oid=oid)
    return ServerDump(own_schema, tuple(tables), tuple(last))


_TABLES = """
SELECT c.oid, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relkind = 'r' ORDER BY c.relname
"""
_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = :oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_CONSTRAINTS = """
SELECT quote_ident(conname) || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = :oid AND contype IN ('p', 'u', 'c') ORDER BY contype DESC, conname
"""
_FOREIGN_KEYS = """
SELECT quote_ident(conname) || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = :oid AND contype = 'f' ORDER BY conname
"""
_INDEXES = """
SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i
WHERE i.indrelid = :oid AND i.indisvalid
AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u'))
ORDER BY i.indexrelid
"""
_TRIGGERS = "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = :oid AND NOT tgisinternal ORDER BY tgname"
_FUNCTIONS = """
SELECT pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = :schema AND p.prokind = 'f' ORDER BY p.oid
"""


def _tables(connection: Connection, schema: str, names: frozenset[str] | None) -> list[tuple[int, str]]:
    rows = connection.execute(text(_TABLES), {"schema": schema})
    return [(int(row[0]), str(row[1])) for row in rows if names is None or row[1] in names]


def _describe_table(connection: Connection, schema: str, oid: int, name: str) -> DumpedTable:
    rows = connection.execute(text(_COLUMNS), {"oid": oid}).all()
    where = f"{_quoted(schema)}.{_quoted(name)}"
    columns = ", ".join(
        f"{_quoted(column)} {kind}{f' DEFAULT {default}' if default else ''}{' NOT NULL' if is_required else ''}"
        for column, kind, is_required, default in rows
    )
    constraints = _texts(connection, _CONSTRAINTS, oid=oid)
    after = (
        *(f"ALTER TABLE {where} ADD CONSTRAINT {one}" for one in constraints),
        *_texts(connection, _INDEXES, oid=oid),
    )
    kinds = tuple((str(column), str(kind)) for column, kind, _, _ in rows)
    return DumpedTable(schema, name, kinds, f"CREATE TABLE {where} ({columns})", after)


def _texts(connection: Connection, query: str, **values: object) -> list[str]:
    return [str(row) for row in connection.execute(text(query), values).scalars()]


def _schema_exists(connection: Connection, schema: str) -> bool:
    query = text("SELECT 1 FROM pg_namespace WHERE nspname = :schema")
    return connection.execute(query, {"schema": schema}).first() is not None


# ── Rows ─────────────────────────────────────────────────────────────────────────────────────────────


def _write_rows(connection: Connection, table: DumpedTable, folder: Path) -> DumpedTable:
    columns = ", ".join(f"{_quoted(name)}::text" for name, _ in table.columns)
    query = text(f"SELECT {columns} FROM {_quoted(table.schema)}.{_quoted(table.name)}")  # noqa: S608
    count = 0
    streamed = connection.execution_options(stream_results=True, yield_per=_ROWS_AT_ONCE)
    with (folder / table.file).open("w", encoding="utf-8") as file, streamed.execute(query) as rows:
        for row in rows:
            file.write(json.dumps(list(row), ensure_ascii=False) + "\n")
            count += 1
    return DumpedTable(table.schema, table.name, table.columns, table.before, table.after, count)


def rows_in(folder: Path, table: DumpedTable) -> Iterator[list[str | None]]:
    """Yield the rows of a table as they were written. Raises ValueError for a line that is none."""
    with (folder / table.file).open(encoding="utf-8", newline="\n") as file:
        for line in file:
            row = json.loads(line)
            if len(row) != len(table.columns) or not all(value is None or isinstance(value, str) for value in row):
                raise ValueError(f"{table.file}: a line is no row of the table")
            yield row


def _copy_rows(connection: Connection, table: DumpedTable, folder: Path) -> None:
    columns = ", ".join(_quoted(name) for name, _ in table.columns)
    driver: Any = connection.connection.driver_connection
    statement = f"COPY {_quoted(table.schema)}.{_quoted(table.name)} ({columns}) FROM STDIN"
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows_in(folder, table):
            copy.write_row(row)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(statement: str) -> str:
    """Keep the driver from taking a percent sign for a place of a value."""
    return statement.replace("%", "%%")


def _dump_from(document: Any) -> ServerDump:
    tables = tuple(
        DumpedTable(
            str(one["schema"]),
            str(one["name"]),
            tuple((str(name), str(kind)) for name, kind in one["columns"]),
            str(one["before"]),
            _strings(one["after"]),
            int(one["rows"]),
        )
        for one in document["tables"]
    )
    return ServerDump(str(document["own_schema"]), tables, _strings(document["last"]))


def _strings(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)
