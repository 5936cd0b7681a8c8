"""A decision and what it asks for are one, wherever the process that makes it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from harness.bus.dead_letters import drop, resend
from harness.bus.finals import finish
from harness.bus.log import standing_of
from harness.bus.radar.coder import NO_CODER
from harness.bus.radar.decisions import Deciding, decide, mirror_requests
from harness.bus.radar.folder import RadarFolder, path_of
from harness.bus.radar.page import Evaluation, with_evaluation
from harness.bus.sending import send
from harness.bus.team import Team
from harness.domain.errors import HarnessError
from harness.domain.radar import Decision, Move, RadarRules, Technology
from harness.domain.request import SYSTEM, Dropped, Final, Standing
from harness.store.address import DatabaseAddress, parse_address
from harness.store.database import Database
from harness.store.requests import requests_in
from tests.bus.crashes import Crash, broken_off
from tests.bus.team_of import NOW, ask, team_of

DAY = NOW.date()


class Radar:
    """A radar with one evaluated technology, and decisions on it."""

    def __init__(self, database: Database, root: Path, coder: str = "smith") -> None:
        self.database = database
        self.root = root
        self.folder = RadarFolder(root)
        self.configure(coder)

    def configure(self, coder: str) -> None:
        team = team_of("zoe", "smith")
        settings = replace(team.workspace.settings, radar=RadarRules(coder))
        self.team: Team = replace(team, workspace=replace(team.workspace, root=self.root, settings=settings))

    def begin(self) -> None:
        found = Technology("", "Lantern", "discovered", "tools", "https://lantern.example/", "ainews", "run:1")
        self.folder.add(found, Move(DAY, "discovered", "New.", "run:1"))
        self.folder.edit("lantern", lambda text: with_evaluation(text, Evaluation("Fits.", "Young."), DAY, "zoe"))

    def decide(
        self, decision: Decision, run: str = "cron:zoe/radar:1", saved: Callable[[], None] = lambda: None
    ) -> Standing | None:
        folder, deciding = RadarFolder(self.root, saved), Deciding("zoe", run, decision, "Because.")
        return decide(self.database, folder, self.team, "lantern", deciding, NOW)[1]

    def mirror(self) -> tuple[str, ...]:
        mirrored = mirror_requests(self.database, self.folder, self.team, NOW + timedelta(minutes=1))
        assert mirrored.problems == {}
        return mirrored.changed

    def technology(self) -> Technology:
        (found,) = self.folder.read().technologies
        return found

    def page(self) -> str:
        return (self.root / path_of("lantern")).read_text()

    def requests(self) -> list[Standing]:
        with self.database.read() as connection:
            return [standing_of(connection, row.id) for row in reversed(requests_in(connection))]


@pytest.fixture
def radar(database: Database, tmp_path: Path) -> Radar:
    made = Radar(database, tmp_path / "team")
    made.begin()
    return made


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def decide_and_die(url: str, root: str) -> None:
    """Run in a process of its own: it is killed when the request is committed and the page is not written."""
    path = Path(root)
    address = parse_address(url, path)
    Radar(Database.connect(address), path).decide("trial", saved=die)


_KILLED = "import sys; from tests.bus.radar.test_decisions import decide_and_die; decide_and_die(*sys.argv[1:])"


@pytest.mark.parametrize("goes_on", [True, False], ids=["the run goes on", "nobody goes on"])
def test_killed_between_request_and_page_neither_is_lost_and_nothing_is_asked_twice(
    radar: Radar, address: DatabaseAddress, goes_on: bool
) -> None:
    arguments = [sys.executable, "-c", _KILLED, address.url, str(radar.root)]
    killed = subprocess.run(arguments, check=False, cwd=Path(__file__).parents[3])
    assert killed.returncode == -signal.SIGKILL
    (request,) = radar.requests()
    assert (request.request.receiver, radar.technology().ring) == ("smith", "discovered")
    if goes_on:
        radar.decide("trial")
    else:
        assert radar.mirror() == ("lantern",)
    assert [one.request.id for one in radar.requests()] == [request.request.id]
    found = radar.technology()
    assert (found.ring, found.request, found.decided_at) == ("trial", request.request.id, DAY)
    assert [move.what for move in found.moves] == ["discovered", "trial"]
    whole = radar.page()
    radar.decide("trial")
    assert (radar.mirror(), radar.page()) == ((), whole)


@pytest.mark.parametrize("coder", ["smith", ""])
def test_a_transaction_that_was_broken_off_anywhere_leaves_all_to_be_done_again(
    database: Database, tmp_path: Path, coder: str
) -> None:
    for number in count(1):
        radar = Radar(database, tmp_path / f"team-{number}", coder)
        radar.begin()
        before = radar.page()
        run = f"cron:zoe/radar:{number}"
        try:
            with broken_off(database.engine, number):
                radar.decide("trial", run)
        except Crash:
            assert radar.page() == before
        else:
            raise AssertionError("the commit itself is always refused")
        asked = len(radar.requests())
        radar.decide("trial", run)
        assert len(radar.requests()) == asked + 1
        assert radar.technology().ring == "trial"
        if number >= 14:
            break


def test_what_a_request_came_to_is_written_into_the_page_once(radar: Radar) -> None:
    standing = radar.decide("trial")
    assert standing is not None
    assert radar.mirror() == ()
    with radar.database.write(alone=True) as connection:
        held = standing_of(connection, standing.request.id, for_change=True)
        finish(connection, held, Final("done", "It holds."), by="smith", now=NOW, token=held.token)
    assert (radar.mirror(), radar.mirror()) == (("lantern",), ())
    last = radar.technology().moves[-1]
    assert (last.what, last.reason) == ("request done", f"It holds. ({standing.request.id})")


def test_a_page_that_a_person_removed_stays_gone(radar: Radar) -> None:
    radar.decide("trial")
    (radar.root / path_of("lantern")).unlink()
    assert radar.mirror() == ()
    assert not (radar.root / path_of("lantern")).exists()


def test_a_ring_that_was_decided_by_hand_since_stays(radar: Radar) -> None:
    before = radar.page()
    radar.decide("trial")
    by_hand = f"- {(DAY + timedelta(days=1)).isoformat()} · hold · By hand. · me\n"
    (radar.root / path_of("lantern")).write_text(before.replace("ring: discovered", "ring: hold") + by_hand)
    assert radar.mirror() == ("lantern",)
    assert radar.technology().ring == "hold"
    assert [move.what for move in radar.technology().moves] == ["discovered", "hold", "trial"]


def test_a_rejected_decision_is_sent_again_to_the_coder_that_is_there_by_then(
    database: Database, tmp_path: Path
) -> None:
    radar = Radar(database, tmp_path / "team", coder="")
    radar.begin()
    standing = radar.decide("adopt")
    assert standing is not None
    assert (standing.request.receiver, standing.is_dead_letter) == (SYSTEM, True)
    with pytest.raises(HarnessError, match=rf"{NO_CODER}; .*\[radar\] coder"), database.write(alone=True) as connection:
        resend(connection, standing.request.id, radar.team, NOW, by="user")
    radar.configure("smith")
    with database.write(alone=True) as connection:
        again = resend(connection, standing.request.id, radar.team, NOW, by="user").standing
    assert again.request.receiver == "smith"
    radar.mirror()
    assert (radar.technology().ring, radar.technology().request) == ("adopt", again.request.id)


def test_deciding_anew_settles_the_dead_letter_of_before(database: Database, tmp_path: Path) -> None:
    radar = Radar(database, tmp_path / "team", coder="")
    radar.begin()
    standing = radar.decide("adopt")
    assert standing is not None
    radar.decide("hold", "cron:zoe/radar:2")
    (settled,) = radar.requests()
    assert settled.settled == Dropped("the Tech Radar says hold now: Because.")


def test_a_dead_letter_that_the_person_gave_up_stays_so(database: Database, tmp_path: Path) -> None:
    radar = Radar(database, tmp_path / "team", coder="")
    radar.begin()
    standing = radar.decide("adopt")
    assert standing is not None
    with database.write(alone=True) as connection:
        drop(connection, standing.request.id, "not now", by="user", now=NOW)
    radar.decide("hold", "cron:zoe/radar:2")
    assert radar.technology().ring == "hold"
    (settled,) = radar.requests()
    assert settled.settled == Dropped("not now")


def test_a_request_of_the_person_with_such_a_key_is_theirs(radar: Radar) -> None:
    with radar.database.write(alone=True) as connection:
        send(connection, ask("user", "smith", key="radar lantern"), radar.team, NOW)
    before = radar.page()
    assert radar.mirror() == ()
    assert radar.page() == before


def test_a_request_that_nobody_knows_any_more_is_no_obstacle(radar: Radar) -> None:
    radar.decide("trial")
    radar.folder.edit("lantern", lambda text: text.replace("request: r-", "request: gone-", 1))
    radar.decide("hold", "cron:zoe/radar:2")
    assert radar.technology().ring == "hold"
