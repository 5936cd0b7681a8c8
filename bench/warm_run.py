"""What the harness adds to a model's answer: whole runs in one warm process, beside bare DBOS workflows."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.bare import bare_workflows
from bench.instant_model import instant_model
from bench.workload import percentile, timed_s, write_team
from harness.runs.by_hand import fire_for, start_by_hand
from harness.runs.wall_clock import WallClock
from harness.wiring.build import build_system
from harness.wiring.system import System

_JOB = "scout/report"
_WARM_UP = 20
_IN_TURN = 20


@dataclass(frozen=True, slots=True)
class WarmRun:
    """Seconds. `steps` is what each kind of step takes of a run; what is left of `p50_s` is between the steps.

    `model_s` is the part of it that is the model's request itself. `bare_s` and `bare_p99_s` are of DBOS
    workflows with `bare_steps` steps, as many as a run has, of which one asks the same model.
    """

    runs: int
    p50_s: float
    p99_s: float
    model_s: float
    bare_s: float
    bare_p99_s: float
    bare_steps: int
    steps: Mapping[str, float]

    @property
    def overhead_s(self) -> float:
        return self.p50_s - self.model_s


def measure_warm_runs(runs: int) -> WarmRun:
    """Do so many runs one after another, each with one model call that is answered at once.

    They take turns with the bare workflows, so that a busy moment of the machine touches both.
    """
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        instant_model() as base_url,
        warm_system(base_url) as system,
    ):
        run_ids = [run_to_its_end(system) for _ in range(_WARM_UP)]
        bare_steps = len(system.engine.recorded(run_ids[-1]))
        taken: list[float] = []
        bare_taken: list[float] = []
        run_ids.clear()
        with bare_workflows(f"sqlite:///{folder}/bare.db", base_url, bare_steps) as bare:
            while len(taken) < runs:
                for _ in range(_IN_TURN):
                    taken_s, run_id = timed_s(lambda: run_to_its_end(system))
                    taken.append(taken_s)
                    run_ids.append(run_id)
                bare.give("one_by_one", runs=_IN_TURN)
                bare_taken += bare.result()
        steps = _times_of_steps(system, run_ids)
    return WarmRun(
        len(taken),
        percentile(taken, 0.5),
        percentile(taken, 0.99),
        steps.get("model", 0.0),
        percentile(bare_taken, 0.5),
        percentile(bare_taken, 0.99),
        bare_steps,
        steps,
    )


def _times_of_steps(system: System, run_ids: list[str]) -> Mapping[str, float]:
    """Return the seconds that all steps of a kind take in a run, on the average."""
    sums: dict[str, float] = defaultdict(float)
    for run_id in run_ids:
        for step in system.engine.recorded(run_id):
            if step.started_at is not None and step.ended_at is not None:
                sums[step.kind] += step.ended_at - step.started_at
    return {kind: seconds / len(run_ids) for kind, seconds in sums.items()}


def run_to_its_end(system: System) -> str:
    """Start one run by hand, wait until its fire is closed, and return its id."""
    now = system.clock.now()
    run_id = start_by_hand(system.database, system.workspace(), _JOB, now, inputs={})
    system.dispatcher.dispatch()
    while fire_for(system.database, run_id).state.is_open:
        system.dispatcher.wait_for_change(1.0)
    return run_id


@contextmanager
def warm_system(base_url: str) -> Iterator[System]:
    """Provide a launched system with one job, whose model is at `base_url`."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        root = write_team(Path(folder), base_url, {_JOB: "0 0 1 1 *"})
        system = build_system(root, environ={}, clock=WallClock())
        try:
            system.launch()
            yield system
        finally:
            system.close()
