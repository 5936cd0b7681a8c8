"""What the person hears of the bus at once: dead letters as incidents, urgent requests as messages."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from harness.bus.dead_letters import drop, resend
from harness.bus.ending import answer
from harness.bus.sending import send
from harness.bus.team import Team
from harness.delivery.channels import OutboundDigest, Receipt
from harness.delivery.digest import digest_from_json
from harness.delivery.html import render_html
from harness.delivery.markdown import render_markdown
from harness.domain.cause import DEAD_LETTERS, dead_letter_cause, dead_letter_of, happens_once
from harness.domain.digest import Digest
from harness.domain.request import Final
from harness.domain.schedule import QuietHours
from harness.domain.settings import Alerts, Settings
from harness.domain.settings import Channel as ChannelSettings
from harness.runs.alert_page import headline
from harness.runs.alerts import GATHER_S, PROVED_AFTER_S, deliver_alerts, tell_incidents
from harness.runs.requests.to_person import TOLD_EACH, keep_dead_letters_told, tell_urgent_requests
from harness.store.database import Database
from harness.store.incidents import IncidentRow, open_incidents
from harness.store.outbox import deliveries_of_run
from tests.bus.dead_letter import dead_letter
from tests.bus.team_of import NOW, ask, team_of

TEAM = team_of("zoe", "scout")
SETTINGS = Settings(home_zone="UTC", channels={"digest": ChannelSettings("digest", "file")})


@pytest.fixture
def bus(database: Database) -> Database:
    database.migrate()
    return database


class Listener:
    """A channel that keeps what it is given."""

    name = "digest"
    is_interrupting = True

    def __init__(self) -> None:
        self.given: list[Digest] = []

    def deliver(self, message: OutboundDigest) -> Receipt:
        self.given.append(message.digest)
        return Receipt(message.key, "digest", "here", "")


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def incidents(database: Database) -> dict[str, IncidentRow]:
    with database.read() as connection:
        return {row.cause: row for row in open_incidents(connection)}


def asked_urgently(database: Database, task: str = "Which kettle?", **fields: str) -> str:
    with database.write(alone=True) as connection:
        return send(
            connection, ask("zoe", "user", task, key=task[:40], priority="high", **fields), TEAM, NOW
        ).standing.request.id


def page_of(database: Database, request_id: str) -> Digest:
    with database.read() as connection:
        (delivery,) = deliveries_of_run(connection, f"alert:request:{request_id}")
    return digest_from_json(json.loads(delivery.digest))


# ── Dead letters ─────────────────────────────────────────────────────────────────────────────────


def test_a_dead_letter_is_an_incident_counted_once_until_it_is_given_up(bus: Database) -> None:
    with bus.write(alone=True) as connection:
        lost = dead_letter(connection, TEAM, NOW)
    for seconds in (1, 2, 3):
        keep_dead_letters_told(bus, at(seconds))
    (row,) = incidents(bus).values()
    assert (row.cause, row.occurrences) == (dead_letter_cause(lost), 1)
    assert row.message == "zoe asked scout for “lost”: nothing came"
    with bus.write(alone=True) as connection:
        drop(connection, lost, "no longer needed", by="user", now=at(4))
    keep_dead_letters_told(bus, at(5))
    assert incidents(bus) == {}


def test_the_incident_of_a_dead_letter_is_over_when_it_is_sent_again(bus: Database) -> None:
    with bus.write(alone=True) as connection:
        lost = dead_letter(connection, TEAM, NOW)
    keep_dead_letters_told(bus, NOW)
    with bus.write(alone=True) as connection:
        resend(connection, lost, TEAM, at(1), by="user", force=True)
    keep_dead_letters_told(bus, at(2))
    assert incidents(bus) == {}


def test_the_person_is_told_of_a_dead_letter_once_and_not_that_what_they_settled_is_over(bus: Database) -> None:
    settings = replace(SETTINGS, alerts=Alerts(after=5))
    with bus.write(alone=True) as connection:
        lost = dead_letter(connection, TEAM, NOW)
    keep_dead_letters_told(bus, NOW)
    run_id = tell_incidents(bus, settings, at(GATHER_S))
    assert run_id is not None
    with bus.read() as connection:
        (delivery,) = deliveries_of_run(connection, run_id)
    text = render_markdown(digest_from_json(json.loads(delivery.digest)))
    assert f"request {lost} was not worked to its end" in text
    assert f"`harness bus resend {lost}`" in text
    with bus.write(alone=True) as connection:
        drop(connection, lost, "no longer needed", by="user", now=at(100))
    keep_dead_letters_told(bus, at(101))
    assert tell_incidents(bus, settings, at(101 + 2 * PROVED_AFTER_S)) is None


def test_of_very_many_dead_letters_the_oldest_are_told_each_and_the_rest_as_one(bus: Database) -> None:
    team: Team = team_of("zoe", "scout", rules=replace(TEAM.rules, per_hour=1000, max_open=1000))
    with bus.write(alone=True) as connection:
        lost = [dead_letter(connection, team, at(number), f"lost {number}") for number in range(TOLD_EACH + 5)]
    keep_dead_letters_told(bus, at(100))
    first = {dead_letter_cause(one) for one in lost[:TOLD_EACH]}
    assert set(incidents(bus)) == {*first, DEAD_LETTERS}
    with bus.write(alone=True) as connection:
        for one in lost[:5]:
            drop(connection, one, "enough", by="user", now=at(101))
    keep_dead_letters_told(bus, at(102))
    assert set(incidents(bus)) == {dead_letter_cause(one) for one in lost[5:]}


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("dead letter r-1", "request r-1 was not worked to its end"),
        (DEAD_LETTERS, "many requests were not worked to their end"),
        ("untold r-1", "nobody has heard what became of request r-1"),
        ("request r-1", "request r-1 cannot be served"),
    ],
)
def test_what_is_wrong_with_a_request_reads_as_a_sentence(cause: str, words: str) -> None:
    assert headline(cause) == words


def test_a_cause_names_its_request_and_says_that_waiting_for_more_would_be_in_vain() -> None:
    assert dead_letter_of(dead_letter_cause("r-1")) == "r-1"
    assert dead_letter_of(DEAD_LETTERS) is None
    assert [happens_once(cause) for cause in (dead_letter_cause("r-1"), DEAD_LETTERS, "untold r-1", "disk")] == [
        True,
        True,
        True,
        False,
    ]


# ── What is asked urgently ───────────────────────────────────────────────────────────────────────


def test_an_urgent_request_is_told_at_once_and_once(bus: Database) -> None:
    asked = asked_urgently(bus, background="There are two.", fallback="I take the green one.")
    assert tell_urgent_requests(bus, SETTINGS, NOW, notice="an invented world") == [asked]
    assert tell_urgent_requests(bus, SETTINGS, at(1)) == []
    channel = Listener()
    for seconds in (0, 1, 7200):
        deliver_alerts(bus, {"digest": channel}, SETTINGS, at(seconds))
    (page,) = channel.given
    text = render_markdown(page)
    assert page.title == "zoe asks, urgently: Which kettle?"
    assert page.notice == "an invented world"
    assert "> Which kettle?" in text
    assert "> There are two." in text
    assert "> I take the green one." in text
    assert f'`harness bus answer {asked} "…"` by 17:00' in text


def test_what_is_not_urgent_or_not_asked_of_the_person_waits_for_the_digest(bus: Database) -> None:
    with bus.write(alone=True) as connection:
        send(connection, ask("zoe", "user", "later"), TEAM, NOW)
        send(connection, ask("zoe", "scout", "now", priority="high"), TEAM, NOW)
    assert tell_urgent_requests(bus, SETTINGS, NOW) == []


def test_quiet_hours_hold_an_urgent_request_back_and_what_is_answered_meanwhile_is_not_told(bus: Database) -> None:
    quiet = replace(SETTINGS, quiet_hours=QuietHours(15 * 60, 18 * 60))
    answered, open_still = asked_urgently(bus, "first"), asked_urgently(bus, "second")
    assert len(tell_urgent_requests(bus, quiet, NOW)) == 2
    channel = Listener()
    deliver_alerts(bus, {"digest": channel}, quiet, NOW)
    assert channel.given == []
    with bus.write(alone=True) as connection:
        answer(connection, answered, Final("done", "yes"), by="user", now=at(60))
    morning = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)
    assert tell_urgent_requests(bus, quiet, morning) == []
    deliver_alerts(bus, {"digest": channel}, quiet, morning)
    assert [page.run_id for page in channel.given] == [f"alert:request:{open_still}"]


def test_without_a_channel_nothing_is_promised_and_it_is_told_when_there_is_one(bus: Database) -> None:
    asked = asked_urgently(bus)
    assert tell_urgent_requests(bus, Settings(), NOW) == []
    assert tell_urgent_requests(bus, SETTINGS, at(1)) == [asked]


def test_two_daemons_that_look_at_once_tell_it_once(bus: Database) -> None:
    asked = asked_urgently(bus)
    first, second = (tell_urgent_requests(bus, SETTINGS, NOW) for _ in range(2))
    assert (first, second) == ([asked], [])


def test_the_words_of_an_agent_are_shown_as_they_are(bus: Database) -> None:
    hostile = "# Approve\n\n[here](https://evil.example)\n\n- [x] done <script>\n\n> **quote**\n```\ncode"
    asked = asked_urgently(bus, hostile)
    tell_urgent_requests(bus, SETTINGS, NOW)
    text = render_markdown(page_of(bus, asked))
    html = render_html(page_of(bus, asked))
    assert text.count("\n## ") == 2
    for markup in ("<h1>Approve", 'href="https://evil', "<script", "<li>[x]", "<pre>", "<strong>quote"):
        assert markup not in html
    assert "# Approve" in html


def test_a_long_request_is_shown_in_part_and_says_where_the_whole_is(bus: Database) -> None:
    asked = asked_urgently(bus, "A paragraph.\n\n" * 2_000)
    tell_urgent_requests(bus, SETTINGS, NOW)
    text = render_markdown(page_of(bus, asked))
    assert len(text) < 12_000
    assert "(cut here)" in text
    assert f"all of it: `harness bus show {asked}`" in text
