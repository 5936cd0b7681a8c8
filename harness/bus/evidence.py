"""Evidence: files that show that the work was done, looked at when it is said to be done.

A file counts if the worker may read it, and it is a regular file that holds something and was written after the
request was made. What was seen is recorded with its hash: what becomes of the file afterwards changes nothing of it.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from harness.domain.errors import Refused, ToolError
from harness.domain.request import Evidence
from harness.gate.paths import PathRules
from harness.gate.results import RUN_PREFIX
from harness.gate.tree import Seen

STATE_PREFIX = ".harness/"
"""Under this prefix stands what lies in the state folder, wherever that is; no tool path of the workspace begins so."""

MAX_FILES = 50
MAX_BYTES = 100_000_000
"""How long a file may be that is hashed; a longer one is not looked at."""

STAMP_TOLERANCE = timedelta(seconds=1)
"""How much older than the request a file's stamp may be.

File systems stamp with a coarser clock than the one that says when the request was made: some with that of the last
timer tick, some in whole seconds, always rounded down.
"""

_NAME_CHARS = 120
_REASON_CHARS = 300
_MESSAGE_CHARS = 900
"""How long the error may be that names what does not count: the gate cuts what tools say at 1,000 characters."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a worker's evidence may lie.

    `paths` are its grants in the workspace. `runs` are the folders of its run and of the runs that this one goes on
    from, its own first; `@run/` stands for them. All of them lie below `state`, the state folder.
    """

    paths: PathRules
    runs: tuple[Path, ...]
    state: Path


def look_at(paths: Sequence[str], folders: Folders, since: datetime | None) -> tuple[Evidence, ...]:
    """Return what the files are, each once, in their order.

    `since` is `Request.files_since`; None where age does not count. Paths are of the workspace, or begin with
    `@run/`; those are recorded as they stand in the state folder, `.harness/artifacts/…`, where others find them.
    Blocks while it reads.
    Raises ToolError that names the files which do not count, each with what is wrong and what to do, and how many more
    there are where they are too many for an error.
    """
    if len(paths) > MAX_FILES:
        raise ToolError(
            f"{len(paths)} files are named as evidence; name at most {MAX_FILES}, those that show the result"
        )
    seen: dict[str, Evidence] = {}
    faults: list[str] = []
    for path in dict.fromkeys(paths):
        try:
            evidence = _look(path, folders, since)
            seen[evidence.path] = evidence
        except _Fault as fault:
            faults.append(f"- {_named(path)}: {fault}")
    if faults:
        raise ToolError(_in_words(faults, len(dict.fromkeys(paths))))
    return tuple(seen.values())


def look_at_for_person(paths: Sequence[str], root: Path, state: Path) -> tuple[Evidence, ...]:
    """Return what the files are that the person points at, anywhere in the workspace `root`; raises as `look_at`.

    They may be older than the question: the person knows what they point at.
    """
    return look_at(paths, Folders(PathRules(root, read_paths=(".",)), (), state), None)


def _in_words(faults: Sequence[str], named: int) -> str:
    """Name the files that do not count, as many as fit; there is always room for one."""
    first = f"{len(faults)} of {named} files do" if named > 1 else "the file does"
    message = f"{first} not count as evidence:"
    for number, fault in enumerate(faults):
        if number and len(message) + len(fault) > _MESSAGE_CHARS:
            return f"{message}\n… and {len(faults) - number} more"
        message += f"\n{fault}"
    return message


class _Fault(Exception):
    """Why one file does not count, and what to do."""


def _look(path: str, folders: Folders, since: datetime | None) -> Evidence:
    for rules, inner, recorded in _places(path, folders):
        try:
            seen = rules.look_at(inner, MAX_BYTES)
        except Refused as refused:
            raise _refusal(path, refused) from refused
        except (ToolError, OSError) as error:
            behind = error if isinstance(error, OSError) else error.__cause__
            if isinstance(behind, OSError) and behind.errno in (errno.ENOENT, errno.ENOTDIR):
                continue
            what = _short(str(getattr(behind, "strerror", None) or error), _REASON_CHARS)
            raise _Fault(f"{what}; name a file of at most {MAX_BYTES:,} bytes that can be read") from error
        _check(seen, since)
        return Evidence(recorded, seen.size_bytes, seen.sha256)
    raise _Fault("there is no such file; write it first, or leave it out")


def _places(path: str, folders: Folders) -> list[tuple[PathRules, str, str]]:
    """Return where the path may be: the rules that hold there, the path below their root, and what is recorded."""
    if not path.startswith(RUN_PREFIX):
        return [(folders.paths, path, "/".join(_parts(folders.paths, path)))]
    inner = path.removeprefix(RUN_PREFIX)
    places = []
    for folder in folders.runs:
        rules = PathRules(folder, read_paths=(".",))
        parts = (*folder.relative_to(folders.state).parts, *_parts(rules, inner))
        places.append((rules, inner, STATE_PREFIX + "/".join(parts)))
    return places


def _parts(rules: PathRules, path: str) -> tuple[str, ...]:
    try:
        return rules.check(path, "read")
    except Refused as refused:
        raise _refusal(path, refused) from refused


def _check(seen: Seen, since: datetime | None) -> None:
    if not seen.size_bytes:
        raise _Fault("it is empty; write the result into it")
    if seen.is_blank:
        raise _Fault("there is nothing in it but white space; write the result into it")
    if since is not None and seen.modified_at < (since - STAMP_TOLERANCE).timestamp():
        # Writing the same content again changes nothing, and would not help.
        raise _Fault(
            f"it was last written before the request was made ({since:%Y-%m-%d %H:%M:%S} UTC); write what you found "
            "out to a file of its own, also if it is that the old one still holds"
        )


def _refusal(path: str, refused: Refused) -> _Fault:
    # The path stands before it already.
    reason = refused.reason.removeprefix(f"{path} ").removeprefix(f"{path.removeprefix(RUN_PREFIX)} ")
    return _Fault(f"{_short(reason, _REASON_CHARS)} ({refused.rule}); name a regular file that you may read")


def _named(path: str) -> str:
    """The path as it was given, harmless to print."""
    return _short(path if path.isprintable() else repr(path), _NAME_CHARS)


def _short(text: str, limit_chars: int) -> str:
    return text if len(text) <= limit_chars else f"{text[:limit_chars]}…"
