"""`harness status`: one screen, from the heartbeat and the database alone.

Standard library only, and it never asks the daemon: what is shown holds also when the daemon is stuck.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from harness.cli.fires import iso
from harness.cli.incidents import incident_json, pause_json
from harness.cli.lazy_group import new_app
from harness.cli.options import JsonOption, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import Place, find_place
from harness.cli.table import table_lines, terminal_width
from harness.daemon.liveness import Liveness
from harness.daemon.nodes import liveness_now
from harness.daemon.overdue import overdue_jobs, planned_slots
from harness.daemon.wording import when
from harness.domain.cause import disabled_cause, tells_of_dead_letters
from harness.domain.pause import PauseRow, covers, scope_name, whose_pause
from harness.domain.run import FireState
from harness.domain.sizes import counted
from harness.store.peek import peek
from harness.store.records import Delivery, OpenFire, OpenIncident
from harness.store.request_records import RequestCounts

app = new_app()

_SHOWN = 4
_EXAMPLES = """\b
Examples:
  harness status
  harness status --json | jq .overdue

\b
JSON: workspace, state_folder, zone, now, daemon {state, pid, started_at,
last_heartbeat_at}, has_ledger, running [{job, run, state, due_at, is_held}],
overdue [{job, since}], next {job, due_at}, last_24h {state: count},
incidents [{cause, message, since, occurrences, jobs}], paused [{scope, by,
reason, since, is_automatic}], outbox [{id, channel, state, attempts, since,
error}], requests {open, for_you, dead}, held_back [file].
daemon.state is alive, starting, draining, stalled, silent, dead, absent or
elsewhere."""


@dataclass(frozen=True, slots=True)
class Status:
    """All that the screen shows; times are aware UTC."""

    place: Place
    liveness: Liveness
    has_ledger: bool = False
    open_fires: tuple[OpenFire, ...] = ()
    overdue: tuple[tuple[str, datetime], ...] = ()
    upcoming: tuple[str, datetime] | None = None
    counts: tuple[tuple[FireState, int], ...] = ()
    incidents: tuple[OpenIncident, ...] = ()
    pauses: tuple[PauseRow, ...] = ()
    outbox: tuple[Delivery, ...] = ()
    requests: RequestCounts = field(default_factory=RequestCounts)

    def is_held(self, entry: OpenFire) -> bool:
        """Return whether a living executor has the fire in its hands, or will take it."""
        return self.liveness.holds(entry.owner)


@app.command(epilog=_EXAMPLES)
def status(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show on one screen whether the team is alive.

    Is a daemon there, what is running, what is overdue and since when, how the last 24 hours went,
    what is broken, what is paused, what waits to be delivered, and which files are held back by a bad edit.
    """
    seen = look(find_place(workspace))
    if as_json:
        emit_json(status_json(seen))
    else:
        say("\n".join(status_lines(seen, terminal_width())))


def look(place: Place) -> Status:
    """Look at heartbeat and database once."""
    with peek(place.database) as ledger:
        liveness = liveness_now(place.state, ledger, place.now)
        if ledger is None:
            return Status(place, liveness)
        planned = ledger.planned_jobs().values()
        overdue = overdue_jobs(planned, liveness, place.now)
        return Status(
            place,
            liveness,
            has_ledger=True,
            open_fires=ledger.open_fires(),
            overdue=overdue,
            upcoming=next((slot for slot in planned_slots(planned) if slot not in overdue), None),
            counts=tuple(ledger.counts_since(place.now - timedelta(hours=24)).items()),
            incidents=ledger.open_incidents(),
            pauses=tuple(ledger.pauses().values()),
            outbox=ledger.unacknowledged_deliveries(),
            requests=ledger.requests.counts(),
        )


