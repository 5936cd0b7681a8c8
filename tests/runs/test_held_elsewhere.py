from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import pytest

from harness.domain.run import FireKind, FireState, Outcome
from harness.ports import Parked
from harness.runs.answer import Draft
from harness.runs.forking import open_run
from harness.runs.services import RunServices
from harness.runs.step_work import StepWork
from harness.store.database import Database
from harness.store.runs import NewRun, claim_runs, hand_over, queue_run
from harness.testing.clock import VirtualClock
from harness.testing.engine import MemorySteps

NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
RUN = "cron:scout/morning:1"


def test_a_run_that_was_handed_over_before_it_began_is_left_to_whoever_holds_it(database: Database) -> None:
    services = cast(RunServices, SimpleNamespace(database=database, owner=lambda: "mac.1"))
    with database.write() as connection:
        queue_run(connection, NewRun(RUN, "scout/morning", "agent", FireKind.CRON, 1, 1), NOW)
        claim_runs(connection, "mac.1", 8, NOW)
    steps = MemorySteps([])
    assert open_run(services, RUN, steps) is steps
    with database.write() as connection:
        hand_over(connection, RUN, "mac.1", "server.1")
    with pytest.raises(Parked):
        open_run(services, RUN, steps)


def test_a_run_that_was_handed_over_in_the_middle_is_not_recorded_as_closed(database: Database) -> None:
    services = cast(
        RunServices,
        SimpleNamespace(database=database, owner=lambda: "mac.1", clock=VirtualClock(NOW), ended=lambda: None),
    )
    with database.write() as connection:
        queue_run(connection, NewRun(RUN, "scout/morning", "agent", FireKind.CRON, 1, 1), NOW)
        claim_runs(connection, "mac.1", 8, NOW)
        hand_over(connection, RUN, "mac.1", "server.1")
    with pytest.raises(Parked):
        StepWork(services).close(RUN, Draft(Outcome(FireState.SILENT, "nothing new"), "completed"))
