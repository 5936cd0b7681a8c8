"""Memory in whole runs: what a run is told, what is kept of it, and that no run ends for want of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from harness.domain.run import Fire, FireState
from harness.prompt.manifest import manifest_from_json
from harness.pytest_plugin import Workbench
from harness.runs.comparison import compare_replay
from harness.runs.recording import Recording, read_recording
from harness.runs.replay import recorded_links, replay
from harness.store.peek import peek
from harness.testing.openai_server import OpenAIServer, say
from harness.wiring.memory import INDEX_FAILED
from harness.wiring.playback import playback_services
from tests.runs.model_workspace import with_job, with_model

KETTLES = with_job("read: [note.md]\ndeliver: digest", "Compare kettle prices with those of lamps.")
NOTE = {"memory/scout/2026-11-20.md": "- kettle prices are in euros\n", "note.md": "Nothing new.\n"}


@pytest.fixture
def server(workbench: Workbench) -> Iterator[OpenAIServer]:
    with OpenAIServer([say("All is as it was.")] * 5) as server:
        workbench.write({**with_model(server), **KETTLES, **NOTE})
        yield server


def told(server: OpenAIServer, run: int = -1) -> str:
    """Return what stood under the heading of recalled memory."""
    content = str(server.requests[run].messages[1]["content"])
    return content.partition("# What may help, from memory\n")[2].partition("\n\n# ")[0]


def recording(workbench: Workbench, fire: Fire) -> Recording:
    with peek(workbench.system.database.address) as look:
        assert look is not None
        found = read_recording(look, workbench.system.state, fire.run_id or "")
    assert found is not None
    return found


def test_a_run_is_told_what_may_help_and_the_manifest_keeps_which_records(
    workbench: Workbench, server: OpenAIServer
) -> None:
    fire = workbench.run()
    assert fire.state is FireState.DELIVERED
    assert "kettle prices are in euros" in told(server)
    kept = manifest_from_json(recording(workbench, fire).run.manifest or {})
    (row,) = (row for row in kept.rows if row.section == "recalled")
    assert len(row.ids) == 1
    assert f"[{row.ids[0]} · " in told(server)


def test_a_run_without_memory_is_told_nothing_of_it(workbench: Workbench, server: OpenAIServer) -> None:
    (workbench.root / "memory/scout/2026-11-20.md").unlink()
    workbench.run()
    assert told(server) == ""
    assert "from memory" not in str(server.requests[-1].messages)


def test_an_edit_is_in_the_run_after_it_a_few_seconds_later_or_when_the_daemon_noticed(
    workbench: Workbench, server: OpenAIServer
) -> None:
    workbench.run()
    workbench.write({"memory/scout/2026-11-20.md": "- kettle prices are in dollars\n"})
    workbench.clock.advance(4)
    workbench.run()
    assert ["dollars" in told(server, number) for number in (0, 1)] == [False, False]
    workbench.clock.advance(1)
    workbench.run()
    assert "dollars" in told(server)
    workbench.write({"memory/scout/2026-11-20.md": "- kettle prices are in yen\n"})
    workbench.system.refresh_memory()
    workbench.run()
    assert "yen" in told(server)


def test_a_replay_is_told_what_was_told_then_however_memory_has_grown(
    workbench: Workbench, server: OpenAIServer
) -> None:
    recorded = recording(workbench, workbench.run())
    workbench.write({"memory/scout/2026-11-20.md": "- kettle prices are in dollars\n"})
    with playback_services(workbench.root, workbench.environ, recorded_links(recorded)) as services:
        replayed = asyncio.run(replay(recorded, services))
    assert [part.name for part in compare_replay(recorded, replayed) if part.is_same is False] == []


def test_a_digest_is_recalled_by_its_agent_and_a_preview_by_nobody(workbench: Workbench) -> None:
    said = [say("Kettle prices rose in a preview."), say("Kettle prices fell, lamps did not."), say("As it was.")]
    with OpenAIServer(said) as server:
        workbench.write({**with_model(server), **KETTLES, "note.md": "Nothing new.\n"})
        workbench.run(preview=True)
        workbench.run()
        workbench.clock.advance(5)
        workbench.run()
        assert "prices rose" not in told(server)
        assert "Kettle prices fell" in told(server)
        assert "trust 0 (external)" in told(server)


def test_a_run_goes_on_without_an_index_and_the_person_is_told_until_it_works_again(
    workbench: Workbench, server: OpenAIServer
) -> None:
    place = workbench.system.state.memory_index
    place.mkdir(parents=True)
    (place / "in-the-way").write_text("x")
    assert workbench.run().state is FireState.DELIVERED
    assert told(server) == ""
    assert INDEX_FAILED in workbench.system.incidents.open_causes(INDEX_FAILED)
    (place / "in-the-way").unlink()
    place.rmdir()
    assert workbench.run().state is FireState.DELIVERED
    assert "euros" in told(server)
    assert not workbench.system.incidents.open_causes(INDEX_FAILED)


def test_what_a_job_failed_for_lately_is_looked_up_as_well(workbench: Workbench) -> None:
    with OpenAIServer([say("  "), say("  "), say("As it was.")]) as server:
        job = with_job("read: [note.md]\ndeliver: digest\nattempts: 1", "Say what is new.")
        note = {"memory/scout/2026-11-20.md": "- an empty answer: the model was out of tokens\n", "note.md": "x\n"}
        workbench.write({**with_model(server), **job, **note})
        assert workbench.run().state is FireState.FAILED
        workbench.run()
        assert "out of tokens" not in told(server, 0)
        assert "out of tokens" in told(server)
