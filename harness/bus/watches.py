"""Requests that wait for something to happen: final as soon as it has, without anybody working and without a model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from harness.bus.evidence import MAX_BYTES, STATE_PREFIX
from harness.bus.finals import finish
from harness.bus.log import standing_of
from harness.bus.team import Team
from harness.bus.watched_files import Hopeless, Trouble, first_match
from harness.domain.errors import Refused, ToolError
from harness.domain.moments import utc_time
from harness.domain.request import SYSTEM, Evidence, Final, Request, Standing
from harness.domain.run import Fire
from harness.gate.paths import PathRules
from harness.store.fires import fires_closed_since
from harness.store.request_log import asked_in
from harness.store.requests import RequestRow, postpone_delivery

_FIRES = 20
"""How many of a job's last ends are looked at: previews among them say nothing."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where is looked: the workspace and its team, and the state folder that holds what runs made."""

    team: Team
    state: Path

    def rules_for(self, sender: str) -> PathRules:
        """Return which files may be watched for this sender: an agent's are those that it may read."""
        root = self.team.workspace.root
        if sender in self.team.workspace.agents:
            agent = self.team.workspace.agents[sender]
            return PathRules(root, agent.read_paths, agent.write_paths)
        return PathRules(root, read_paths=(".",)) if self.team.knows(sender) else PathRules(root)


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of looking: the final that follows, or why it could not be looked at; neither while it has to wait.

    Before `not_before` looking again is of no use.
    """

    final: Final | None = None
    trouble: str = ""
    not_before: datetime | None = None

    def is_news_for(self, row: RequestRow) -> bool:
        """Say whether something is to be written down of it."""
        waits_on = self.not_before is not None and row.deliver_after is None
        return self.final is not None or self.trouble != row.why_waiting or waits_on


def look(connection: Connection, request_id: str, place: Place, now: datetime) -> Looked:
    """Return whether what the request waits for has happened; it changes nothing. Blocks while it reads files."""
    request = asked_in(connection, request_id)
    if request is None or request.watch is None:
        return Looked(trouble=f"request {request_id} is marked as watching, and its log names nothing to watch")
    watch = request.watch
    if watch.file is not None:
        return _look_for_file(watch.file, request, place)
    if watch.job is not None:
        return _look_for_run(connection, watch.job, request, place)
    if watch.at is None:
        return Looked(Final("failed", "the request watches nothing"))
    if watch.at > now:
        return Looked(not_before=watch.at)
    return Looked(Final("done", f"{utc_time(watch.at)} has come"))


def settle(connection: Connection, row: RequestRow, looked: Looked, now: datetime) -> Standing | None:
    """Write down what came of looking; return what the request has come to if it is final by it.

    What could not be looked at stays open, with the reason for all to read.
    """
    if looked.final is None:
        postpone_delivery(connection, row.id, looked.trouble, until=looked.not_before, failed=False)
        return None
    standing = standing_of(connection, row.id, for_change=True)
    return finish(connection, standing, looked.final, by=SYSTEM, now=now) if standing.is_open else None


def _look_for_file(pattern: str, request: Request, place: Place) -> Looked:
    try:
        found = first_match(pattern, place.rules_for(request.sender), request.files_since)
    except Hopeless as hopeless:
        return Looked(Final("failed", f"the file can never be found: {hopeless}"))
    except Trouble as trouble:
        return Looked(trouble=str(trouble))
    return Looked() if found is None else Looked(Final("done", f"{found.path} is there", (found,)))


def _look_for_run(connection: Connection, job_id: str, request: Request, place: Place) -> Looked:
    ended = [one for one in fires_closed_since(connection, job_id, request.made_at, _FIRES) if not one.is_preview]
    if ended:
        return Looked(_final_of(ended[0], place))
    agent, _, name = job_id.partition("/")
    agents = place.team.workspace.agents
    if agent not in agents or name not in agents[agent].jobs:
        return Looked(Final("failed", f"there is no job {job_id} any more, and no run of it has ended"))
    return Looked()


def _final_of(fire: Fire, place: Place) -> Final:
    said = f": {fire.reason}" if fire.reason else ""
    conclusion = f"run {fire.run_id} of {fire.job_id} ended as {fire.state}{said}"
    if not fire.state.is_success:
        return Final("failed", conclusion)
    if fire.artifact is None:
        return Final("done", conclusion)
    try:
        seen = PathRules(place.state, read_paths=(".",)).look_at(fire.artifact, MAX_BYTES)
    except (Refused, ToolError, OSError) as error:
        return Final("done", f"{conclusion}; what it made cannot be looked at: {error}")
    return Final("done", conclusion, (Evidence(STATE_PREFIX + fire.artifact, seen.size_bytes, seen.sha256),))
