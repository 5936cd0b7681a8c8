"""What becomes of a fire whose channels had been given all of it before, or were held back by the night."""

from __future__ import annotations

from datetime import timedelta

import pytest

from harness.domain.run import FireState, Outcome
from harness.pytest_plugin import NOW, Workbench
from harness.runs.deliveries import settle_deliveries
from harness.runs.received import as_received
from harness.store.outbox import REPEATED, OutboxRow

EIGHT = NOW + timedelta(minutes=1)
JOB = "---\nschedule: daily 08:00\nread: [feeds/ai]\ndeliver: {deliver}\n---\nGo.\n"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("postgres_url") if request.param == "postgresql" else None


def declare(workbench: Workbench, keys: str, deliver: str = "digest") -> None:
    settings = (workbench.root / "harness.toml").read_text(encoding="utf-8")
    channel = '[channels.digest]\nkind = "file"\n'
    assert channel in settings
    workbench.write(
        {
            "harness.toml": settings.replace(channel, f"{channel}{keys}\n"),
            "agents/scout/jobs/morning.md": JOB.format(deliver=deliver),
        }
    )


def settle(workbench: Workbench) -> None:
    system = workbench.system
    settings = system.workspace().settings
    settle_deliveries(system.database, system.services.channels(settings), settings, workbench.clock.now())


def test_where_every_channel_had_it_all_before_the_fire_is_silent_and_says_so(workbench: Workbench) -> None:
    declare(workbench, 'unseen_for = "14d"')
    workbench.serve_stories(3)
    assert workbench.run().state is FireState.DELIVERED
    workbench.clock.advance(3600)
    again = workbench.run()
    assert again.state is FireState.SILENT
    assert again.reason.startswith("nothing in it is new to digest: all of it was delivered there since ")
    assert len(workbench.delivered()) == 1


def test_what_only_one_channel_had_is_delivered_to_the_other(workbench: Workbench) -> None:
    declare(workbench, 'unseen_for = "14d"', "[digest, terminal]")
    workbench.serve_stories(3)
    workbench.run()
    workbench.clock.advance(3600)
    again = workbench.run()
    assert again.state is FireState.DELIVERED
    assert "nothing in it is new to digest" in again.reason
    assert len(workbench.delivered()) == 1
    assert workbench.printed.getvalue().count("A kettle learned to sing") >= 2


def test_a_channel_with_its_own_quiet_hours_is_served_when_they_end(workbench: Workbench) -> None:
    declare(workbench, 'quiet_hours = "06:00-10:00"')
    workbench.serve_stories(3)
    workbench.tick_at(EIGHT)
    assert [fire.state for fire in workbench.fires()] == [FireState.SUSPENDED]
    workbench.clock.jump_to(EIGHT + timedelta(hours=1, minutes=59))
    settle(workbench)
    assert workbench.delivered() == []
    workbench.clock.jump_to(EIGHT + timedelta(hours=2))
    settle(workbench)
    assert [fire.state for fire in workbench.fires()] == [FireState.DELIVERED]
    assert len(workbench.delivered()) == 1


def test_a_failure_stays_one_whatever_was_told_before() -> None:
    row = OutboxRow("r>d", "r", "d", "{}", REPEATED, 0, 0.0, 0.0, 0.0, "nothing new", None)
    failed = Outcome(FireState.FAILED, "it broke")
    assert as_received(failed, [row]) == failed
