"""A request: work that one party asks of another, and the whole protocol that it goes through.

    requested → delivered → confirmed → (progress)* → final

The log of a request is all that there is: what it has come to is a fold over its events, `fold`, and an event
that does not follow is refused with both states named. Parties are the agents, `user` (the person) and
`system` (the harness). Whoever works on a request holds its token, the number of the delivery: what a worker
says that was superseded meanwhile, by a handoff or a second delivery, is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from harness.domain.errors import HarnessError, Refused
from harness.domain.job import Priority

USER = "user"
"""The person, as a party."""
SYSTEM = "system"
"""The harness, as a party."""

Result = Literal["done", "failed", "rejected", "timed_out", "cancelled", "superseded"]
Verdict = Literal["PASS", "FAIL", "NEEDS_WORK"]


class RequestState(StrEnum):
    """Where a request stands.

    `delivered`: the receiver has it, and has not said so. `confirmed`: it is durably among what the receiver
    will do. `final`: it is over, whatever it came to; nothing follows but what becomes of the news.
    """

    REQUESTED = "requested"
    DELIVERED = "delivered"
    CONFIRMED = "confirmed"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Watch:
    """Something that a request waits for without anybody working on it.

    Exactly one is set: `file`, a path or glob pattern in the workspace that must match; `job`, `agent/name`, a
    run of which must end after the request was made; `at`, a moment (aware UTC).
    """

    file: str | None = None
    job: str | None = None
    at: datetime | None = None

    def __str__(self) -> str:
        if self.file is not None:
            return f"the file {self.file} appears"
        return f"a run of {self.job} ends" if self.job is not None else f"{self.at:%Y-%m-%d %H:%M %Z} comes"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for, as it was asked; nothing of it ever changes.

    `inputs` are workspace paths and URLs that the work is about. `acceptance` are the criteria that it is judged
    by. After `due_at` (aware UTC) it is final as `timed_out`; `fallback` says in words what the sender does then.
    `key` is the idempotency key: the same of one sender is one request. `parent` is the request that the sender
    was working on, `parent_run` the run; `depth` counts the requests above it. `is_untrusted`: text from outside
    may stand in it. `resend_of`: the request that this one repeats. `files_since` is when it was made by the
    clock that stamps files: what is older is no evidence of the work.
    """

    id: str
    sender: str
    receiver: str
    task: str
    due_at: datetime
    made_at: datetime
    key: str
    background: str = ""
    inputs: tuple[str, ...] = ()
    expected_output: str = ""
    acceptance: tuple[str, ...] = ()
    fallback: str = ""
    priority: Priority = "normal"
    parent: str | None = None
    parent_run: str | None = None
    depth: int = 0
    is_untrusted: bool = False
    watch: Watch | None = None
    resend_of: str | None = None
    files_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A file that shows that the work was done: its path in the workspace or the state folder, as it was looked at."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Final:
    """What a request came to. `actions` are what should happen next; `verdict` is the worker's own judgement
    of the result against the acceptance criteria, None where nobody judged."""

    result: Result
    conclusion: str
    evidence: tuple[Evidence, ...] = ()
    actions: tuple[str, ...] = ()
    verdict: Verdict | None = None

    @property
    def is_success(self) -> bool:
        """Whether whoever asked has what was asked for: done, and not found wanting by the worker itself."""
        return self.result == "done" and self.verdict != "FAIL"


# ── Events ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Requested:
    """The sender asked for it."""

    request: Request
    kind: Literal["requested"] = "requested"


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver was given it: its run is queued, or it lies before the person. `token` is the delivery's number."""

    token: int
    run_id: str | None = None
    kind: Literal["delivered"] = "delivered"


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The receiver has it safely."""

    token: int
    kind: Literal["confirmed"] = "confirmed"


@dataclass(frozen=True, slots=True)
class Progressed:
    """News from the work; `by_harness` where the worker said nothing and the harness looked."""

    token: int
    note: str
    by_harness: bool = False
    kind: Literal["progress"] = "progress"


@dataclass(frozen=True, slots=True)
class HandedOff:
    """The worker passed it on to another receiver, who has to be given it; its own token is void."""

    token: int
    receiver: str
    reason: str
    kind: Literal["handed_off"] = "handed_off"


@dataclass(frozen=True, slots=True)
class Finished:
    """The one final. `token` is None where the harness or the sender ends it, whoever works on it."""

    final: Final
    token: int | None = None
    kind: Literal["final"] = "final"


@dataclass(frozen=True, slots=True)
class Noticed:
    """The sender was told: `how` names the run that goes on with it, or the channel."""

    how: str
    kind: Literal["noticed"] = "noticed"


@dataclass(frozen=True, slots=True)
class DeadLettered:
    """The request ended without having been worked to its end, and waits for the person to decide."""

    reason: str
    situation: Situation
    kind: Literal["dead"] = "dead"


@dataclass(frozen=True, slots=True)
class Resent:
    """A dead letter was sent again, as another request."""

    request_id: str
    kind: Literal["resent"] = "resent"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A dead letter was given up."""

    reason: str
    kind: Literal["dropped"] = "dropped"


