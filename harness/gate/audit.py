"""The audit log: one line of JSON for every tool call, each chained to the line before, also across its files.

A line carries `prev`, the SHA-256 of the bytes of the previous line (64 zeros in the first), and ends in
`sha256`, that of its own fields. So a change, a removal or an insertion anywhere but at the end is found.
That the newest lines were cut off is not: for that the newest hash must be kept somewhere else.

`audit.jsonl` is what is written to. What was rotated out of it lies in the folder `audit` beside it, as files of one
chain; see `audit_rotation`.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
import re
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.domain.errors import OwnerError
from harness.gate.redact import redact

ARCHIVE = "audit"
"""The folder beside the log in which its older files lie."""

_GENESIS = "0" * 64
_BLOCK = 8_192
_ARCHIVED = re.compile(r"audit-(\d{5,})-\d{4}-\d{2}-\d{2}\.jsonl(\.gz)?")
_BROKEN = (EOFError, gzip.BadGzipFile, zlib.error)
"""What reading a compressed file raises that was cut off or overwritten."""


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """A line (1-based) of a file that is not as it was written, and what is wrong with it."""

    line: int
    problem: str
    path: Path = Path()


class AuditLog:
    """The one writer of the audit log; several processes may have it open on the same file.

    `secrets` are values that never reach the file, beside everything that is shaped like a secret.
    """

    def __init__(self, path: Path, *, secrets: Iterable[str] = ()) -> None:
        self._path = path
        self._secrets = tuple(secrets)
        self._file = -1
        self._size = -1
        self._hash = _GENESIS

    def append(self, entry: Mapping[str, Any]) -> None:
        """Write the entry as one line; when this returns it is on disk.

        Raises OwnerError if it could not be written: an effect that leaves no trace must not happen.
        """
        try:
            self._append(_redacted(entry, self._secrets))
        except OSError as error:
            problem = f"the audit line could not be written: {error.strerror}"
            raise OwnerError(self._path, None, problem, "make the folder writable and free some space") from error

    def _append(self, entry: Any) -> None:
        with locked_log(self._path) as descriptor:
            found = os.fstat(descriptor)
            size = found.st_size
            # A new process, another one wrote in between, or it is another file by now.
            if (found.st_ino, size) != (self._file, self._size):
                size, self._hash = end_of_log(descriptor, size)
            line = chained_line(entry, self._hash)
            self._size = -1  # until the whole line is on disk, what is known of the end is not trusted
            _write_all(descriptor, line + b"\n")
            os.fsync(descriptor)
            self._file, self._size = found.st_ino, size + len(line) + 1
            self._hash = hashlib.sha256(line).hexdigest()


@contextmanager
def locked_log(path: Path) -> Iterator[int]:
    """Open the log, made if there is none, to be written to by nobody else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # While it waited for the lock, the file may have been rotated away.
            if _is_at(path, descriptor):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def archived_logs(path: Path) -> list[Path]:
    """Return the files that were rotated out of the log, the oldest first.

    Of one that a crash left both as it was and compressed, the former.
    """
    try:
        names = [entry.name for entry in (path.parent / ARCHIVE).iterdir()]
    except FileNotFoundError:
        return []
    found = sorted((int(match[1]), match[0]) for name in names if (match := _ARCHIVED.fullmatch(name)))
    first = dict(reversed(found))
    return [path.parent / ARCHIVE / first[number] for number in sorted(first)]


def is_being_rotated(path: Path, archived: Path) -> bool:
    """Say whether the log has this name in the archive and its own still: a rotation was broken off between the two."""
    return path.exists() and archived.exists() and archived.samefile(path)


def audit_files(path: Path) -> list[Path]:
    """Return all files of the log, the oldest first; a log that does not exist yet has none."""
    older = [one for one in archived_logs(path) if not is_being_rotated(path, one)]
    return [*older, path] if path.exists() else older


