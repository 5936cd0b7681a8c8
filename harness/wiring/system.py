"""The harness as one value: what a daemon, a single command and a rehearsal begin, use and close."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from harness.bus.files.inbox_folder import InboxFolder, TakenIn
from harness.bus.files.mirrors import Mirrored, Mirrors
from harness.bus.team import Team
from harness.domain.errors import HarnessError, TransientError
from harness.memory.index import Refreshed
from harness.ports import Clock, Engine
from harness.runs.alerts import GATHER_S, deliver_alerts, tell_incidents
from harness.runs.cancelling import carry_out_cancels
from harness.runs.deadlines import enforce_deadlines
from harness.runs.dispatcher import Dispatcher
from harness.runs.examining import Examiner
from harness.runs.incidents import LedgerIncidents
from harness.runs.nodes import Membership
from harness.runs.pausing import pause_failing_jobs
from harness.runs.recovery import Reconciler
from harness.runs.requests.duties import BusDuties, BusServed
from harness.runs.requests.to_person import keep_dead_letters_told, tell_urgent_requests
from harness.runs.retention import Retained, retain
from harness.runs.services import RunServices
from harness.runs.shedding import end_budget_incidents
from harness.runs.turnstile import Turnstile
from harness.runs.workflows import RunWorkflow
from harness.store.database import Database
from harness.store.nodes import Role
from harness.store.request_duties import next_moment
from harness.store.runs import RunRow
from harness.store.state_folder import StateFolder
from harness.wiring.memory import MemoryShelf
from harness.workspace.current import CurrentWorkspace

MIRRORS = "daemon mirrors"
"""The cause of the incident that the mirrors of requests cannot be written; it is named after the daemon's duty."""

log = logging.getLogger("harness.system")


