"""The bus for the person and for programs: asking, looking, answering, and settling what was not worked to its end.

    with open_bus(Path("my-team")) as bus:
        asked = bus.send("scout", "What changed in SQLite this week?")
        print(bus.wait(asked.standing.request.id, timeout_s=600).conclusion)

What is sent is on disk when `send` returns. A daemon that is up begins with it within a second; without one it
waits until there is one.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from harness.bus.dead_letters import drop, resend
from harness.bus.ending import answer
from harness.bus.evidence import look_at_for_person
from harness.bus.log import standing_of
from harness.bus.notices import note_told
from harness.bus.sending import Ask, Sent, send
from harness.bus.team import Team
from harness.domain.errors import HarnessError, TransientError
from harness.domain.job import Priority
from harness.domain.request import USER, Event, Final, RequestState, Result, Standing, Verdict, Watch
from harness.runs.requests.ends import cancel_request
from harness.runs.wall_clock import WallClock
from harness.store.database import Database
from harness.store.json_codec import from_json
from harness.store.request_log import events_of
from harness.store.requests import RequestRow, requests_in
from harness.store.state_folder import StateFolder, state_folder
from harness.wiring.files import load
from harness.wiring.installation import open_database
from harness.wiring.team import team_of

if TYPE_CHECKING:
    from harness.wiring.system import System

_LOOK_EVERY_S = 0.2


class Bus:
    """The requests of one workspace. Every method is one transaction, and blocks for milliseconds but for `wait`.

    All of them raise HarnessError: UnknownRequest for an id that there is not, Refused with the name of the rule
    that says no, IllegalTransition for what does not follow from what the request has come to, TransientError while
    the database is locked or cannot be reached.
    """

    def __init__(
        self,
        database: Database,
        state: StateFolder,
        team: Callable[[], Team],
        now: Callable[[], datetime],
        *,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._state = state
        self._team = team
        self._now = now
        self._close = close

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back the database."""
        self._close()

    def send(
        self,
        receiver: str,
        task: str,
        *,
        sender: str = USER,
        key: str | None = None,
        due_at: datetime | None = None,
        background: str = "",
        inputs: Sequence[str] = (),
        expected_output: str = "",
        acceptance: Sequence[str] = (),
        fallback: str = "",
        priority: Priority = "normal",
        watch: Watch | None = None,
    ) -> Sent:
        """Ask `receiver`, an agent or `user`, for something; see `harness.domain.request.Request` for the fields.

        The same `key` of one sender is one request, however often it is sent; without one each is another. With a
        `watch` nobody works on it: it is final when that has happened.
        """
        wanted = Ask(
            sender=sender,
            receiver=receiver,
            task=task,
            key=key or uuid4().hex,
            due_at=due_at,
            background=background,
            inputs=tuple(inputs),
            expected_output=expected_output,
            acceptance=tuple(acceptance),
            fallback=fallback,
            priority=priority,
            watch=watch,
        )
        return self.ask(wanted)

    def ask(self, wanted: Ask) -> Sent:
        """Ask for what is already put into words as an `Ask`; as `send`."""
        team = self._team()  # the files are read before the database is held
        with self._database.write(alone=True) as connection:
            return send(connection, wanted, team, self._now())

    def show(self, request_id: str) -> Standing:
        """Return what the request has come to."""
        with self._database.read() as connection:
            return standing_of(connection, request_id)

    def log(self, request_id: str) -> tuple[Event, ...]:
        """Return all that has happened to the request, in its order; empty if there is no such request."""
        with self._database.read() as connection:
            return tuple(events_of(connection, request_id))

    def list(
        self,
        *,
        state: RequestState | None = None,
        sender: str | None = None,
        receiver: str | None = None,
        dead: bool | None = None,
        limit: int | None = None,
    ) -> tuple[RequestRow, ...]:
        """Return the requests that are all of this, newest first. `dead`: dead letters that nobody has settled."""
        states = None if state is None else (state,)
        with self._database.read() as connection:
            return tuple(
                requests_in(connection, states=states, sender=sender, receiver=receiver, dead=dead, limit=limit)
            )

    def wait(self, request_id: str, timeout_s: float) -> Final:
        """Return what the request came to, as soon as it is final, whatever that is.

        If the person asked, they count as told. Raises TransientError after `timeout_s`; the request stays open then.
        """
        deadline, pause = time.monotonic() + timeout_s, threading.Event()
        while True:
            standing = self.show(request_id)
            if standing.final is not None:
                self.note_read(request_id)
                return standing.final
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TransientError(f"request {request_id} is {standing.state} after {timeout_s:g} s; it stays open")
            pause.wait(min(_LOOK_EVERY_S, left_s))

    def note_read(self, request_id: str) -> bool:
        """Write down that the person knows what their request came to; False if it is not theirs, open, or known."""
        with self._database.write(alone=True) as connection:
            standing = standing_of(connection, request_id, for_change=True)
            is_news = standing.final is not None and standing.noticed_at is None
            if not is_news or standing.request.sender != USER:
                return False
            note_told(connection, [request_id], USER, self._now())
            return True

    def answer(
        self,
        request_id: str,
        conclusion: str,
        *,
        result: Result = "done",
        evidence: Sequence[str] = (),
        actions: Sequence[str] = (),
        verdict: Verdict | None = None,
        by: str = USER,
    ) -> Standing:
        """Give a request to the person its one final: `done`, `failed` or `rejected`.

        `evidence` are paths of the workspace. Raises ToolError if one is missing or empty.
        """
        files = look_at_for_person(evidence, self._team().workspace.root, self._state.root)
        final = Final(result, conclusion.strip(), files, tuple(actions), verdict)
        with self._database.write(alone=True) as connection:
            return answer(connection, request_id, final, by=by, now=self._now())

    def cancel(self, request_id: str, reason: str = "", *, by: str = USER) -> Standing:
        """End a request that nobody wants any more, and stop the run that works on it."""
        with self._database.write(alone=True) as connection:
            standing = cancel_request(connection, request_id, reason, by=by, now=self._now())
            if standing.request.sender == by:
                # Whoever takes back their own request knows what came of it.
                note_told(connection, [request_id], by, self._now())
            return standing_of(connection, request_id)

    def resend(self, request_id: str, *, force: bool = False, by: str = USER) -> Sent:
        """Ask for a dead letter's work again, as another request.

        Raises Refused (`may-do-twice`) with what may be done twice, unless nobody began to work on it or `force`.
        """
        team = self._team()
        with self._database.write(alone=True) as connection:
            return resend(connection, request_id, team, self._now(), by=by, force=force)

    def drop(self, request_id: str, reason: str, *, by: str = USER) -> Standing:
        """Give a dead letter up, for a reason that stands in its log."""
        with self._database.write(alone=True) as connection:
            return drop(connection, request_id, reason, by=by, now=self._now())


