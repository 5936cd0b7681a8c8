"""A run that a full disk keeps from its end: who closes its fire later says so."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable

import pytest

from harness.domain.cause import DISK
from harness.domain.errors import OwnerError, TransientError
from harness.domain.run import FireState
from harness.ports import Json, Step
from harness.pytest_plugin import NOW, Workbench
from harness.runs.broken_off import BrokenOff, words_for
from harness.runs.by_hand import start_by_hand
from harness.runs.recovery import STALLED_AFTER, Reconciler
from harness.runs.workflows import RunWorkflow
from harness.store.fires import fire_of_run, mark_fire
from harness.store.incidents import open_incidents
from harness.store.runs import claim_runs
from harness.testing.engine import MemoryEngine


class _OnFullDisk:
    """Steps whose work is done and whose records cannot be written."""

    def reserve(self, kind: str, call_id: str, args: Json) -> Step:
        return _Unrecorded()


class _Unrecorded:
    async def run(self, work: Callable[[], Awaitable[Json]]) -> Json:
        raise RuntimeError("the step was not recorded") from OSError(errno.ENOSPC, "No space left on device")


def test_a_run_that_a_full_disk_kept_from_its_end_is_closed_with_the_name_of_the_disk(workbench: Workbench) -> None:
    system = workbench.system
    engine, broken_off = MemoryEngine(), system.services.broken_off
    owner = system.membership.executor_id
    run_id = start_by_hand(system.database, system.workspace(), "scout/morning", NOW, inputs={})
    with system.database.write() as connection:
        claim_runs(connection, owner, 8, NOW)
        mark_fire(connection, run_id, FireState.RUNNING, owner)
        connection.exec_driver_sql("UPDATE run SET workflow_version = 1")
    with pytest.raises(RuntimeError):
        asyncio.run(_to_end(RunWorkflow(system.services)(run_id, _OnFullDisk())))
    engine.set_state(run_id, "running")
    reconciler = Reconciler(system.database, engine, system.membership, workflow_version=1, broken_off=broken_off)
    assert reconciler.reconcile(NOW) == []
    assert reconciler.reconcile(NOW + STALLED_AFTER) == [run_id]
    with system.database.read() as connection:
        fire = fire_of_run(connection, run_id)
        (incident,) = open_incidents(connection)
    assert fire is not None
    assert fire.state is FireState.FAILED
    assert "its end could not be recorded: the disk is full, or fails: free some space" in fire.reason
    assert (incident.cause, incident.jobs) == (DISK, ("scout/morning",))


async def _to_end(work: Awaitable[Json]) -> Json:
    return await work


def test_what_broke_is_told_once_for_each_run() -> None:
    broken_off = BrokenOff()
    broken_off.note("run-1", TransientError("no connection", cause="endpoint api:443"))
    taken = broken_off.take("run-1")
    assert taken is not None
    assert (taken.words, taken.cause) == ("no connection", "endpoint api:443")
    assert broken_off.take("run-1") is None
    assert broken_off.take("run-2") is None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OwnerError("a", None, "is full", "free some space"), "a: is full; free some space"),
        (ValueError("what\nnow"), "a fault in the harness: ValueError: what"),
        (
            OSError(errno.ENOSPC, "No space left"),
            "the disk is full, or fails: free some space ([Errno 28] No space left)",
        ),
    ],
)
def test_what_broke_is_said_in_one_line(error: Exception, words: str) -> None:
    assert words_for(error) == words