@dataclass(frozen=True, slots=True)
class System:
    """The harness, put together and not started. `close` gives everything back."""

    workspace: CurrentWorkspace
    state: StateFolder
    database: Database
    clock: Clock
    engine: Engine
    membership: Membership
    dispatcher: Dispatcher
    reconciler: Reconciler
    incidents: LedgerIncidents
    services: RunServices
    memory: MemoryShelf
    bus: BusDuties
    team: Callable[[], Team]
    mirrors: Mirrors
    inbox: InboxFolder
    examiner: Examiner
    is_shared: bool
    """Whether other daemons may use the same database."""
    turnstile: Turnstile = field(default_factory=Turnstile)
    """Passed by all that use the engine: it is closed while a new life begins."""

    def launch(self, role: Role = "once") -> None:
        """Begin a life as an executor: the runs that this installation's earlier lives had not finished go on."""
        self.join(role)
        self.membership.take_over(only_own=True)
        self.dispatcher.restart_claimed()

    def join(self, role: Role = "once") -> None:
        """Begin a life as an executor that goes on with nothing yet; what was cancelled meanwhile is closed."""
        self.engine.launch(RunWorkflow(self.services), self.membership.join(role))
        self.carry_out_cancels()

    def beat(self, *, is_draining: bool = False) -> None:
        """Say that this life goes on.

        If others have declared it lost meanwhile, because the machine slept, they have its runs: what it
        still does to them is parked, and a new life begins.
        """
        if self.membership.beat("draining" if is_draining else "up"):
            return
        log.error("this daemon was declared lost while it did not answer; its runs went on elsewhere")
        with self.turnstile.alone():
            self.engine.close()
            self.launch(self.membership.role)

    def adopt(self) -> list[str]:
        """Go on with the runs of other daemons that are gone; return the runs' ids."""
        with self.turnstile.passing():
            return self.membership.take_over()

    def dispatch(self) -> list[str]:
        """Begin the queued runs that may run now; return their ids."""
        with self.turnstile.passing():
            return self.dispatcher.dispatch()

    def serve_bus(self) -> BusServed:
        """Do what is due for requests now; cheap if nothing is."""
        return self.bus.serve(self.team(), self.clock.now())

    def mirror(self) -> Mirrored:
        """Write what the log of requests says into the files that people read; raises OSError as `Mirrors.look`."""
        return self.mirrors.look(self.clock.now())

    def mirror_at_the_end(self) -> None:
        """Mirror as far as it goes: what one command was asked for does not fail because a file cannot be written."""
        try:
            self.mirror()
        except OSError as error:
            self.incidents.open(MIRRORS, str(error))  # closed by the daemon's own duty, or the next command
        else:
            if self.incidents.open_causes(MIRRORS):
                self.incidents.resolve(MIRRORS)

    def learn(self) -> int:
        """Write into the agents' files what ended runs show; return how many runs. What cannot be is an incident."""
        return self.examiner.look()

    def learn_at_the_end(self) -> None:
        """Learn as far as it goes: the runs keep their mark, and whoever comes next goes on."""
        try:
            self.learn()
        except TransientError as error:
            log.warning("nothing is learned from the last runs yet: %s", error)

    def take_dropped(self) -> TakenIn:
        """Take what was dropped into the inbox folder; raises OSError as `InboxFolder.look`."""
        return self.inbox.look(self.clock.now())

    def next_for_bus(self) -> datetime | None:
        """Return when something is to be done for a request at the latest."""
        with self.database.read() as connection:
            return next_moment(connection, self.clock.now())

    def tell_incidents(self, *, gather_s: float = GATHER_S) -> None:
        """Pause jobs that keep failing; tell the person what is broken, what works again, and what is asked of them.

        What is new waits `gather_s` for others, so that one cause is one message.
        """
        settings, now = self.workspace().settings, self.clock.now()
        pause_failing_jobs(self.database, self.workspace(), now)
        keep_dead_letters_told(self.database, now)
        end_budget_incidents(self.database, self.workspace(), now)
        tell_urgent_requests(self.database, settings, now, notice=self.services.notice)
        tell_incidents(self.database, settings, now, notice=self.services.notice, gather_s=gather_s)
        deliver_alerts(self.database, self.services.channels(settings), settings, now)

    def carry_out_cancels(self) -> list[str]:
        """Interrupt and close what somebody wants cancelled; return the runs' ids."""
        with self.turnstile.passing():
            return carry_out_cancels(self.database, self.engine, self.membership.executor_id, self.clock.now())

    def enforce_deadlines(self) -> list[str]:
        """Close what is over its deadline; return the runs' ids."""

        def is_ours(run: RunRow) -> bool:
            return run.owner == self.membership.executor_id or run.owner in self.membership.gone()

        with self.turnstile.passing():
            return enforce_deadlines(self.database, self.engine, is_ours, self.clock.now())

    def reconcile(self) -> list[str]:
        """Start what was claimed and never started, and close what can no longer finish; return what was closed."""
        with self.turnstile.passing():
            self.dispatcher.restart_claimed()
            return self.reconciler.reconcile(self.clock.now())

    def retain(self) -> Retained:
        """Delete what is older than the settings keep; what cannot be deleted is an incident until it can."""
        with self.turnstile.passing():
            kept = retain(self.database, self.engine, self.state, self.workspace(), self.clock.now())
        log.info("retention: %s", kept)
        if kept.problems:
            self.incidents.open("retention", kept.problem)
        elif self.incidents.open_causes("retention"):
            self.incidents.resolve("retention")
        return kept

    def refresh_memory(self) -> Refreshed:
        """Bring the index of memory up to date with the files; cheap if none of them changed."""
        return self.memory.refresh(self.workspace())

    def close(self) -> None:
        """Stop the engine, say that this life is over, and release processes, connections and files."""
        self.dispatcher.close()
        self.engine.close()
        self.services.parser.close()
        try:
            self.membership.leave()
        except HarnessError as error:  # others notice by the heartbeat
            log.error("could not say that this daemon leaves: %s", error)
        self.database.close()
