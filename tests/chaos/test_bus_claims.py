"""Each claim about requests finds what violates it, and nothing in what is sound."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chaos.bus_claims import BusEvidence, Waited, bus_violations
from chaos.bus_work import Work
from harness.domain.request import Body, Confirmed, Delivered, Event, Final, Finished, Request, Requested

NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
ASKED = Work(1, "agent-2", ("agent-1",), way="reject")
ASKING = Work(0, "agent-1", (), asks=(1,), waits=True)


def log_of(work: Work, final: Final, *, request_id: str = "", deliveries: int = 1) -> list[Event]:
    """Return the log of a request for this work that went as it should, unless it was delivered more than once."""
    request = Request(
        request_id or f"r-{work.number}", "user", work.agent, work.task, NOW + timedelta(hours=1), NOW, "key"
    )
    bodies: list[Body] = [Requested(request)]
    bodies += [Delivered(token) for token in range(1, deliveries + 1)]
    bodies += [Confirmed(deliveries), Finished(final)]
    return [Event(request.id, number, NOW, "system", body) for number, body in enumerate(bodies, 1)]


SOUND = BusEvidence(
    works=(ASKING, ASKED),
    logs={
        "r-0": log_of(ASKING, Final("done", ASKING.answer)),
        "r-1": log_of(ASKED, Final("rejected", ASKED.answer)),
    },
    waited=(Waited("bus:r-0:1", "bus:r-0:1.2", 1),),
    read={0: frozenset({1}), 1: frozenset()},
    last_runs={"agent-1/request:r-0": ("bus:r-0:1.2",)},
)


def test_what_is_sound_violates_nothing() -> None:
    assert bus_violations(SOUND) == []


def unfinished() -> list[Event]:
    return log_of(ASKED, Final("done", ""))[:-1]


def finished_twice() -> list[Event]:
    log = log_of(ASKED, Final("rejected", ASKED.answer))
    return [*log, replace(log[-1], number=len(log) + 1)]


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        (replace(SOUND, logs={"r-0": SOUND.logs["r-0"]}), "work-1 of agent-2 is 0 requests: it is lost"),
        (
            replace(
                SOUND, logs={**SOUND.logs, "r-9": log_of(ASKED, Final("rejected", ASKED.answer), request_id="r-9")}
            ),
            "work-1 of agent-2 is 2 requests: r-1, r-9",
        ),
        (replace(SOUND, logs={**SOUND.logs, "r-1": unfinished()}), "r-1 has 0 finals; its log: requested, delivered"),
        (replace(SOUND, logs={**SOUND.logs, "r-1": finished_twice()}), "r-1 has 2 finals"),
        (replace(SOUND, logs={**SOUND.logs, "r-1": finished_twice()}), "r-1: request r-1: it is final"),
        (
            replace(SOUND, logs={**SOUND.logs, "r-1": log_of(ASKED, Final("failed", "it broke"))}),
            "r-1 (work-1) is failed: it broke",
        ),
        (
            replace(SOUND, logs={**SOUND.logs, "r-1": log_of(ASKED, Final("rejected", ASKING.answer))}),
            "which its worker did not say",
        ),
        (replace(SOUND, waited=(Waited("bus:r-0:1", None, 0),)), "bus:r-0:1 waits"),
        (replace(SOUND, waited=(Waited("bus:r-0:1", "bus:r-0:1.2", 0),)), "goes on as bus:r-0:1.2, which is 0 runs"),
        (replace(SOUND, read={0: frozenset(), 1: frozenset()}), "waited for work-1, and was never shown its answer"),
        (replace(SOUND, last_runs={"agent-1/request:r-0": ("x", "y")}), "agent-1/request:r-0 ends in 2 runs: x, y"),
    ],
)
def test_a_violation_is_found_and_named(broken: BusEvidence, found: str) -> None:
    assert any(found in str(violation) for violation in bus_violations(broken))
