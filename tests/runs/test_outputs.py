"""What a job came to last, also where another node made it."""

from __future__ import annotations

import shutil
import threading
from datetime import date, timedelta

from harness.domain.run import FireState
from harness.domain.source import Collected
from harness.ports import Engine
from harness.pytest_plugin import NOW, Workbench
from harness.runs.outputs import day_of_latest_output, latest_output
from harness.testing.web_server import WebReply

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


def day_of(workbench: Workbench) -> date | None:
    system = workbench.system
    with system.database.read() as connection:
        return day_of_latest_output(connection, system.workspace().job("scout/morning"))


def test_a_result_is_known_by_the_local_day_on_which_it_was_due(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    late = {"schedule": "daily 23:30", "deliver": "digest", "read": "[feeds/ai]"}
    front = "\n".join(f"{key}: {value}" for key, value in late.items())
    workbench.write({"agents/scout/jobs/morning.md": f"---\n{front}\n---\nRank it.\n"})
    assert day_of(workbench) is None
    workbench.tick_at(NOW + timedelta(hours=15, minutes=32))  # in UTC it is the next day
    assert day_of(workbench) == date(2026, 11, 21)


def test_what_failed_since_is_no_newer_result_and_neither_is_a_preview(workbench: Workbench) -> None:
    front = "schedule: daily 08:00\nread: [feeds/ai]\ndeliver: digest\nattempts: 1"
    workbench.write({"agents/scout/jobs/morning.md": f"---\n{front}\n---\nRank it.\n"})
    workbench.serve_stories(3)
    workbench.tick_at(EIGHT)
    workbench.web.serve("/feed.xml", WebReply(b"", status=404))
    workbench.tick_at(EIGHT + timedelta(days=1))
    assert workbench.fires()[-1].state is FireState.FAILED
    workbench.serve_stories(4)
    workbench.clock.jump_to(EIGHT + timedelta(days=2, hours=-1))
    assert workbench.run(preview=True).artifact is not None
    assert day_of(workbench) == date(2026, 11, 21)
