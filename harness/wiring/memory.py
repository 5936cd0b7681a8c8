"""What agents remember, for runs and for the person: brought up to date when it is asked, every few seconds at most."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta

from harness.domain.agent import Agent
from harness.domain.errors import OwnerError, TransientError
from harness.domain.workspace import Workspace
from harness.memory.chunks import Reader
from harness.memory.index import MemoryIndex, Refreshed
from harness.memory.recall import Hit, Question, recall
from harness.memory.sources import Places
from harness.ports import Incidents
from harness.store.state_folder import StateFolder

INDEX_DUTY = "memory index"
"""What the daemon calls the work of keeping the index up to date."""
INDEX_FAILED = f"daemon {INDEX_DUTY}"
"""The cause of the incident that nothing can be recalled; it is named after the daemon's duty, which closes it."""
_FRESH = timedelta(seconds=5)
_REFLECTIONS = frozenset({"reflection", "team-reflection"})

log = logging.getLogger("harness.memory")


def places_of(workspace: Workspace, state: StateFolder) -> Places:
    """Return where memory lies. Reports of actions, and what a reflection made of memory, are none."""
    reports = {job.id for job in workspace.jobs() if job.action is not None or job.name in _REFLECTIONS}
    return Places(workspace.root, state.artifacts, frozenset(reports))


def reader_of(workspace: Workspace, agent: Agent) -> Reader:
    """Return what the agent may be told of: its own, what is shared, and the digests that its jobs read."""
    known = {job.id for job in workspace.jobs()}
    return Reader(agent.name, frozenset(read for job in agent.jobs.values() for read in job.inputs if read in known))


def index_of(state: StateFolder) -> MemoryIndex:
    """Return the index that is kept in the state folder."""
    return MemoryIndex(state.memory_index)


class MemoryShelf:
    """Recalls for runs. A run goes on without memory where the index fails, and the person is told."""

    def __init__(self, state: StateFolder, incidents: Incidents, now: Callable[[], datetime]) -> None:
        self._state = state
        self._now = now
        self._looked_at: datetime | None = None
        self._index = index_of(state)
        self._incidents = incidents
        self._has_failed = False

    def refresh(self, workspace: Workspace) -> Refreshed:
        """Bring the index up to date with the files. Raises OwnerError where it cannot be written."""
        refreshed = self._index.refresh(places_of(workspace, self._state).sources)
        self._looked_at = self._now()
        return refreshed

    def recall(self, workspace: Workspace, agent: Agent, question: Question, today: date) -> tuple[Hit, ...]:
        """Return what the agent knows that may help; nothing where the index cannot be asked."""
        reader = reader_of(workspace, agent)
        # To look at all files takes longer than to recall: what is a few seconds old is not looked at again.
        has_looked = self._looked_at is not None and abs(self._now() - self._looked_at) < _FRESH
        look = None if has_looked else places_of(workspace, self._state).sources
        try:
            hits = self._index.ask(look, lambda view: recall(view, question, reader, today))
            self._looked_at = self._looked_at if has_looked else self._now()
        except TransientError as error:
            self._looked_at = None
            log.warning("a run of %s goes without recalled memory: %s", agent.name, error)
            return ()
        except OwnerError as error:
            self._has_failed = True
            self._incidents.open(INDEX_FAILED, f"agents recall nothing: {error}")
            return ()
        if self._has_failed:
            self._has_failed = False
            self._incidents.resolve(INDEX_FAILED)
        return hits
