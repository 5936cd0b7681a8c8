"""The bus under kills: agents that ask one another and wait, while their daemons die, and what is left of it."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select

from chaos.bus_claims import BusEvidence, Waited, bus_violations
from chaos.bus_model import BusModel
from chaos.bus_work import Work, plan_work
from chaos.claims import Expected, Violation, repeated_effects, violations
from chaos.cluster import Cluster
from chaos.evidence import Evidence, read_evidence
from chaos.report import Report
from chaos.team import DIGESTS, jobs_of, write_agents
from chaos.trouble import Trouble, plan_trouble
from chaos.watch import Tell, Watch
from harness.domain.errors import TransientError
from harness.domain.request import USER, RequestState, request_of_job
from harness.store.address import URL_VARIABLE, DatabaseAddress
from harness.store.request_log import events_of
from harness.store.tables import request, run, suspension
from harness.wiring.bus import Bus, open_bus

SETTLE_TIMEOUT_S = 240.0
_CHAIN = "every fire has one chain of runs"
"""What the storm says of attempts is said here of runs that wait as well, as another claim."""
_WENT_ON = ("attempt", "waited", "suspended")
_USUAL_START_S = 2.0
_SLOWEST_PACE = 4.0
_LOOK_EVERY_S = 0.25
_SEND_PATIENCE_S = 60.0
_SETTINGS = """
[bus]
max_open = 4
max_depth = 6
per_hour = 10000
"""


@dataclass(frozen=True, slots=True)
class BusSpec:
    """How much of it there is."""

    seed: int
    requests: int = 500
    kills: int = 120
    daemons: int = 3
    agents: int = 6


@dataclass(frozen=True, slots=True)
class BusPlay:
    """What came of it."""

    evidence: Evidence
    bus: BusEvidence
    violations: Sequence[Violation]
    plan: Sequence[Trouble]
    lasted_s: float
    settled_s: float

    def report(self) -> Report:
        """Return what happened, in figures."""
        works, logs = self.bus.works, self.bus.logs
        waiting = sum(work.waits and bool(work.asks) for work in works)
        kinds = Counter(event.body.kind for log in logs.values() for event in log)
        figures = [
            ("lasted, settled in", f"{self.lasted_s:.0f} s, {self.settled_s:.0f} s"),
            ("blows", _counts(trouble.blow.value for trouble in self.plan)),
            ("requests, finals", f"{len(logs)} of {len(works)}, {kinds['final']}"),
            ("works that waited, went on", f"{waiting}, {sum(one.runs for one in self.bus.waited)}"),
            ("runs, recorded steps", f"{len(self.evidence.runs)}, {len(self.evidence.steps)}"),
            ("effects, repeated", f"{len(self.evidence.effects)}, {repeated_effects(self.evidence)}"),
        ]
        return Report("requests under kills", figures, self.violations)


def play_bus(spec: BusSpec, address: DatabaseAddress, folder: Path, tell: Tell) -> BusPlay:
    """Play it in an empty folder, let every request come to its end, and judge what is left."""
    agents = [f"agent-{number}" for number in range(1, spec.agents + 1)]
    works = plan_work(spec.seed, spec.requests, agents)
    plan = plan_trouble(spec.seed, [f"node-{number}" for number in range(1, spec.daemons + 1)], spec.kills)
    with BusModel(works, spec.seed) as model, Watch(address, tell) as watch:
        root = write_agents(folder / "workspace", model.server.base_url, agents, settings=_SETTINGS)
        with Cluster(spec.daemons, root, folder, address) as cluster:
            pace = min(_SLOWEST_PACE, max(1.0, cluster.start_and_wait() / _USUAL_START_S))
            begun = time.monotonic()
            person = _Person(root, folder, address, [work for work in works if work.is_first], plan[-1].at_s * pace)
            with person:
                cluster.suffer(plan, lambda done: watch.tell(f"{done} of {len(plan)} blows"), pace=pace)
                cluster.start_and_wait()
            lasted_s = time.monotonic() - begun
            settled_s = _settle(watch, len(works))
            cluster.stop()
            nodes = cluster.nodes.values()
            evidence = read_evidence(watch.database, jobs_of(root), nodes, model.effects, folder / DIGESTS)
            bus = _read_bus(watch, works, model)
    found = [*bus_violations(bus), *violations(evidence, Expected(), but=(_CHAIN,))]
    return BusPlay(evidence, bus, found, plan, lasted_s, settled_s)


class _Person:
    """Asks for the first works from another thread, one after another, spread over the time of the blows."""

    def __init__(
        self, root: Path, folder: Path, address: DatabaseAddress, works: Sequence[Work], within_s: float
    ) -> None:
        self._bus = open_bus(root, {"HARNESS_HOME": str(folder / "person"), URL_VARIABLE: address.url})
        self._works = works
        self._pause_s = within_s / (len(works) + 1)
        self._stopped = threading.Event()
        self._threads = ThreadPoolExecutor(1)

    def __enter__(self) -> None:
        self._asking = self._threads.submit(self._ask_for_all)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._stopped.set()
        with self._threads, self._bus:
            self._asking.result()

    def _ask_for_all(self) -> None:
        for work in self._works:
            _send(self._bus, work)
            if self._stopped.wait(self._pause_s):
                return


def _send(bus: Bus, work: Work) -> None:
    """Ask for the work; a database that is locked for the moment is asked again, which makes no second request."""
    deadline = time.monotonic() + _SEND_PATIENCE_S
    while True:
        try:
            bus.send(work.agent, work.task, sender=USER, key=f"work-{work.number}")
            return
        except TransientError:
            if time.monotonic() >= deadline:
                raise


def _settle(watch: Watch, requests: int) -> float:
    """Wait until all requests are there and final, and nothing is open; return how long it took."""
    begun = time.monotonic()
    while (waited_s := time.monotonic() - begun) < SETTLE_TIMEOUT_S:
        if _finals(watch) >= requests and watch.figures().is_drained:
            break
        watch.tell(f"{_finals(watch)} of {requests} finals")
        time.sleep(_LOOK_EVERY_S)
    return waited_s


def _finals(watch: Watch) -> int:
    with watch.database.read() as connection:
        final = select(func.count()).where(request.c.state == str(RequestState.FINAL))
        return int(connection.execute(final).scalar_one())


def _read_bus(watch: Watch, works: Sequence[Work], model: BusModel) -> BusEvidence:
    with watch.database.read() as connection:
        ids = list(connection.execute(select(request.c.id).order_by(request.c.id)).scalars())
        return BusEvidence(
            works=works,
            logs={request_id: events_of(connection, request_id) for request_id in ids},
            waited=tuple(_waited(connection)),
            read=model.read,
            last_runs=_last_runs(connection),
        )


def _waited(connection: Connection) -> Iterable[Waited]:
    runs = Counter(connection.execute(select(run.c.id)).scalars())
    query = select(suspension.c.run_id, suspension.c.continued_as).order_by(suspension.c.run_id)
    for run_id, continued_as in connection.execute(query):
        yield Waited(run_id, continued_as, runs[continued_as])


def _last_runs(connection: Connection) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for job_id, run_id, stop in connection.execute(select(run.c.job_id, run.c.id, run.c.stop).order_by(run.c.id)):
        if request_of_job(job_id) is not None and stop not in _WENT_ON:
            found[job_id].append(run_id)
    return found


def _counts(things: Iterable[str]) -> str:
    return ", ".join(f"{count} {thing}" for thing, count in Counter(things).most_common())
