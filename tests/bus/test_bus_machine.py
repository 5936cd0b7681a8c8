"""The bus driven at random, with crashes in its transactions, restarts, and a clock that jumps.

After each step everything that is in the database is compared with the fold over the logs, and with what was there
before; and whatever happened, everything comes to its end when those who have work do it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, delete, select

from harness.bus import ending
from harness.bus.dead_letters import drop, resend
from harness.bus.files.mirror_pages import status_of
from harness.bus.files.mirrors import Mirrors
from harness.bus.handoffs import pass_on
from harness.bus.log import append, standing_of
from harness.bus.notices import note_told
from harness.bus.prompt_news import news_for
from harness.bus.sending import Ask, Sent, send
from harness.bus.team import Team
from harness.domain.errors import HarnessError, Refused
from harness.domain.request import (
    USER,
    Body,
    Event,
    Final,
    Finished,
    HandedOff,
    IllegalTransition,
    Progressed,
    RequestState,
    Standing,
    Superseded,
    fold,
    request_job,
    request_of_job,
)
from harness.domain.run import FireState, Outcome, RunState
from harness.domain.settings import BusRules
from harness.domain.tool import PassOn
from harness.runs.answer import Again, Draft, Suspension
from harness.runs.attempts import begin_again
from harness.runs.cancelling import close_if_cancelled
from harness.runs.closing import close
from harness.runs.incidents import LedgerIncidents
from harness.runs.requests.duties import BusDuties
from harness.runs.requests.ends import cancel_request
from harness.runs.suspending import suspend
from harness.store import tables
from harness.store.address import DatabaseAddress
from harness.store.database import Database
from harness.store.fires import mark_fire
from harness.store.request_log import events_of
from harness.store.requests import count_at_work, overdue_requests, undelivered
from harness.store.runs import RunRow, claim_runs, runs_in
from tests.bus.crashes import Crash, broken_off
from tests.bus.expected_row import assert_row_tells
from tests.bus.team_of import NOW, team_of

T = TypeVar("T")

AGENTS = ("a", "b", "c", "d")
MAX_OPEN = 2
RULES = BusRules(max_open=MAX_OPEN, max_asks=100, per_hour=10_000, max_depth=3, max_waiting=6, max_deliveries=2)
REFUSALS = ("cycle", "depth", "queue-full")
OWNER = "executor-1"
SAID = Final("done", "there are six", verdict="PASS")
TABLES = [table for table in tables.metadata.sorted_tables if table.name not in ("identity", "node")]

CRASHES = st.one_of(st.none(), st.integers(min_value=1, max_value=40))
"""Before which statement a command breaks off first; None for not at all."""
MINUTES = st.integers(min_value=1, max_value=180)
WHICH = st.integers(min_value=0, max_value=1000)
"""One of however many there are; a small number is a simple choice."""


class BusMachine(RuleBasedStateMachine):
    """Commands on the bus, in any order, by everybody who may give them."""

    def __init__(self, address: DatabaseAddress, folder: Path) -> None:
        super().__init__()
        self.address = address
        self.folder = Path(mkdtemp(dir=folder))
        self.now = NOW
        self.is_set_back = True
        self.asks: dict[str, Ask] = {}
        self.logs: dict[str, list[Event]] = {}
        self.standings: dict[str, Standing] = {}
        self.runs: dict[str, RunRow] = {}
        self.fires: list[Any] = []
        self.waiting: list[Any] = []
        self.awaited: list[Any] = []
        self.team = self._team(AGENTS)
        self._begin_life()

    @initialize()
    def begin(self) -> None:
        self.database.migrate()
        with self.database.write() as connection:
            for table in TABLES:
                connection.execute(delete(table))
        # Begun with work for everybody: what is interesting happens to those who are at work.
        for agent in AGENTS:
            self._ask(Ask(USER, agent, "", "", self.now + timedelta(hours=1)), None)
        self._change(self._claim, None)

    def teardown(self) -> None:
        try:
            self._work_everything_off()
        finally:
            self.database.close()

    # ── Commands ─────────────────────────────────────────────────────────────────────────────────

    @rule(
        sender=st.sampled_from((*AGENTS, USER)),
        receiver=st.sampled_from((*AGENTS, USER)),
        priority=st.sampled_from(["high", "normal", "low"]),
        minutes=MINUTES,
        crash=CRASHES,
    )
    def somebody_asks(self, sender: str, receiver: str, priority: Any, minutes: int, crash: int | None) -> None:
        if sender != receiver:
            self._ask(Ask(sender, receiver, "", "", self.now + timedelta(minutes=minutes), priority=priority), crash)

    @precondition(lambda self: self.running())
    @rule(
        which=WHICH,
        receivers=st.lists(st.sampled_from((*AGENTS, USER)), min_size=1, max_size=3),
        minutes=MINUTES,
        waits=st.booleans(),
        crash=CRASHES,
    )
    def a_worker_asks(self, which: int, receivers: list[str], minutes: int, waits: bool, crash: int | None) -> None:
        run = _one_of(self.running(), which)
        due_at = self.now + timedelta(minutes=minutes)
        parent = run.options.get("request")
        asks = [Ask(run.agent, receiver, "", "", due_at, parent=parent, parent_run=run.id) for receiver in receivers]
        asked = [self._ask(ask, crash) for ask in asks if ask.receiver != run.agent]
        if waits and any(asked):
            self._suspend(run, [request_id for request_id in asked if request_id is not None], crash)

    @precondition(lambda self: self.asks)
    @rule(which=WHICH, crash=CRASHES)
    def it_is_asked_again(self, which: int, crash: int | None) -> None:
        request_id = _one_of(list(self.asks), which)
        before = self.standings[request_id]
        again = self._change(lambda connection: send(connection, self.asks[request_id], self.team, self.now), crash)
        assert again == Sent(before, is_new=False)

    @rule(crash=CRASHES)
    def the_daemon_ticks(self, crash: int | None) -> None:
        if crash is not None:
            # Its duties are many transactions: each is whole or not begun, and what is left is done by the next tick.
            with suppress(Crash), broken_off(self.database.engine, crash):
                self.duties.serve(self.team, self.now)
            self.everything_holds()
        self.duties.serve(self.team, self.now)
        self._change(self._claim, crash)
        with self.database.read() as connection:
            assert overdue_requests(connection, self.now, 1) == []
            waiting = [agent for agent in self.team.workspace.agents if undelivered(connection, self.now, 1, agent)]
            assert all(count_at_work(connection, agent) >= MAX_OPEN for agent in waiting)

    @precondition(lambda self: self.running())
    @rule(which=WHICH, crash=CRASHES)
    def a_worker_finishes(self, which: int, crash: int | None) -> None:
        run = _one_of(self.running(), which)
        holds = self._holds(run)

        agent = self._team(AGENTS).workspace.agent(run.agent)

        def finish(connection: Connection) -> None:
            told = [one.request_id for one in news_for(connection, agent) if one.is_final]
            self._closed(connection, run, FireState.DELIVERED, OWNER, SAID)
            note_told(connection, told, run.id, self.now)

        self._change(finish, crash)
        if holds:
            assert self._standing(run.options["request"]).final == SAID

    @precondition(lambda self: self.running())
    @rule(which=WHICH, state=st.sampled_from([FireState.FAILED, FireState.SILENT, FireState.SKIPPED]), crash=CRASHES)
    def a_worker_ends_without_a_word(self, which: int, state: FireState, crash: int | None) -> None:
        run = _one_of(self.running(), which)
        holds = self._holds(run)
        self._close(run, state, crash)
        if holds:
            expected = {FireState.FAILED: "failed", FireState.SILENT: "done", FireState.SKIPPED: "rejected"}[state]
            final = self._standing(run.options["request"]).final
            assert final is not None
            assert final.result == expected

    @precondition(lambda self: self.running())
    @rule(which=WHICH, crash=CRASHES)
    def a_run_is_attempted_again(self, which: int, crash: int | None) -> None:
        run = _one_of(self.running(), which)
        again = Again(self.now, "the endpoint was away")
        next_run = self._change(
            lambda connection: begin_again(connection, run, again, owner=OWNER, now=self.now), crash
        )
        assert next_run is not None

    @precondition(lambda self: self.open_runs())
    @rule(which=WHICH, crash=CRASHES)
    def a_run_is_closed_from_outside(self, which: int, crash: int | None) -> None:
        self._close(_one_of(self.open_runs(), which), FireState.CANCELLED, crash, owner=None)

    @precondition(lambda self: len(self.running()) < len(self.begun()))
    @rule(crash=CRASHES)
    def what_is_not_wanted_any_more_is_stopped(self, crash: int | None) -> None:
        for run in self.begun():
            self._change(partial(close_if_cancelled, run=run, now=self.now), crash)

    @precondition(lambda self: self.holders())
    @rule(which=WHICH, crash=CRASHES)
    def a_worker_tells_of_its_progress(self, which: int, crash: int | None) -> None:
        run = _one_of(self.holders(), which)
        note = Progressed(run.options["token"], f"half of it at {self.now:%H:%M}")
        self._say(run.options["request"], note, run.agent, crash)
        assert self._standing(run.options["request"]).news_at == self.now

    @precondition(lambda self: self.holders())
    @rule(which=WHICH, to=st.sampled_from(AGENTS), crash=CRASHES)
    def a_worker_passes_it_on(self, which: int, to: str, crash: int | None) -> None:
        run = _one_of(self.holders(), which)

        def hand_over(connection: Connection) -> None:
            pass_on(connection, run, PassOn(to, "it knows better"), self.now)
            self._closed(connection, run, FireState.SILENT, OWNER, None)

        if to != run.agent:
            self._change(hand_over, crash)
            assert self._standing(run.options["request"]).receiver == to

    @precondition(lambda self: self.void_deliveries())
    @rule(which=WHICH, kind=st.sampled_from(["progress", "handed_off", "final"]))
    def a_superseded_worker_speaks(self, which: int, kind: str) -> None:
        request_id, token = _one_of(self.void_deliveries(), which)
        words: Mapping[str, Body] = {
            "progress": Progressed(token, "late"),
            "handed_off": HandedOff(token, "a", "late"),
            "final": Finished(SAID, token),
        }
        with pytest.raises((Superseded, IllegalTransition)):
            self._say(request_id, words[kind], "b", None)

    @precondition(lambda self: self.closed())
    @rule(which=WHICH)
    def it_is_ended_a_second_time(self, which: int) -> None:
        with pytest.raises(IllegalTransition):
            self._say(_one_of(self.closed(), which), Finished(Final("failed", "no")), "system", None)

    @precondition(lambda self: self.open())
    @rule(which=WHICH, crash=CRASHES)
    def its_sender_cancels_it(self, which: int, crash: int | None) -> None:
        request_id = _one_of(self.open(), which)
        by = self.logs[request_id][0].by
        self._change(lambda connection: cancel_request(connection, request_id, "", by=by, now=self.now), crash)
        assert self._final(request_id).result == "cancelled"

    @precondition(lambda self: self.for_the_person())
    @rule(which=WHICH, crash=CRASHES)
    def the_person_answers(self, which: int, crash: int | None) -> None:
        request_id = _one_of(self.for_the_person(), which)
        self._change(lambda connection: ending.answer(connection, request_id, SAID, by=USER, now=self.now), crash)
        assert self._final(request_id) == SAID

    @precondition(lambda self: self.dead_letters())
    @rule(which=WHICH, crash=CRASHES)
    def a_dead_letter_is_sent_again(self, which: int, crash: int | None) -> None:
        request_id = _one_of(self.dead_letters(), which)
        begin = lambda connection: resend(connection, request_id, self.team, self.now, by=USER, force=True)  # noqa: E731
        try:
            sent = self._change(begin, crash)
        except HarnessError:
            assert self._standing(request_id).is_dead_letter
            return
        assert sent.standing.request.resend_of == request_id

    @precondition(lambda self: self.dead_letters())
    @rule(which=WHICH, crash=CRASHES)
    def a_dead_letter_is_dropped(self, which: int, crash: int | None) -> None:
        request_id = _one_of(self.dead_letters(), which)
        self._change(lambda connection: drop(connection, request_id, "not needed", by=USER, now=self.now), crash)
        assert not self._standing(request_id).is_dead_letter

    @precondition(lambda self: self.running() and self.asks)
    @rule(which=WHICH, requests=st.lists(WHICH, min_size=1, max_size=3), crash=CRASHES)
    def a_run_waits_for_what_was_asked_before(self, which: int, requests: list[int], crash: int | None) -> None:
        run = _one_of(self.running(), which)
        # As with the tool: for what it asked itself, or for what is over. More could wait in a circle.
        its_own = [one.request.id for one in self.standings.values() if one.request.parent_run == run.id]
        choices = [*its_own, *self.closed()]
        asked = {_one_of(choices, request) for request in requests if choices} - {run.options.get("request")}
        if asked:
            self._suspend(run, sorted(asked), crash)

    @rule(minutes=st.integers(min_value=-90, max_value=240))
    def the_clock_jumps(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.is_set_back |= minutes < 0

    @rule()
    def the_process_is_started_again(self) -> None:
        self.database.close()
        self._begin_life()

    @rule(agents=st.sampled_from([AGENTS, AGENTS[:-1]]))
    def the_team_changes(self, agents: tuple[str, ...]) -> None:
        self.team = self._team(agents)

    @rule()
    def the_mirrors_are_written(self) -> None:
        # What happened in the past of the last look is found every few minutes, when all of it is compared.
        self.mirrors.look(self.now, everything=self.is_set_back)
        self.is_set_back = False
        folder = self.folder / "shared-context/job-status"
        told = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
        assert told.keys() == self.logs.keys()
        for request_id, log in self.logs.items():
            said = status_of(log)
            assert {key: told[request_id][key] for key in said} == said

    # ── What holds after each of them ────────────────────────────────────────────────────────────

    @invariant()
    def everything_holds(self) -> None:
        with self.database.read() as connection:
            self._look(connection)
            self._each_row_is_the_fold_of_its_log(connection)
        self._whoever_has_a_request_is_at_work_on_it()
        self._whoever_waits_goes_on_once_and_as_soon_as_everything_is_final()
        self._nobody_is_given_more_than_they_take()

    def _look(self, connection: Connection) -> None:
        """Read everything there is; no event that was there before may be gone or changed."""
        logs = {
            row.id: events_of(connection, row.id)
            for row in connection.execute(select(tables.request.c.id).order_by(tables.request.c.id))
        }
        assert set(connection.execute(select(tables.event.c.request_id)).scalars()) == set(logs) >= set(self.logs)
        for request_id, before in self.logs.items():
            assert logs[request_id][: len(before)] == before, f"what was written of {request_id} has changed"
        self.logs = logs
        self.standings = {request_id: fold(log) for request_id, log in logs.items()}
        self.runs = {run.id: run for run in sorted(runs_in(connection, *RunState), key=lambda run: run.id)}
        self.fires = list(connection.execute(select(*tables.fire.c)))
        self.waiting = list(connection.execute(select(tables.suspension.c.run_id, tables.suspension.c.continued_as)))
        self.awaited = list(connection.execute(select(tables.awaited.c.run_id, tables.awaited.c.request_id)))

    def _each_row_is_the_fold_of_its_log(self, connection: Connection) -> None:
        for request_id, standing in self.standings.items():
            assert_row_tells(connection, standing)
            assert [event.body.kind for event in self.logs[request_id]].count("final") == int(not standing.is_open)

    def _whoever_has_a_request_is_at_work_on_it(self) -> None:
        assert {row.run_id for row in self.fires if row.closed_at is None} == {run.id for run in self.open_runs()}
        for standing in self.standings.values():
            if standing.is_open and standing.run_id is not None:
                request = standing.request.id
                holders = [
                    run
                    for run in self.open_runs()
                    if request_of_job(run.job_id) == request and run.options["token"] == standing.token
                ]
                assert len(holders) == 1, f"{request} is with {standing.receiver}, where nobody works on it"
                assert holders[0].agent == standing.receiver

    def _whoever_waits_goes_on_once_and_as_soon_as_everything_is_final(self) -> None:
        for run_id, continued_as in self.waiting:
            awaited = [self.standings[row.request_id] for row in self.awaited if row.run_id == run_id]
            assert awaited
            if continued_as is None:
                is_over = self.runs[run_id].state is RunState.ENDED
                assert is_over or any(standing.is_open for standing in awaited), f"{run_id} waits for nothing"
                continue
            assert continued_as in self.runs, f"{run_id} goes on as {continued_as}, which there is not"
            assert self.runs[continued_as].options["continues"] == run_id
            assert all(not standing.is_open and standing.noticed_at is not None for standing in awaited)
        going_on = [run.id for run in self.runs.values() if "continues" in run.options and run.attempt == 1]
        continued = [continued_as for _, continued_as in self.waiting if continued_as is not None]
        assert set(going_on) <= set(continued)
        assert len(set(continued)) == len(continued)

    def _nobody_is_given_more_than_they_take(self) -> None:
        waiting = {row.job_id for row in self.fires if row.state == str(FireState.SUSPENDED)}
        given = [
            standing.receiver
            for standing in self.standings.values()
            if standing.is_open
            and _is_given(standing)
            and request_job(standing.receiver, standing.request.id) not in waiting
        ]
        begun = [run.agent for run in self.begun()]
        went_on = [run.agent for run in self.open_runs() if "continues" in run.options]
        for agent in AGENTS:
            # Whoever waited held no place, and is not kept waiting for one when the answers are there.
            assert given.count(agent) - went_on.count(agent) <= MAX_OPEN
            assert begun.count(agent) <= 1

    # ── What there is ────────────────────────────────────────────────────────────────────────────

    def running(self) -> list[RunRow]:
        """Return the runs that are at work, and that nobody wants cancelled: those are stopped before they go on."""
        return [run for run in self.begun() if run.cancel_reason is None]

    def begun(self) -> list[RunRow]:
        return [run for run in self.runs.values() if run.state is RunState.RUNNING]

    def open_runs(self) -> list[RunRow]:
        return [run for run in self.runs.values() if run.state is not RunState.ENDED]

    def holders(self) -> list[RunRow]:
        return [run for run in self.running() if self._holds(run)]

    def open(self) -> list[str]:
        return [standing.request.id for standing in self.standings.values() if standing.is_open]

    def closed(self) -> list[str]:
        return [standing.request.id for standing in self.standings.values() if not standing.is_open]

    def for_the_person(self) -> list[str]:
        return [request_id for request_id in self.open() if self.standings[request_id].receiver == USER]

    def dead_letters(self) -> list[str]:
        return [standing.request.id for standing in self.standings.values() if standing.is_dead_letter]

    def void_deliveries(self) -> list[tuple[str, int]]:
        """Return the requests that were passed on, each with the numbers of the deliveries before."""
        found = []
        for request_id, standing in self.standings.items():
            is_with_nobody = standing.state is RequestState.REQUESTED
            found += [(request_id, token) for token in range(1, standing.token + int(is_with_nobody))]
        return found

    # ── Doing ────────────────────────────────────────────────────────────────────────────────────

    def _begin_life(self) -> None:
        """Open everything as a process does that begins."""
        self.database = Database.connect(self.address)
        self.duties = BusDuties(self.database, self.folder, lambda run_id: ())
        incidents = LedgerIncidents(self.database, lambda: self.now)
        self.mirrors = Mirrors(self.database, lambda: self.team.workspace, incidents, lambda text: text)

    def _team(self, agents: Sequence[str]) -> Team:
        team = team_of(*agents, rules=RULES)
        return replace(team, workspace=replace(team.workspace, root=self.folder))

    def _change(self, change: Callable[[Connection], T], crash: int | None) -> T:
        """Do it in one transaction, after it was broken off at `crash` and has left nothing behind."""
        if crash is not None:
            before = self._everything()
            with (
                pytest.raises((Crash, HarnessError)),
                broken_off(self.database.engine, crash),
                self.database.write(alone=True) as connection,
            ):
                change(connection)
            assert self._everything() == before
        with self.database.write(alone=True) as connection:
            return change(connection)

    def _ask(self, ask: Ask, crash: int | None) -> str | None:
        """Ask under a key of its own; return the request's id, or None if it was refused as it may be."""
        number = len(self.asks)
        ask = Ask(
            ask.sender, ask.receiver, f"task {number}", f"key {number}", ask.due_at,
            priority=ask.priority, parent=ask.parent, parent_run=ask.parent_run,
        )  # fmt: skip
        try:
            sent = self._change(lambda connection: send(connection, ask, self.team, self.now), crash)
        except Refused as refused:
            assert refused.rule in REFUSALS
            return None
        except HarnessError as error:
            assert not self.team.knows(ask.receiver), error
            return None
        assert sent.is_new
        self.asks[sent.standing.request.id] = ask
        return sent.standing.request.id

    def _suspend(self, run: RunRow, requests: list[str], crash: int | None) -> None:
        waits = {f"model-1.{place}": which for place, which in enumerate(requests, 1)}
        draft = Draft(Outcome(FireState.SUSPENDED, "it waits"), "suspended", suspension=Suspension(waits, {}))
        state = self._change(lambda connection: suspend(connection, run, draft, OWNER, self.now), crash)
        assert state is FireState.SUSPENDED

    def _say(self, request_id: str, body: Body, by: str, crash: int | None) -> None:
        def say(connection: Connection) -> None:
            append(connection, standing_of(connection, request_id, for_change=True), body, by=by, now=self.now)

        self._change(say, crash)

    def _claim(self, connection: Connection) -> list[RunRow]:
        claimed = claim_runs(connection, OWNER, 10, self.now)
        for run in claimed:
            mark_fire(connection, run.id, FireState.RUNNING, OWNER)
        return claimed

    def _close(
        self, run: RunRow, state: FireState, crash: int | None, *, owner: str | None = OWNER, final: Final | None = None
    ) -> None:
        closed = self._change(lambda connection: self._closed(connection, run, state, owner, final), crash)
        assert closed is state

    def _closed(
        self, connection: Connection, run: RunRow, state: FireState, owner: str | None, final: Final | None
    ) -> FireState | None:
        return close(
            connection, run_id=run.id, job_id=run.job_id, outcome=Outcome(state, f"it was {state}"), stop="completed",
            owner=owner, now=self.now, final=final,
        )  # fmt: skip

    def _work_everything_off(self) -> None:
        """Let everybody do what there is to do, until nothing is left; nothing may stay open."""
        self.team = self._team(AGENTS)
        idle = 0
        while idle < 2:
            before = self._everything()
            self.duties.serve(self.team, self.now)
            self._change(self._claim, None)
            self.everything_holds()
            for run in self.begun():
                self._change(partial(self._ended, run=run), None)
            for request_id in self.for_the_person():
                self._change(partial(self._answered, request_id=request_id), None)
            self.everything_holds()
            if not self.open() and not self.open_runs():
                self.the_mirrors_are_written()
                return
            if self._everything() == before:
                # A delivery or a run that failed is tried again after a while: an hour at most, if the clock was set
                # back since. Nothing else waits for the clock.
                idle, self.now = idle + 1, self.now + timedelta(minutes=61)
        raise AssertionError(f"stuck: {self.open()}, {[run.id for run in self.open_runs()]}")

    def _answered(self, connection: Connection, request_id: str) -> None:
        if standing_of(connection, request_id).is_open:
            ending.answer(connection, request_id, SAID, by=USER, now=self.now)

    def _ended(self, connection: Connection, run: RunRow) -> None:
        """End a run as its workflow does."""
        if close_if_cancelled(connection, run, self.now) is None:
            self._closed(connection, run, FireState.DELIVERED, OWNER, None)

    def _holds(self, run: RunRow) -> bool:
        request_id = run.options.get("request")
        if request_id is None:
            return False
        standing = self.standings[request_id]
        return standing.is_open and _is_given(standing) and bool(standing.token == run.options["token"])

    def _standing(self, request_id: str) -> Standing:
        with self.database.read() as connection:
            return standing_of(connection, request_id)

    def _final(self, request_id: str) -> Final:
        final = self._standing(request_id).final
        assert final is not None
        return final

    def _everything(self) -> list[Any]:
        """Return all rows of all tables that the bus writes to."""
        with self.database.read() as connection:
            return [sorted(map(repr, connection.execute(select(*table.c)))) for table in TABLES]


def _is_given(standing: Standing) -> bool:
    return standing.state in (RequestState.DELIVERED, RequestState.CONFIRMED)


def _one_of(choices: list[T], which: int) -> T:
    return choices[which % len(choices)]


def drive(address: DatabaseAddress, folder: Path, *, examples: int, commands: int) -> None:
    class HereMachine(BusMachine):
        def __init__(self) -> None:
            super().__init__(address, folder)

    run_state_machine_as_test(
        HereMachine,
        settings=settings(
            deadline=None,
            max_examples=examples,
            stateful_step_count=commands,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
def test_no_command_crash_or_clock_breaks_the_bus(address: DatabaseAddress, tmp_path: Path) -> None:
    drive(address, tmp_path, examples=40, commands=40)


@pytest.mark.parametrize("address", ["postgresql"], indirect=True)
def test_the_same_holds_of_a_server(address: DatabaseAddress, tmp_path: Path) -> None:
    drive(address, tmp_path, examples=8, commands=30)
