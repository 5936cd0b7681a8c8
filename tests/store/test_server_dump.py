"""Tables on a real PostgreSQL server, as files and back again."""

from __future__ import annotations

import math
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import text

from harness.domain.errors import HarnessError
from harness.ports import Json, Steps
from harness.runs.engine import DurableEngine
from harness.store.address import parse_address
from harness.store.database import Database
from harness.store.server_dump import dump_server, is_empty, load_server, read_dump, rename_away

ODD = "tab\tnew\nline\\N % %s \"quote\" 'apostrophe' \u2028 \U0001f600 {}"
DESCRIPTION = """
SELECT n.nspname, c.relname, c.relkind::text, COALESCE(pg_get_indexdef(c.oid), '') FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('public', 'dbos') AND c.relkind IN ('r', 'i')
UNION ALL SELECT n.nspname, c.conname, c.contype::text, pg_get_constraintdef(c.oid) FROM pg_constraint c
JOIN pg_namespace n ON n.oid = c.connamespace WHERE n.nspname IN ('public', 'dbos')
UNION ALL SELECT n.nspname, p.proname, '', pg_get_functiondef(p.oid) FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname IN ('public', 'dbos')
UNION ALL SELECT table_schema, table_name || '.' || column_name, is_nullable, data_type || COALESCE(column_default, '')
FROM information_schema.columns WHERE table_schema IN ('public', 'dbos')
"""


@contextmanager
def opened(url: str) -> Iterator[Database]:
    with closing(Database.connect(parse_address(url, Path()))) as database:
        yield database


@pytest.fixture
def source(postgres_url: str) -> Iterator[Database]:
    """A database in which the engine has run, with values that are hard to carry."""

    async def workflow(run_id: str, steps: Steps) -> Json:
        async def say() -> Json:
            return ODD

        return await steps.reserve("tool", "1", {}).run(say)

    with opened(postgres_url) as database:
        database.migrate()
        engine = DurableEngine(database)
        engine.launch(workflow, "node.1")
        engine.start("cron:a/b:1")
        pause = threading.Event()
        for _ in range(500):
            if engine.state("cron:a/b:1") == "ended":
                break
            pause.wait(0.02)
        engine.close()
        with database.write() as connection:
            insert = text("INSERT INTO seen_item VALUES ('a/b', :url, :at)")
            connection.execute(insert, [{"url": ODD, "at": 0.1 + 0.2}, {"url": "", "at": math.pi * 1e9}])
            connection.execute(text("CREATE TABLE somebody_elses (x INTEGER)"))
        yield database


@pytest.fixture
def target(postgres: str) -> Iterator[Database]:
    name = f"t_{uuid.uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
        with opened(urlsplit(postgres)._replace(path=f"/{name}").geturl()) as database:
            yield database
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def dump(database: Database, folder: Path) -> None:
    with database.read() as connection:
        dump_server(connection, folder, progress=lambda done, total: None)


def load(database: Database, folder: Path) -> None:
    with database.write() as connection:
        load_server(connection, folder, progress=lambda done, total: None)


def description(database: Database) -> list[tuple[str, ...]]:
    with database.read() as connection:
        return sorted(tuple(row) for row in connection.execute(text(DESCRIPTION)) if row[1] != "somebody_elses.x")


def test_tables_keys_indexes_functions_and_every_value_come_back(
    source: Database, target: Database, tmp_path: Path
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    dump(source, tmp_path / "one")
    load(target, tmp_path / "one")
    assert description(target) == [row for row in description(source) if row[1] != "somebody_elses"]
    dump(target, tmp_path / "two")
    assert {path.name: path.read_text() for path in (tmp_path / "one").iterdir()} == {
        path.name: path.read_text() for path in (tmp_path / "two").iterdir()
    }
    with target.read() as connection:
        rows = connection.execute(text("SELECT url, delivered_at FROM seen_item ORDER BY delivered_at")).all()
    assert [tuple(row) for row in rows] == [(ODD, 0.1 + 0.2), ("", math.pi * 1e9)]


def test_engine_goes_on_with_what_was_loaded(source: Database, target: Database, tmp_path: Path) -> None:
    async def workflow(run_id: str, steps: Steps) -> Json:
        return None

    dump(source, tmp_path)
    load(target, tmp_path)
    engine = DurableEngine(target)
    engine.launch(workflow, "node.2")
    try:
        assert [step.value for step in engine.recorded("cron:a/b:1")] == [ODD]
        assert engine.state("cron:a/b:1") == "ended"
    finally:
        engine.close()


def test_dump_is_of_one_moment_while_others_write(source: Database, tmp_path: Path) -> None:
    seen: list[int] = []

    def meanwhile(done: int, total: int) -> None:
        seen.append(done)
        with source.write() as connection:
            connection.execute(text(f"INSERT INTO seen_item VALUES ('c/d', 'https://{done}', 1)"))
            connection.execute(text(f"INSERT INTO source_health (source) VALUES ('https://{done}')"))

    with source.read() as connection:
        counts = dump_server(connection, tmp_path, progress=meanwhile).counts
    assert len(seen) == len(counts)
    assert (counts["public.seen_item"], counts["public.source_health"]) == (2, 0)


def test_what_is_renamed_away_leaves_the_database_empty_and_is_all_still_there(source: Database) -> None:
    assert not is_empty_now(source)
    with source.write() as connection:
        rename_away(connection, "20261121T120000Z")
    assert is_empty_now(source)
    with source.read() as connection:
        aside = connection.execute(
            text("SELECT COUNT(*) FROM harness_before_restore_20261121t120000z.seen_item")
        ).scalar_one()
        steps = connection.execute(
            text("SELECT COUNT(*) FROM dbos_before_restore_20261121t120000z.operation_outputs")
        ).scalar_one()
        theirs = connection.execute(text("SELECT COUNT(*) FROM somebody_elses")).scalar_one()
    assert (aside, steps, theirs) == (2, 1, 0)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("schema.json", "{"),
        ("public.seen_item.jsonl", '["a/b"]\n'),
        ("public.seen_item.jsonl", ""),
        ("public.fire.jsonl", "[1]\n"),
    ],
)
def test_damaged_dump_is_found_before_anything_is_written(
    source: Database, target: Database, tmp_path: Path, name: str, content: str
) -> None:
    dump(source, tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(HarnessError):
        read_dump(tmp_path)
    with pytest.raises(HarnessError):
        load(target, tmp_path)
    assert is_empty_now(target)


def is_empty_now(database: Database) -> bool:
    with database.read() as connection:
        return is_empty(connection)