def status_lines(seen: Status, width: int) -> list[str]:
    """Return the screen."""
    rows = [("workspace", str(seen.place.root)), ("daemon", _daemon_words(seen)), *_ledger_rows(seen)]
    beat = seen.liveness.heartbeat
    held_back = [f"{path}: the version before your last edit is in force" for path in (beat.held_back if beat else ())]
    rows.extend(_listed("held back", held_back, "harness check says why"))
    return table_lines(rows, width)


def _ledger_rows(seen: Status) -> Iterator[tuple[str, str]]:
    if not seen.has_ledger:
        yield "ledger", "no run yet: nothing has been planned here; start with: harness up"
        return
    held = [entry for entry in seen.open_fires if seen.is_held(entry)]
    waiting = [
        entry
        for entry in seen.open_fires
        if entry.fire.waits_for_answers or (entry in held and entry.fire.state is FireState.SUSPENDED)
    ]
    abandoned = [entry for entry in seen.open_fires if entry not in held and entry not in waiting]
    running = [_open_words(seen, entry) for entry in held if entry not in waiting]
    yield from _listed("running", running, "harness runs", otherwise="nothing")
    yield from _listed("waiting", [_open_words(seen, entry) for entry in waiting], "harness runs")
    yield from _listed("abandoned", [_open_words(seen, entry) for entry in abandoned], "harness up goes on with them")
    overdue = [f"{job_id} since {_moment(seen, moment)}" for job_id, moment in seen.overdue]
    yield from _listed("overdue", overdue, "harness doctor", otherwise="nothing")
    if seen.upcoming is not None:
        job_id, moment = seen.upcoming
        yield "next", f"{job_id} at {_moment(seen, moment)}"
    yield "last 24 h", ", ".join(f"{count} {state}" for state, count in seen.counts) or "no fires"
    told_as_paused = {disabled_cause(scope_name(pause.scope)) for pause in seen.pauses if pause.is_automatic}
    incidents = [
        f"{incident.message} (since {_moment(seen, datetime.fromtimestamp(incident.first_at, UTC))}"
        f"{'' if incident.occurrences == 1 else f', {incident.occurrences} times'})"
        for incident in seen.incidents
        if incident.cause not in told_as_paused and not tells_of_dead_letters(incident.cause)
    ]
    yield from _listed("incidents", incidents, "harness doctor", otherwise="none open")
    paused = [f"{covers(pause.scope)}: {whose_pause(pause, seen.place.zone)}" for pause in seen.pauses]
    yield from _listed("paused", paused, "harness jobs")
    outbox = [_delivery_words(seen, row) for row in seen.outbox if row.state != "dead"]
    yield from _listed("outbox", outbox, "harness doctor", otherwise="empty")
    yield from _given_up(seen)
    yield "requests", _request_words(seen.requests)


def _request_words(counts: RequestCounts) -> str:
    parts = [f"{counts.open} open"] if counts.open else []
    parts += [f"{counts.for_person} for you"] if counts.for_person else []
    parts += ["1 dead letter" if counts.dead == 1 else f"{counts.dead} dead letters"] if counts.dead else []
    see = "harness inbox" if counts.for_person or counts.dead else "harness bus"
    return f"{', '.join(parts)}: {see}" if parts else "none open"


def _given_up(seen: Status) -> Iterator[tuple[str, str]]:
    """Yield one line about the deliveries that nobody will get, however many others wait before them."""
    dead = [row for row in seen.outbox if row.state == "dead"]
    if dead:
        what = counted(len(dead), "delivery", "deliveries")
        yield "given up", f"{what}, the last: {_delivery_words(seen, dead[-1])}; see: harness doctor"


def _delivery_words(seen: Status, row: Delivery) -> str:
    tries = counted(row.attempts, "try", "tries")
    since = _moment(seen, datetime.fromtimestamp(row.created_at, UTC))
    error = f": {row.last_error}" if row.last_error else ""
    return f"{row.run_id} to {row.channel}: {row.state} after {tries}, since {since}{error}"


