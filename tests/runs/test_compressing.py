"""The week's compression, as a job of the team."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.domain.run import FireState
from harness.domain.tokens import estimate_tokens
from harness.memory.agent_memory import AgentMemory
from harness.memory.compression import BUDGET_TOKENS
from harness.runs.compressing import CAUSE
from harness.store.incidents import open_incidents
from tests.memory.test_upkeep import learning, statuses, write_memory

if TYPE_CHECKING:
    from harness.pytest_plugin import Workbench

JOB = "---\nschedule: sun 04:00\naction: compress-memory\ndeliver: terminal\n---\nKeeps it short.\n"


def problems(workbench: Workbench) -> list[str]:
    """What the open incidents of memory say."""
    with workbench.system.database.read() as connection:
        return [row.message for row in open_incidents(connection) if row.cause.startswith(CAUSE)]


def test_it_moves_what_has_no_room_to_the_archive_and_says_what_it_was(workbench: Workbench) -> None:
    workbench.write({"agents/scout/jobs/tidy.md": JOB})
    memory = write_memory(workbench.root, *(learning(n, held=3 + n, right="word " * 200) for n in range(20)))
    fire = workbench.run("scout/tidy")
    assert fire.state is FireState.DELIVERED
    gone = [each for each, status in statuses(memory).items() if status == "archived"]
    told = workbench.printed.getvalue()
    assert gone
    assert all(each in told for each in gone)
    assert "## What left the memory of scout" in told
    assert estimate_tokens(memory.text() or "") <= BUDGET_TOKENS
    assert workbench.run("scout/tidy").state is FireState.SILENT


def test_a_memory_that_is_too_long_is_an_incident_until_it_is_short_and_the_others_go_on(workbench: Workbench) -> None:
    workbench.write(
        {
            "agents/scout/jobs/tidy.md": JOB,
            "agents/maker/SOUL.md": "You make.\n",
            "agents/maker/AGENTS.md": "Make it.\n",
            "agents/maker/agent.toml": 'description = "x"\n',
            "agents/maker/MEMORY.md": "- mine, and long\n" * 900,
        }
    )
    memory = write_memory(workbench.root, replace(learning(1), status="superseded"), learning(2))
    with (workbench.root / memory.file).open("a", encoding="utf-8") as file:
        file.write(f"- outdated ^{learning(1).id}\n")
    before = (workbench.root / "agents/maker/MEMORY.md").read_text(encoding="utf-8")
    assert workbench.run("scout/tidy").state is FireState.DELIVERED
    assert learning(1).id not in (memory.text() or "")
    assert (workbench.root / "agents/maker/MEMORY.md").read_text(encoding="utf-8") == before
    (incident,) = problems(workbench)
    assert "agents/maker/MEMORY.md: what you wrote and pinned there takes" in incident
    assert "shorten it" in incident
    workbench.write({"agents/maker/MEMORY.md": "- mine\n"})
    workbench.run("scout/tidy")
    assert problems(workbench) == []


def test_an_agent_that_is_bound_to_a_node_is_left_to_a_job_there(workbench: Workbench) -> None:
    workbench.write(
        {
            "agents/scout/jobs/tidy.md": JOB,
            "agents/maker/SOUL.md": "You make.\n",
            "agents/maker/AGENTS.md": "Make it.\n",
            "agents/maker/agent.toml": 'description = "x"\non = "elsewhere"\n',
            "agents/maker/MEMORY.md": "- mine, and long\n" * 900,
        }
    )
    assert workbench.run("scout/tidy").state is FireState.SILENT
    assert problems(workbench) == []
    assert AgentMemory(workbench.root, workbench.root, "maker").text() == "- mine, and long\n" * 900
