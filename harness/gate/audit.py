"""The audit log: one line of JSON for every tool call, each chained to the line before.

A line carries `prev`, the SHA-256 of the bytes of the previous line (64 zeros in the first), and ends in
`sha256`, that of its own fields. So a change, a removal or an insertion anywhere but at the end is found.
That the newest lines were cut off is not: for that the newest hash must be kept somewhere else.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.domain.errors import OwnerError
from harness.gate.redact import redact

_GENESIS = "0" * 64
_BLOCK = 8_192


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """A line (1-based) that is not as it was written, and what is wrong with it."""

    line: int
    problem: str


class AuditLog:
    """The one writer of the audit log; several processes may have it open on the same file.

    `secrets` are values that never reach the file, beside everything that is shaped like a secret.
    """

    def __init__(self, path: Path, *, secrets: Iterable[str] = ()) -> None:
        self._path = path
        self._secrets = tuple(secrets)
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
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = os.fstat(descriptor).st_size
            if size != self._size:  # a new process, or another one wrote in between
                size, self._hash = _end_of(descriptor, size)
            line = _line(entry, self._hash)
            self._size = -1  # until the whole line is on disk, what is known of the end is not trusted
            _write_all(descriptor, line + b"\n")
            os.fsync(descriptor)
            self._size, self._hash = size + len(line) + 1, hashlib.sha256(line).hexdigest()
        finally:
            os.close(descriptor)


def verify_audit(path: Path) -> Iterator[AuditFinding]:
    """Yield each line that was changed, removed, inserted or left incomplete by a crash; nothing if all is well.

    A log that does not exist yet is well.
    """
    if not path.exists():
        return
    previous = _GENESIS
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            line = raw.rstrip(b"\n")
            yield from _findings(number, line, previous, is_ended=raw.endswith(b"\n"))
            previous = hashlib.sha256(line).hexdigest()


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


def _line(entry: Mapping[str, Any], previous: str) -> bytes:
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


def _end_of(descriptor: int, size: int) -> tuple[int, str]:
    """The file's size and the hash of its last line, after ending a line that a crash left without its end."""
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
