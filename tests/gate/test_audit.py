"""The audit log and its chain."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.errors import OwnerError
from harness.gate.audit import AuditLog, verify_audit

NO_SUCCESSOR = "not the successor of the line before"


def problems(path: Path) -> list[tuple[int, str]]:
    return [(finding.line, finding.problem.split(":")[0]) for finding in verify_audit(path)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit.jsonl"


def write(path: Path, count: int, first: int = 0) -> None:
    log = AuditLog(path)
    for number in range(first, first + count):
        log.append({"tool": "web.read", "number": number})


def test_a_log_that_does_not_exist_yet_is_well(path: Path) -> None:
    assert problems(path) == []


def test_lines_are_chained_also_across_a_restart(path: Path) -> None:
    write(path, 3)
    write(path, 3, first=3)
    assert problems(path) == []
    assert [json.loads(line)["number"] for line in path.read_text().splitlines()] == list(range(6))


def test_only_the_owner_can_read_the_log(path: Path) -> None:
    write(path, 1)
    assert path.stat().st_mode & 0o777 == 0o600


def changed_field(lines: list[bytes]) -> list[bytes]:
    return [*lines[:1], lines[1].replace(b"web.read", b"web.mail"), *lines[2:]]


def changed_and_hashed_anew(lines: list[bytes]) -> list[bytes]:
    """The work of a forger who knows how a line is hashed."""
    fields = {**json.loads(lines[1]), "tool": "web.mail"}
    del fields["sha256"]
    digest = hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()
    return [lines[0], json.dumps({**fields, "sha256": digest}, separators=(",", ":")).encode(), *lines[2:]]


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        (changed_field, [(2, "changed after it was written"), (3, NO_SUCCESSOR)]),
        (changed_and_hashed_anew, [(3, NO_SUCCESSOR)]),
        (lambda lines: lines[1:], [(1, NO_SUCCESSOR)]),
        (lambda lines: [lines[0], *lines[2:]], [(2, NO_SUCCESSOR)]),
        (lambda lines: [lines[1], lines[0], *lines[2:]], [(n, NO_SUCCESSOR) for n in (1, 2, 3)]),
        (lambda lines: [lines[0], *lines], [(2, NO_SUCCESSOR)]),
        (lambda lines: [lines[0], b"", *lines[1:]], [(2, "incomplete"), (3, NO_SUCCESSOR)]),
        (lambda lines: [*lines[:3], lines[3].replace(b"3", b"4", 1)], [(4, "changed after it was written")]),
        (lambda lines: [*lines[:3], lines[3][:-1] + b',"x":1}'], [(4, "changed after it was written")]),
        (lambda lines: [*lines[:3], b'{"tool":"x",' + lines[3][1:]], [(4, "changed after it was written")]),
        (lambda lines: [*lines[:3], b"[]"], [(4, "incomplete")]),
        (lambda lines: [*lines[:3], b'{"prev":"","sha256":"","x":NaN}'], [(4, "incomplete")]),
        (lambda lines: [*lines[:3], b"[" * 100_000], [(4, "incomplete")]),
    ],
)  # fmt: skip
def test_tampering_is_found_at_its_line(
    path: Path, tamper: Callable[[list[bytes]], list[bytes]], found: list[tuple[int, str]]
) -> None:
    write(path, 4)
    path.write_bytes(b"\n".join(tamper(path.read_bytes().splitlines())) + b"\n")
    assert problems(path) == found


@given(position=st.integers(min_value=0), value=st.integers(min_value=0, max_value=255))
def test_no_changed_byte_goes_unnoticed(tmp_path_factory: pytest.TempPathFactory, position: int, value: int) -> None:
    path = tmp_path_factory.mktemp("audit") / "audit.jsonl"
    write(path, 3)
    content = bytearray(path.read_bytes())
    position %= len(content)
    if content[position] == value:
        return
    content[position] = value
    path.write_bytes(content)
    assert problems(path)


def test_a_line_that_a_crash_left_unfinished_is_named_and_what_follows_is_still_chained(path: Path) -> None:
    write(path, 3)
    path.write_bytes(path.read_bytes()[:-20])
    write(path, 2, first=3)
    assert problems(path) == [(3, "incomplete")]


def test_an_unfinished_line_hides_no_later_change_of_itself(path: Path) -> None:
    write(path, 2)
    path.write_bytes(path.read_bytes()[:-20])
    write(path, 1, first=2)
    first, torn, last = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([first, torn[:-5], last]) + b"\n")
    assert problems(path) == [(2, "incomplete"), (3, NO_SUCCESSOR)]


def test_lines_of_any_length_are_chained(path: Path) -> None:
    for size in (0, 8_000, 8_192, 30_000):
        AuditLog(path).append({"text": "x" * size})
    assert problems(path) == []


def _write_many(path: Path, start: Barrier) -> None:
    start.wait(timeout=60)
    write(path, 100)


def test_processes_that_write_at_once_leave_one_whole_chain(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(4)
    processes = [context.Process(target=_write_many, args=(path, start)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        process.close()
    assert problems(path) == []
    assert len(path.read_bytes().splitlines()) == 400


def test_secrets_are_redacted_at_any_depth(path: Path) -> None:
    AuditLog(path, secrets=("hunter2",)).append({"a": ["x hunter2", {"b": "API_KEY=abcdef12"}], "n": 1})
    text = path.read_text()
    assert "hunter2" not in text
    assert "abcdef12" not in text
    assert problems(path) == []


def test_an_audit_log_that_cannot_be_written_is_the_owners_to_fix(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    with pytest.raises(OwnerError, match=r"audit\.jsonl: the audit line could not be written"):
        AuditLog(tmp_path / "state" / "audit.jsonl").append({"x": 1})
