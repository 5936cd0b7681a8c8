"""`harness nodes`, on a real database."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import replace
from pathlib import Path

from harness.cli.place import present_moment
from harness.store.node_name import node_name
from harness.store.nodes import NodeRow, add_node, close_node
from harness.store.state_folder import StateFolder
from tests.cli.conftest import CommandLine, Ledger


def a_daemon_here(at: float) -> NodeRow:
    host = socket.gethostname()
    return NodeRow("here-1.1", os.getpid(), host, 1, at - 60, at, "here-1", "attic", "up", None, "", "daemon", "0.1")


def bind(root: Path) -> None:
    settings = (root / "agents/scout/agent.toml").read_text()
    (root / "agents/scout/agent.toml").write_text(settings + 'on = "mac"\n')


def test_it_lists_the_daemons_and_what_waits_for_one_that_is_gone(
    harness: CommandLine, ledger: Ledger, root: Path
) -> None:
    bind(root)
    at = present_moment().timestamp()
    here = a_daemon_here(at)
    mac = replace(
        here, executor_id="mac-1.1", node_id="mac-1", name="mac", host="Mac.local", heartbeat_at=at - 3 * 3600
    )
    ledger.write(lambda connection: add_node(connection, here))
    ledger.write(lambda connection: add_node(connection, mac))
    ledger.write(lambda connection: close_node(connection, "mac-1.1", "lost", "no heartbeat for 8 s", at - 10_000))
    listed = harness("nodes")
    assert listed.returncode == 0
    words = " ".join(listed.stdout.split())
    assert f"attic {here.host} {here.pid} 0.1 0 up since" in words
    assert "no heartbeat for 8 s" in words
    assert "bound to mac: scout" in words
    assert "x scout is bound to mac, which was last heard of" in words
    assert max(len(line) for line in listed.stdout.splitlines()) <= 80
    document = json.loads(harness("nodes", "--json").stdout)
    assert {node["name"]: (node["state"], node["bound"]) for node in document["nodes"]} == {
        "attic": ("up", []),
        "mac": ("lost", ["scout"]),
    }
    assert [waiting["node"] for waiting in document["waiting"]] == ["mac"]


def test_a_team_that_never_ran_has_no_nodes_and_says_how_to_get_one(harness: CommandLine, state: StateFolder) -> None:
    listed = harness("nodes")
    assert (listed.returncode, "harness up" in listed.stdout) == (0, True)
    document = json.loads(harness("nodes", "--json").stdout)
    assert document == {
        "this_node": node_name({}, state, socket.gethostname()),
        "nodes": [],
        "waiting": [],
    }
