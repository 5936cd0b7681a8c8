from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from harness.domain.errors import HarnessError, OwnerError
from harness.store.copying import check_copy, copy_database

WRITER = """\
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("PRAGMA journal_mode=WAL")
number = 0
while True:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO debit VALUES (?, randomblob(2000))", (number,))
    connection.execute("INSERT INTO credit VALUES (?, randomblob(2000))", (number,))
    connection.execute("COMMIT")
    if number == 50:
        print("busy", flush=True)
    number += 1
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE debit (number INTEGER, paper BLOB)")
        connection.execute("CREATE TABLE credit (number INTEGER, paper BLOB)")
        connection.commit()
    return path


def test_copy_of_a_database_that_another_process_writes_is_of_one_moment(ledger: Path, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(ledger)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "busy\n"
        copies = [tmp_path / f"copy-{number}.db" for number in range(5)]
        counts = [copy_database(ledger, copy) for copy in copies]
        writer.kill()
    for copy, counted in zip(copies, counts, strict=True):
        assert check_copy(copy) == counted
        assert counted["debit"] == counted["credit"] > 50
    assert counts[0] != counts[-1], "the writer was at work all the time"


def test_copy_has_what_was_committed_to_the_log_and_no_log_of_its_own(ledger: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(ledger)) as holder:  # keeps the log from being folded into the file
        holder.execute("INSERT INTO debit VALUES (1, NULL)")
        holder.commit()
        assert Path(f"{ledger}-wal").stat().st_size > 0
        assert copy_database(ledger, tmp_path / "copy.db") == {"credit": 0, "debit": 1}
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.db"]
    assert check_copy(tmp_path / "copy.db") == {"credit": 0, "debit": 1}


def test_copy_with_a_damaged_page_is_found(ledger: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(ledger)) as connection:
        connection.executemany("INSERT INTO debit VALUES (?, randomblob(900))", [(n,) for n in range(200)])
        connection.execute("CREATE INDEX by_number ON debit (number)")
        connection.commit()
    copy = tmp_path / "copy.db"
    copy_database(ledger, copy)
    content = bytearray(copy.read_bytes())
    content[-4096:] = bytes(4096)
    copy.write_bytes(content)
    with pytest.raises(HarnessError, match="damaged"):
        check_copy(copy)


def test_file_that_is_no_database_is_the_owners_to_replace(tmp_path: Path) -> None:
    (tmp_path / "no.db").write_bytes(b"not a database at all, but long enough to be looked at\n" * 20)
    with pytest.raises(OwnerError, match="damaged"):
        check_copy(tmp_path / "no.db")
    with pytest.raises(OwnerError, match="damaged"):
        copy_database(tmp_path / "no.db", tmp_path / "copy.db")
