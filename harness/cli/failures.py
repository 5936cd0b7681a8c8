"""What a failure means to whoever started the command: an exit code and one line."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from difflib import get_close_matches

from harness.domain.errors import HarnessError, OwnerError, TransientError

DONE = 0
FAILED = 1
MUST_FIX = 2
TRY_LATER = 75

_FIXES = {
    errno.ENOSPC: "free some space; nothing already written is lost",
    errno.EDQUOT: "free some space; nothing already written is lost",
    errno.EROFS: "make it writable, or set HARNESS_HOME to a folder that is",
    errno.EACCES: "make it readable and writable for you, or run this as its owner",
    errno.EPERM: "make it readable and writable for you, or run this as its owner",
    errno.ENOENT: "name a folder that exists or can be made",
    errno.ENOTDIR: "a file is in the way; name another folder",
    errno.ENAMETOOLONG: "name a shorter one",
}


class UnknownName(HarnessError):
    """The command line names something that doesn't exist."""

    def __init__(self, kind: str, name: str, known: Iterable[str], see: str) -> None:
        near = get_close_matches(name, list(known), n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"see: {see}"
        super().__init__(f"there is no {kind} {name!r}; {hint}")


class Misused(HarnessError):
    """The command line is not meant this way; the message says which way it is."""


def exit_code_of(error: BaseException) -> int:
    """Return 2 where the person must fix something, 75 where trying again later may do, otherwise 1."""
    if isinstance(error, (OwnerError, UnknownName, Misused)):
        return MUST_FIX
    if isinstance(error, TransientError):
        return TRY_LATER
    if isinstance(error, OSError) and error.errno in _FIXES:
        return MUST_FIX
    return FAILED


def line_about(error: BaseException) -> str:
    """Return the one line that the person reads."""
    if isinstance(error, HarnessError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _FIXES:
        where = error.filename if error.filename is not None else "the output"
        return f"{where}: {(error.strerror or 'failed').lower()}; {_FIXES[error.errno]}"
    if isinstance(error, OSError):
        return str(error)
    first_line = next(iter(str(error).splitlines()), "")
    return f"internal error: {type(error).__name__}: {first_line}; HARNESS_DEBUG=1 shows where"