def count_lines(path: Path) -> int:
    """Return how many lines a file of the log holds, as far as it can be read."""
    count = 0
    try:
        for _ in _lines_of(path):
            count += 1
    except _BROKEN:
        pass  # `verify_audit` names the line
    return count


def number_of(archived: Path) -> int:
    """Return the number of an archived file; they are counted from 1."""
    found = _ARCHIVED.fullmatch(archived.name)
    assert found is not None, archived
    return int(found[1])


def verify_audit(path: Path, *, newest_only: bool = False) -> Iterator[AuditFinding]:
    """Yield each line that was changed, removed, inserted or left incomplete by a crash; nothing if all is well.

    All files of the log are looked at, or only the one that is written to, against the end of the one before it. A log
    that does not exist yet is well.
    """
    files = audit_files(path)
    previous = _GENESIS
    if newest_only and len(files) > 1 and path.exists():
        previous = last_hash(files[-2])
        files = files[-1:]
    for file in files:
        previous = yield from _verify_file(file, previous)


def _verify_file(path: Path, previous: str) -> Generator[AuditFinding, None, str]:
    """Yield what is wrong with the lines of one file; return the hash of its last."""
    number = 0
    try:
        for number, raw in enumerate(_lines_of(path), start=1):
            line = raw.rstrip(b"\n")
            for finding in _findings(number, line, previous, is_ended=raw.endswith(b"\n")):
                yield replace(finding, path=path)
            previous = hashlib.sha256(line).hexdigest()
    except _BROKEN:
        yield AuditFinding(number + 1, "incomplete: the compressed file is broken from here on", path)
    return previous


def last_hash(path: Path) -> str:
    """Return the hash of the last line of a file of the log; that of the beginning if it has none."""
    last = b""
    try:
        for raw in _lines_of(path):
            last = raw
    except _BROKEN:
        pass  # what it lacks is found by whoever verifies it; the next file will not follow from what is left
    return hashlib.sha256(last.rstrip(b"\n")).hexdigest() if last else _GENESIS


def _lines_of(path: Path) -> Iterator[bytes]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        yield from file


def _findings(number: int, line: bytes, previous: str, *, is_ended: bool) -> Iterator[AuditFinding]:
    try:
        entry = json.loads(line)
        claimed, claimed_previous = entry["sha256"], entry["prev"]
        fields = {key: value for key, value in entry.items() if key != "sha256"}
        is_as_written = is_ended and claimed == _hash_of(fields) and _json(entry) == line
    except (ValueError, KeyError, TypeError, RecursionError):
        # What follows an incomplete line is chained to it as it stands, so it cannot hide a change.
        yield AuditFinding(number, "incomplete: the process died while writing it, or it was overwritten")
        return
    if not is_as_written:
        yield AuditFinding(number, "changed after it was written")
    if claimed_previous != previous:
        yield AuditFinding(number, "not the successor of the line before: that one was changed, or lines are missing")


def chained_line(entry: Mapping[str, Any], previous: str) -> bytes:
    """Return the entry as a line of the log, without its end, chained to the line of that hash."""
    fields = {**entry, "prev": previous}
    return _json({**fields, "sha256": _hash_of(fields)})


def _hash_of(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(_json(fields)).hexdigest()


def _json(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":"), allow_nan=False).encode("ascii")


def _redacted(value: Any, secrets: Iterable[str]) -> Any:
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, Mapping):
        return {key: _redacted(inner, secrets) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redacted(inner, secrets) for inner in value]
    return value


def end_of_log(descriptor: int, size: int) -> tuple[int, str]:
    """Return the file's size and the hash of its last line, after ending a line that a crash left without its end."""
    if size == 0:
        return 0, _GENESIS
    tail = b""
    start = size
    while start > 0 and b"\n" not in tail[:-1]:
        start = max(0, start - _BLOCK)
        tail = os.pread(descriptor, size - start, start)
    if not tail.endswith(b"\n"):
        _write_all(descriptor, b"\n")
        size += 1
    last = tail.removesuffix(b"\n").rpartition(b"\n")[2]
    return size, hashlib.sha256(last).hexdigest()


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
