"""A table whose chair dies anywhere: one set of answers in each round, one conclusion, one page of minutes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from harness.bus.log import standing_of
from harness.bus.roundtables import read_table, table_id_of
from harness.domain.request import Final, request_of_job
from harness.domain.roundtable import Table, TableState
from harness.domain.run import FireState, Outcome, RunState
from harness.ports import Json, Step
from harness.pytest_plugin import NOW, Workbench
from harness.runs.by_hand import fire_for, start_by_hand
from harness.runs.closing import close
from harness.runs.workflows import RunWorkflow
from harness.store.fires import mark_fire
from harness.store.runs import RunRow, claim_runs, runs_in
from harness.testing.engine import MemorySteps
from harness.testing.openai_server import OpenAIServer, say
from tests.bus.crashes import Crash
from tests.runs.model_workspace import with_model
from tests.runs.roundtable.test_whole_tables import chair
from tests.runs.test_asking import agent

CONCLUSION = "macro and trading disagree."
CRASHES = 12


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


_LIVING: ContextVar[Life | None] = ContextVar("_LIVING", default=None)
"""The life of this thread, and of those that do its work."""


class Life:
    """Counts the statements, the commits and the steps that are done and not recorded yet; ends before one of them."""

    def __init__(self, crash_at: int | None = None) -> None:
        self.points = 0
        self._crash_at = crash_at

    def pass_by(self) -> None:
        if _LIVING.get() is not self:
            return  # the engine's own threads have nothing to do with it
        self.points += 1
        if self.points == self._crash_at:
            raise Crash

    @contextmanager
    def lived(self, engine: Engine) -> Iterator[None]:
        def before_statement(*_: object) -> None:
            self.pass_by()

        def before_commit(connection: Connection) -> None:
            try:
                self.pass_by()
            except Crash:
                connection.connection.rollback()
                raise

        event.listen(engine, "before_cursor_execute", before_statement)
        event.listen(engine, "commit", before_commit)
        begun = _LIVING.set(self)
        try:
            yield
        finally:
            _LIVING.reset(begun)
            event.remove(engine, "before_cursor_execute", before_statement)
            event.remove(engine, "commit", before_commit)


@dataclass(frozen=True, slots=True)
class MortalSteps:
    """Steps in whose midst a life may end: when the work is done, and nothing of it recorded."""

    steps: MemorySteps
    life: Life

    def reserve(self, kind: str, call_id: str, args: Json) -> Step:
        return MortalStep(self.steps.reserve(kind, call_id, args), self.life)


@dataclass(frozen=True, slots=True)
class MortalStep:
    step: Step
    life: Life

    async def run(self, work: Callable[[], Awaitable[Json]]) -> Json:
        async def done() -> Json:
            value = await work()
            self.life.pass_by()
            return value

        return await self.step.run(done)


class Play:
    """One table, from the chair's first statement to its last, gone on with by another life after a crash."""

    def __init__(self, workbench: Workbench, at: datetime) -> None:
        self.system = workbench.system
        workbench.clock.jump_to(at)
        self.now = at
        self.records: dict[str, list[Any]] = {}
        self.run_id = start_by_hand(self.system.database, self.system.workspace(), "zoe/table", at, inputs={})

    def live(self, life: Life) -> None:
        """Do what there is to do, as a daemon would, until there is nothing more."""
        with life.lived(self.system.database.engine):
            for _ in range(30):
                work = self._work()
                if not work:
                    return
                for run in work:
                    self._do(run, life)
        raise AssertionError(f"there is no end: {work}")

    def _do(self, run: RunRow, life: Life) -> None:
        if request_of_job(run.job_id) is None:
            steps = MemorySteps(self.records.setdefault(run.id, []))
            asyncio.run(RunWorkflow(self.system.services)(run.id, MortalSteps(steps, life)))
        else:
            self._speak(run)

    def _work(self) -> list[RunRow]:
        owner = self.system.services.owner()
        with self.system.database.write(alone=True) as connection:
            for run in claim_runs(connection, owner, 8, self.now):
                mark_fire(connection, run.id, FireState.RUNNING, owner)
            return runs_in(connection, RunState.RUNNING)

    def _speak(self, run: RunRow) -> None:
        said = Final("done", f"{run.agent} holds its view ({run.id})", verdict="PASS")
        with self.system.database.write(alone=True) as connection:
            close(
                connection, run_id=run.id, job_id=run.job_id, outcome=Outcome(FireState.DELIVERED), stop="completed",
                owner=run.owner, now=self.now, final=said,
            )  # fmt: skip

    def table(self) -> Table:
        rules = self.system.workspace().job("zoe/table").roundtable
        assert rules is not None
        with self.system.database.read() as connection:
            return read_table(connection, "zoe", table_id_of(self.run_id), rules)


def test_wherever_its_chair_dies_a_table_is_held_once(workbench: Workbench) -> None:
    with OpenAIServer(lambda request: say(CONCLUSION)) as server:
        agents = {**agent("zoe", "macro"), **agent("macro"), **agent("trading")}
        workbench.write({**with_model(server), **agents, **chair(), "agents/scout/jobs/morning.md": None})
        workbench.serve_stories(2)
        whole = Life()
        play = Play(workbench, NOW)
        play.live(whole)
        check_held_once(workbench, play)
        for number in range(CRASHES):
            crash_at = 1 + number * (whole.points - 1) // (CRASHES - 1)
            play = Play(workbench, NOW + timedelta(days=number + 1))
            die(play, Life(crash_at))
            play.live(Life())
            check_held_once(workbench, play)


def die(play: Play, life: Life) -> None:
    """Live until the crash, which may come alone or in a group of tasks."""
    try:
        play.live(life)
    except Crash:
        return
    except BaseExceptionGroup as group:
        _, others = group.split(Crash)
        if others is not None:
            raise


def check_held_once(workbench: Workbench, play: Play) -> None:
    """Check that the table was held whole and once."""
    table = play.table()
    assert table.state is TableState.HEARD
    assert [[voice.speaker for voice in one.positions] for one in table.rounds] == [["macro", "trading"]] * 2
    fire = fire_for(workbench.system.database, play.run_id)
    assert (fire.state, fire.reason) == (FireState.DELIVERED, "")
    day = play.now.date().isoformat()
    (page,) = (workbench.root / "shared-context/roundtables").glob(f"{day}-*")
    text = page.read_text(encoding="utf-8")
    assert text.count(f"> {CONCLUSION}") == 1
    with workbench.system.database.read() as connection:
        for voice in (voice for one in table.rounds for voice in one.voices):
            assert voice.request is not None
            standing = standing_of(connection, voice.request.id)
            assert (standing.token, standing.noticed_at is not None) == (1, True)
            assert standing.final is not None
            assert text.count(f"> {standing.final.conclusion}\n") == 1