class Situation(StrEnum):
    """What a missing final means, told apart from the log. Only what was never delivered is sent again by itself."""

    NEVER_DELIVERED = "never delivered"
    NOT_CONFIRMED = "delivered, not confirmed"
    WORKING = "confirmed, still working"
    NOTICE_LOST = "done, notice lost"


Body = Requested | Delivered | Confirmed | Progressed | HandedOff | Finished | Noticed | DeadLettered | Resent | Dropped


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a request's log; `number` counts from 1 without a gap. `by` is a party, `at` aware UTC."""

    request_id: str
    number: int
    at: datetime
    by: str
    body: Body


@dataclass(frozen=True, slots=True)
class Standing:
    """What a request has come to: the fold over its log.

    `receiver` is who has it now. `token` is the number of the last delivery, 0 before the first; `run_id` the
    run that was given it then. `news_at` is when anything was last heard of the work. `version` is the number
    of the last event.
    """

    request: Request
    state: RequestState
    version: int
    receiver: str
    token: int = 0
    run_id: str | None = None
    delivered_at: datetime | None = None
    confirmed_at: datetime | None = None
    news_at: datetime | None = None
    note: str = ""
    final: Final | None = None
    closed_at: datetime | None = None
    noticed_at: datetime | None = None
    dead: DeadLettered | None = None
    settled: Resent | Dropped | None = None
    handed_off_by: tuple[str, ...] = field(default=())

    @property
    def is_open(self) -> bool:
        return self.state is not RequestState.FINAL

    @property
    def is_dead_letter(self) -> bool:
        """Whether it waits for the person to send it again or to give it up."""
        return self.dead is not None and self.settled is None

    @property
    def situation(self) -> Situation:
        """What it means if the sender has heard nothing."""
        match self.state:
            case RequestState.REQUESTED:
                return Situation.NEVER_DELIVERED
            case RequestState.DELIVERED:
                return Situation.NOT_CONFIRMED
            case RequestState.CONFIRMED:
                return Situation.WORKING
            case RequestState.FINAL:
                return Situation.NOTICE_LOST if self.dead is None else self.dead.situation


class IllegalTransition(HarnessError):
    """An event does not follow from what its request has come to."""

    def __init__(self, request_id: str, state: str, kind: str) -> None:
        self.state = state
        self.kind = kind
        super().__init__(f"request {request_id}: it is {state}, and cannot become {_BECOMES.get(kind, kind)}")


class Superseded(Refused):
    """A worker speaks for a delivery that is not the last one any more."""

    def __init__(self, request_id: str, token: int, current: int) -> None:
        super().__init__(
            "superseded", f"request {request_id} was passed on (delivery {current}); delivery {token} is void"
        )


_BECOMES = {
    "progress": "confirmed with progress",
    "handed_off": "requested of another receiver",
    "noticed": "final with its sender told",
    "dead": "a dead letter",
    "resent": "a dead letter that was sent again",
    "dropped": "a dead letter that was given up",
}

S = RequestState
TRANSITIONS: dict[str, tuple[tuple[RequestState, ...], RequestState]] = {
    "delivered": ((S.REQUESTED,), S.DELIVERED),
    "confirmed": ((S.DELIVERED,), S.CONFIRMED),
    "progress": ((S.CONFIRMED,), S.CONFIRMED),
    "handed_off": ((S.CONFIRMED,), S.REQUESTED),
    "final": ((S.REQUESTED, S.DELIVERED, S.CONFIRMED), S.FINAL),
    "noticed": ((S.FINAL,), S.FINAL),
    "dead": ((S.FINAL,), S.FINAL),
    "resent": ((S.FINAL,), S.FINAL),
    "dropped": ((S.FINAL,), S.FINAL),
}
"""The whole state machine: from which states an event may come, and to which it leads. `requested` begins."""


