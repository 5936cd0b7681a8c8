"""The week's proposals of skills, as a job of the team."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.domain.run import FireState
from harness.memory.learnings_writer import with_learning
from tests.memory.test_skill_proposals import TABLE, WORDS

if TYPE_CHECKING:
    from harness.pytest_plugin import Workbench

JOB = "---\nschedule: sun 16:00\naction: propose-skills\ndeliver: terminal\n---\nProposes.\n"


def test_it_tells_of_what_is_new_with_the_commands_that_decide_and_is_silent_after(workbench: Workbench) -> None:
    text = ""
    for each in TABLE:
        text = with_learning(text, each)
    shared = with_learning("", WORDS).replace("scope: agent/scout", "scope: shared\nauthor: scout")
    workbench.write(
        {
            "agents/scout/jobs/skills.md": JOB,
            "agents/scout/.learnings/ERRORS.md": text,
            "shared-context/learnings.md": shared,
        }
    )
    assert workbench.run("scout/skills").state is FireState.DELIVERED
    told = workbench.printed.getvalue()
    for name in ("using-feeds-table", "two-lines-are-enough"):
        assert f"harness skills review {name}" in told
        assert (workbench.root / "skills/.proposed" / name / "references/EVIDENCE.md").is_file()
    again = workbench.run("scout/skills")
    assert (again.state, again.reason) == (FireState.SILENT, "0 skills proposed, 2 waiting for the person")
