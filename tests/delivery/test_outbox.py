"""Deliveries that are held back, left out, put off, and told of; through the real outbox of a real database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from harness.delivery.channels import OutboundDigest, Receipt
from harness.delivery.digest import digest_to_json
from harness.delivery.outbox import LONGEST_ASKED_PAUSE_S, LONGEST_TRY_S, Attempt, deliver_due, pause_s
from harness.domain.channel import NEVER_QUIET, Channel
from harness.domain.chart import Chart, Mark
from harness.domain.digest import Digest, DigestItem, Need, Section
from harness.domain.errors import OwnerError, TransientError
from harness.domain.schedule import QuietHours
from harness.domain.settings import Settings
from harness.store.address import DatabaseAddress
from harness.store.database import Database
from harness.store.incidents import open_incidents
from harness.store.outbox import OutboxRow, deliveries_of_run, promise

NIGHT = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
MORNING = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
QUIET = QuietHours(23 * 60, 7 * 60)
DIGEST = Digest(
    title="Morning digest",
    job_id="ainews/morning-digest",
    run_id="r",
    made_at=NIGHT,
    zone="UTC",
    made_by="extractive, no model",
    state="delivered",
    sections=(
        Section(
            "AI", items=tuple(DigestItem(f"Story {n}", f"https://a.example/{n}", "why", ("LWN",)) for n in (1, 2, 3))
        ),
    ),
)


@dataclass
class Phone:
    """A channel that keeps what it is given, or fails as it is told to."""

    name: str = "phone"
    is_interrupting: bool = True
    problem: Exception | None = None
    given: list[Digest] = field(default_factory=list)

    def deliver(self, message: OutboundDigest) -> Receipt:
        if self.problem is not None:
            raise self.problem
        self.given.append(message.digest)
        return Receipt(message.key, self.name, "in hand", "")


@dataclass
class Table:
    """An outbox with one channel, and the hands that a test needs."""

    database: Database
    phone: Phone = field(default_factory=Phone)
    declared: Channel = field(default_factory=lambda: Channel("phone", "ntfy"))
    quiet_hours: QuietHours | None = None

    def send(self, digest: Digest, run_id: str, now: datetime) -> Attempt:
        """Promise the digest, and try it once."""
        with self.database.write() as connection:
            text = json.dumps(digest_to_json(digest))
            promise(connection, run_id=run_id, channel="phone", digest=text, now=now)
        return self.try_again(run_id, now)

    def try_again(self, run_id: str, now: datetime) -> Attempt:
        settings = Settings(home_zone="UTC", quiet_hours=self.quiet_hours, channels={"phone": self.declared})
        (attempt,) = deliver_due(self.database, {"phone": self.phone}, settings, now, run_id=run_id)
        return attempt

    def row(self, run_id: str) -> OutboxRow:
        with self.database.read() as connection:
            (row,) = deliveries_of_run(connection, run_id)
        return row


@pytest.fixture
def table(address: DatabaseAddress) -> Iterator[Table]:
    with closing(Database.connect(address)) as database:
        database.migrate()
        yield Table(database)


def items_of(digest: Digest) -> list[str]:
    return [item.title for item in digest.items]


# ── Quiet hours ──────────────────────────────────────────────────────────────────────────────────


def test_the_teams_quiet_hours_hold_back_what_interrupts_until_they_end(table: Table) -> None:
    table.quiet_hours = QUIET
    assert table.send(DIGEST, "r1", NIGHT).problem == "held back by quiet hours"
    row = table.row("r1")
    assert (row.state, row.next_try_at) == ("pending", MORNING.timestamp())
    assert row.last_error == f"quiet hours until {MORNING.isoformat()}"
    assert table.try_again("r1", MORNING).problem == ""
    assert len(table.phone.given) == 1


def test_a_channel_may_have_quiet_hours_of_its_own_or_none(table: Table) -> None:
    table.quiet_hours = QUIET
    table.declared = replace(table.declared, quiet_hours=NEVER_QUIET)
    assert table.send(DIGEST, "r1", NIGHT).problem == ""
    table.declared = replace(table.declared, quiet_hours=QuietHours(9 * 60, 18 * 60))
    table.phone.is_interrupting = False
    assert table.send(DIGEST, "r2", NIGHT).problem == ""
    assert table.send(DIGEST, "r3", NIGHT + timedelta(hours=12)).problem == "held back by quiet hours"


def test_an_emergency_passes(table: Table) -> None:
    table.quiet_hours = QUIET
    assert table.send(replace(DIGEST, is_emergency=True), "r1", NIGHT).problem == ""
    assert len(table.phone.given) == 1


# ── What was delivered before ────────────────────────────────────────────────────────────────────


@pytest.fixture
def remembering(table: Table) -> Table:
    table.declared = replace(table.declared, unseen_for_s=14 * 86_400)
    return table


def test_an_item_is_not_delivered_twice_and_is_named_instead(remembering: Table) -> None:
    first = replace(DIGEST, sections=(replace(DIGEST.sections[0], items=DIGEST.items[:2]),))
    remembering.send(first, "r1", NIGHT)
    remembering.send(replace(DIGEST, job_id="zoe/daily-digest"), "r2", NIGHT + timedelta(days=3))
    assert items_of(remembering.phone.given[1]) == ["Story 3"]
    assert remembering.phone.given[1].left_out == (
        "2 items were delivered here before, and left out: “Story 1”; “Story 2”",
    )


def test_where_nothing_is_new_nothing_is_sent_and_the_row_says_why(remembering: Table) -> None:
    remembering.send(DIGEST, "r1", NIGHT)
    assert remembering.send(replace(DIGEST, run_id="r2"), "r2", NIGHT + timedelta(days=1)).problem == ""
    assert len(remembering.phone.given) == 1
    row = remembering.row("r2")
    assert row.state == "repeated"
    assert row.receipt == "nothing in it is new to phone: all of it was delivered there since 2026-11-08 23:30 UTC"


def test_after_its_time_it_is_news_again(remembering: Table) -> None:
    remembering.send(DIGEST, "r1", NIGHT)
    remembering.send(DIGEST, "r2", NIGHT + timedelta(days=15))
    assert len(remembering.phone.given) == 2


def test_the_same_words_are_not_told_twice(remembering: Table) -> None:
    reminder = replace(DIGEST, title="Water", sections=(Section("", "Drink a glass of water."),))
    for day in range(3):
        remembering.send(reminder, f"r{day}", NIGHT + timedelta(days=day))
    assert len(remembering.phone.given) == 1


def test_the_same_words_below_another_chart_are_news(remembering: Table) -> None:
    def report(*values: float) -> Digest:
        chart = Chart("line", "S&P 500", tuple(Mark(f"day {at}", (value,)) for at, value in enumerate(values)))
        return replace(DIGEST, sections=(Section("", "The close, as the chart shows."),), charts=(chart,))

    for day, digest in enumerate((report(1.0, 2.0), report(1.0, 2.0), report(2.0, 1.5))):
        remembering.send(digest, f"r{day}", NIGHT + timedelta(days=day))
    assert remembering.phone.given == [report(1.0, 2.0), report(2.0, 1.5)]


def test_what_newly_waits_for_the_person_is_news(remembering: Table) -> None:
    remembering.send(DIGEST, "r1", NIGHT)
    needing = replace(DIGEST, needs=(Need("request", "May I?"),))
    remembering.send(needing, "r2", NIGHT + timedelta(days=1))
    assert remembering.phone.given[1].needs == needing.needs


def test_a_delivery_that_failed_was_not_told(remembering: Table) -> None:
    remembering.phone.problem = TransientError("busy")
    remembering.send(DIGEST, "r1", NIGHT)
    remembering.phone.problem = None
    remembering.send(DIGEST, "r2", NIGHT + timedelta(minutes=5))
    assert items_of(remembering.phone.given[0]) == ["Story 1", "Story 2", "Story 3"]


@pytest.mark.parametrize("again", [replace(DIGEST, is_emergency=True), replace(DIGEST, job_id="harness/alerts")])
def test_emergencies_and_alerts_are_told_as_often_as_they_come(remembering: Table, again: Digest) -> None:
    for number in range(2):
        remembering.send(again, f"r{number}", NIGHT)
    assert len(remembering.phone.given) == 2


# ── Failures ─────────────────────────────────────────────────────────────────────────────────────


def causes(table: Table) -> list[str]:
    with table.database.read() as connection:
        return [incident.cause for incident in open_incidents(connection)]


def test_what_the_person_must_correct_is_told_at_once_and_over_with_the_next_delivery(table: Table) -> None:
    table.phone.problem = OwnerError("harness.toml", None, "channels.phone: the token is refused", "correct it")
    table.send(DIGEST, "r1", NIGHT)
    assert causes(table) == ["channel phone"]
    table.phone.problem = None
    table.try_again("r1", NIGHT + timedelta(seconds=pause_s(1)))
    assert causes(table) == []


def test_what_may_pass_is_not_told_before_it_is_given_up(table: Table) -> None:
    table.phone.problem = TransientError("500")
    table.send(DIGEST, "r1", NIGHT)
    assert causes(table) == []
    assert table.row("r1").next_try_at == NIGHT.timestamp() + pause_s(1)


@pytest.mark.parametrize(
    ("asked_s", "waited_s"), [(5.0, pause_s(1)), (900.0, 900.0), (10 * 86_400.0, LONGEST_ASKED_PAUSE_S)]
)
def test_a_server_that_asks_for_time_gets_it_within_reason(table: Table, asked_s: float, waited_s: float) -> None:
    table.phone.problem = TransientError("429", retry_after_s=asked_s)
    table.send(DIGEST, "r1", NIGHT)
    assert table.row("r1").next_try_at == NIGHT.timestamp() + waited_s


def test_a_delivery_in_many_parts_stays_in_hand_for_as_long_as_parts_are_taken(table: Table) -> None:
    in_hand_until: list[float] = []

    class Slow(Phone):
        def deliver(self, message: OutboundDigest) -> Receipt:
            for part in (1, 2, 3):
                message.note_progress(f"{part} x")
                in_hand_until.append(table.row("r1").next_try_at)
            return super().deliver(message)

    settings = Settings(home_zone="UTC", channels={"phone": table.declared})
    with table.database.write() as connection:
        promise(connection, run_id="r1", channel="phone", digest=json.dumps(digest_to_json(DIGEST)), now=NIGHT)
    deliver_due(table.database, {"phone": Slow()}, settings, NIGHT, run_id="r1", is_shared_work=True)
    assert in_hand_until == [NIGHT.timestamp() + LONGEST_TRY_S * times for times in (2, 3, 4)]
    assert table.row("r1").progress == "3 x"


def test_a_fault_of_ours_over_one_delivery_stops_none_beside_it_and_is_tried_again(
    table: Table, caplog: pytest.LogCaptureFixture
) -> None:
    table.phone.problem = ValueError("https://hooks.example/a-secret-path")
    with table.database.write() as connection:
        for name in ("phone", "slate"):
            promise(connection, run_id="r1", channel=name, digest=json.dumps(digest_to_json(DIGEST)), now=NIGHT)
    slate = Phone("slate")
    settings = Settings(home_zone="UTC", channels={name: Channel(name, "stdout") for name in ("phone", "slate")})
    channels = {"phone": table.phone, "slate": slate}

    tried = deliver_due(table.database, channels, settings, MORNING, run_id="r1")

    assert [attempt.problem for attempt in tried] == ["channel phone: a fault in the harness (ValueError)", ""]
    assert slate.given == [DIGEST]
    assert "in deliver" in caplog.text and "a-secret-path" not in caplog.text
    table.phone.problem = None
    (again,) = deliver_due(table.database, channels, settings, MORNING + timedelta(minutes=1), run_id="r1")
    assert not again.problem and table.phone.given == [DIGEST]
