"""What failed, as a key: failures with the same cause are one incident, however many jobs have them."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence

DISK = "disk"
NETWORK = "network"
DATABASE = "database"
DEAD_LETTERS = "dead letters"
"""More requests were not worked to their end than are told one by one."""

_DISK_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
_DISK_CODES = ("SQLITE_FULL", "SQLITE_IOERR")
_DISK_FULL_OF_SERVER = "53100"
_OF_ONE_JOB = ("job", "missed")
_DISABLED = "disabled"
_DEAD_LETTER = "dead letter"
_BUDGET = "budget"
_PROFILE = "profile"
_UNTOLD = "untold"


def job_cause(job_id: str) -> str:
    """Return the key of a job that fails for a reason of its own."""
    return f"job {job_id}"


def missed_cause(job_id: str) -> str:
    """Return the key of a job that was missed."""
    return f"missed {job_id}"


def disabled_cause(job_id: str) -> str:
    """Return the key of a job that the harness paused because it kept failing."""
    return f"{_DISABLED} {job_id}"


def endpoint_cause(endpoint: str) -> str:
    """Return the key of an endpoint, `host:port`, that does not answer."""
    return f"endpoint {endpoint}"


def rate_limit_cause(endpoint: str) -> str:
    """Return the key of an endpoint, `host:port`, that answers and asks us to come back later."""
    return f"rate limit {endpoint}"


def profile_cause(profile: str) -> str:
    """Return the key of a profile whose key, model or address is wrong."""
    return f"{_PROFILE} {profile}"


def profile_named_by(cause: str) -> str | None:
    """Return the profile of which the key says that it is wrong, or None."""
    return cause.removeprefix(f"{_PROFILE} ") if cause.startswith(f"{_PROFILE} ") else None


def no_profile_cause(profiles: Sequence[str]) -> str:
    """Return the key of profiles none of which answers, though each was to stand in for the ones before."""
    return f"profiles {', '.join(profiles)}"


def channel_cause(channel: str) -> str:
    """Return the key of a channel that takes no digest."""
    return f"channel {channel}"


def budget_cause(whose: str) -> str:
    """Return the key of a budget of the day that is used up or nearly so."""
    return f"{_BUDGET} {whose}"


def is_of_a_budget(cause: str) -> bool:
    """Say whether it is the key of a budget: that is nobody's failure, and over when the day is."""
    return cause.startswith(f"{_BUDGET} ")


def dead_letter_cause(request_id: str) -> str:
    """Return the key of a request that was not worked to its end, and waits for the person."""
    return f"{_DEAD_LETTER} {request_id}"


def dead_letter_of(cause: str) -> str | None:
    """Return the request of which the key says that it is a dead letter, or None."""
    return cause.removeprefix(f"{_DEAD_LETTER} ") if cause.startswith(f"{_DEAD_LETTER} ") else None


def tells_of_dead_letters(cause: str) -> bool:
    """Say whether the incident is that of a dead letter, or of many."""
    return cause == DEAD_LETTERS or dead_letter_of(cause) is not None


def happens_once(cause: str) -> bool:
    """Say whether the cause stays until somebody acts: whoever waits for it to come again is never told."""
    return cause.startswith(f"{_UNTOLD} ") or tells_of_dead_letters(cause)


def cause_of(error: BaseException) -> str | None:
    """Return the key of what the error is a symptom of, or None where it concerns nobody else.

    Trouble with the disk is found behind the errors of libraries as well: it comes up through all of them,
    each time in another coat. Nothing else is looked for behind an error.
    """
    named = getattr(error, "cause", None)
    if isinstance(named, str):
        return named
    return DISK if any(_is_of_the_disk(each) for each in _chain(error)) else None


def is_disk_trouble(error: BaseException) -> bool:
    """Say whether a disk that is full, read-only or broken is behind the error."""
    return cause_of(error) == DISK


def job_named_by(cause: str) -> str | None:
    """Return the job that the key itself names, or None."""
    kind, _, job_id = cause.partition(" ")
    return job_id if kind in (*_OF_ONE_JOB, _DISABLED) else None


def is_over_with_success(cause: str) -> bool:
    """Say whether a success of a job that failed for this cause shows that it is gone.

    A job that the harness paused stays paused until the person resumes it, also if it works by hand. A budget that is
    spent is there again with the next day.
    """
    return not cause.startswith(f"{_DISABLED} ") and not is_of_a_budget(cause)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = getattr(following, "orig", None) or following.__cause__ or following.__context__


def _is_of_the_disk(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in _DISK_ERRNOS:
        return True
    code = str(getattr(error, "sqlite_errorname", ""))
    return code.startswith(_DISK_CODES) or getattr(error, "sqlstate", None) == _DISK_FULL_OF_SERVER
