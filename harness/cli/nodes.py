"""`harness nodes`: the daemons that share the database, and what is bound to each."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from harness.cli.fires import iso
from harness.cli.lazy_group import new_app
from harness.cli.loading import load_workspace
from harness.cli.options import JsonOption, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import Place, find_place
from harness.cli.table import table_lines, terminal_width, wrap
from harness.daemon.liveness import has_process
from harness.daemon.nodes import (
    Node,
    Waiting,
    bindings,
    latest_lives,
    look_from,
    waiting_for_a_node,
    waiting_in_words,
)
from harness.daemon.wording import ago, when
from harness.store.node_name import node_name
from harness.store.peek import peek

app = new_app()

_EXAMPLES = """\b
Examples:
  harness nodes
  harness nodes --json | jq '.nodes[] | select(.state == "lost")'

\b
JSON: this_node, nodes [{name, host, pid, state, since, why, version,
last_heartbeat_at, running, bound [agent or job]}], waiting [{node, bound,
last_heartbeat_at}]. state is up, draining, silent, dead,
left or lost."""


@app.command(epilog=_EXAMPLES)
def nodes(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the daemons of this team, and what is bound to each.

    Several daemons may share one database. What is bound (`on:`) to a node that is not there waits for it.
    """
    place = find_place(workspace)
    bound = bindings(load_workspace(place))
    with peek(place.database) as look:
        records = () if look is None else look.nodes()
    lives = latest_lives(records, place.now, look_from(place.state, has_process))
    waiting = waiting_for_a_node(bound, lives)
    if as_json:
        emit_json(_document(place, lives, waiting, bound))
    else:
        _say(place, lives, waiting, bound)


def _say(
    place: Place, lives: tuple[Node, ...], waiting: tuple[Waiting, ...], bound: Mapping[str, tuple[str, ...]]
) -> None:
    width = terminal_width()
    if not lives:
        say("no daemon has ever run here; start one with: harness up")
    rows = [
        (
            node.name,
            node.record.host,
            str(node.record.pid),
            node.record.version,
            str(node.record.running),
            _state_words(place, node),
        )
        for node in lives
    ]
    if rows:
        for line in table_lines(rows, width, ("node", "host", "pid", "version", "runs", "state")):
            say(line)
    for name in sorted(bound):
        for line in wrap(f"bound to {name}: {', '.join(bound[name])}", width):
            say(line)
    for entry in waiting:
        for line in wrap(f"x {waiting_in_words(entry, place.zone, place.now)}", width):
            say(line)


def _state_words(place: Place, node: Node) -> str:
    since = when(node.since, place.zone, place.now)
    match node.presence:
        case "up" | "draining":
            return f"{node.presence} since {since}, last heard of {ago(node.seen_at, place.now)}"
        case "silent" | "dead":
            return f"{node.presence}, last heard of {since}"
        case "left" | "lost":
            return f"{node.presence} {since}: {node.record.left_why}"


def _document(
    place: Place, lives: tuple[Node, ...], waiting: tuple[Waiting, ...], bound: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    return {
        "this_node": node_name(place.environ, place.state, socket.gethostname()),
        "nodes": [
            {
                "name": node.name,
                "host": node.record.host,
                "pid": node.record.pid,
                "state": node.presence,
                "since": iso(node.since),
                "why": node.record.left_why,
                "version": node.record.version,
                "last_heartbeat_at": iso(node.seen_at),
                "running": node.record.running,
                "bound": list(bound.get(node.name, ())),
            }
            for node in lives
        ],
        "waiting": [
            {
                "node": entry.name,
                "bound": list(entry.bound),
                "last_heartbeat_at": None if entry.node is None else iso(entry.node.seen_at),
            }
            for entry in waiting
        ],
    }
