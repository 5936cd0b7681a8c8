"""Which daemons share the database, and which of them are there. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from harness.daemon.liveness import STALE_AFTER_S, Liveness, daemon_liveness, has_process
from harness.daemon.wording import when
from harness.domain.workspace import Workspace
from harness.store.durable_file import read_if_there
from harness.store.heartbeat import read_heartbeat
from harness.store.peek import Peek
from harness.store.records import NodeRecord
from harness.store.state_folder import StateFolder

Presence = Literal["up", "draining", "silent", "dead", "left", "lost"]


@dataclass(frozen=True, slots=True)
class Node:
    """The latest life of one daemon, judged at some moment.

    `silent` and `dead` mean what they do in `harness status`: its heartbeat has stopped, its process is gone;
    nobody has declared it lost yet. `since` is when that state began, `seen_at` its last heartbeat, both aware UTC.
    """

    record: NodeRecord
    presence: Presence

    @property
    def name(self) -> str:
        return self.record.name or self.record.host

    @property
    def is_there(self) -> bool:
        return self.presence in ("up", "draining")

    @property
    def seen_at(self) -> datetime:
        return datetime.fromtimestamp(self.record.heartbeat_at, UTC)

    @property
    def since(self) -> datetime:
        if self.is_there:
            return datetime.fromtimestamp(self.record.started_at, UTC)
        return self.seen_at if self.record.left_at is None else datetime.fromtimestamp(self.record.left_at, UTC)


@dataclass(frozen=True, slots=True)
class Here:
    """Where somebody looks from: the id of the installation there, and which processes there are.

    Only of an own daemon it is known whether its process is there: two containers of one name have each
    their own.
    """

    installation: str
    has_process: Callable[[int], bool]


def look_from(state: StateFolder, has_process: Callable[[int], bool]) -> Here:
    """Return where this state folder is; of one in which nothing ever ran the installation has no name."""
    return Here((read_if_there(state.executor_id) or "").strip(), has_process)


def latest_lives(records: Iterable[NodeRecord], now: datetime, here: Here) -> tuple[Node, ...]:
    """Return each daemon once, in its latest life, by name; commands that do one run are no daemons."""
    latest: dict[str, NodeRecord] = {}
    for record in records:
        known = latest.get(record.node_id)
        if record.role == "daemon" and (known is None or known.started_at < record.started_at):
            latest[record.node_id] = record
    nodes = (Node(record, presence_of(record, now, here)) for record in latest.values())
    return tuple(sorted(nodes, key=lambda node: (node.name, node.record.started_at)))


def living_executors(records: Iterable[NodeRecord], now: datetime, here: Here) -> frozenset[str]:
    """Return the executors that are at work now, daemons and commands alike."""
    return frozenset(record.executor_id for record in records if presence_of(record, now, here) in ("up", "draining"))


def liveness_now(state: StateFolder, look: Peek | None, now: datetime) -> Liveness:
    """Return what heartbeat and database say at `now`; without a database the heartbeat alone.

    Raises OwnerError if the heartbeat is not ours to read.
    """
    own = daemon_liveness(read_heartbeat(state.heartbeat), now)
    return own if look is None else team_liveness(own, look.nodes(), now, look_from(state, has_process))


def team_liveness(own: Liveness, records: Sequence[NodeRecord], now: datetime, here: Here) -> Liveness:
    """Return what is known of the daemon here, and of all others that do the same work.

    Where none is here, and none has to be because one is elsewhere, the state is `elsewhere`. One that the others
    have declared lost is `silent`, however young its heartbeat: its work is no longer its own.
    """
    others = [node for node in latest_lives(records, now, here) if node.record.node_id != here.installation]
    is_elsewhere = own.state in ("absent", "dead") and any(node.is_there for node in others)
    state = "elsewhere" if is_elsewhere else "silent" if _is_lost(own, records) else own.state
    return replace(own, state=state, executors=living_executors(records, now, here))


def _is_lost(own: Liveness, records: Iterable[NodeRecord]) -> bool:
    if own.heartbeat is None or own.state not in ("alive", "starting", "draining"):
        return False
    return any(record.executor_id == own.heartbeat.executor_id and record.state == "lost" for record in records)


def presence_of(record: NodeRecord, now: datetime, here: Here) -> Presence:
    """Return whether that life goes on; of an own process it is known at once that it is gone."""
    if record.state in ("left", "lost"):
        return record.state
    if record.node_id == here.installation and not here.has_process(record.pid):
        return "dead"
    return "silent" if now.timestamp() - record.heartbeat_at > STALE_AFTER_S else record.state


def bindings(workspace: Workspace) -> dict[str, tuple[str, ...]]:
    """Return what is bound to each node, by its name: whole agents, and single jobs."""
    bound: dict[str, list[str]] = {}
    for name in sorted(workspace.agents):
        agent = workspace.agents[name]
        if agent.on is not None:
            bound.setdefault(agent.on, []).append(name)
        for job in (agent.jobs[job_name] for job_name in sorted(agent.jobs)):
            if job.on not in (None, agent.on):
                bound.setdefault(str(job.on), []).append(job.id)
    return {node: tuple(names) for node, names in bound.items()}


@dataclass(frozen=True, slots=True)
class Waiting:
    """Agents and jobs (`bound`) that wait for a node which is not there; `node` is None if it never was."""

    name: str
    bound: tuple[str, ...]
    node: Node | None


def waiting_for_a_node(bound: Mapping[str, tuple[str, ...]], nodes: Sequence[Node]) -> tuple[Waiting, ...]:
    """Return what is bound (by the name of the node) to one that is not there."""
    waiting = []
    for name in sorted(bound):
        lives = [node for node in nodes if node.name == name]
        if not any(node.is_there for node in lives):
            waiting.append(Waiting(name, bound[name], max(lives, key=lambda node: node.seen_at, default=None)))
    return tuple(waiting)


def waiting_in_words(waiting: Waiting, zone: str, now: datetime) -> str:
    """Return what waits, and since when its node has not been there."""
    verb = "is" if len(waiting.bound) == 1 else "are"
    where = (
        "has never been there" if waiting.node is None else f"was last heard of {when(waiting.node.seen_at, zone, now)}"
    )
    return f"{', '.join(waiting.bound)} {verb} bound to {waiting.name}, which {where}"
