"""What the harness adds to a model's answer: whole runs in one warm process, beside bare DBOS workflows."""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dbos import DBOS, DBOSPortableJSONSerializer, SetWorkflowID

from bench.instant_model import instant_model
from bench.workload import percentile, timed_s, write_team
from harness.runs.by_hand import fire_for, start_by_hand
from harness.runs.wall_clock import WallClock
from harness.store.database import Database
from harness.wiring.build import build_system
from harness.wiring.system import System

_JOB = "scout/report"
_MIB = 1024 * 1024
_WARM_UP = 20


@dataclass(frozen=True, slots=True)
class WarmRun:
    """Seconds. `steps` is the mean time of each kind of step; what is left of `p50_s` is between the steps.

    `model_s` is the part of it that is the model's request itself. `bare_s` is a DBOS workflow with as many
    steps that do nothing, on the same kind of database.
    """

    runs: int
    p50_s: float
    p99_s: float
    model_s: float
    bare_s: float
    steps: Mapping[str, float]

    @property
    def overhead_s(self) -> float:
        return self.p50_s - self.model_s


def measure_warm_runs(runs: int) -> WarmRun:
    """Do so many runs one after another, each with one model call that is answered at once."""
    with _system() as system:
        for _ in range(_WARM_UP):
            _run(system)
        taken: list[float] = []
        ids: list[str] = []
        for _ in range(runs):
            taken_s, run_id = timed_s(lambda: _run(system))
            taken.append(taken_s)
            ids.append(run_id)
        steps: dict[str, list[float]] = defaultdict(list)
        for run_id in ids:
            for step in system.engine.recorded(run_id):
                if step.started_at is not None and step.ended_at is not None:
                    steps[step.kind].append(step.ended_at - step.started_at)
    means = {kind: sum(values) / len(values) for kind, values in steps.items()}
    bare_s = _bare_workflow_s(len(means), runs)
    return WarmRun(runs, percentile(taken, 0.5), percentile(taken, 0.99), means.get("model", 0.0), bare_s, means)


def measure_growth(runs: int, looks: int = 10) -> list[tuple[int, float]]:
    """Do so many runs in one process; return its resident memory in MiB after each tenth of them."""
    with _system() as system:
        found = []
        for look in range(1, looks + 1):
            for _ in range(runs // looks):
                _run(system)
            found.append((look * (runs // looks), _resident_mib()))
    return found


def _run(system: System) -> str:
    now = system.clock.now()
    run_id = start_by_hand(system.database, system.workspace(), _JOB, now, inputs={})
    system.dispatcher.dispatch()
    while fire_for(system.database, run_id).state.is_open:
        system.dispatcher.wait_for_change(1.0)
    return run_id


@contextmanager
def _system() -> Iterator[System]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, instant_model() as base_url:
        root = write_team(Path(folder), base_url, {_JOB: "0 0 1 1 *"})
        system = build_system(root, environ={}, clock=WallClock())
        try:
            system.launch()
            yield system
        finally:
            system.close()


def _bare_workflow_s(steps: int, runs: int) -> float:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        database = Database(Path(folder) / "harness.db")
        database.migrate()
        start = _launch_bare(database, steps)
        try:
            for n in range(_WARM_UP):
                start(f"warm-up-{n}")
            return percentile([timed_s(lambda: start(f"run-{n}"))[0] for n in range(runs)], 0.5)  # noqa: B023
        finally:
            DBOS.destroy(destroy_registry=True)
            database.close()


def _launch_bare(database: Database, steps: int) -> Callable[[str], object]:
    DBOS(
        config={
            "name": "bare",
            "system_database_url": f"sqlite:///{database.path}",
            "system_database_engine": database.engine,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "ERROR",
        }
    )

    @DBOS.step()
    async def step(n: int) -> dict[str, int]:
        await asyncio.sleep(0)
        return {"n": n}

    @DBOS.workflow()
    async def workflow(run_id: str) -> str:
        for n in range(steps):
            await step(n)
        return run_id

    DBOS.launch()

    def start(run_id: str) -> object:
        with SetWorkflowID(run_id):
            return DBOS.start_workflow(workflow, run_id).get_result(polling_interval_sec=0.001)

    return start


def _resident_mib() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize() / _MIB
    except OSError:  # no /proc here: the peak has to do, which cannot shrink
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (_MIB if sys.platform == "darwin" else 1024)
