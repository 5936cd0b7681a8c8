"""Who is told of what, how often, and that a kill at any moment changes nothing about it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.delivery.channels import Channel, FileChannel, OutboundDigest, Receipt
from harness.delivery.digest import digest_from_json
from harness.domain.cause import disabled_cause, endpoint_cause, job_cause
from harness.domain.digest import Digest
from harness.domain.errors import TransientError
from harness.domain.settings import Alerts, Settings
from harness.domain.settings import Channel as ChannelSettings
from harness.runs.alert_page import alert_digest, headline
from harness.runs.alerts import GATHER_S, PROVED_AFTER_S, alert_channels, deliver_alerts, tell_incidents
from harness.store.database import Database
from harness.store.incidents import IncidentRow, open_incident, open_incidents, resolve_incident
from harness.store.outbox import deliveries_of_run

NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
SETTINGS = Settings(
    channels={"terminal": ChannelSettings("terminal", "stdout"), "digest": ChannelSettings("digest", "file")}
)
DOWN = endpoint_cause("api.example.org:443")


def _at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def _fail(database: Database, at: datetime, cause: str = DOWN, job_id: str = "ainews/arxiv") -> None:
    with database.write() as connection:
        open_incident(connection, cause, "it failed: no connection", at, f"cron:{job_id}:{at}", job_id=job_id)


def _recover(database: Database, at: datetime, cause: str = DOWN) -> None:
    with database.write() as connection:
        assert resolve_incident(connection, cause, at)


def _tell(database: Database, at: datetime, settings: Settings = SETTINGS) -> Digest | None:
    run_id = tell_incidents(database, settings, at)
    if run_id is None:
        return None
    with database.read() as connection:
        (delivery, *_) = deliveries_of_run(connection, run_id)
    return digest_from_json(json.loads(delivery.digest))


def _text(digest: Digest | None) -> str:
    assert digest is not None
    return "\n".join([digest.title, *(f"{section.title}\n{section.prose}" for section in digest.sections)])


def test_an_incident_is_told_once_however_often_it_is_looked_at(database: Database) -> None:
    _fail(database, NOW)
    assert _tell(database, _at(GATHER_S - 1)) is None
    told = _text(_tell(database, _at(GATHER_S)))
    assert "Alert: api.example.org:443 does not answer" in told
    assert "since 08:00" in told
    assert "it failed: no connection" in told
    assert "Jobs: ainews/arxiv" in told
    for later in (GATHER_S + 1, 3600):
        assert _tell(database, _at(later)) is None


def test_what_goes_on_is_told_again_after_the_cool_down_and_only_if_it_happened_again(database: Database) -> None:
    _fail(database, NOW)
    assert _tell(database, _at(60)) is not None
    cooled = 60 + SETTINGS.alerts.cool_down_s
    assert _tell(database, _at(cooled)) is None
    _fail(database, _at(3600), job_id="macro/morning")
    _fail(database, _at(7200))
    assert _tell(database, _at(cooled - 1)) is None
    told = _text(_tell(database, _at(cooled)))
    assert "3 times, 2 of them since you were told last" in told
    assert "Jobs: ainews/arxiv, macro/morning" in told
    assert _tell(database, _at(cooled + 10 * SETTINGS.alerts.cool_down_s)) is None


def test_the_person_says_how_often_it_must_happen_before_they_are_told(database: Database) -> None:
    settings = replace(SETTINGS, alerts=Alerts(after=3))
    for number in range(2):
        _fail(database, _at(number))
    assert _tell(database, _at(3600), settings) is None
    _fail(database, _at(3600))
    assert "3 times" in _text(_tell(database, _at(3600), settings))


def test_what_broke_in_the_same_minute_is_one_message(database: Database) -> None:
    _fail(database, NOW)
    _fail(database, _at(59), job_cause("zoe/daily-digest"), "zoe/daily-digest")
    _fail(database, _at(59), "disk", "butler/greeting")
    told = _text(_tell(database, _at(GATHER_S)))
    assert "Alert: 3 things are wrong" in told
    assert "`harness why zoe/daily-digest`" in told
    assert "the disk is full or fails" in told
    assert _tell(database, _at(3600)) is None


def test_the_person_is_told_when_it_is_over_with_how_often_and_how_long(database: Database) -> None:
    for number in range(3):
        _fail(database, _at(3600 * number), job_cause("ainews/arxiv"))
    _tell(database, _at(7200))
    _recover(database, _at(7200), job_cause("ainews/arxiv"))
    assert _tell(database, _at(7200 + PROVED_AFTER_S - 1)) is None
    told = _text(_tell(database, _at(7200 + PROVED_AFTER_S)))
    assert told.startswith("Over: ainews/arxiv works again")
    assert "over: **ainews/arxiv works again** after 3 failures in 2 h" in told
    assert _tell(database, _at(100_000)) is None


def test_what_was_never_told_to_be_broken_is_not_told_to_be_over(database: Database) -> None:
    _fail(database, NOW)
    _recover(database, _at(10))
    assert _tell(database, _at(100_000)) is None


def test_what_flaps_is_told_as_one_incident_with_one_end(database: Database) -> None:
    told = []
    for round_number in range(30):
        moment = round_number * 120
        _fail(database, _at(moment))
        told.append(_tell(database, _at(moment + 60)))
        _recover(database, _at(moment + 61))
        told.append(_tell(database, _at(moment + 100)))
    told.append(_tell(database, _at(29 * 120 + 61 + PROVED_AFTER_S)))
    assert [digest.title for digest in told if digest] == [
        "Alert: api.example.org:443 does not answer",
        "Over: api.example.org:443 answers again",
    ]


def test_what_came_back_before_it_was_told_to_be_over_is_not_told_to_be_over(database: Database) -> None:
    _fail(database, NOW)
    assert _tell(database, _at(60)) is not None
    _recover(database, _at(120))
    _fail(database, _at(180))
    assert _tell(database, _at(180 + PROVED_AFTER_S)) is None
    _recover(database, _at(2000))
    told = _text(_tell(database, _at(2000 + PROVED_AFTER_S)))
    assert "after 2 failures in 33 min" in told


def test_what_breaks_again_after_it_was_told_to_be_over_is_told_again(database: Database) -> None:
    _fail(database, NOW)
    _tell(database, _at(60))
    _recover(database, _at(120))
    assert _tell(database, _at(120 + PROVED_AFTER_S)) is not None
    _fail(database, _at(1000))
    assert "does not answer" in _text(_tell(database, _at(1060)))


def test_without_a_channel_nothing_counts_as_told(database: Database) -> None:
    _fail(database, NOW)
    assert _tell(database, _at(3600), Settings()) is None
    with database.read() as connection:
        assert open_incidents(connection)[0].alerts == 0


@pytest.mark.parametrize(
    ("chosen", "declared", "expected"),
    [
        ((), ("terminal", "digest"), ("digest",)),
        ((), ("terminal", "phone"), ("terminal",)),
        (("phone", "terminal"), ("terminal", "digest", "phone"), ("phone", "terminal")),
        (("gone",), ("digest",), ("gone",)),
        ((), (), ()),
    ],
)
def test_alerts_go_where_the_person_wants_them(
    chosen: tuple[str, ...], declared: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    channels = {name: ChannelSettings(name, "file") for name in declared}
    assert alert_channels(Settings(channels=channels, alerts=Alerts(channels=chosen))) == expected


def test_alerts_of_a_day_are_files_of_their_own(database: Database, tmp_path: Path) -> None:
    channels: dict[str, Channel] = {"digest": FileChannel("digest", tmp_path / "digests")}
    for number, cause in enumerate((DOWN, "disk", "network")):
        _fail(database, _at(number * 600), cause)
        _tell(database, _at(number * 600 + 60))
        deliver_alerts(database, channels, SETTINGS, _at(number * 600 + 60))
        deliver_alerts(database, channels, SETTINGS, _at(number * 600 + 61))
    pages = sorted((tmp_path / "digests" / "2026-11-21").glob("*.md"))
    assert [page.name for page in pages] == [
        "harness-alerts-0811.md", "harness-alerts-0821.md", "harness-alerts.md",
    ]  # fmt: skip
    assert "What helps" in pages[0].read_text()
    assert "the network is down" in (tmp_path / "digests" / "latest" / "harness-alerts.md").read_text()


class _Moody:
    """A channel that fails until it is told otherwise."""

    name = "digest"
    is_interrupting = False

    def __init__(self) -> None:
        self.works = False
        self.keys: list[str] = []

    def deliver(self, message: OutboundDigest) -> Receipt:
        if not self.works:
            raise TransientError("the phone is off")
        self.keys.append(message.key)
        return Receipt(message.key, self.name, "phone", "")


def test_an_alert_whose_channel_fails_is_tried_again_until_it_arrives(database: Database) -> None:
    channel = _Moody()
    _fail(database, NOW)
    _tell(database, _at(60))
    deliver_alerts(database, {"digest": channel}, SETTINGS, _at(60))
    channel.works = True
    deliver_alerts(database, {"digest": channel}, SETTINGS, _at(61))
    assert channel.keys == []
    for later in (600, 1200):
        deliver_alerts(database, {"digest": channel}, SETTINGS, _at(later))
    assert channel.keys == [f"alert:{DOWN}:{NOW.timestamp():.3f}:1>digest"]


@pytest.mark.parametrize("moment", ["before the commit", "after the commit"])
def test_a_kill_tells_nothing_twice_and_forgets_nothing(database: Database, moment: str) -> None:
    _fail(database, NOW)
    script = f"""
