"""One executor per state folder: a lock that the system takes back when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from harness.domain.errors import OwnerError, TransientError
from harness.store.state_folder import StateFolder


@contextmanager
def executor_lock(state: StateFolder, what: str, *, even_on_hold: bool = False) -> Iterator[None]:
    """Hold the state folder for this process while the block runs; `what` is written down for the others.

    Raises TransientError if another process holds it, naming that one; OwnerError if the folder cannot
    be written, or is on hold because a restore was not finished or has set it aside.
    """
    try:
        state.create()
        descriptor = os.open(state.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        fix = "make it writable, or name another folder in HARNESS_HOME"
        raise OwnerError(state.lock, None, f"cannot be written ({error.strerror})", fix) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
            raise TransientError(f"{holder} works in {state.root}; try again when it has ended") from None
        if state.on_hold.exists() and not even_on_hold:
            why = state.on_hold.read_text(encoding="utf-8").strip()
            raise OwnerError(state.on_hold, None, why, "to use this folder nevertheless, delete this file")
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{what} (pid {os.getpid()})".encode())
        yield
    finally:
        os.close(descriptor)
