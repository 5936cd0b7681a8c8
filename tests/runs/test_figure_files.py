"""A number that one job tells can be traced by the jobs that read it."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from harness.domain.figures import Figure
from harness.domain.source import Collected
from harness.pytest_plugin import NOW, Workbench
from harness.runs.figure_files import FIGURES_FILE, figure_files, read_figures, recorded_figures, with_figures
from harness.runs.outputs import latest_output

EIGHT = NOW + timedelta(minutes=1)
CLOSE = Figure(
    "^spx.close", "S&P 500, close", 6602.99, "", datetime(2026, 11, 20, 21, tzinfo=UTC), "Stooq", "https://s/"
)


def output_of(workbench: Workbench) -> Collected:
    system = workbench.system
    job = system.workspace().job("scout/morning")
    found = latest_output(system.database, system.state, job, workbench.clock.now(), recorded=system.services.recorded)
    assert found is not None
    return found


def deliver_figures(workbench: Workbench) -> None:
    """Let a job that reads a task list, which has figures, deliver."""
    front = (
        "schedule: daily 08:00\nread: [todos]\ndeliver: digest\nwithout_model: template\ntemplate: morning.template.md"
    )
    workbench.write(
        {
            "agents/scout/jobs/morning.md": f"---\n{front}\n---\nRank it.\n",
            "agents/scout/jobs/morning.template.md": "{{ inputs.todos.figures['todos.open'].text }} to do.\n",
            "shared-context/todos.md": "- [ ] Pay the rent\n- [ ] Call the dentist\n",
        }
    )
    workbench.tick_at(EIGHT)


def test_who_reads_a_job_gets_the_figures_that_it_had_collected(workbench: Workbench) -> None:
    deliver_figures(workbench)
    output = output_of(workbench)
    assert "2 to do." in output.text
    assert {figure.key: figure.value for figure in output.figures}["todos.open"] == 2.0


def test_the_figures_of_a_run_on_another_node_are_read_from_its_records(workbench: Workbench) -> None:
    deliver_figures(workbench)
    here = output_of(workbench)
    shutil.rmtree(workbench.system.state.artifacts)
    assert output_of(workbench) == here


def test_figures_that_cannot_be_read_are_a_gap_and_the_text_is_there(workbench: Workbench) -> None:
    deliver_figures(workbench)
    (path,) = workbench.system.state.artifacts.rglob(FIGURES_FILE)
    path.write_text('{"format": 99}')
    output = output_of(workbench)
    assert "2 to do." in output.text and output.figures == ()
    assert [gap.problem for gap in output.gaps] == [
        "the figures behind it cannot be read, so its numbers cannot be traced"
    ]


def test_a_digest_from_before_there_were_figures_has_none_and_no_gap(workbench: Workbench) -> None:
    deliver_figures(workbench)
    (path,) = workbench.system.state.artifacts.rglob(FIGURES_FILE)
    path.unlink()
    assert output_of(workbench).gaps == () and output_of(workbench).figures == ()


def test_figures_come_back_as_they_were_and_those_of_other_jobs_are_left_to_them() -> None:
    other = Figure("todos.open", "open to-dos", 2.0)
    collected = (Collected("market/us", figures=(CLOSE,)), Collected("trading/close-report", figures=(other,)))
    assert read_figures(figure_files(collected)[FIGURES_FILE]) == (CLOSE,)
    assert figure_files(collected[1:]) == {}


def test_two_figures_of_one_key_are_both_kept() -> None:
    later = Figure("^spx.close", "S&P 500, close", 6700.5)
    kept = read_figures(
        figure_files([Collected("market/us", figures=(CLOSE,)), Collected("market/macro", figures=(CLOSE, later))])[
            FIGURES_FILE
        ]
    )
    assert [(figure.key, figure.value) for figure in kept] == [
        ("^spx.close", 6602.99),
        ("market/macro ^spx.close", 6700.5),
    ]


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"format": 1, "figures": [{"key": 3}]})])
def test_a_file_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_figures(text)


def test_a_run_that_collected_nothing_has_no_figures() -> None:
    assert recorded_figures(()) == ()
    assert with_figures(Collected("a/b", text="x"), ()) == Collected("a/b", text="x")
