"""Rotating the audit log: one chain over all files, whoever writes meanwhile and wherever it is broken off."""

from __future__ import annotations

import gzip
import json
import multiprocessing
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.gate.audit import AuditLog, archived_logs, verify_audit
from harness.gate.audit_rotation import ROTATED_FROM, rotate_audit

NOW = datetime(2026, 11, 21, 3, 30, tzinfo=UTC)
DAY = timedelta(days=1)


class Crash(BaseException):
    """The process is gone; nobody handles this."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit.jsonl"


def write(path: Path, *numbers: int) -> None:
    log = AuditLog(path)
    for number in numbers:
        log.append({"tool": "web.read", "number": number})


def problems(path: Path, *, newest_only: bool = False) -> list[tuple[str, int, str]]:
    found = verify_audit(path, newest_only=newest_only)
    return [(finding.path.name, finding.line, finding.problem.split(":")[0]) for finding in found]


def numbers(path: Path) -> list[int]:
    """All entries of all files, in their order."""
    lines: list[bytes] = []
    for file in (*archived_logs(path), path):
        lines += (gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()).splitlines()
    entries = [json.loads(line) for line in lines]
    return [entry["number"] for entry in entries if ROTATED_FROM not in entry]


def test_the_chain_goes_on_in_the_new_file_and_older_files_are_compressed(path: Path) -> None:
    for day in range(3):
        write(path, 2 * day, 2 * day + 1)
        assert rotate_audit(path, NOW + day * DAY) is not None
    write(path, 6)
    assert [file.name for file in archived_logs(path)] == [
        "audit-00001-2026-11-21.jsonl.gz",
        "audit-00002-2026-11-22.jsonl.gz",
        "audit-00003-2026-11-23.jsonl",
    ]
    assert problems(path) == problems(path, newest_only=True) == []
    assert numbers(path) == list(range(7))
    assert {file.stat().st_mode & 0o777 for file in (*archived_logs(path), path)} == {0o600}


def test_a_log_without_a_new_line_is_not_rotated(path: Path) -> None:
    assert rotate_audit(path, NOW) is None
    write(path, 1)
    rotated = rotate_audit(path, NOW)
    assert rotated is not None
    assert (rotated.lines, rotate_audit(path, NOW + DAY)) == (1, None)
    assert problems(path) == []


def test_a_writer_that_had_the_old_file_open_goes_on_in_the_new_one(path: Path) -> None:
    log = AuditLog(path)
    log.append({"number": 1})
    rotate_audit(path, NOW)
    log.append({"number": 2})
    assert numbers(path) == [1, 2]
    assert problems(path) == []


def _append(path: Path, first: int, count: int) -> None:
    write(path, *range(first, first + count))


def test_writers_of_other_processes_lose_no_line_to_a_rotation(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append, args=(path, first, 60)) for first in (0, 1000)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        rotate_audit(path, NOW)
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert problems(path) == []
    assert sorted(numbers(path)) == [*range(60), *range(1000, 1060)]


@pytest.mark.parametrize("point", ["archived", "begun", "compressed"])
def test_a_rotation_that_was_broken_off_loses_nothing_and_is_made_up_for(path: Path, point: str) -> None:
    write(path, 1)
    rotate_audit(path, NOW)
    write(path, 2)

    def die(reached: str) -> None:
        if reached == point:
            raise Crash

    with pytest.raises(Crash):
        rotate_audit(path, NOW + DAY, reached=die)
    assert problems(path) == problems(path, newest_only=True) == []
    write(path, 3)
    assert problems(path) == []
    rotate_audit(path, NOW + DAY)
    assert (problems(path), numbers(path)) == ([], [1, 2, 3])


def cut_archive(path: Path) -> None:
    archived_logs(path)[0].unlink()


def change_archive(path: Path) -> None:
    first = archived_logs(path)[0]
    first.write_bytes(gzip.compress(gzip.decompress(first.read_bytes()).replace(b'"number":1', b'"number":9')))


def break_archive(path: Path) -> None:
    first = archived_logs(path)[0]
    first.write_bytes(first.read_bytes()[:-20])


def swap_beginning(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))


SECOND = "audit-00002-2026-11-22.jsonl"
NO_SUCCESSOR = "not the successor of the line before"


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        (cut_archive, (SECOND, 1, NO_SUCCESSOR)),
        (change_archive, ("audit-00001-2026-11-21.jsonl.gz", 1, "changed after it was written")),
        (break_archive, (SECOND, 1, NO_SUCCESSOR)),
        (swap_beginning, ("audit.jsonl", 1, NO_SUCCESSOR)),
    ],
)
def test_what_was_changed_in_an_older_file_is_found(
    path: Path, tamper: Callable[[Path], None], found: tuple[str, int, str]
) -> None:
    write(path, 1)
    rotate_audit(path, NOW)
    write(path, 2)
    rotate_audit(path, NOW + DAY)
    write(path, 3)
    assert problems(path) == []
    tamper(path)
    assert found in problems(path)
