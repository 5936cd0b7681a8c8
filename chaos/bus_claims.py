"""What must hold of requests whatever happened to the daemons: pure functions from what is left to the violations."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from chaos.bus_work import Way, Work
from chaos.claims import Violation
from harness.domain.errors import HarnessError
from harness.domain.request import Event, Final, Requested, fold

_WORK = re.compile(r"Do work-(\d+) as ")
_RESULTS: Mapping[Way, str] = {"finish": "done", "say": "done", "reject": "rejected"}


@dataclass(frozen=True, slots=True)
class Waited:
    """A run that was suspended until its requests were final, and the one that went on; `runs` is how often it did."""

    run_id: str
    continued_as: str | None
    runs: int


@dataclass(frozen=True, slots=True)
class BusEvidence:
    """What is left: the log of every request, who waited, and whose answers each work was shown by the model's record.

    `last_runs` maps each fire's job to the runs that nobody went on with.
    """

    works: Sequence[Work]
    logs: Mapping[str, Sequence[Event]]
    waited: Sequence[Waited]
    read: Mapping[int, frozenset[int]]
    last_runs: Mapping[str, Sequence[str]] = field(default_factory=dict)


def bus_violations(evidence: BusEvidence) -> list[Violation]:
    """Return everything that does not hold."""
    return [Violation(claim, detail) for claim, judge in _CLAIMS.items() for detail in judge(evidence)]


def _each_work_is_one_request(evidence: BusEvidence) -> Iterator[str]:
    requests = _requests_by_work(evidence)
    for work in evidence.works:
        found = requests.get(work.number, [])
        if len(found) != 1:
            yield f"work-{work.number} of {work.agent} is {len(found)} requests: {', '.join(found) or 'it is lost'}"


def _each_request_has_one_final(evidence: BusEvidence) -> Iterator[str]:
    for request_id, log in evidence.logs.items():
        finals = sum(event.body.kind == "final" for event in log)
        if finals != 1:
            yield f"{request_id} has {finals} finals; its log: {', '.join(event.body.kind for event in log)}"


def _each_log_is_sound(evidence: BusEvidence) -> Iterator[str]:
    for request_id, log in evidence.logs.items():
        try:
            standing = fold(log)
        except HarnessError as error:
            yield f"{request_id}: {error}"
            continue
        if standing.token != 1:
            yield f"{request_id} was delivered {standing.token} times"


def _each_final_is_what_its_worker_said(evidence: BusEvidence) -> Iterator[str]:
    for number, found in _requests_by_work(evidence).items():
        work = evidence.works[number]
        for request_id in found:
            final = _final(evidence.logs[request_id])
            if final is None:
                continue
            if final.result != _RESULTS[work.way]:
                yield f"{request_id} (work-{number}) is {final.result}: {final.conclusion}"
            elif work.way != "say" and work.answer not in final.conclusion:
                yield f"{request_id} (work-{number}) came to {final.conclusion!r}, which its worker did not say"


def _nobody_waits_for_ever(evidence: BusEvidence) -> Iterator[str]:
    for one in evidence.waited:
        if one.continued_as is None:
            yield f"{one.run_id} waits"
        elif one.runs != 1:
            yield f"{one.run_id} goes on as {one.continued_as}, which is {one.runs} runs"


def _each_answer_reached_who_waited(evidence: BusEvidence) -> Iterator[str]:
    for work in evidence.works:
        if not work.waits:
            continue
        for asked in sorted(set(work.asks) - evidence.read.get(work.number, frozenset())):
            yield f"work-{work.number} of {work.agent} waited for work-{asked}, and was never shown its answer"


def _each_fire_ends_in_one_run(evidence: BusEvidence) -> Iterator[str]:
    for job_id, runs in evidence.last_runs.items():
        if len(runs) != 1:
            yield f"{job_id} ends in {len(runs)} runs: {', '.join(runs)}"


_CLAIMS: Mapping[str, Callable[[BusEvidence], Iterator[str]]] = {
    "every work is one request": _each_work_is_one_request,
    "every request has exactly one final": _each_request_has_one_final,
    "every log is sound, and given to one worker once": _each_log_is_sound,
    "every final is what its worker said": _each_final_is_what_its_worker_said,
    "nobody waits for ever": _nobody_waits_for_ever,
    "every answer reached whoever waited for it": _each_answer_reached_who_waited,
    "every work ends in one run": _each_fire_ends_in_one_run,
}


def _requests_by_work(evidence: BusEvidence) -> Mapping[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for request_id, log in evidence.logs.items():
        first = log[0].body
        if isinstance(first, Requested) and (named := _WORK.search(first.request.task)) is not None:
            found[int(named[1])].append(request_id)
    return found


def _final(log: Sequence[Event]) -> Final | None:
    return next((event.body.final for event in log if event.body.kind == "final"), None)
