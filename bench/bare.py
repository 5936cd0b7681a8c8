"""Bare DBOS workflows with the steps of a run, in a process of their own: the floor for whoever builds on DBOS.

`python -m bench.bare` reads one task a line on standard input, as JSON, and answers each with a line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2
from dbos import DBOS, DBOSPortableJSONSerializer

from harness.store.address import parse_address
from harness.store.database import Database

MODEL = "bare"
"""The model that these workflows ask, so that the server tells their requests from the harness's."""

_END_TIMEOUT_S = 60.0

Work = Callable[[str], Coroutine[Any, Any, None]]
"""One workflow in an agent's name, from its start to its end."""


class Bare:
    """A process of bare workflows that is ready for tasks."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def give(self, task: str, **arguments: Any) -> None:
        """Let it begin one of its tasks: `one_by_one`, `together` or `on_time`."""
        assert self._process.stdin is not None
        print(json.dumps({"task": task, **arguments}), file=self._process.stdin, flush=True)

    def result(self) -> Any:
        """Wait for what the oldest task came to. Raises RuntimeError if the process ended before."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the bare workflows ended before their task")
        return json.loads(line)


@contextmanager
def bare_workflows(database_url: str, base_url: str, steps: int) -> Iterator[Bare]:
    """Provide a process whose workflows have so many steps, the first of which asks the model."""
    command = [sys.executable, "-m", "bench.bare", database_url, base_url, str(steps)]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        try:
            bare = Bare(process)
            bare.result()  # it is ready
            yield bare
        finally:
            process.stdin.close()
            process.wait(_END_TIMEOUT_S)


async def _one_by_one(work: Work, runs: int) -> list[float]:
    """Return the seconds of each of so many workflows, one after another."""
    taken = []
    for _ in range(runs):
        begun_s = time.perf_counter()
        await work("a")
        taken.append(time.perf_counter() - begun_s)
    return taken


async def _together(work: Work, runs: int, at_once: int) -> int:
    """Do so many workflows, at most `at_once` of them at a time."""
    room = asyncio.Semaphore(at_once)

    async def one() -> None:
        async with room:
            await work("a")

    await asyncio.gather(*(one() for _ in range(runs)))
    return runs


async def _on_time(work: Work, periods_s: Mapping[str, int], offset_s: float, seconds: float) -> int:
    """Start a workflow for each agent every so many seconds of the clock, and `offset_s` later; return how many."""
    begun = time.time()
    async with asyncio.TaskGroup() as tasks:
        counts = [
            tasks.create_task(_fire(work, agent, slots(begun, seconds, period, offset_s)))
            for agent, period in periods_s.items()
        ]
    return sum(count.result() for count in counts)


def slots(begun: float, seconds: float, period_s: int, offset_s: float) -> Iterator[float]:
    """Give the multiples of the period, each `offset_s` later, that lie in so many seconds from `begun`."""
    slot = (begun // period_s + 1) * period_s + offset_s
    while slot < begun + seconds:
        yield slot
        slot += period_s


async def _fire(work: Work, agent: str, due: Iterator[float]) -> int:
    count = 0
    async with asyncio.TaskGroup() as running:
        for slot in due:
            await asyncio.sleep(slot - time.time())
            running.create_task(work(agent))
            count += 1
    return count


_TASKS: Mapping[str, Callable[..., Awaitable[object]]] = {
    "one_by_one": _one_by_one,
    "together": _together,
    "on_time": _on_time,
}


@asynccontextmanager
async def _launched(database_url: str, base_url: str, steps: int) -> AsyncIterator[Work]:
    database = Database.connect(parse_address(database_url, Path.cwd()))  # the pragmas of the harness's own
    DBOS(
        config={
            "name": "bare",
            "system_database_url": database.engine.url.render_as_string(),
            "system_database_engine": database.engine,
            "executor_id": f"bare-{uuid.uuid4().hex}",
            "application_version": "1",
            "serializer": DBOSPortableJSONSerializer(),
            "use_listen_notify": False,
            "log_level": "ERROR",
        }
    )

    @DBOS.step()
    async def ask(agent: str) -> dict[str, Any]:
        messages = [{"role": "user", "content": f"You are {agent}. Say in one sentence that all is well."}]
        response = await client.post(f"{base_url}/chat/completions", json={"model": MODEL, "messages": messages})
        response.raise_for_status()
        return dict(response.json())

    @DBOS.step()
    async def pass_by(place: int) -> dict[str, int]:
        await asyncio.sleep(0)
        return {"place": place}

    @DBOS.workflow()
    async def workflow(agent: str) -> None:
        await ask(agent)
        for place in range(1, steps):
            await pass_by(place)

    async def work(agent: str) -> None:
        handle = await DBOS.start_workflow_async(workflow, agent)
        await handle.get_result()

    DBOS.launch()
    try:
        async with httpx2.AsyncClient(trust_env=False) as client:
            yield work
    finally:
        DBOS.destroy(destroy_registry=True)
        database.close()


async def _serve(database_url: str, base_url: str, steps: int) -> None:
    async with _launched(database_url, base_url, steps) as work:
        for _ in range(20):
            await work("a")  # what is only slow once is not what is measured
        print(json.dumps("ready"), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            task = json.loads(line)
            result = await _TASKS[task.pop("task")](work, **task)
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2], int(sys.argv[3])))
