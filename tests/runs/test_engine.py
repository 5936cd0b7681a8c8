"""One contract suite over the real engine and the one in memory, then what only the real one can show."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from harness.domain.errors import HarnessError, OwnerError, ReplayMismatch, TransientError
from harness.ports import Blocking, Engine, Json, Parked, Steps
from harness.runs.engine import DurableEngine, value_of
from harness.store.address import DatabaseAddress
from harness.store.database import Database
from harness.store.step_records import args_hash
from harness.testing.engine import MemoryEngine


def wait_for(engine: Engine, run_id: str, *states: str) -> str | None:
    """Return the run's state once it is one of `states`; the deadline is generous, never part of a claim."""
    pause = threading.Event()
    for _ in range(1500):
        if engine.state(run_id) in states:
            break
        pause.wait(0.02)
    return engine.state(run_id)


@pytest.fixture(params=["durable", "memory"])
def engine(request: pytest.FixtureRequest, database: Database) -> Iterator[Engine]:
    opened: Engine = DurableEngine(database) if request.param == "durable" else MemoryEngine()
    yield opened
    opened.close()


async def give(value: Json) -> Json:
    return value


async def fail(error: Exception) -> Json:
    raise error


def test_a_started_run_ends(engine: Engine) -> None:
    async def workflow(run_id: str, steps: Steps) -> Json:
        return await steps.reserve("tool", "1", {}).run(lambda: give(run_id))

    engine.launch(workflow, "node-1")
    engine.start("cron:scout/morning:1")
    assert wait_for(engine, "cron:scout/morning:1", "ended", "failed") == "ended"


def test_a_run_started_twice_runs_once(engine: Engine) -> None:
    passes: list[str] = []

    async def workflow(run_id: str, steps: Steps) -> Json:
        passes.append(run_id)
        return None

    engine.launch(workflow, "node-1")
    engine.start("a")
    wait_for(engine, "a", "ended")
    engine.start("a")
    assert (engine.state("a"), passes) == ("ended", ["a"])