import os, sys
from datetime import datetime
from pathlib import Path
from sqlalchemy import event
from harness.domain.settings import Channel, Settings
from harness.runs.alerts import tell_incidents
from harness.store.address import parse_address
from harness.store.database import Database
database = Database.connect(parse_address(sys.argv[1], Path()))
if {moment!r} == "before the commit":
    event.listen(database.engine, "commit", lambda _: os.kill(os.getpid(), 9))
settings = Settings(channels={{"digest": Channel("digest", "file")}})
assert tell_incidents(database, settings, datetime.fromisoformat(sys.argv[2])) is not None
os.kill(os.getpid(), 9)
"""
    arguments = [sys.executable, "-c", script, database.address.url, _at(60).isoformat()]
    killed = subprocess.run(arguments, check=False, capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    told_again = _tell(database, _at(61)) is not None
    assert told_again == (moment == "before the commit")
    channel = _Moody()
    channel.works = True
    for later in (62, 63):
        deliver_alerts(database, {"digest": channel}, SETTINGS, _at(later))
    assert len(channel.keys) == 1


# ── The words ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        ("job a/x", "a/x fails"),
        ("missed a/x", "a/x was missed"),
        ("rate limit api:443", "api:443 asks us to come back later"),
        ("profile cheap", "the model profile cheap cannot be used"),
        ("network", "the network is down"),
        ("networking", "networking"),
        ("something new", "something new"),
    ],
)
def test_every_cause_reads_as_a_sentence(cause: str, expected: str) -> None:
    assert headline(cause) == expected


def test_the_alert_of_a_paused_job_names_the_command_that_resumes_it() -> None:
    row = IncidentRow(disabled_cause("a/x"), 0.0, 0.0, "a/x failed 10 times in a row", 1, None, None, jobs=("a/x",))
    digest = alert_digest("alert:1", [row], [], now=NOW, zone="UTC")
    assert "`harness jobs resume a/x`" in digest.sections[0].prose
    assert "Jobs:" not in digest.sections[0].prose


def test_what_a_server_said_cannot_dress_up_as_part_of_the_message() -> None:
    row = IncidentRow(DOWN, 0.0, 0.0, "said: ](https://evil.example) <b>*x*</b>\n# Heading", 1, None, None)
    prose = alert_digest("alert:1", [row], [], now=NOW, zone="UTC").sections[0].prose
    assert "\n# Heading" not in prose
    assert "\\]" in prose and "\\<b>\\*x\\*" in prose
