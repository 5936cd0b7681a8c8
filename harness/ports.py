"""What the harness needs from the world, as small protocols. Implementations are chosen in `wiring` only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from harness.domain.errors import HarnessError
from harness.domain.message import ModelReply, ModelRequest

Json = Any
"""A value that survives JSON unchanged: dict with str keys, list, str, int, float, bool, None."""


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """Return the present moment, aware UTC."""
        ...

    async def sleep_until(self, moment: datetime) -> None:
        """Return when `now()` has reached `moment`, or after at most one second of real time."""
        ...


class ChatModel(Protocol):
    """Something that answers a ModelRequest."""

    @property
    def label(self) -> str:
        """The name to show the person."""
        ...

    @property
    def is_language_model(self) -> bool:
        """False for the embedded extractive default, which understands no prompt."""
        ...

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the answer.

        Raises TransientError when its own retries are used up, OwnerError when configuration is at
        fault (key, model name, address), LimitReached("context") when the request is too long.
        """
        ...


@dataclass(frozen=True, slots=True)
class WebResponse:
    """`body` has passed the byte cap; `headers` have lower-case names; `url` is where redirects ended."""

    status: int
    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Web(Protocol):
    """The one door to the network: every address is resolved, checked and pinned behind it."""

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> WebResponse:
        """Fetch the URL, following at most 5 redirects, each checked anew.

        Raises Refused (`egress`) for an address that is not allowed, LimitReached (`bytes`) past the cap,
        TransientError for timeouts, resolution and connection failures. A 4xx or 5xx is a response.
        """
        ...


class Outlet(Protocol):
    """The door through which something leaves for an address that the person wrote: the same rules as for `Web`."""

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        max_bytes: int,
        timeout_s: float,
        headers: Mapping[str, str],
        needs_body: bool = True,
    ) -> WebResponse:
        """Send the body and return the answer, of at most `max_bytes`; no redirect is followed.

        Where nobody `needs_body`, an answer whose body is too long or cannot be read comes without it.
        Raises Refused (`egress`), LimitReached (`bytes`) and TransientError as `Web.get` does.
        """
        ...

    async def addresses(self, host: str, port: int) -> list[tuple[str, int]]:
        """Return the (IP address, port) pairs of a server that may be connected to.

        Raises Refused (`egress`) for one that is not allowed, TransientError if the name has none.
        """
        ...


class Resolver(Protocol):
    """Turns a host name into addresses."""

    async def resolve(self, host: str, port: int) -> list[tuple[str, int]]:
        """Return (IP address, port) candidates. Raises TransientError if the name has none."""
        ...


@dataclass(frozen=True, slots=True)
class Blocking:
    """A step's work that blocks for a moment, and is therefore done in a thread.

    An engine may do it and write down its result in the same thread. Work that may take longer than a moment is
    handed over as a coroutine: nobody waits for its thread once the run is cancelled.
    """

    work: Callable[[], Json]

    async def __call__(self) -> Json:
        """Return what the work returns."""
        # Only here: fast commands import this module for its types, and run no event loop.
        import asyncio

        return await asyncio.to_thread(self.work)


class Step(Protocol):
    """A reserved place in a run's recorded order."""

    async def run(self, work: Callable[[], Awaitable[Json]]) -> Json:
        """Do the work once, or return what was recorded when it was done before.

        Raises ReplayMismatch if the record is of another call.
        """
        ...


class Steps(Protocol):
    """The durable steps of one run."""

    def reserve(self, kind: str, call_id: str, args: Json) -> Step:
        """Reserve the next place, in call order and before anything is awaited.

        `kind` and the hash of `args` are recorded and verified on replay.
        """
        ...


Workflow = Callable[[str, Steps], Awaitable[Json]]
"""A run's body: takes the run id and its steps; what it returns is plain JSON. It may raise Parked."""


class Parked(BaseException):
    """The run stays unfinished: whoever holds it goes on with it.

    No Exception, as those are recorded as the run's failure, and no boundary is to catch it.
    """


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """One finished step of a run, as the engine kept it.

    `position` counts from 1 in the order in which the steps were reserved. Exactly one of `value` and
    `error` (its message) is meant; `failure` is that error as it was raised. Times are epoch seconds.
    """

    position: int
    kind: str
    call_id: str
    args_hash: str
    value: Json = None
    error: str | None = None
    started_at: float | None = None
    ended_at: float | None = None
    failure: HarnessError | None = None


class Engine(Protocol):
    """Durable execution of runs: a started run ends, also over a crash of the process."""

    def launch(self, workflow: Workflow, executor_id: str) -> None:
        """Open for business as this executor, and go on with the runs that it had not finished."""
        ...

    def start(self, run_id: str) -> None:
        """Start the run; starting it again changes nothing."""
        ...

    def cancel(self, run_id: str) -> None:
        """Interrupt the run, also in the middle of a step."""
        ...

    def state(self, run_id: str) -> str | None:
        """Return `running`, `ended`, `failed`, `cancelled`, `stranded` (of another version or over its
        recovery limit), or None if the engine has never heard of it."""
        ...

    def is_executing(self, run_id: str) -> bool:
        """Say whether this process is at work on the run now."""
        ...

    def answer_soon(self, answered: Callable[[], None]) -> None:
        """Have `answered` called by whatever the runs are executed on, as a sign that it does not hang.

        Returns at once, and never waits for a lock. Where nothing is executed, it is called here.
        """
        ...

    def take_over(self, run_id: str) -> bool:
        """Go on here with a run that another executor, which is gone, had not finished.

        Whatever that one still does to the run is refused from then on. False if there is nothing to go on
        with: the run has ended, or is this executor's already.
        """
        ...

    def unfinished(self) -> Mapping[str, str]:
        """Return the runs that other executors have not finished and this one could go on with, each with the
        executor that has it."""
        ...

    def recorded(self, run_id: str) -> tuple[RecordedStep, ...]:
        """Return the finished steps of the run, in the order of their places; empty if it is unknown."""
        ...

    def forget(self, run_ids: Sequence[str]) -> None:
        """Delete what is kept of runs that have ended; those that have not stay."""
        ...

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop; runs in flight go on at the next launch."""
        ...


class Incidents(Protocol):
    """Where failures are told, keyed by cause."""

    def open(self, cause: str, message: str, *, run_id: str | None = None) -> None:
        """Tell of a failure; the same cause again counts up instead of telling twice."""
        ...

    def resolve(self, cause: str) -> None:
        """Say that the cause is gone."""
        ...
