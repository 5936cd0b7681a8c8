"""Orders about requests: carried out by the daemon if one is up, otherwise written down here."""

from __future__ import annotations

from typing import Any

from harness.cli.failures import line_about
from harness.cli.output import note
from harness.cli.place import Place
from harness.daemon.control_client import DaemonSilent, NoDaemon, ask
from harness.daemon.nodes import liveness_now
from harness.domain.errors import HarnessError
from harness.domain.request import USER
from harness.store.peek import peek
from harness.store.request_records import RequestRecord

_SILENCE_S = 30.0


def send_order(place: Place, order: dict[str, Any]) -> dict[str, Any]:
    """Send what is asked for, through the daemon if one is up; raises as `send_through_daemon` does.

    Without one the person is told that nobody goes on with it yet.
    """
    try:
        return send_through_daemon(place, order)
    except NoDaemon:
        sent = give_order(place, "bus_send", **order)
    if order["receiver"] != USER or order.get("watch") is not None:
        tell_if_nobody_goes_on(place)
    return sent


def send_through_daemon(place: Place, order: dict[str, Any]) -> dict[str, Any]:
    """Send what is asked for, and return what the daemon answers.

    Raises NoDaemon, and DaemonSilent where nobody can say whether it was sent; then the person is told its key.
    """
    try:
        return ask(place.state, "bus_send", _SILENCE_S, **order)
    except DaemonSilent:
        note(f"whether it was sent is not known; repeated with the key {order['key']} it is sent once at most")
        raise


def give_order(place: Place, command: str, **arguments: Any) -> dict[str, Any]:
    """Have one of the daemon's `bus_…` commands carried out, and return its answer; raises as that does."""
    try:
        return ask(place.state, command, _SILENCE_S, **arguments)
    except NoDaemon:
        # Only now, because it brings the database library.
        from harness.cli.log_lines import log_lines
        from harness.daemon.once import bus_once

        with log_lines():
            return bus_once(place.root, place.environ, command, arguments)


def tell_if_nobody_goes_on(place: Place) -> None:
    """Tell the person, on stderr, that no daemon is there."""
    with peek(place.database) as look:
        liveness = liveness_now(place.state, look, place.now)
    if not liveness.is_alive:
        note("no daemon is there to go on with it: harness up")


def note_read(place: Place, record: RequestRecord) -> None:
    """Write down that the person knows what came of their request, so that it waits for them no longer.

    What they were shown holds also where that cannot be written now: then it is only shown once more.
    """
    if record.sender != USER or record.is_open or record.noticed_at is not None:
        return
    try:
        give_order(place, "bus_read", request=record.id)
    except HarnessError as error:
        note(f"{record.id} stays in the inbox: {line_about(error)}")
