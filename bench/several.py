"""How fast several daemons on one database work off a queue, on a SQLite file and on PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from bench.daemon import wait_until_ready
from bench.instant_model import instant_model
from bench.workload import write_team
from harness.runs.by_hand import start_by_hand
from harness.runs.wall_clock import WallClock
from harness.store.address import URL_VARIABLE
from harness.store.runs import count_open
from harness.wiring.build import build_system
from harness.wiring.system import System
from tests.postgres_server import new_server

_AGENTS = 16
_LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Throughput:
    """So many daemons worked off a queue of so many runs."""

    daemons: int
    runs: int
    seconds: float

    @property
    def runs_per_s(self) -> float:
        return self.runs / self.seconds


@contextmanager
def databases() -> Iterator[Mapping[str, Callable[[], str]]]:
    """Provide the kinds of database there are here, each with what makes the address of an empty one.

    PostgreSQL is the server of HARNESS_BENCH_POSTGRES_URL, or the one of the tests, which does not wait for
    its disk.
    """
    sqlite = {"SQLite": lambda: "sqlite:///{folder}/shared.db"}
    if url := os.environ.get("HARNESS_BENCH_POSTGRES_URL"):
        yield {**sqlite, "PostgreSQL": lambda: _new_database(url)}
        return
    server = new_server()
    try:
        yield {**sqlite, "PostgreSQL (fsync off)": lambda: _new_database(server.url)}
    finally:
        server.remove()


def measure_throughput(url: str, daemons: int, runs: int) -> Throughput:
    """Start the daemons, queue the runs, and wait until all have ended; `{folder}` in `url` is a temporary one."""
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary, ExitStack() as stack:
        folder = Path(temporary)
        base_url = stack.enter_context(instant_model())
        jobs = {f"agent-{n}/report": "0 0 1 1 *" for n in range(_AGENTS)}
        root = write_team(folder / "workspace", base_url, jobs)
        environ = {**os.environ, URL_VARIABLE: url.format(folder=folder), "PYTHONPATH": str(Path(__file__).parents[1])}
        system = build_system(root, environ={**environ, "HARNESS_HOME": str(folder / "asker")}, clock=WallClock())
        stack.callback(system.close)
        for n in range(daemons):
            stack.enter_context(
                _daemon(root, {**environ, "HARNESS_HOME": str(folder / f"node-{n}"), "HARNESS_NODE": f"node-{n}"})
            )
        begun_s = time.perf_counter()
        for n in range(runs):
            start_by_hand(
                system.database, system.workspace(), f"agent-{n % _AGENTS}/report", system.clock.now(), inputs={}
            )
        _wait_until_done(system)
        return Throughput(daemons, runs, time.perf_counter() - begun_s)


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


@contextmanager
def _daemon(root: Path, environ: dict[str, str]) -> Iterator[None]:
    command = [sys.executable, "-m", "harness", "up", "--workspace", str(root)]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as daemon:
        try:
            wait_until_ready(daemon, time.perf_counter())
            yield
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(60)
