"""Rounds of a table on the bus: asked together or not at all, sealed until the last is done, closed to all others."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from harness.bus.ending import answer
from harness.bus.files.mirror_pages import SEALED, entry_of, status_of
from harness.bus.finals import finish
from harness.bus.guards import check_handoff
from harness.bus.log import append, standing_of
from harness.bus.prompt_news import news_for
from harness.bus.roundtables import Call, call_round, read_table, snapshot_in, table_id_of
from harness.bus.sending import Ask, chain_to, send
from harness.domain.agent import Agent
from harness.domain.errors import Refused
from harness.domain.request import Final, IllegalTransition, Progressed, Standing, Superseded, request_run
from harness.domain.roundtable import Table, TableState
from harness.domain.run import FireKind, FireState
from harness.domain.seating import Roundtable
from harness.domain.settings import BusRules
from harness.runs.requests.duties import BusDuties
from harness.runs.requests.ends import time_out_request
from harness.store.database import Database
from harness.store.fires import add_fire, close_fire
from harness.store.request_log import events_of
from harness.store.runs import NewRun, queue_run, run_by_id
from harness.store.tables import request
from tests.bus.crashes import Crash, broken_off
from tests.bus.team_of import NOW, ask, team_of

RULES = Roundtable(("macro", "trading"), rounds=2)
RUN = "cron:zoe/table:1795363200"
TABLE = table_id_of(RUN)
CALL = Call("zoe", TABLE, RUN, RULES, "Where do rates go?", "# Snapshot\n\nspx.close = 5000\n")
TEAM = team_of("zoe", "macro", "trading", "scout")
RISE = Final("done", "rates rise", verdict="PASS")
FALL = Final("done", "rates fall", verdict="PASS")


def chair(database: Database, run_id: str = RUN) -> None:
    """Put the chair's run and its fire into the ledger."""
    due_at = int(NOW.timestamp())
    with database.write() as connection:
        add_fire(
            connection, job_id="zoe/table", due_at=due_at, kind=FireKind.CRON, state=FireState.PLANNED, reason="",
            run_id=run_id, now=NOW,
        )  # fmt: skip
        queue_run(connection, NewRun(run_id, "zoe/table", "agent", FireKind.CRON, due_at, 1), NOW)


def called(database: Database, call: Call = CALL) -> list[Standing]:
    """Call the next round and return what was asked in it, by speaker."""
    with database.write(alone=True) as connection:
        table = read_table(connection, call.chair, call.table_id, call.rules)
        return [_standing(connection, voice.request) for voice in call_round(connection, call, table, TEAM, NOW).voices]


def _standing(connection: Connection, asked: Any) -> Standing:
    assert asked is not None
    return standing_of(connection, asked.id)


def the_table(database: Database) -> Table:
    with database.read() as connection:
        return read_table(connection, "zoe", TABLE, RULES)


def end(database: Database, standing: Standing, final: Final) -> Standing:
    with database.write(alone=True) as connection:
        now = standing_of(connection, standing.request.id)
        return finish(connection, now, final, by=now.receiver, now=NOW, token=now.token)


def test_each_attempt_at_a_run_and_what_goes_on_with_it_hold_the_same_table() -> None:
    same = {table_id_of(f"{RUN}{more}") for more in ("", "~2", ".2", ".3~2")}
    assert same == {TABLE}
    assert table_id_of("cron:zoe/table:1795363201") != TABLE
    assert table_id_of("retry:zoe/table:1795363200") != TABLE


def test_all_are_asked_the_same_until_the_same_moment_and_confirmed(database: Database) -> None:
    first, second = called(database)
    assert (first.receiver, second.receiver) == ("macro", "trading")
    assert first.request.task == second.request.task
    assert first.request.background == second.request.background == CALL.snapshot
    assert first.request.due_at == second.request.due_at == NOW + timedelta(minutes=20)
    assert {first.run_id, second.run_id} == {request_run(one.request.id, 1) for one in (first, second)}


