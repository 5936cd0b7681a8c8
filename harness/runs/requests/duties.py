"""What the tick does for requests: watch, time out, deliver, note, and repair what a fault left undone.

Each change is a transaction of its own, judged anew inside it: several daemons may do this at the same moment, and
whoever dies in between leaves a change whole or not begun.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from harness.bus.continuations import continue_if_answered
from harness.bus.log import standing_of
from harness.bus.notices import forget_told, tell_instead
from harness.bus.post_office import deliver_one, deliver_waiting, deliverable, has_deliverable
from harness.bus.progress import is_due_for_note, note_progress
from harness.bus.team import Team
from harness.bus.watches import Place, look, settle
from harness.domain.errors import HarnessError, TransientError
from harness.runs.requests.ends import time_out_request
from harness.runs.requests.faults import BusFaults
from harness.runs.requests.notes import Recorded, what_is_known
from harness.runs.roundtable.given_up import give_up_seat, seats_given_up
from harness.store.database import Database
from harness.store.request_duties import pending, quiet_requests, untold
from harness.store.requests import RequestRow, overdue_requests, postpone_delivery, watched_requests
from harness.store.suspensions import answered_runs

AT_ONCE = 100
"""How many requests of a kind are served in one tick; the next tick goes on."""
WATCH_EVERY = timedelta(seconds=1)
NOTE_EVERY = timedelta(seconds=5)
REPAIR_EVERY = timedelta(seconds=15)
HELD_BACK_FOR = timedelta(minutes=10)
"""How long a request is not tried again whose delivery breaks."""
TELL_AFTER = timedelta(days=4)
"""How long the end of a request may wait for its sender's next prompt, or for the person's eye.

