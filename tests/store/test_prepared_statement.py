from __future__ import annotations

from pathlib import Path

from sqlalchemy import bindparam, insert, select, update

from harness.store.address import file_address, parse_address
from harness.store.database import Database
from harness.store.prepared_statement import PreparedStatement
from harness.store.tables import seen_item

_NEW = insert(seen_item).values({column.name: bindparam(column.name) for column in seen_item.c})
_DELIVERED = update(seen_item).where(seen_item.c.url == bindparam("which")).values(delivered_at=bindparam("at"))
_ALL = select(*seen_item.c).order_by(seen_item.c.url)
ITEM = {"delivered_at": 1.5, "url": "https://x/?a=100%&b=%s", "job_id": "zoe/report"}


def test_values_are_told_apart_by_name_whatever_their_order_and_not_read_as_part_of_the_statement(
    database: Database,
) -> None:
    with database.write() as connection:
        assert PreparedStatement(_NEW).execute(connection, {**ITEM, "beside": "the point"}).rowcount == 1
        assert [dict(row) for row in PreparedStatement(_ALL).execute(connection, {}).mappings()] == [ITEM]


def test_it_tells_how_many_rows_it_changed(database: Database) -> None:
    change = PreparedStatement(_DELIVERED)
    with database.write() as connection:
        for url in ("a", "b"):
            PreparedStatement(_NEW).execute(connection, {**ITEM, "url": url})
        assert change.execute(connection, {"at": 2.0, "which": "b"}).rowcount == 1
        assert change.execute(connection, {"at": 2.0, "which": "c"}).rowcount == 0


def test_one_statement_serves_databases_of_both_kinds_in_turn(tmp_path: Path, postgres_url: str) -> None:
    new, every = PreparedStatement(_NEW), PreparedStatement(_ALL)
    addresses = (file_address(tmp_path / "harness.db"), parse_address(postgres_url, tmp_path))
    databases = [Database.connect(address) for address in addresses]
    for database in databases:
        database.migrate()
    for number in range(2):
        for database in databases:
            with database.write() as connection:
                new.execute(connection, {**ITEM, "url": f"{number}"})
    for database in databases:
        with database.read() as connection:
            assert [row.url for row in every.execute(connection, {})] == ["0", "1"]
        database.close()
