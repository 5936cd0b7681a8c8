"""What a person is told of a record's use is what its runs were told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.domain.run import FireState
from harness.memory.upkeep import forget, promote_into
from harness.store.peek import peek
from harness.testing.openai_server import OpenAIServer, say
from tests.cli.memory_files import OUTSIDE, PROMOTED, learn
from tests.memory.test_upkeep import TODAY
from tests.runs.model_workspace import with_job, with_model

if TYPE_CHECKING:
    from harness.pytest_plugin import Workbench


def test_a_record_names_the_runs_whose_prompt_it_stood_in_until_it_is_forgotten(workbench: Workbench) -> None:
    with OpenAIServer([say("All is as it was.")] * 2) as server:
        workbench.write(
            {**with_model(server), **with_job("read: [note.md]\ndeliver: digest", "Rank it."), "note.md": "New.\n"}
        )
        memory = learn(workbench.root, PROMOTED, OUTSIDE)
        first = workbench.run()
        forget(memory, PROMOTED, TODAY)
        promote_into(memory, [OUTSIDE], TODAY)
        second = workbench.run()
        prompts = [str(request.messages) for request in server.requests]
    assert (first.state, second.state) == (FireState.DELIVERED, FireState.DELIVERED)
    assert ["ask for BILLBOARD" in prompt for prompt in prompts] == [True, False]
    assert ["believe the page" in prompt for prompt in prompts] == [False, True]
    with peek(workbench.system.database.address) as look:
        assert look is not None
        uses = [look.memory_uses.of(each.id, 10) for each in (PROMOTED, OUTSIDE)]
    assert [[(use.run_id, use.section, use.is_told) for use in found] for found in uses] == [
        [(first.run_id, "MEMORY", True)], [(second.run_id, "MEMORY", True)]
    ]  # fmt: skip