Longer than from a Friday to a Monday: an agent that works on weekdays hears of it itself.
"""


@dataclass(frozen=True, slots=True)
class BusServed:
    """The ids of the requests that a tick did something for; of `continued`, those of the runs that go on."""

    watched: tuple[str, ...] = ()
    timed_out: tuple[str, ...] = ()
    delivered: tuple[str, ...] = ()
    noted: tuple[str, ...] = ()
    continued: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    given_up: tuple[str, ...] = ()

    @property
    def is_nothing(self) -> bool:
        return self == BusServed()


@dataclass(slots=True)
class BusPace:
    """When the duties that need not be done in every tick are done again.

    A clock that is set back makes nothing wait: what was done in the future is done again.
    """

    watch_from: int = 0
    """Where the next look at watches begins, if there are more than one tick looks at."""
    _done_at: dict[str, datetime] = field(default_factory=dict)

    def is_time(self, duty: str, every: timedelta, now: datetime) -> bool:
        """Say whether the duty is to be done now, which then counts as done."""
        last = self._done_at.get(duty)
        if last is not None and last <= now < last + every:
            return False
        self._done_at[duty] = now
        return True


class BusDuties:
    """The duties of one executor. `recorded` returns the finished steps of a run; `state` is the state folder."""

    def __init__(self, database: Database, state: Path, recorded: Recorded) -> None:
        self._database = database
        self._state = state
        self._recorded = recorded
        self._pace = BusPace()
        self._faults = BusFaults(database)

    def serve(self, team: Team, now: datetime) -> BusServed:
        """Do what is due for requests now. Cheap if nothing is: one statement, which indexes answer.

        What is overdue times out after a last look at what it watches, and makes room for what waits. Raises
        TransientError if the database cannot be written for now.
        """
        with self._database.read() as connection:
            there_is = pending(connection, now)
        watched = self.serve_watches(team, now) if there_is.watched else ()
        timed_out = self.serve_deadlines(now) if there_is.overdue else ()
        delivered = self.deliver(team, now) if there_is.waiting else ()
        noted = self.serve_progress(now) if self._pace.is_time("note", NOTE_EVERY, now) else ()
        if not self._pace.is_time("repair", REPAIR_EVERY, now):
            return BusServed(watched, timed_out, delivered, noted)
        self._faults.resolve_past(now)
        forget_told(self._database, now)
        return BusServed(
            watched,
            timed_out,
            delivered,
            noted,
            self.serve_waiting(now),
            self.serve_notices(team, now),
            self.serve_tables(now),
        )

    def serve_deadlines(self, now: datetime) -> tuple[str, ...]:
        """Give what is overdue its final, as a dead letter, and stop whoever works on it; return the requests' ids."""
        with self._database.read() as connection:
            overdue = [row.id for row in overdue_requests(connection, now, AT_ONCE)]
        return self._faults.all_of(overdue, lambda request_id: time_out_request(self._database, request_id, now), now)

    def deliver(self, team: Team, now: datetime) -> tuple[str, ...]:
        """Give every receiver what it takes now; return the requests' ids."""
        with self._database.read() as connection:
            if not has_deliverable(connection, team, now):
                return ()
        try:
            with self._database.write(alone=True) as connection:
                return tuple(deliver_waiting(connection, team, now))
        except TransientError:
            raise
        except HarnessError:
            return self._deliver_singly(team, now)

    def serve_progress(self, now: datetime) -> tuple[str, ...]:
        """Write a note for what is near its due time and from which nothing was heard; return the requests' ids."""
        with self._database.read() as connection:
            quiet = {one.id: one for one in quiet_requests(connection, now) if is_due_for_note(one, now)}

        def note(request_id: str) -> bool:
            with self._database.read() as connection:
                seen = what_is_known(connection, standing_of(connection, request_id), self._recorded)
            with self._database.write(alone=True) as connection:
                return note_progress(connection, quiet[request_id], seen, now) is not None

        return self._faults.all_of(list(quiet)[:AT_ONCE], note, now)

    def serve_watches(self, team: Team, now: datetime) -> tuple[str, ...]:
        """Look at what is watched, at most once a second; return the ids of the requests that are final by it.

        If it is more than one tick looks at, all have their turn.
        """
        if not self._pace.is_time("watch", WATCH_EVERY, now):
            return ()
        with self._database.read() as connection:
            rows = {row.id: row for row in self._turn(watched_requests(connection), now)}
        place = Place(team, self._state)
        return self._faults.all_of(rows, lambda request_id: self._look(rows[request_id], place, now), now)

    def serve_waiting(self, now: datetime) -> tuple[str, ...]:
        """Go on with the runs whose requests are all final and with which nothing goes on; return the new runs' ids.

        Whoever writes the last final does this in the same transaction; what is found here was left by a fault.
        """

        def go_on(run_id: str) -> str | None:
            with self._database.write(alone=True) as connection:
                return continue_if_answered(connection, run_id, now)

        with self._database.read() as connection:
            left = answered_runs(connection)
        went_on = [self._faults.guarded(run_id, partial(go_on, run_id), now) for run_id in left]
        return tuple(run_id for run_id in went_on if run_id is not None)

    def serve_notices(self, team: Team, now: datetime) -> tuple[str, ...]:
        """Tell the person of ends that their senders will not hear of any more; return the requests' ids."""
        with self._database.read() as connection:
            lost = untold(connection, team.parties, now - TELL_AFTER, AT_ONCE)

        def tell(request_id: str) -> bool:
            with self._database.write(alone=True) as connection:
                return tell_instead(connection, request_id, now)

        return self._faults.all_of(lost, tell, now)

    def serve_tables(self, now: datetime) -> tuple[str, ...]:
        """End what is still asked at roundtables whose chair will not come back; return the requests' ids."""
        with self._database.read() as connection:
            seats = seats_given_up(connection)
        return self._faults.all_of(seats, lambda request_id: give_up_seat(self._database, request_id, now), now)

    def _deliver_singly(self, team: Team, now: datetime) -> tuple[str, ...]:
        """Give each request to its receiver in a transaction of its own: one of them cannot be given to anybody."""
        with self._database.read() as connection:
            rows = {row.id: row for row in deliverable(connection, team, now)}

        def give(request_id: str) -> bool:
            try:
                with self._database.write(alone=True) as connection:
                    return deliver_one(connection, rows[request_id], team, now)
            except TransientError:
                raise
            except HarnessError as error:
                # It stands at the head of its queue, and would be tried first in every tick.
                with self._database.write() as connection:
                    postpone_delivery(connection, request_id, str(error), until=now + HELD_BACK_FOR, failed=False)
                raise

        return self._faults.all_of(rows, give, now)

    def _turn(self, rows: list[RequestRow], now: datetime) -> list[RequestRow]:
        """Return whose turn it is to be looked at, and what is overdue: it may have happened while nobody was awake."""
        rows = [row for row in rows if row.deliver_after is None or row.deliver_after <= now.timestamp()]
        if not rows:
            return []
        start = self._pace.watch_from % len(rows)
        turn = [*rows[start:], *rows[:start]][:AT_ONCE]
        self._pace.watch_from = start + len(turn)
        overdue = [row for row in rows if row.due_at <= now.timestamp()]
        return [*turn, *overdue[:AT_ONCE]]

    def _look(self, row: RequestRow, place: Place, now: datetime) -> bool:
        with self._database.read() as connection:
            looked = look(connection, row.id, place, now)
        is_final = False
        if looked.is_news_for(row):
            with self._database.write(alone=True) as connection:
                is_final = settle(connection, row, looked, now) is not None
        if looked.trouble:
            raise HarnessError(looked.trouble)
        return is_final
