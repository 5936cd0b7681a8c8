"""How fast several daemons on one database work off a queue, on a SQLite file and on PostgreSQL."""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from bench.bare import bare_workflows
from bench.daemon import running_daemon
from bench.instant_model import instant_model
from bench.workload import write_team
from harness.runs.by_hand import start_by_hand
from harness.runs.wall_clock import WallClock
from harness.store.address import URL_VARIABLE
from harness.store.peek import peek
from harness.store.runs import count_open
from harness.wiring.build import build_system
from harness.wiring.system import System
from tests.postgres_server import new_server

_AGENTS = 16
_LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Throughput:
    """So many daemons worked off a queue of so many runs, and as many bare processes as many DBOS workflows.

    A workflow has the `steps` of a run, of which one asks the same model.
    """

    daemons: int
    runs: int
    seconds: float
    steps: int
    bare_s: float

    @property
    def runs_per_s(self) -> float:
        return self.runs / self.seconds

    @property
    def bare_per_s(self) -> float:
        return self.runs / self.bare_s


@contextmanager
def databases() -> Iterator[Mapping[str, Callable[[], str]]]:
    """Provide the kinds of database there are here, each with what makes the address of an empty one.

    PostgreSQL is the server of HARNESS_BENCH_POSTGRES_URL, or one of the kind that the tests use; unlike there it
    waits for its disk.
    """
    sqlite = {"SQLite": lambda: "sqlite:///{folder}/shared.db"}
    if url := os.environ.get("HARNESS_BENCH_POSTGRES_URL"):
        yield {**sqlite, "PostgreSQL": lambda: _new_database(url)}
        return
    server = new_server(is_durable=True)
    try:
        yield {**sqlite, "PostgreSQL": lambda: _new_database(server.url)}
    finally:
        server.remove()


def measure_throughput(new_url: Callable[[], str], daemons: int, runs: int) -> Throughput:
    """Queue the runs, and wait until so many daemons have done them all; then as many bare processes.

    `new_url` makes the address of an empty database, in which `{folder}` stands for a temporary one.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary, instant_model() as base_url:
        folder = Path(temporary)
        seconds, steps = _daemons_s(new_url().format(folder=folder), base_url, folder, daemons, runs)
        bare_url = new_url().format(folder=folder / "bare")
        (folder / "bare").mkdir()
        return Throughput(daemons, runs, seconds, steps, _bare_s(bare_url, base_url, daemons, runs, steps))


def _daemons_s(url: str, base_url: str, folder: Path, daemons: int, runs: int) -> tuple[float, int]:
    """Return the seconds that the daemons took, and the steps that a run had."""
    jobs = {f"agent-{n}/report": "0 0 1 1 *" for n in range(_AGENTS)}
    root = write_team(folder / "workspace", base_url, jobs)
    environ = {**os.environ, URL_VARIABLE: url}
    with ExitStack() as stack:
        system = build_system(root, environ={**environ, "HARNESS_HOME": str(folder / "asker")}, clock=WallClock())
        stack.callback(system.close)
        for name in (f"node-{n}" for n in range(daemons)):
            own = {"HARNESS_HOME": str(folder / name), "HARNESS_NODE": name}
            stack.enter_context(running_daemon(root, {**environ, **own}))
        begun_s = time.perf_counter()
        for n in range(runs):
            run_id = start_by_hand(
                system.database, system.workspace(), f"agent-{n % _AGENTS}/report", system.clock.now(), inputs={}
            )
        _wait_until_done(system)
        seconds = time.perf_counter() - begun_s
        with peek(system.database.address) as look:
            assert look is not None, "the runs are in it"
            return seconds, len(look.steps_of_run(run_id))


def _bare_s(url: str, base_url: str, processes: int, runs: int, steps: int) -> float:
    """Return the seconds that bare workflows took, as many at once as there were agents."""
    with ExitStack() as stack:
        bares = [stack.enter_context(bare_workflows(url, base_url, steps)) for _ in range(processes)]
        begun_s = time.perf_counter()
        for bare in bares:
            bare.give("together", runs=runs // processes, at_once=_AGENTS // processes)
        for bare in bares:
            bare.result()
        return time.perf_counter() - begun_s


def _new_database(server_url: str) -> str:
    name = f"bench_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return urlsplit(server_url)._replace(path=f"/{name}").geturl()


def _wait_until_done(system: System) -> None:
    while True:
        with system.database.read() as connection:
            if not count_open(connection, system.clock.now()):
                return
        time.sleep(_LOOK_EVERY_S)
