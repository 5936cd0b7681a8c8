"""Collecting as a whole: what one run is given, and how long it may take."""

from __future__ import annotations

import json

from harness.domain.run import FireState
from harness.pytest_plugin import Workbench


def test_what_is_not_finished_within_the_jobs_timeout_is_a_gap_and_the_rest_is_used(workbench: Workbench) -> None:
    links = workbench.serve_stories(3)
    slow = workbench.web.drip("/slow.xml")
    feeds = (workbench.root / "shared-context/feeds/ai.md").read_text()
    workbench.write(
        {
            "shared-context/feeds/ai.md": f"{feeds}- [Slow]({slow})\n",
            "agents/scout/jobs/morning.md": "---\nschedule: daily 08:00\ndeliver: digest\ntimeout: 1s\n"
            f"read: [feeds/ai, '{slow}']\n---\nRank.\n",
        }
    )
    fire = workbench.run()
    assert (fire.state, fire.items, fire.gaps) == (FireState.DEGRADED, 3, 2)
    digest = json.loads((workbench.system.state.root / (fire.artifact or "")).read_text())
    assert digest["gaps"] == [
        "Slow: was not finished within 1 s, the job's timeout",
        f"{slow}: was not finished within 1 s, the job's timeout",
    ]
    assert {item["url"] for section in digest["sections"] for item in section["items"]} == set(links)
