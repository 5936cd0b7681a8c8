"""The tick's duties for requests together: in their order, bounded, repaired, and cheap where there are none."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, event, update

from harness.bus.log import append, standing_of
from harness.bus.sending import send
from harness.bus.team import Team
from harness.domain.request import SYSTEM, USER, Progressed, RequestState, Standing, Watch
from harness.domain.run import FireKind, FireState, Outcome, RunState, Suspended
from harness.domain.settings import BusRules
from harness.runs.requests.duties import AT_ONCE, TELL_AFTER, BusDuties, BusServed
from harness.store import tables
from harness.store.database import Database
from harness.store.fires import add_fire, mark_fire, suspend_fire
from harness.store.incidents import open_incidents
from harness.store.json_codec import to_json
from harness.store.request_duties import next_moment
from harness.store.requests import request_row
from harness.store.runs import NewRun, claim_runs, queue_run, run_by_id, suspend_run
from harness.store.suspensions import Awaited, suspend_for
from tests.bus.team_of import NOW, ask, team_of

LATE = NOW + timedelta(hours=1)


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return team_in(tmp_path / "ws")


def team_in(root: Path, rules: BusRules | None = None) -> Team:
    root.mkdir(exist_ok=True)
    plain = team_of("zoe", "scout", "ranger", rules=rules)
    return Team(replace(plain.workspace, root=root), 1, files_now=NOW)


def duties(database: Database, tmp_path: Path) -> BusDuties:
    return BusDuties(database, tmp_path, lambda run_id: ())


def sent(database: Database, team: Team, receiver: str = "scout", **fields: Any) -> Standing:
    with database.write(alone=True) as connection:
        return send(connection, ask("zoe", receiver, **fields), team, NOW).standing


def standing_in(database: Database, standing: Standing) -> Standing:
    with database.read() as connection:
        return standing_of(connection, standing.request.id)


def suspend(database: Database, run_id: str, job_id: str, *awaited: str) -> None:
    """Let a run be suspended for requests, with nothing that would continue it."""
    with database.write(alone=True) as connection:
        queue_run(connection, NewRun(run_id, job_id, "agent", FireKind.CRON, 1, 1), NOW)
        base: dict[str, Any] = {"due_at": 1, "kind": FireKind.CRON, "state": FireState.PLANNED, "reason": ""}
        add_fire(connection, job_id=job_id, run_id=run_id, now=NOW, **base)
        claim_runs(connection, "me", 99, NOW, only=run_id)
        mark_fire(connection, run_id, FireState.RUNNING, "me")
        suspend_fire(connection, run_id, "me")
        outcome = to_json(Outcome, Outcome(FireState.SUSPENDED, "waits"))
        suspend_run(connection, run_id, stop=Suspended.reason, outcome=outcome)
        suspend_for(connection, run_id, [Awaited(one, one) for one in awaited], "{}", NOW)


def messages(database: Database) -> list[str]:
    with database.read() as connection:
        return [row.message for row in open_incidents(connection)]


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Collect the statements that the block sends to the database."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def test_a_tick_with_nothing_to_do_is_one_statement(database: Database, team: Team, tmp_path: Path) -> None:
    served = duties(database, tmp_path)
    served.serve(team, NOW)
    sent(database, team)
    with statements(database) as seen:
        assert served.serve(team, NOW + timedelta(seconds=1)).is_nothing
    assert [one.split()[0] for one in seen if one.split()[0] not in ("BEGIN", "ROLLBACK")] == ["SELECT"]


def test_what_times_out_makes_room_for_what_waits_in_the_same_tick(database: Database, tmp_path: Path) -> None:
    team = team_in(tmp_path / "ws", BusRules(max_open=1))
    first = sent(database, team, task="first")
    second = sent(database, team, task="second", due_at=LATE + timedelta(hours=1))
    served = duties(database, tmp_path).serve(team, LATE)
    assert (served.timed_out, served.delivered) == ((first.request.id,), (second.request.id,))
    assert standing_in(database, second).state is RequestState.CONFIRMED


def test_a_file_that_came_while_nobody_was_awake_counts_before_the_due_time_does(
    database: Database, team: Team, tmp_path: Path
) -> None:
    standing = sent(database, team, USER)
    by_person = asked_by_person(database, team, Watch(file="a.md"))
    (tmp_path / "ws" / "a.md").write_text("news")
    os.utime(tmp_path / "ws" / "a.md", (LATE.timestamp(), LATE.timestamp()))
    served = duties(database, tmp_path).serve(team, LATE + timedelta(days=2))
    assert by_person.request.id in served.watched
    final = standing_in(database, by_person).final
    assert final is not None
    assert final.result == "done"
    assert standing_in(database, standing).is_dead_letter


def asked_by_person(database: Database, team: Team, watch: Watch, **fields: Any) -> Standing:
    with database.write(alone=True) as connection:
        asked = ask(USER, SYSTEM, watch=watch, **{"task": f"watch {watch}", **fields})
        return send(connection, asked, team, NOW).standing


def test_a_watch_whose_due_time_passes_times_out_like_any_other(database: Database, team: Team, tmp_path: Path) -> None:
    standing = asked_by_person(database, team, Watch(file="never.md"), fallback="I look myself")
    assert duties(database, tmp_path).serve(team, LATE).timed_out == (standing.request.id,)
    final = standing_in(database, standing).final
    assert final is not None
    assert final.conclusion == (
        "no final came by 2026-11-21 17:00 UTC: it waited until the file never.md appears, which did not happen; for "
        "this case it was said: I look myself"
    )


def test_a_moment_that_is_watched_is_what_the_tick_is_woken_for(database: Database, team: Team, tmp_path: Path) -> None:
    at = NOW + timedelta(minutes=7)
    standing = asked_by_person(database, team, Watch(at=at))
    served = duties(database, tmp_path)
    assert served.serve(team, NOW).is_nothing
    with database.read() as connection:
        assert next_moment(connection, NOW) == at
    assert served.serve(team, at - timedelta(seconds=1)).is_nothing
    assert served.serve(team, at).watched == (standing.request.id,)


def test_watches_are_looked_at_once_a_second_and_all_have_their_turn(
    database: Database, team: Team, tmp_path: Path
) -> None:
    count = AT_ONCE * 2 + 7
    asked = [asked_by_person(database, team, Watch(file=f"f{n:03}.md")) for n in range(count)]
    for number in range(count):
        file = tmp_path / "ws" / f"f{number:03}.md"
        file.write_text("news")
        os.utime(file, (LATE.timestamp(), LATE.timestamp()))
    served = duties(database, tmp_path)
    first = served.serve_watches(team, NOW)
    assert (len(first), served.serve_watches(team, NOW)) == (AT_ONCE, ())
    found = set(first)
    for second in range(1, 4):
        found |= set(served.serve_watches(team, NOW + timedelta(seconds=second)))
    assert found == {standing.request.id for standing in asked}


def test_what_cannot_be_looked_at_is_an_incident_until_it_can(database: Database, team: Team, tmp_path: Path) -> None:
    standing = asked_by_person(database, team, Watch(file="a.md"))
    (tmp_path / "ws" / "a.md").mkdir()
    served = duties(database, tmp_path)
    for second in range(3):
        served.serve(team, NOW + timedelta(seconds=second))
    (message,) = messages(database)
    assert message.startswith(f"request {standing.request.id}: a.md cannot be looked at")
    (tmp_path / "ws" / "a.md").rmdir()
    for minute in range(1, 4):
        served.serve(team, NOW + timedelta(minutes=minute))
    assert messages(database) == []
    assert standing_in(database, standing).is_open


def test_a_log_that_cannot_be_read_keeps_no_other_request_from_its_end(
    database: Database, team: Team, tmp_path: Path
) -> None:
    broken, sound = sent(database, team, task="broken"), sent(database, team, task="sound")
    with database.write() as connection:
        is_second = (tables.event.c.request_id == broken.request.id, tables.event.c.number == 2)
        connection.execute(delete(tables.event).where(*is_second))
    served = duties(database, tmp_path).serve(team, LATE)
    assert served.timed_out == (sound.request.id,)
    assert any(broken.request.id in message for message in messages(database))


def test_a_request_that_cannot_be_given_to_anybody_holds_up_no_other(database: Database, tmp_path: Path) -> None:
    team = team_in(tmp_path / "ws", BusRules(max_open=1))
    busy = sent(database, team, task="busy", due_at=LATE)
    broken = sent(database, team, task="broken", due_at=LATE + timedelta(days=1))
    sound = sent(database, team, task="sound", due_at=LATE + timedelta(days=2))
    with database.write() as connection:
        connection.execute(delete(tables.event).where(tables.event.c.request_id == broken.request.id))
    served = duties(database, tmp_path)
    assert served.serve(team, LATE) == BusServed(timed_out=(busy.request.id,))
    assert served.serve(team, LATE + timedelta(seconds=1)).delivered == (sound.request.id,)
    assert messages(database) == [f"request {broken.request.id}: there is no request {broken.request.id}"]


@pytest.mark.parametrize("body", ['{"token": 1, "kind": "of a newer harness"}', "{}", "not even JSON"])
def test_a_request_whose_log_is_damaged_holds_up_no_other(
    database: Database, team: Team, tmp_path: Path, body: str
) -> None:
    broken, sound = sent(database, team, task="broken"), sent(database, team, task="sound")
    with database.write() as connection:
        is_first = (tables.event.c.request_id == broken.request.id, tables.event.c.number == 2)
        connection.execute(update(tables.event).where(*is_first).values(body=body))
    assert duties(database, tmp_path).serve(team, LATE).timed_out == (sound.request.id,)
    (message,) = (message for message in messages(database) if broken.request.id in message)
    assert "event 2 of its log cannot be read" in message


def test_no_tick_ends_more_than_so_many_and_the_next_goes_on(database: Database, tmp_path: Path) -> None:
    team = team_in(tmp_path / "ws", BusRules(per_hour=10_000, max_open=1))
    for number in range(AT_ONCE + 3):
        sent(database, team, task=f"task {number}")
    served = duties(database, tmp_path)
    assert [len(served.serve_deadlines(LATE)) for _ in range(3)] == [AT_ONCE, 3, 0]


def test_notes_are_written_where_nothing_is_heard(database: Database, team: Team, tmp_path: Path) -> None:
    standing = sent(database, team)
    served = duties(database, tmp_path).serve(team, NOW + timedelta(minutes=46))
    assert served == BusServed(noted=(standing.request.id,))
    assert standing_in(database, standing).note == "queued since 16:00 UTC; due 2026-11-21 17:00 UTC"


def test_a_run_that_waits_for_something_open_is_left_alone(database: Database, team: Team, tmp_path: Path) -> None:
    over, still_open = sent(database, team, task="a"), sent(database, team, USER, task="b")
    suspend(database, "cron:zoe/both:1", "zoe/both", over.request.id, still_open.request.id)
    assert duties(database, tmp_path).serve_waiting(NOW) == ()


def test_a_final_that_came_without_its_continuation_is_made_good(
    database: Database, team: Team, tmp_path: Path
) -> None:
    standing = sent(database, team)
    assert duties(database, tmp_path).serve(team, LATE).timed_out == (standing.request.id,)
    # The run is suspended for what was final already, and nobody looked.
    suspend(database, "cron:zoe/plan:1", "zoe/plan", standing.request.id)
    served = duties(database, tmp_path)
    assert served.serve_waiting(LATE) == ("cron:zoe/plan:1.2",)
    assert served.serve_waiting(LATE) == ()
    with database.read() as connection:
        run = run_by_id(connection, "cron:zoe/plan:1.2")
    assert run is not None
    assert run.state is RunState.QUEUED
    assert standing_in(database, standing).noticed_at == LATE


def test_the_end_that_an_agent_never_heard_of_is_told_to_the_person(
    database: Database, team: Team, tmp_path: Path
) -> None:
    standing = sent(database, team)
    served = duties(database, tmp_path)
    served.serve(team, LATE)
    assert served.serve(team, LATE + TELL_AFTER - timedelta(hours=1)).told == ()
    assert served.serve(team, LATE + TELL_AFTER).told == (standing.request.id,)
    assert messages(database)[0].startswith("nobody has heard yet what became of the request of zoe to scout")


def test_several_daemons_at_the_same_moment_do_each_thing_once(database: Database, tmp_path: Path) -> None:
    team = team_in(tmp_path / "ws", BusRules(max_open=3))
    for number in range(9):
        sent(database, team, task=f"task {number}", due_at=LATE if number < 3 else LATE + timedelta(hours=1))
    done: list[BusServed] = []
    ready = threading.Barrier(3)

    def daemon() -> None:
        served = duties(database, tmp_path)
        ready.wait(30)
        done.append(served.serve(team, LATE))

    threads = [threading.Thread(target=daemon) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(done) == 3
    timed_out = [request_id for served in done for request_id in served.timed_out]
    delivered = [request_id for served in done for request_id in served.delivered]
    assert len(timed_out) == len(set(timed_out)) == 3
    # A daemon that finds room only after the others had looked leaves it to the next tick.
    duties(database, tmp_path).serve(team, LATE)
    assert len(delivered) == len(set(delivered)) <= 3
    with database.read() as connection:
        states = [request_row(connection, request_id).state for request_id in timed_out]  # type: ignore[union-attr]
    assert set(states) == {RequestState.FINAL}


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(0), timedelta(days=400)])
def test_a_clock_that_jumps_ends_each_request_once(
    database: Database, team: Team, tmp_path: Path, jump: timedelta
) -> None:
    standing = sent(database, team)
    served = duties(database, tmp_path)
    moments: list[datetime] = [NOW, NOW + jump, NOW, LATE, NOW + jump, LATE + timedelta(days=1)]
    ended = [request_id for moment in moments for request_id in served.serve(team, moment).timed_out]
    assert ended == [standing.request.id]


def test_a_worker_that_speaks_is_never_spoken_for(database: Database, team: Team, tmp_path: Path) -> None:
    standing = sent(database, team)
    served = duties(database, tmp_path)
    for minute in range(0, 60, 5):
        now = NOW + timedelta(minutes=minute)
        with database.write(alone=True) as connection:
            append(connection, standing_in(database, standing), Progressed(1, f"at {minute}"), by="scout", now=now)
        assert served.serve(team, now).noted == ()
