"""What a job came to last, also where another node made it."""

from __future__ import annotations

import shutil
import threading
from datetime import timedelta

from harness.domain.source import Collected
from harness.ports import Engine
from harness.pytest_plugin import NOW, Workbench
from harness.runs.outputs import latest_output

EIGHT = NOW + timedelta(minutes=1)


def output_of(workbench: Workbench) -> Collected:
    system = workbench.system
    job = system.workspace().job("scout/morning")
    found = latest_output(system.database, system.state, job, workbench.clock.now(), recorded=system.services.recorded)
    assert found is not None
    return found


def forget_when_ended(engine: Engine, run_id: str) -> None:
    """Delete the records of a run; the engine notes that it has ended a moment after its fire was closed."""
    pause = threading.Event()
    for _ in range(1500):
        if engine.state(run_id) == "ended":
            break
        pause.wait(0.02)
    engine.forget([run_id])
    assert engine.state(run_id) is None


def test_what_another_node_made_is_read_from_the_records_of_its_run(workbench: Workbench) -> None:
    links = workbench.serve_stories(3)
    workbench.tick_at(EIGHT)
    here = output_of(workbench)
    assert sorted(item.url for item in here.items) == sorted(links)
    shutil.rmtree(workbench.system.state.artifacts)
    assert output_of(workbench) == here


def test_what_is_nowhere_any_more_is_named_as_a_gap(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    workbench.tick_at(EIGHT)
    shutil.rmtree(workbench.system.state.artifacts)
    (fire,) = workbench.fires()
    forget_when_ended(workbench.system.engine, str(fire.run_id))
    assert [gap.problem for gap in output_of(workbench).gaps] == ["its artifact cannot be read (FileNotFoundError)"]