def test_the_next_round_shows_all_of_the_last_one_and_ends_in_the_same_snapshot(database: Database) -> None:
    for standing, final in zip(called(database), (RISE, Final("rejected", "no view")), strict=True):
        end(database, standing, final)
    second = called(database)
    assert the_table(database).state is TableState.SPEAKING
    for standing in second:
        assert standing.request.background.endswith(f"\n\n{CALL.snapshot}")
        assert "## macro\n\nrates rise\n" in standing.request.background
        assert "## trading\n\n(absent: rejected: no view)" in standing.request.background
    assert snapshot_in(the_table(database)) == CALL.snapshot


def test_a_round_is_called_as_a_whole_or_not_at_all_wherever_it_breaks_off(database: Database) -> None:
    for at in range(1, 60):
        try:
            with broken_off(database.engine, at):
                called(database)
        except Crash:
            assert the_table(database).state is TableState.GATHERING, f"after statement {at}"
            continue
        raise AssertionError("a commit is always broken off")
    called(database)
    assert the_table(database).state is TableState.SPEAKING


def test_if_one_of_them_cannot_be_asked_nobody_is(database: Database) -> None:
    full = team_of("zoe", "macro", "trading", rules=BusRules(max_open=1, when_full="refuse"))
    with database.write(alone=True) as connection:
        send(connection, ask("zoe", "trading"), full, NOW)
    with pytest.raises(Refused, match="trading has 1 open requests"), database.write(alone=True) as connection:
        call_round(connection, CALL, Table(RULES), full, NOW)
    assert the_table(database).state is TableState.GATHERING


def test_the_seats_of_a_table_count_neither_as_a_models_asking_nor_for_what_one_agent_may_have(
    database: Database,
) -> None:
    zoe = Agent("zoe", "chair", "", "", max_open_per_agent=1)
    strict = team_of("macro", "trading", rules=BusRules(max_asks=1), agents=[zoe])
    with database.write(alone=True) as connection:
        call_round(connection, CALL, Table(RULES), strict, NOW)
        asked = send(connection, ask("zoe", "macro", parent_run="cron:zoe/other:1"), strict, NOW)
    assert asked.is_new


# ── The barrier ──────────────────────────────────────────────────────────────────────────────────


def shown(database: Database, standing: Standing) -> str:
    """Return all that the mirrors say of a request."""
    with database.read() as connection:
        events = events_of(connection, standing.request.id)
    return json.dumps(status_of(events)) + entry_of(events, "UTC", lambda text: text).text


def test_until_the_last_is_done_no_file_and_no_prompt_shows_what_was_said(database: Database) -> None:
    chair(database)
    macro, trading = called(database)
    with database.write(alone=True) as connection:
        append(connection, macro, Progressed(1, "leaning towards a rise"), by="macro", now=NOW)
    assert "leaning towards a rise" not in shown(database, macro)
    end(database, macro, RISE)
    said = shown(database, macro)
    assert "rates rise" not in said
    assert "leaning" not in said
    assert "PASS" not in said
    assert SEALED in said
    zoe = TEAM.workspace.agents["zoe"]
    with database.read() as connection:
        assert "rates rise" not in "".join(one.text for one in news_for(connection, zoe))
        assert "rates rise" not in "".join(one.text for one in news_for(connection, TEAM.workspace.agents["trading"]))
    assert the_table(database).rounds[0].positions == ()
    end(database, trading, FALL)
    assert [voice.speaker for voice in the_table(database).rounds[0].positions] == ["macro", "trading"]


def test_who_speaks_asks_nobody_else_of_its_table_not_even_through_a_third(database: Database) -> None:
    macro, _ = called(database)
    mine = {"parent": macro.request.id, "parent_run": request_run(macro.request.id, 1)}
    with database.write(alone=True) as connection:
        with pytest.raises(Refused, match="trading speaks at the same table") as refused:
            send(connection, ask("macro", "trading", **mine), TEAM, NOW)
        assert refused.value.rule == "out-of-turn"
        helper = send(connection, ask("macro", "scout", **mine), TEAM, NOW).standing.request
        with pytest.raises(Refused, match="trading speaks at the same table"):
            send(connection, ask("scout", "trading", parent=helper.id), TEAM, NOW)
        with pytest.raises(Refused, match="zoe stands above this already"):
            send(connection, ask("macro", "zoe", **mine), TEAM, NOW)


def test_a_seat_is_passed_on_to_nobody(database: Database) -> None:
    macro, _ = called(database)
    with database.read() as connection, pytest.raises(Refused, match="asked as yourself") as refused:
        check_handoff(macro, "scout", chain_to(connection, macro.request))
    assert refused.value.rule == "out-of-turn"