def open_bus(root: Path | str, environ: Mapping[str, str] = os.environ) -> Bus:
    """Open the bus of the workspace in the folder `root`; use it in a `with` block, or close it.

    `environ` may name the state folder (HARNESS_HOME) and the database. Works beside a running daemon and without
    one. Raises OwnerError for a workspace, a state folder or a database that cannot be used.
    """
    folder, clock = Path(root).expanduser().resolve(), WallClock()
    state = state_folder(folder, environ)
    workspace = load(folder, environ, now=clock.now()).workspace
    database = open_database(folder, environ, state, workspace.settings)

    def team() -> Team:
        return team_of(load(folder, environ, now=clock.now()).workspace)

    return Bus(database, state, team, clock.now, close=database.close)


def bus_of(system: System) -> Bus:
    """Return the bus of a harness that is at work; closing it closes nothing of that."""
    return Bus(system.database, system.state, lambda: team_of(system.workspace()), system.clock.now)


def ask_of(fields: Mapping[str, Any]) -> Ask:
    """Return what is wanted, from the JSON object of a command; the person asks where it names nobody.

    Raises HarnessError for an object of another shape.
    """
    try:
        return from_json(Ask, {"sender": USER, **fields})
    except ValueError as error:
        raise HarnessError(f"this is no request: {error}") from error