def as_its_row_is_written(database: Database, happens: Callable[[], object]) -> None:
    """Have something happen once, in the thread that starts a run, before the engine's row of it is there."""

    pending = [happens]

    def before(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if pending and statement.startswith("INSERT INTO") and "workflow_status" in statement:
            pending.pop()()

    event.listen(database.engine, "before_cursor_execute", before)


def test_a_run_that_two_threads_start_at_once_runs_once_and_is_not_at_work_afterwards(database: Database) -> None:
    passes: list[str] = []
    has_run = threading.Event()

    async def workflow(run_id: str, steps: Steps) -> Json:
        passes.append(run_id)
        has_run.set()
        return None

    engine = DurableEngine(database)
    engine.launch(workflow, "node-1")

    def start_as_well() -> None:
        engine.start("a")
        has_run.wait(1.0)  # in vain, where only one of the two may start it

    as_its_row_is_written(database, start_as_well)
    engine.start("a")
    state = wait_for(engine, "a", "ended")
    is_executing = engine.is_executing("a")
    engine.close()
    assert (state, passes, is_executing) == ("ended", ["a"], False)


def test_a_run_that_could_not_be_started_is_not_at_work_and_can_be_started_again(database: Database) -> None:
    passes: list[str] = []

    async def workflow(run_id: str, steps: Steps) -> Json:
        passes.append(run_id)
        return None

    def break_down() -> None:
        raise TransientError("the server is away")

    engine = DurableEngine(database)
    engine.launch(workflow, "node-1")
    as_its_row_is_written(database, break_down)
    with pytest.raises(TransientError):
        engine.start("a")
    was_executing = engine.is_executing("a")
    engine.start("a")
    state = wait_for(engine, "a", "ended")
    engine.close()
    assert (state, passes, was_executing) == ("ended", ["a"], False)


@pytest.mark.parametrize(
    ("status", "version", "state"),
    [
        ("PENDING", "1", "running"),
        ("ENQUEUED", "1", "running"),
        ("PENDING", "0", "stranded"),
        ("SUCCESS", "1", "ended"),
        ("ERROR", "1", "failed"),
        ("CANCELLED", "1", "cancelled"),
        ("MAX_RECOVERY_ATTEMPTS_EXCEEDED", "1", "stranded"),
    ],
)
def test_starting_a_run_that_another_executor_has_or_that_is_over_executes_and_changes_nothing(
    database: Database, status: str, version: str, state: str
) -> None:
    passes: list[str] = []
    begun = threading.Event()

    async def workflow(run_id: str, steps: Steps) -> Json:
        passes.append(run_id)
        begun.set()
        await asyncio.Event().wait()

    table = "dbos.workflow_status" if database.is_server else "workflow_status"
    first = DurableEngine(database, workflow_version=1)
    first.launch(workflow, "node-1")
    first.start("a")
    has_begun = begun.wait(30)
    first.close()
    with database.write() as connection:
        change = text(f"UPDATE {table} SET status = :status, application_version = :version")
        connection.execute(change, {"status": status, "version": version})
    second = DurableEngine(database, workflow_version=1)
    second.launch(workflow, "node-2")
    second.start("a")
    found = second.state("a"), second.is_executing("a")
    second.start("b")  # whatever "a" had been handed to stands before it
    pause = threading.Event()
    for _ in range(1500):
        if "b" in passes:
            break
        pause.wait(0.02)
    second.close()
    with database.read() as connection:
        kept = connection.execute(
            text(
                "SELECT status, application_version, executor_id, recovery_attempts"
                f" FROM {table} WHERE workflow_uuid = 'a'"
            )
        ).one()
    assert has_begun
    assert (*found, passes) == (state, False, ["a", "b"])
    assert tuple(kept) == (status, version, "node-1", 1)


def test_work_that_blocks_is_recorded_once_and_its_failure_as_it_was(engine: Engine) -> None:
    threads: list[str] = []
    caught: list[HarnessError] = []

    async def workflow(run_id: str, steps: Steps) -> Json:
        def work() -> Json:
            threads.append(threading.current_thread().name)
            return (1, 2)

        def broken() -> Json:
            raise OwnerError("a.md", 3, "is wrong", "correct it")

        first, second = steps.reserve("begin", "1", {}), steps.reserve("close", "2", {})
        value = await first.run(Blocking(work))
        try:
            await second.run(Blocking(broken))
        except HarnessError as error:
            caught.append(error)
        threads.append(threading.current_thread().name)
        return value

    engine.launch(workflow, "node-1")
    engine.start("a")
    state = wait_for(engine, "a", "ended", "failed")
    recorded = engine.recorded("a")
    assert state == "ended"
    assert [(step.kind, step.value) for step in recorded] == [("begin", [1, 2]), ("close", None)]
    assert [type(error) for error in caught] == [OwnerError]
    assert str(recorded[1].failure) == str(caught[0])
    assert threads[0] != threads[1], "an event loop that other runs are on is not held up"


def test_work_that_blocks_when_the_engine_closes_is_done_again_or_taken_from_its_record(database: Database) -> None:
    begun, may_end = threading.Event(), threading.Event()
    performed: list[int] = []
    values: list[Json] = []

    async def workflow(run_id: str, steps: Steps) -> Json:
        def work() -> Json:
            performed.append(1)
            begun.set()
            assert may_end.wait(30)
            return 7

        values.append(await steps.reserve("publish", "1", {}).run(Blocking(work)))
        return None

    first_life = DurableEngine(database)
    first_life.launch(workflow, "node-1")
    first_life.start("a")
    has_begun = begun.wait(30)
    first_life.close(timeout_s=30)
    may_end.set()
    second_life = DurableEngine(database)
    second_life.launch(workflow, "node-1")
    state = wait_for(second_life, "a", "ended", "failed")
    second_life.close()
    assert has_begun
    assert (state, values) == ("ended", [7])
    assert len(performed) in (1, 2)


def test_an_unknown_run_has_no_state(engine: Engine) -> None:
    async def workflow(run_id: str, steps: Steps) -> Json:
        return None

    engine.launch(workflow, "node-1")
    assert engine.state("never heard of") is None


def test_a_run_that_raises_has_failed(engine: Engine) -> None:
    async def workflow(run_id: str, steps: Steps) -> Json:
        raise RuntimeError("a bug")

    engine.launch(workflow, "node-1")
    engine.start("a")
    assert wait_for(engine, "a", "ended", "failed") == "failed"


def test_a_step_returns_json_on_its_first_pass_already(engine: Engine) -> None:
    seen: list[Any] = []

    async def workflow(run_id: str, steps: Steps) -> Json:
        seen.append(await steps.reserve("tool", "1", {}).run(lambda: give({"pair": (1, 2)})))
        return None

    engine.launch(workflow, "node-1")
    engine.start("a")
    wait_for(engine, "a", "ended")
    assert seen == [{"pair": [1, 2]}]


@pytest.mark.parametrize(
    "error", [OwnerError("harness.toml", 3, "no key", "set it"), TransientError("overloaded"), HarnessError("odd")]
)
def test_a_step_raises_our_errors_as_they_were(engine: Engine, error: HarnessError) -> None:
    caught: list[HarnessError] = []

    async def workflow(run_id: str, steps: Steps) -> Json:
        try:
            await steps.reserve("model", "1", {}).run(lambda: fail(error))
        except HarnessError as raised:
            caught.append(raised)
        return None

    engine.launch(workflow, "node-1")
    engine.start("a")
    assert wait_for(engine, "a", "ended", "failed") == "ended"
    assert [(type(e), str(e)) for e in caught] == [(type(error), str(error))]


def test_a_record_of_another_call_is_refused() -> None:
    record = {"kind": "tool", "call_id": "1", "args_hash": args_hash({"q": 1}), "value": 7}
    assert value_of(record, kind="tool", call_id="1", hashed=args_hash({"q": 1})) == 7
    with pytest.raises(ReplayMismatch):
        value_of(record, kind="tool", call_id="1", hashed=args_hash({"q": 2}))


def test_closing_in_the_middle_of_a_step_leaves_the_run_to_the_next_launch(database: Database) -> None:
    begun, performed, may_end = threading.Event(), [], False

    async def workflow(run_id: str, steps: Steps) -> Json:
        async def one() -> Json:
            performed.append("one")
            return 1

        async def two() -> Json:
            performed.append("two")
            begun.set()
            if not may_end:
                await asyncio.Event().wait()
            return 2

        first, second = steps.reserve("tool", "1", {}), steps.reserve("tool", "2", {})
        return await first.run(one) + await second.run(two)

    first_life = DurableEngine(database)
    first_life.launch(workflow, "node-1")
    first_life.start("a")
    assert begun.wait(30)
    first_life.close()
    may_end = True
    second_life = DurableEngine(database)
    second_life.launch(workflow, "node-1")
    assert wait_for(second_life, "a", "ended", "failed") == "ended"
    second_life.close()
    assert performed == ["one", "two", "two"]


def test_cancelling_interrupts_a_step_that_would_never_end(database: Database) -> None:
    begun, interrupted = threading.Event(), threading.Event()

    async def workflow(run_id: str, steps: Steps) -> Json:
        async def endless() -> Json:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                interrupted.set()

        return await steps.reserve("model", "1", {}).run(endless)

    engine = DurableEngine(database)
    engine.launch(workflow, "node-1")
    engine.start("a")
    assert begun.wait(30)
    engine.cancel("a")
    assert interrupted.wait(30)
    assert engine.state("a") == "cancelled"
    engine.close()


def test_a_run_of_another_workflow_version_is_stranded_not_resumed(database: Database) -> None:
    begun = threading.Event()

    async def workflow(run_id: str, steps: Steps) -> Json:
        begun.set()
        await asyncio.Event().wait()

    old = DurableEngine(database, workflow_version=1)
    old.launch(workflow, "node-1")
    old.start("a")
    assert begun.wait(30)
    old.close()
    begun.clear()
    new = DurableEngine(database, workflow_version=2)
    new.launch(workflow, "node-1")
    assert new.state("a") == "stranded"
    new.close()
    assert not begun.is_set()


def test_another_executor_does_not_take_over_live_work(database: Database) -> None:
    async def workflow(run_id: str, steps: Steps) -> Json:
        await asyncio.Event().wait()

    first = DurableEngine(database)
    first.launch(workflow, "node-1")
    first.start("a")
    first.close()
    second = DurableEngine(database)
    second.launch(workflow, "node-2")
    with database.read() as connection:
        table = "dbos.workflow_status" if database.is_server else "workflow_status"
        query = text(f"SELECT executor_id FROM {table} WHERE workflow_uuid = 'a'")
        assert connection.execute(query).scalar() == "node-1"
    second.close()


def test_a_run_of_an_executor_that_is_gone_goes_on_elsewhere_at_its_first_unfinished_step(database: Database) -> None:
    performed: list[str] = []
    begun = threading.Event()
    may_end = False

    async def workflow(run_id: str, steps: Steps) -> Json:
        async def one() -> Json:
            performed.append("one")
            return 1

        async def two() -> Json:
            performed.append("two")
            begun.set()
            if not may_end:
                await asyncio.Event().wait()
            return 2

        first, second = steps.reserve("tool", "1", {}), steps.reserve("tool", "2", {"n": 2})
        return await first.run(one) + await second.run(two)

    dead = DurableEngine(database)
    dead.launch(workflow, "mac.1")
    dead.start("a")
    assert begun.wait(30)
    dead.close()
    may_end = True
    living = DurableEngine(database)
    living.launch(workflow, "server.1")
    assert living.unfinished() == {"a": "mac.1"}
    assert living.take_over("a")
    assert wait_for(living, "a", "ended", "failed") == "ended"
    assert living.unfinished() == {}
    assert performed == ["one", "two", "two"]
    assert not living.take_over("a")
    assert not living.take_over("never heard of")
    assert [(step.position, step.kind, step.call_id, step.value) for step in living.recorded("a")] == [
        (1, "tool", "1", 1),
        (2, "tool", "2", 2),
    ]
    assert living.recorded("never heard of") == ()
    living.forget(["a", "never heard of"])
    assert (living.state("a"), living.recorded("a")) == (None, ())
    living.close()


def test_a_run_that_is_parked_stays_unfinished_for_whoever_holds_it(database: Database) -> None:
    begun = threading.Event()
    is_ours = False

    async def workflow(run_id: str, steps: Steps) -> Json:
        async def close() -> Json:
            begun.set()
            if not is_ours:
                raise Parked
            return "done"

        return await steps.reserve("close", "close", {}).run(close)

    lost = DurableEngine(database)
    lost.launch(workflow, "mac.1")
    lost.start("a")
    assert begun.wait(30)
    while lost.is_executing("a"):
        begun.wait(0.01)
    assert lost.state("a") == "running"
    lost.close()
    is_ours = True
    holder = DurableEngine(database)
    holder.launch(workflow, "server.1")
    assert holder.take_over("a")
    assert wait_for(holder, "a", "ended", "failed") == "ended"
    holder.close()


def test_what_is_kept_of_a_run_that_is_at_work_is_not_forgotten(database: Database) -> None:
    begun = threading.Event()

    async def workflow(run_id: str, steps: Steps) -> Json:
        begun.set()
        await asyncio.Event().wait()

    engine = DurableEngine(database)
    engine.launch(workflow, "mac.1")
    engine.start("a")
    assert begun.wait(30)
    engine.forget(["a"])
    assert engine.state("a") == "running"
    engine.close()


def test_an_executor_that_was_only_asleep_can_record_nothing_after_its_run_was_taken_over(tmp_path: Path) -> None:
    log = tmp_path / "log"
    database = Database(tmp_path / "harness.db")
    database.migrate()
    sleeper = subprocess.Popen([sys.executable, "-c", SLEEPER, str(database.path), str(log)], stdout=subprocess.PIPE)
    assert sleeper.stdout is not None
    assert sleeper.stdout.readline() == b"in step two\n"
    sleeper.send_signal(signal.SIGSTOP)

    async def workflow(run_id: str, steps: Steps) -> Json:
        async def note(name: str) -> Json:
            with log.open("a") as out:
                out.write(f"awake {name}\n")
            return name

        return [await steps.reserve("tool", name, {}).run(partial(note, name)) for name in ("one", "two", "three")]

    awake = DurableEngine(database)
    awake.launch(workflow, "server.1")
    assert awake.take_over("a")
    assert wait_for(awake, "a", "ended", "failed") == "ended"
    recorded = awake.recorded("a")
    log.with_suffix(".go").touch()
    sleeper.send_signal(signal.SIGCONT)
    assert sleeper.wait(30) == 0
    sleeper.stdout.close()
    assert log.read_text().split("\n")[:-1] == [
        "asleep one",
        "asleep two",
        "awake two",
        "awake three",
        "asleep: refused",
    ]
    assert awake.recorded("a") == recorded
    awake.close()
    database.close()


SLEEPER = """
import asyncio, sys, threading
from pathlib import Path
from harness.runs.engine import DurableEngine
from harness.store.address import DatabaseAddress
from harness.store.database import Database

log = Path(sys.argv[2])
ended = threading.Event()

async def workflow(run_id, steps):
    async def note(name):
        with log.open("a") as out:
            out.write(f"asleep {name}\\n")
        if name == "two":
            print("in step two", flush=True)
            while not log.with_suffix(".go").exists():
                await asyncio.sleep(0.01)
        return name
    try:
        for name in ("one", "two", "three"):
            await steps.reserve("tool", name, {}).run(lambda: note(name))
    except BaseException:
        with log.open("a") as out:
            out.write("asleep: refused\\n")
        raise
    finally:
        ended.set()

engine = DurableEngine(Database(Path(sys.argv[1])))
engine.launch(workflow, "mac.1")
engine.start("a")
ended.wait()
engine.close()
"""


def test_a_run_that_is_in_flight_in_every_crash_is_stranded_in_the_end(database: Database) -> None:
    begun = threading.Event()

    async def workflow(run_id: str, steps: Steps) -> Json:
        begun.set()
        await asyncio.Event().wait()

    states: list[str | None] = []
    for life in range(4):
        engine = DurableEngine(database, max_recoveries=1)
        engine.launch(workflow, "node-1")
        if life == 0:
            engine.start("a")
        states.append(wait_for_begin_or_end(engine, begun))
        engine.close()
        begun.clear()
    assert states[0] == "running"
    assert states[-1] == "stranded"


def wait_for_begin_or_end(engine: DurableEngine, begun: threading.Event) -> str | None:
    for _ in range(300):
        if begun.wait(0.1) or engine.state("a") == "stranded":
            break
    return engine.state("a")


KILLED = """
import asyncio, json, os, sys
from pathlib import Path
from harness.store.address import parse_address
from harness.runs.engine import DurableEngine
from harness.store.address import DatabaseAddress
from harness.store.database import Database

log, kill = Path(sys.argv[2]), sys.argv[3] == "kill"
database = Database.connect(parse_address(sys.argv[1], Path()))
database.migrate()
done = asyncio.Event

async def workflow(run_id, steps):
    fast_is_recorded = asyncio.Event()
    async def tool(name):
        with log.open("a") as out:
            out.write(name + "\\n")
        if name == "slow" and kill:
            await fast_is_recorded.wait()
            os.kill(os.getpid(), 9)
        return {"I am": name}
    slow, fast = steps.reserve("tool", "slow", {"n": 1}), steps.reserve("tool", "fast", {"n": 2})
    async def run_fast():
        value = await fast.run(lambda: tool("fast"))
        fast_is_recorded.set()
        return value
    values = await asyncio.gather(slow.run(lambda: tool("slow")), run_fast())
    with log.open("a") as out:
        out.write(json.dumps(values) + "\\n")
    return values

engine = DurableEngine(database)
engine.launch(workflow, "node-1")
engine.start("a")
import threading
while engine.state("a") == "running":
    threading.Event().wait(0.05)
engine.close()
database.close()
"""


def test_after_a_kill_each_result_is_with_its_own_call_and_finished_calls_are_not_repeated(
    tmp_path: Path, address: DatabaseAddress
) -> None:
    log = tmp_path / "log"
    life = [sys.executable, "-c", KILLED, address.url, str(log)]
    assert subprocess.run([*life, "kill"], check=False).returncode == -9
    assert sorted(log.read_text().split()) == ["fast", "slow"]
    assert subprocess.run([*life, "live"], check=False).returncode == 0
    lines = log.read_text().splitlines()
    assert lines[2:3] == ["slow"]
    assert json.loads(lines[3]) == [{"I am": "slow"}, {"I am": "fast"}]
    assert len(lines) == 4


def test_an_engine_with_nothing_at_work_answers_before_and_after_its_launch(engine: Engine) -> None:
    async def workflow(run_id: str, steps: Steps) -> Json:
        return None

    before, after = threading.Event(), threading.Event()
    engine.answer_soon(before.set)
    engine.launch(workflow, "node-1")
    engine.answer_soon(after.set)
    assert before.is_set()
    assert after.wait(30)


def test_an_engine_whose_run_holds_its_loop_does_not_answer(database: Database) -> None:
    is_held, may_go = threading.Event(), threading.Event()

    async def workflow(run_id: str, steps: Steps) -> Json:
        is_held.set()
        may_go.wait(30)  # as a bug would: nothing else runs on the loop meanwhile
        return None

    engine = DurableEngine(database)
    engine.launch(workflow, "node-1")
    answered = threading.Event()
    try:
        engine.start("a")
        assert is_held.wait(30)
        engine.answer_soon(answered.set)
        assert not answered.wait(0.05)
        may_go.set()
        assert answered.wait(30)
    finally:
        may_go.set()
        engine.close()
