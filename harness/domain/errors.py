"""Errors, named by who must act on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from harness.domain.message import Spent

FailureKind = Literal[
    "rate_limit", "overload", "context", "refused", "auth", "quota", "network", "malformed", "rejected"
]
"""How a model could not be had, whatever endpoint it was.

`rate_limit`: it asks to come back later. `overload`: it answers, and cannot do its work (5xx, 529). `network`: nobody
answered: no connection, cut off, or too late. `malformed`: the answer is none. `context`: the request is too long.
`refused`: model or filter would not answer. `auth`: the key is missing, wrong, or not allowed to. `quota`: the account
has no credit. `rejected`: the endpoint does not take the request: model name, address, parameter.
"""


class HarnessError(Exception):
    """Something in the harness failed.

    `cause` is the key of what failed, where more than one job can fail for it: see `harness.domain.cause`.
    `failure` says how, where it was a model, and `paid` and `took_s` what asking it cost all the same.
    """

    cause: str | None = None
    failure: FailureKind | None = None
    paid: Spent | None = None
    took_s: float = 0.0


class OwnerError(HarnessError):
    """A file that the person owns must be fixed: which one, which line, what is wrong, how to fix it."""

    def __init__(
        self,
        path: object,
        line: int | None,
        problem: str,
        fix: str,
        *,
        cause: str | None = None,
        failure: FailureKind | None = None,
    ) -> None:
        self.path = str(path)
        self.line = line
        self.problem = problem
        self.fix = fix
        self.cause = cause
        self.failure = failure
        where = self.path if line is None else f"{self.path}:{line}"
        super().__init__(f"{where}: {problem}; {fix}")


class TransientError(HarnessError):
    """It may work when tried again later: a lock, a timeout, an overloaded endpoint.

    `retry_after_s` is how long the other side asked to be left alone, if it did.
    """

    def __init__(
        self,
        message: str,
        *,
        cause: str | None = None,
        failure: FailureKind | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        self.cause = cause
        self.failure = failure
        self.retry_after_s = retry_after_s
        super().__init__(message)


class ToolError(HarnessError):
    """A tool call failed in a way that the model can see and adapt to."""


class Refused(HarnessError):
    """The gate said no: `rule` is the name of the rule that decided."""

    def __init__(self, rule: str, reason: str) -> None:
        self.rule = rule
        self.reason = reason
        super().__init__(f"{rule}: {reason}")


class LimitReached(HarnessError):
    """The run must stop: `limit` names which limit was reached. That of the `context` is a failure of that kind."""

    def __init__(self, limit: str, reason: str) -> None:
        self.failure: FailureKind | None = "context" if limit == "context" else None
        self.limit = limit
        self.reason = reason
        super().__init__(f"{limit}: {reason}")


class ReplayMismatch(HarnessError):
    """A replayed step does not match what was recorded: the order of steps changed under a running run."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing in the workspace that the person should fix.

    `path` is relative to the workspace; `line` is 1-based, or None where a file is missing. A `note` is nothing to
    fix: it says what something means here.
    """

    path: str
    line: int | None
    problem: str
    fix: str
    severity: Literal["error", "warning", "note"] = "error"

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{where}: {self.problem}; {self.fix}"
