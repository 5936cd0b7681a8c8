"""Deliveries that fail at first, for a while, and for good."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from harness.delivery.channels import OutboundDigest, Receipt
from harness.delivery.outbox import MAX_ATTEMPTS, pause_s
from harness.domain.errors import TransientError
from harness.domain.run import FireState
from harness.pytest_plugin import NOW, Workbench
from harness.runs.deliveries import settle_deliveries
from harness.store.incidents import open_incidents
from harness.store.outbox import deliveries_of_run

EIGHT = NOW + timedelta(minutes=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("postgres_url") if request.param == "postgresql" else None


def settle(workbench: Workbench) -> list[str]:
    system = workbench.system
    settings = system.workspace().settings
    return settle_deliveries(system.database, system.services.channels(settings), settings, workbench.clock.now())


def block_channel(workbench: Workbench) -> Path:
    """Put a file where the channel wants its folder."""
    folder = workbench.system.state.root / "digests"
    folder.write_text("in the way")
    return folder


def test_a_run_whose_channel_does_not_answer_waits_and_is_delivered_once_it_does(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    in_the_way = block_channel(workbench)
    workbench.tick_at(EIGHT)
    assert [fire.state for fire in workbench.fires()] == [FireState.SUSPENDED]
    in_the_way.unlink()
    assert settle(workbench) == []  # not due yet
    workbench.clock.advance(pause_s(1))
    assert len(settle(workbench)) == 1
    (fire,) = workbench.fires()
    assert (fire.state, fire.items) == (FireState.DELIVERED, 3)
    assert len(workbench.delivered()) == 1
    assert settle(workbench) == []


def test_a_suspended_run_does_not_hold_its_agent_back(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    in_the_way = block_channel(workbench)
    workbench.tick_at(EIGHT)
    in_the_way.unlink()
    workbench.tick_at(EIGHT + timedelta(days=1))
    assert [fire.state for fire in workbench.fires()] == [FireState.SUSPENDED, FireState.DELIVERED]


def test_a_suspended_run_survives_a_restart(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    in_the_way = block_channel(workbench)
    workbench.tick_at(EIGHT)
    workbench.restart()
    in_the_way.unlink()
    workbench.clock.advance(pause_s(1))
    settle(workbench)
    assert [fire.state for fire in workbench.fires()] == [FireState.DELIVERED]


def test_a_delivery_that_never_succeeds_is_given_up_by_name(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    block_channel(workbench)
    workbench.tick_at(EIGHT)
    for _ in range(MAX_ATTEMPTS):
        workbench.clock.advance(pause_s(MAX_ATTEMPTS))
        settle(workbench)
    (fire,) = workbench.fires()
    assert fire.state is FireState.FAILED
    assert fire.reason.startswith("made, but not delivered: digest: ")
    with workbench.system.database.read() as connection:
        (row,) = deliveries_of_run(connection, fire.run_id or "")
        assert (row.state, row.attempts) == ("dead", MAX_ATTEMPTS)
        assert [incident.cause for incident in open_incidents(connection)] == ["channel digest"]


def test_of_two_daemons_that_look_at_once_one_delivers(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    in_the_way = block_channel(workbench)
    workbench.tick_at(EIGHT)
    in_the_way.unlink()
    workbench.clock.advance(pause_s(1))
    system = workbench.system
    settings = system.workspace().settings

    class SlowChannel:
        """While it delivers, the other daemon looks as well."""

        name = "digest"
        is_interrupting = False

        def __init__(self) -> None:
            self.sent: list[str] = []

        def deliver(self, message: OutboundDigest) -> Receipt:
            self.sent.append(message.key)
            if len(self.sent) == 1:
                settle_deliveries(system.database, {"digest": self}, settings, workbench.clock.now())
            return Receipt(message.key, self.name, "sent", "")

    channel = SlowChannel()
    settle_deliveries(system.database, {"digest": channel}, settings, workbench.clock.now())
    assert len(channel.sent) == 1
    assert [fire.state for fire in workbench.fires()] == [FireState.DELIVERED]


def test_pauses_double_from_half_a_minute_to_an_hour() -> None:
    assert [pause_s(n) for n in (1, 2, 3, 8, 12)] == [30, 60, 120, 3600, 3600]


def test_a_job_may_deliver_to_several_channels(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write(
        {"agents/scout/jobs/morning.md": "---\nschedule: daily 08:00\nread: [feeds/ai]\n"
         "deliver: [digest, terminal]\n---\nGo.\n"}
    )  # fmt: skip
    workbench.tick_at(EIGHT)
    assert len(workbench.delivered()) == 1
    assert "A kettle learned to sing" in workbench.printed.getvalue()


def test_a_channel_that_hangs_is_asked_once_a_look_and_holds_up_no_other_run(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    folder = block_channel(workbench)
    workbench.tick_at(EIGHT)
    for day in (1, 2):
        workbench.serve_stories(3)
        workbench.tick_at(EIGHT + timedelta(days=day))
    system = workbench.system
    settings = system.workspace().settings
    assert [fire.state for fire in workbench.fires()] == [FireState.SUSPENDED] * 3

    class Hanging:
        name = "digest"
        is_interrupting = False

        def __init__(self) -> None:
            self.tries = 0

        def deliver(self, message: OutboundDigest) -> Receipt:
            self.tries += 1
            raise TransientError("no complete answer within 30 s")

    hanging = Hanging()
    workbench.clock.advance(pause_s(MAX_ATTEMPTS))
    settle_deliveries(system.database, {"digest": hanging}, settings, workbench.clock.now())
    assert hanging.tries == 1
    folder.unlink()
    # What was not tried is still due, and what was tried is a little later.
    assert len(settle(workbench)) == 2
    workbench.clock.advance(pause_s(MAX_ATTEMPTS))
    assert len(settle(workbench)) == 1
    assert [fire.state for fire in workbench.fires()] == [FireState.DELIVERED] * 3