def fold(events: Iterable[Event]) -> Standing:
    """Return what a request has come to by these events, in their order.

    Raises IllegalTransition for an event that does not follow, Superseded for one of a void delivery,
    HarnessError for a log that is empty or has a gap.
    """
    standing: Standing | None = None
    for event in events:
        standing = begin(event) if standing is None else follow(standing, event)
    if standing is None:
        raise HarnessError("a request's log is empty")
    return standing


def begin(event: Event) -> Standing:
    """Return what a request has come to by its first event."""
    if not isinstance(event.body, Requested) or event.number != 1:
        raise IllegalTransition(event.request_id, "unknown", event.body.kind)
    request = event.body.request
    return Standing(request, RequestState.REQUESTED, 1, request.receiver, news_at=event.at)


def follow(standing: Standing, event: Event) -> Standing:
    """Return what the request has come to by one more event; raises as `fold` does."""
    _check(standing, event)
    state = TRANSITIONS[event.body.kind][1]
    return replace(standing, state=state, version=event.number, **_changes(standing, event))


def _changes(standing: Standing, event: Event) -> dict[str, Any]:
    """Return what the event changes beside the state."""
    body = event.body
    match body:
        case Delivered():
            return {"token": body.token, "run_id": body.run_id, "delivered_at": event.at, "confirmed_at": None}
        case Confirmed():
            return {"confirmed_at": event.at, "news_at": event.at}
        case Progressed():
            return {"news_at": event.at, "note": body.note}
        case HandedOff():
            given_up = (*standing.handed_off_by, standing.receiver)
            return {"receiver": body.receiver, "run_id": None, "news_at": event.at, "handed_off_by": given_up}
        case Finished():
            return {"final": body.final, "closed_at": event.at, "news_at": event.at}
        case Noticed():
            return {"noticed_at": event.at}
        case DeadLettered():
            return {"dead": body}
        case Resent() | Dropped():
            return {"settled": body}
        case Requested():
            raise AssertionError("_check refuses a second beginning")


def _check(standing: Standing, event: Event) -> None:
    body, request_id = event.body, standing.request.id
    if event.request_id != request_id or event.number != standing.version + 1:
        raise HarnessError(
            f"request {request_id}: event {event.number} of {event.request_id} does not follow its event "
            f"{standing.version}"
        )
    if isinstance(body, Requested) or standing.state not in TRANSITIONS[body.kind][0]:
        raise IllegalTransition(request_id, str(standing.state), body.kind)
    if isinstance(body, Noticed) and standing.noticed_at is not None:
        raise IllegalTransition(request_id, "final with its sender told", body.kind)
    if isinstance(body, DeadLettered) and standing.dead is not None:
        raise IllegalTransition(request_id, "a dead letter", body.kind)
    if isinstance(body, Resent | Dropped) and not standing.is_dead_letter:
        raise IllegalTransition(request_id, "final, and no open dead letter", body.kind)
    _check_token(standing, body)


def _check_token(standing: Standing, body: Body) -> None:
    if isinstance(body, Delivered):
        if body.token != standing.token + 1:
            raise Superseded(standing.request.id, body.token, standing.token)
        return
    token = getattr(body, "token", None)
    # Whoever passed it on holds it no more, also while nobody has it.
    is_held = standing.state is not S.REQUESTED
    if token is not None and (token != standing.token or not is_held):
        raise Superseded(standing.request.id, token, standing.token)


def request_job(agent: str, request_id: str) -> str:
    """Return the job id under which an agent's work on a request stands in the ledger."""
    return f"{agent}/{_OF_REQUEST}{request_id}"


def request_of_job(job_id: str) -> str | None:
    """Return the request that a fire of this job id works on, or None if it is a job of the workspace."""
    name = job_id.partition("/")[2]
    return name.removeprefix(_OF_REQUEST) if name.startswith(_OF_REQUEST) else None


def kind_of_work(job_id: str) -> str:
    """Return under which name failures are counted: the job, or for whatever an agent was asked one of its own.

    No job can have that name.
    """
    return job_id if request_of_job(job_id) is None else f"{job_id.partition('/')[0]}/(requests)"


def request_run(request_id: str, token: int) -> str:
    """Return the id of the run that works on a delivery."""
    return f"bus:{request_id}:{token}"


_OF_REQUEST = "request:"
