"""What requests cost: made and confirmed, written down, asked and waited for, waited in, and very many of them."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.daemon import running_daemon
from bench.measure import resident_mib
from bench.workload import percentile, timed_s, write_team
from harness.bus.log import append, standing_of
from harness.bus.sending import Ask, send
from harness.bus.team import Team
from harness.domain.agent import Agent
from harness.domain.message import ToolCall
from harness.domain.request import USER, Progressed, RequestState
from harness.domain.run import FireKind, FireState, Outcome
from harness.domain.settings import BusRules, Settings
from harness.domain.workspace import Workspace
from harness.runs.answer import Draft, Suspension
from harness.runs.by_hand import fire_for, start_by_hand
from harness.runs.requests.duties import BusDuties
from harness.runs.suspending import suspend
from harness.runs.wall_clock import WallClock
from harness.runs.workflow_version import WORKFLOW_VERSION
from harness.store.address import DatabaseAddress, database_address, file_address
from harness.store.database import Database
from harness.store.fires import add_fire, mark_fire
from harness.store.runs import NewRun, claim_runs, queue_run
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, call_tools, say
from harness.wiring.build import build_system
from harness.wiring.bus import open_bus
from harness.wiring.files import load
from harness.wiring.system import System
from harness.wiring.team import team_of

_WARM_UP = 20
_SETTLE_S = 5.0
_LOOK_EVERY_S = 0.1
_IN_TURN = 50
_REQUESTS_IN_TURN = 25
_NEVER = "0 0 1 1 *"
_RULES = '\n[bus]\nmax_open = 1000\nper_hour = 100000\ndue = "30d"\n'
_ASKING = 'may_ask = ["scout", "user"]\n'
_QUESTION = {"to": "scout", "task": "How many kettles are there?", "wait": True}
_FOUND = {"conclusion": "Three kettles.", "verdict": "PASS"}


@dataclass(frozen=True, slots=True)
class Confirmations:
    """Seconds from asking to confirmed: by a program beside a daemon that works on what it is asked, the part of it
    that reads the workspace, and by the tool in a run."""

    samples: int
    p50_s: float
    p99_s: float
    reading_s: float
    tool_samples: int
    tool_p50_s: float
    tool_p99_s: float


@dataclass(frozen=True, slots=True)
class Durability:
    """Events of requests that a database takes in a second, one transaction each, beside its one-row commits."""

    events_per_s: float
    commits_per_s: float


@dataclass(frozen=True, slots=True)
class AskAndWait:
    """An exchange of two agents. `calls` are the model calls of one exchange by agent; times without the model's."""

    samples: int
    calls: Mapping[str, float]
    p50_s: float
    p99_s: float


@dataclass(frozen=True, slots=True)
class Idle:
    """A daemon with nothing to do: its share of one core, and its memory, None where that is not told.

    `writer_mib` is the memory of the daemon before it, which wrote the files of all the requests itself.
    """

    suspended: int
    cpu_share: float
    mib: float | None
    writer_mib: float | None


@dataclass(frozen=True, slots=True)
class Crowd:
    """Very many requests to one agent: seconds of one of the first and of one of the last, and of a tick among them."""

    requests: int
    first_s: float
    last_s: float
    tick_s: float
    seconds: float


# ── Made and confirmed ───────────────────────────────────────────────────────────────────────────


def measure_confirmations(samples: int, exchanges: AskAndWaitRuns) -> Confirmations:
    """Ask as a program beside a daemon does; the times of the tool are those of the runs that were given."""
    with _team() as (root, environ), running_daemon(root, environ), open_bus(root, environ) as bus:
        taken = []
        for number in range(_WARM_UP + samples):
            taken_s, sent = timed_s(lambda number=number: bus.send("scout", f"Count the kettles, {number}."))  # type: ignore[misc]
            if sent.standing.state is not RequestState.CONFIRMED:
                raise RuntimeError(f"a request is {sent.standing.state} when it should be confirmed")
            taken.append(taken_s)
        reading_s = percentile([timed_s(lambda: _read_team(root, environ))[0] for _ in range(20)], 0.5)
    taken = taken[_WARM_UP:]
    return Confirmations(
        len(taken),
        percentile(taken, 0.5),
        percentile(taken, 0.99),
        reading_s,
        len(exchanges.tool_s),
        percentile(exchanges.tool_s, 0.5),
        percentile(exchanges.tool_s, 0.99),
    )


def _read_team(root: Path, environ: Mapping[str, str]) -> Team:
    return team_of(load(root, environ, now=WallClock().now()).workspace)


# ── Written down ─────────────────────────────────────────────────────────────────────────────────