def test_who_is_not_asked_says_nothing_and_who_has_spoken_says_nothing_more(database: Database) -> None:
    macro, trading = called(database)
    with database.write(alone=True) as connection, pytest.raises(Refused, match="macro's to answer, not scout's"):
        answer(connection, macro.request.id, RISE, by="scout", now=NOW)
    end(database, macro, RISE)
    with pytest.raises(IllegalTransition):
        end(database, macro, FALL)
    with database.write(alone=True) as connection, pytest.raises(IllegalTransition):
        append(connection, standing_of(connection, macro.request.id), Progressed(1, "more"), by="macro", now=NOW)
    time_out_request(database, trading.request.id, NOW + timedelta(minutes=20))
    with pytest.raises((IllegalTransition, Superseded)):
        end(database, trading, FALL)
    (away,) = the_table(database).rounds[0].absent
    assert (away.speaker, away.absence.partition(":")[0]) == ("trading", "late")


def test_a_seat_that_nobody_filled_is_no_dead_letter(database: Database) -> None:
    _, trading = called(database)
    assert time_out_request(database, trading.request.id, NOW + timedelta(minutes=20))
    with database.read() as connection:
        after = standing_of(connection, trading.request.id)
        assert connection.execute(select(request.c.is_dead).where(request.c.id == after.request.id)).scalar() == 0
    assert after.dead is None


# ── Tables that are given up ─────────────────────────────────────────────────────────────────────


def served(database: Database, root: Path) -> tuple[str, ...]:
    return BusDuties(database, root, lambda run_id: ()).serve_tables(NOW)


def test_while_the_chair_may_come_back_its_table_is_left_alone(database: Database, tmp_path: Path) -> None:
    chair(database)
    macro, _ = called(database)
    end(database, macro, RISE)
    assert served(database, tmp_path) == ()


def test_when_the_chair_is_gone_nobody_speaks_any_more_and_what_was_said_can_be_read(
    database: Database, tmp_path: Path
) -> None:
    chair(database)
    macro, trading = called(database)
    end(database, macro, RISE)
    with database.write() as connection:
        close_fire(connection, RUN, state=FireState.CANCELLED, reason="cancelled by Sam", now=NOW)
    assert set(served(database, tmp_path)) == {macro.request.id, trading.request.id}
    assert served(database, tmp_path) == (), "once"
    with database.read() as connection:
        left = standing_of(connection, trading.request.id)
        working = run_by_id(connection, request_run(trading.request.id, 1))
    assert left.final == Final("cancelled", "cancelled by system: its roundtable was given up")
    assert working is not None
    assert working.cancel_reason is not None
    assert "rates rise" in shown(database, macro)


# ── What one agent may have open at another ──────────────────────────────────────────────────────


def test_a_further_request_to_the_same_agent_is_refused_with_the_names_of_the_open_ones(database: Database) -> None:
    zoe = Agent("zoe", "orchestrator", "", "", may_ask=("macro", "scout"), max_open_per_agent=2)
    team = team_of("macro", "scout", agents=[zoe])

    def zoe_asks(receiver: str, task: str, **fields: Any) -> Callable[[Connection], Standing]:
        return lambda connection: send(connection, ask("zoe", receiver, task, **fields), team, NOW).standing

    with database.write(alone=True) as connection:
        first, second = (zoe_asks("macro", task)(connection) for task in ("count", "sweep"))
        with pytest.raises(Refused) as refused:
            zoe_asks("macro", "cook")(connection)
        assert zoe_asks("macro", "count")(connection) == first, "the same again is no further one"
        assert zoe_asks("scout", "cook")(connection).is_open, "of another there is room"
        assert zoe_asks("user", "cook")(connection).is_open, "a person is no agent"
        assert send(connection, Ask("scout", "macro", "cook", "k"), team, NOW).is_new, "others are not held by it"
    assert refused.value.rule == "open-per-agent"
    assert f"{first.request.id} “count”; {second.request.id} “sweep”" in refused.value.reason
    end(database, first, RISE)
    with database.write(alone=True) as connection:
        assert zoe_asks("macro", "cook")(connection).is_open