def _listed(label: str, texts: Sequence[str], see: str, *, otherwise: str = "") -> Iterator[tuple[str, str]]:
    if not texts and otherwise:
        yield label, otherwise
    for number, text in enumerate(texts[:_SHOWN]):
        yield label if number == 0 else "", text
    if len(texts) > _SHOWN:
        yield "", f"and {len(texts) - _SHOWN} more: {see}"


def _daemon_words(seen: Status) -> str:
    beat = seen.liveness.heartbeat
    if seen.liveness.state == "elsewhere":
        return "not here; one is up on another machine, see: harness nodes"
    if beat is None:
        return "not running; start it with: harness up"
    last = _moment(seen, datetime.fromtimestamp(beat.at, UTC))
    started = _moment(seen, datetime.fromtimestamp(beat.started_at, UTC))
    match seen.liveness.state:
        case "alive":
            return f"alive, pid {beat.pid}, since {started}"
        case "starting":
            return f"starting, pid {beat.pid}, since {started}"
        case "draining":
            return f"stopping, pid {beat.pid}{_in_flight(beat.in_flight)}"
        case "stalled":
            silent = "; ".join(
                f"{silent.part} has not answered since {_moment(seen, datetime.fromtimestamp(silent.since, UTC))}"
                for silent in beat.silent_parts
            )
            return f"STALLED: pid {beat.pid} is there, {silent}; harness logs says what it hangs in"
        case "silent":
            return f"SILENT: pid {beat.pid} is there, its last sign of life was at {last}"
        case _:
            return f"DEAD: pid {beat.pid} is gone, its last sign of life was at {last}; start it with: harness up"


def _in_flight(number: int) -> str:
    if not number:
        return ""
    verb = "is given its time" if number == 1 else "are given their time"
    return f": {counted(number, 'run')} in flight {verb} to end"


def _open_words(seen: Status, entry: OpenFire) -> str:
    bound = f", bound to {entry.node}" if entry.node else ""
    reason = f", {entry.fire.reason}" if entry.fire.reason else ""
    state = "" if entry.fire.waits_for_answers else f", {entry.fire.state}"
    return f"{entry.fire.job_id}{state}{reason}, due {_moment(seen, entry.fire.due_at)}{bound}"


def _moment(seen: Status, moment: datetime) -> str:
    return when(moment, seen.place.zone, seen.place.now)


def status_json(seen: Status) -> dict[str, Any]:
    """Return the same as data."""
    beat = seen.liveness.heartbeat
    return {
        "workspace": str(seen.place.root),
        "state_folder": str(seen.place.state.root),
        "zone": seen.place.zone,
        "now": iso(seen.place.now),
        "daemon": {
            "state": seen.liveness.state,
            "pid": None if beat is None else beat.pid,
            "started_at": None if beat is None else iso(beat.started_at),
            "last_heartbeat_at": None if beat is None else iso(beat.at),
        },
        "has_ledger": seen.has_ledger,
        "running": [
            {
                "job": entry.fire.job_id,
                "run": entry.fire.run_id,
                "state": str(entry.fire.state),
                "due_at": iso(entry.fire.due_at),
                "is_held": seen.is_held(entry),
            }
            for entry in seen.open_fires
        ],
        "overdue": [{"job": job_id, "since": iso(moment)} for job_id, moment in seen.overdue],
        "next": None if seen.upcoming is None else {"job": seen.upcoming[0], "due_at": iso(seen.upcoming[1])},
        "last_24h": {str(state): count for state, count in seen.counts},
        "incidents": [incident_json(incident) for incident in seen.incidents],
        "paused": [pause_json(pause) for pause in seen.pauses],
        "outbox": [
            {
                "id": row.id,
                "channel": row.channel,
                "state": row.state,
                "attempts": row.attempts,
                "since": iso(row.created_at),
                "error": row.last_error,
            }
            for row in seen.outbox
        ],
        "requests": {
            "open": seen.requests.open,
            "for_you": seen.requests.for_person,
            "dead": seen.requests.dead,
        },
        "held_back": list(beat.held_back) if beat is not None else [],
    }