def measure_durability(address: DatabaseAddress, seconds: float) -> Durability:
    """Write events and single rows in turn, each in a transaction of its own, on the same empty database.

    An event is what a worker's note is: the log is read and judged, one event and the row of its request written.
    """
    database = Database.connect(address)
    database.migrate()
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE bench_row (number INTEGER PRIMARY KEY, text TEXT NOT NULL)")
    events = rows = 0
    events_s = rows_s = 0.0
    try:
        while events_s + rows_s < seconds:
            requests = _new_requests(database, events)
            taken_s, _ = timed_s(lambda requests=requests: _write_notes(database, requests))  # type: ignore[misc]
            events, events_s = events + _IN_TURN, events_s + taken_s
            taken_s, _ = timed_s(lambda first=rows: _write_rows(database, first))  # type: ignore[misc]
            rows, rows_s = rows + _IN_TURN, rows_s + taken_s
    finally:
        database.close()
    return Durability(events / events_s, rows / rows_s)


def _new_requests(database: Database, first: int) -> list[str]:
    team, now = _team_of_two(BusRules(max_open=100_000, per_hour=100_000)), datetime.now(UTC)
    with database.write(alone=True) as connection:
        asks = [Ask(USER, "scout", f"note {first + n}", f"note {first + n}") for n in range(_REQUESTS_IN_TURN)]
        return [send(connection, ask, team, now).standing.request.id for ask in asks]


def _write_notes(database: Database, requests: list[str]) -> None:
    for number in range(_IN_TURN):
        with database.write() as connection:
            standing = standing_of(connection, requests[number % len(requests)], for_change=True)
            note = Progressed(standing.token, "half of it is done")
            append(connection, standing, note, by="scout", now=datetime.now(UTC))


def _write_rows(database: Database, first: int) -> None:
    for number in range(first, first + _IN_TURN):
        with database.write() as connection:
            connection.exec_driver_sql(f"INSERT INTO bench_row VALUES ({number}, 'half of it is done')")


# ── Asked and waited for ─────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class AskAndWaitRuns:
    """What was measured of exchanges one after another in a warm process."""

    exchange: AskAndWait
    tool_s: list[float]


def measure_exchanges(samples: int) -> AskAndWaitRuns:
    """Let one agent ask another and wait for the answer, so often, with models that answer at once."""
    calls: Counter[str] = Counter()

    def answer(request: ChatRequest) -> ChatAnswer:
        name = "zoe" if "You are zoe." in request.messages[0]["content"] else "scout"
        calls[name] += 1
        if name == "scout":
            return call_tools(ToolCall("call_1", "finish", json.dumps(_FOUND)))
        number = calls["zoe"]
        question = {**_QUESTION, "task": f"{_QUESTION['task']} ({number})"}
        is_answered = any(message["role"] == "tool" for message in request.messages)
        return say("Three.") if is_answered else call_tools(ToolCall("call_1", "ask", json.dumps(question)))

    with OpenAIServer(answer, is_keeping=False) as server, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        root = _write_two(Path(folder), server.base_url)
        system = build_system(root, environ={}, clock=WallClock())
        try:
            system.launch()
            for _ in range(_WARM_UP):
                _exchange(system)
            calls.clear()
            timed = [timed_s(lambda: _exchange(system)) for _ in range(samples)]
            models, tools = _times_of_steps(system, [run_id for _, run_id in timed])
        finally:
            system.close()
    taken = [taken_s - model_s for (taken_s, _), model_s in zip(timed, models, strict=True)]
    per_exchange = {name: count / samples for name, count in calls.items()}
    return AskAndWaitRuns(AskAndWait(samples, per_exchange, percentile(taken, 0.5), percentile(taken, 0.99)), tools)


def _exchange(system: System) -> str:
    """Run the job of the agent that asks until its fire is closed; return the id of the run that asked."""
    job = "zoe/report"
    run_id = start_by_hand(system.database, system.workspace(), job, system.clock.now(), inputs={})
    last = run_id
    while True:
        system.dispatcher.dispatch()
        fire = fire_for(system.database, last)
        if not fire.state.is_open:
            break
        last = fire.run_id or last
        system.dispatcher.wait_for_change(0.05)
    if fire.state is FireState.FAILED:
        raise RuntimeError(f"{run_id} failed: {fire.reason}")
    return run_id


def _times_of_steps(system: System, run_ids: list[str]) -> tuple[list[float], list[float]]:
    """Return the seconds of the model's calls in each exchange, and of each call of the tool that asks."""
    models, tools = [], []
    for run_id in run_ids:
        steps = [*system.engine.recorded(run_id), *system.engine.recorded(f"{run_id}.2")]
        timed = [(step, step.ended_at - step.started_at) for step in steps if step.started_at and step.ended_at]
        # The receiver's one call takes as long as one of the sender's.
        models.append(sum(taken_s for step, taken_s in timed if step.kind == "model") * 1.5)
        tools += [taken_s for step, taken_s in timed if step.kind == "tool"]
    return models, tools


# ── Waited in ────────────────────────────────────────────────────────────────────────────────────


