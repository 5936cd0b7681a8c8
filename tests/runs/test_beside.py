"""What stands in a delivered digest beside what its job wrote, through whole runs."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from harness.delivery.digest import digest_from_json
from harness.domain.digest import Digest
from harness.domain.run import FireState
from harness.pytest_plugin import NOW, Workbench
from harness.runs.deliveries import settle_deliveries

EIGHT = NOW + timedelta(minutes=1)
JOB = "---\nschedule: daily 08:00\nread: [feeds/ai]\ndeliver: digest\n{keys}---\nGo.\n"
SKILL = """---
name: weigh-items
description: Ranks the items of a digest by what they change for the person who reads it.
metadata:
  learned-from: scout/L-1
---
Rank them.
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("postgres_url") if request.param == "postgresql" else None


def digest_of(workbench: Workbench) -> Digest:
    fire = workbench.fires()[-1]
    assert fire.artifact is not None, fire.reason
    return digest_from_json(json.loads((workbench.system.state.root / fire.artifact).read_text(encoding="utf-8")))


def with_job(workbench: Workbench, keys: str) -> None:
    workbench.serve_stories(3)
    workbench.write({"agents/scout/jobs/morning.md": JOB.format(keys=keys)})


def test_every_digest_says_what_the_day_came_to(workbench: Workbench) -> None:
    with_job(workbench, "")
    workbench.tick_at(EIGHT)
    assert digest_of(workbench).accounted == "nothing was planned yet"
    with_job(workbench, "")
    workbench.run()
    assert digest_of(workbench).accounted == "nothing was planned yet"
    workbench.clock.advance(120)
    workbench.serve_stories(6)
    workbench.run()
    assert digest_of(workbench).accounted.startswith("1 planned: 1 ")
    (page, *_) = [path for path in workbench.delivered() if "1 planned" in path.read_text(encoding="utf-8")]
    assert "Today until 08:02 PST: 1 planned: 1 delivered" in page.read_text(encoding="utf-8")


def test_a_job_shows_what_it_is_told_to(workbench: Workbench) -> None:
    with_job(workbench, "show: [health, cost]\n")
    workbench.tick_at(EIGHT)
    assert [chart.title for chart in digest_of(workbench).charts] == [
        "Jobs, last 7 days",
        "Cost of models, last 14 days",
    ]


def test_a_job_that_says_nothing_shows_no_picture_without_a_series(workbench: Workbench) -> None:
    with_job(workbench, "")
    workbench.tick_at(EIGHT)
    assert (digest_of(workbench).charts, digest_of(workbench).needs) == ((), ())


def test_what_waits_for_the_person_stands_with_its_command(workbench: Workbench) -> None:
    with_job(workbench, "show: needs\n")
    workbench.write({"skills/.proposed/weigh-items/SKILL.md": SKILL})
    folder = workbench.system.state.root / "digests"
    folder.write_text("in the way")
    workbench.tick_at(EIGHT)
    for _ in range(12):
        workbench.clock.advance(3600)
        settings = workbench.system.workspace().settings
        settle_deliveries(
            workbench.system.database, workbench.system.services.channels(settings), settings, workbench.clock.now()
        )
    folder.unlink()
    workbench.serve_stories(6)
    workbench.run()
    needs = {need.kind: need for need in digest_of(workbench).needs}
    assert needs["skill"].command == "harness skills review weigh-items"
    assert needs["delivery"].command.startswith("harness runs retry cron:scout/morning:")
    assert "never delivered to digest" in needs["delivery"].text


def test_an_emergency_is_marked_for_its_channels(workbench: Workbench) -> None:
    with_job(workbench, "reminder: true\nemergency: true\nquiet_hours: 23:00-07:00\n")
    workbench.tick_at(EIGHT)
    fire = workbench.fires()[-1]
    if fire.state is not FireState.FAILED:  # what a reminder may say is not what is looked at here
        assert digest_of(workbench).is_emergency


def test_a_digest_of_a_preview_has_it_all_and_goes_nowhere(workbench: Workbench) -> None:
    with_job(workbench, "show: [health]\n")
    workbench.run(preview=True)
    assert len(digest_of(workbench).charts) == 1
    assert workbench.delivered() == []
