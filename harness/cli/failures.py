"""What a failure means to whoever started the command: an exit code and one line."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from harness.domain.errors import HarnessError, OwnerError, TransientError

DONE = 0
FAILED = 1
MUST_FIX = 2
TRY_LATER = 75

_FIXES = {
    errno.ENOSPC: "free some space; nothing already written is lost",
    errno.EDQUOT: "free some space; nothing already written is lost",
    errno.EROFS: "make it writable, or name a folder that is",
    errno.EACCES: "make it readable and writable for you, or run this as its owner",
    errno.EPERM: "make it readable and writable for you, or run this as its owner",
    errno.ENOENT: "name a folder that exists or can be made",
    errno.ENOTDIR: "a file is in the way; name another folder",
    errno.EISDIR: "a folder is in the way; name another file",
    errno.ELOOP: "correct the link, which leads to itself",
    errno.ENAMETOOLONG: "name a shorter one",
}

_DISK_TROUBLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class UnknownName(HarnessError):
    """The command line names something that doesn't exist."""

    def __init__(self, kind: str, name: str, known: Iterable[str], see: str) -> None:
        near = get_close_matches(name, list(dict.fromkeys(known)), n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"see: {see}"
        super().__init__(f"there is no {kind} {name!r}; {hint}")


class Misused(HarnessError):
    """The command line is not meant this way; the message says which way it is."""


def exit_code_of(error: BaseException) -> int:
    """Return 2 where the person must fix something, 75 where trying again later may do, otherwise 1."""
    meant = _meaning_of(error)
    if isinstance(meant, (OwnerError, UnknownName, Misused, OSError)):
        return MUST_FIX
    return TRY_LATER if isinstance(meant, TransientError) else FAILED


def line_about(error: BaseException) -> str:
    """Return the one line that the person reads."""
    meant = _meaning_of(error)
    if isinstance(meant, OSError):
        where = meant.filename if meant.filename is not None else "the output"
        return f"{where}: {(meant.strerror or 'failed').lower()}; {_FIXES[meant.errno or 0]}"
    if isinstance(meant or error, (HarnessError, OSError)):
        return str(meant or error)
    first_line = next(iter(str(error).splitlines()), "")
    return f"internal error: {type(error).__name__}: {first_line}; HARNESS_DEBUG=1 shows where"


def _meaning_of(error: BaseException) -> HarnessError | OSError | None:
    """Return the failure that says who must act: the error itself, or a full disk that it hides.

    A full disk comes up through every library that writes, each time in another coat. Nothing else is
    looked for behind an error: what a bug was about to handle is not what the person must fix.
    """
    for cause in _causes(error):
        is_outermost = cause is error
        if isinstance(cause, HarnessError) and is_outermost:
            return cause
        if isinstance(cause, OSError) and cause.errno in (_FIXES if is_outermost else _DISK_TROUBLE):
            return cause
        code = getattr(cause, "sqlite_errorname", None)
        if isinstance(code, str):
            return _meaning_of_database(code)
    return None


def _meaning_of_database(code: str) -> HarnessError | None:
    match code.split("_")[1]:
        case "FULL":
            return OwnerError("the database", None, "the disk is full", _FIXES[errno.ENOSPC])
        case "IOERR":
            return OwnerError("the database", None, "the disk reports an error", "check the disk and its free space")
        case "READONLY":
            return OwnerError("the database", None, "it cannot be written", _FIXES[errno.EROFS])
        case "BUSY" | "LOCKED":
            return TransientError("the database is locked by another process")
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        if isinstance(following, BaseExceptionGroup):
            following = following.exceptions[0]
        else:
            following = following.__cause__ or following.__context__