def measure_idle(suspended: int, seconds: float) -> Idle:
    """Watch a daemon that has nothing to do while so many runs wait for answers.

    Their files are written once, by a daemon of their own: what that leaves in its heap is the price of the writing
    and not of the waiting, and is told beside it.
    """
    with _team() as (root, environ):
        _suspend_runs(root, environ, suspended)
        with running_daemon(root, environ) as daemon:
            while len(list((root / "shared-context/job-status").glob("*.json"))) < suspended:
                time.sleep(_LOOK_EVERY_S)
            time.sleep(_SETTLE_S)
            writer_mib = resident_mib(daemon.pid)
        with running_daemon(root, environ) as daemon:
            time.sleep(_SETTLE_S)
            before_s = _cpu_s(daemon.pid)
            time.sleep(seconds)
            cpu_share = (_cpu_s(daemon.pid) - before_s) / seconds
            return Idle(suspended, cpu_share, resident_mib(daemon.pid), writer_mib)


def _suspend_runs(root: Path, environ: Mapping[str, str], count: int) -> None:
    """Write down runs of zoe's job that each wait for the person's answer to a request of their own."""
    database, team, now = (
        Database.connect(database_address(root, environ)),
        _read_team(root, environ),
        datetime.now(UTC),
    )
    database.migrate()
    due_at = int(now.timestamp()) - count
    try:
        for number in range(count):
            with database.write(alone=True) as connection:
                run_id = f"cron:zoe/report:{due_at + number}"
                values: dict[str, Any] = {"job_id": "zoe/report", "due_at": due_at + number}
                add_fire(
                    connection, **values, kind=FireKind.CRON, state=FireState.PLANNED, reason="", run_id=run_id, now=now
                )
                queue_run(
                    connection,
                    NewRun(run_id, "zoe/report", "agent", FireKind.CRON, due_at + number, WORKFLOW_VERSION),
                    now,
                )
                (run,) = claim_runs(connection, "bench", 64, now, only=run_id)
                mark_fire(connection, run_id, FireState.RUNNING, "bench")
                question = Ask("zoe", USER, f"May I, {number}?", run_id, parent_run=run_id)
                request_id = send(connection, question, team, now).standing.request.id
                waits = Suspension({"model-1.1": request_id}, {"messages": ["x" * 4000]})
                draft = Draft(Outcome(FireState.SUSPENDED, "it waits"), "suspended", suspension=waits)
                suspend(connection, run, draft, "bench", now)
    finally:
        database.close()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ── Very many ────────────────────────────────────────────────────────────────────────────────────


def measure_crowd(requests: int, part: int = 500) -> Crowd:
    """Ask one agent for so many things, one transaction each, and let the duties of a tick look at them."""
    rules = BusRules(max_open=20, per_hour=1_000_000)
    team, begun = _team_of_two(rules), datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        database = Database.connect(file_address(Path(folder) / "harness.db"))
        database.migrate()
        try:
            taken = [
                timed_s(lambda number=number: _ask(database, team, number, begun))[0]  # type: ignore[misc]
                for number in range(requests)
            ]
            duties = BusDuties(database, Path(folder), lambda run_id: ())
            ticks = [timed_s(lambda: duties.serve(team, datetime.now(UTC)))[0] for _ in range(50)]
        finally:
            database.close()
    return Crowd(
        requests, percentile(taken[:part], 0.5), percentile(taken[-part:], 0.5), percentile(ticks, 0.5), sum(taken)
    )


def _ask(database: Database, team: Team, number: int, begun: datetime) -> None:
    with database.write(alone=True) as connection:
        send(connection, Ask("zoe", "scout", f"{number}", f"{number}"), team, begun + timedelta(milliseconds=number))


# ── Teams ────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _team() -> Iterator[tuple[Path, Mapping[str, str]]]:
    """Provide a workspace of two agents whose model answers at once, and the environment of its daemon."""
    with (
        OpenAIServer(lambda request: say("Three."), is_keeping=False) as server,
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
    ):
        environ = {name: value for name, value in os.environ.items() if not name.startswith("HARNESS_")}
        yield _write_two(Path(folder), server.base_url), environ


def _write_two(folder: Path, base_url: str) -> Path:
    root = write_team(folder / "workspace", base_url, {"zoe/report": _NEVER, "scout/report": _NEVER})
    with (root / "harness.toml").open("a", encoding="utf-8") as settings:
        settings.write(_RULES)
    with (root / "agents/zoe/agent.toml").open("a", encoding="utf-8") as agent:
        agent.write(_ASKING)
    return root


def _team_of_two(rules: BusRules) -> Team:
    agents = {name: Agent(name, f"the {name}", "", "", may_ask=("scout",)) for name in ("zoe", "scout")}
    return Team(Workspace(Path("unused"), Settings(home_zone="UTC", bus=rules), agents=agents), WORKFLOW_VERSION)
