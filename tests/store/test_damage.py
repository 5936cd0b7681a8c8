"""A damaged database file is said to be damaged, and left exactly as it is."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from harness.domain.errors import OwnerError
from harness.store.address import file_address
from harness.store.database import Database
from harness.store.fires import fires_between, job_states
from harness.store.peek import peek
from harness.store.tables import fire

MISSED = {"kind": "cron", "state": "missed", "reason": "the machine was off", "created_at": 1.0, "closed_at": 1.0}
EPOCH, NOW = datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 11, 21, 16, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database file of many pages, closed."""
    path = tmp_path / "harness.db"
    with closing(Database(path)) as database:
        database.migrate()
        with database.write() as connection:
            rows = ({**MISSED, "job_id": f"scout/job-{number}", "due_at": number} for number in range(20_000))
            connection.execute(insert(fire), list(rows))
    assert not Path(f"{path}-wal").exists()
    return path


def spoil(path: Path, start: int, length: int) -> bytes:
    content = bytearray(path.read_bytes())
    content[start : start + length] = b"\xa5" * length
    path.write_bytes(content)
    return bytes(content)


def test_a_broken_header_is_told_when_the_database_is_opened(path: Path) -> None:
    spoiled = spoil(path, 0, 100)
    with closing(Database(path)) as database, pytest.raises(OwnerError, match=r"damaged.*restore it from a backup"):
        database.migrate()
    with pytest.raises(OwnerError, match=r"damaged.*restore it from a backup"), peek(file_address(path)):
        pass
    assert path.read_bytes() == spoiled


def test_broken_pages_in_the_middle_are_told_as_soon_as_they_are_read_and_nothing_else_is_lost(path: Path) -> None:
    middle = path.stat().st_size // 2
    spoil(path, middle - 100_000, 200_000)
    with closing(Database(path)) as database:
        database.migrate()
        with pytest.raises(OwnerError, match=r"damaged.*restore it from a backup"), database.read() as connection:
            fires_between(connection, EPOCH, NOW)
        with database.read() as connection:
            assert job_states(connection) == {}  # what lies on sound pages is still answered
    with (
        pytest.raises(OwnerError, match=r"damaged.*restore it from a backup"),
        peek(file_address(path)) as look,
    ):
        assert look is not None
        look.fires_between(EPOCH, NOW)


def test_what_could_not_be_written_on_a_broken_page_is_not_half_written(path: Path) -> None:
    spoil(path, path.stat().st_size // 2 - 100_000, 200_000)
    before = path.read_bytes()
    with closing(Database(path)) as database:
        with pytest.raises(OwnerError, match="damaged"), database.write() as connection:
            connection.exec_driver_sql("UPDATE fire SET reason = 'x'")
        with database.read() as connection:
            assert job_states(connection) == {}
    assert path.read_bytes() == before
