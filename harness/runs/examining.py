"""Learning from runs that have ended: what they show goes into the files of their agents, and into the day's notes.

A run is marked in the transaction that ends it, and the mark goes when its files are written. Whoever dies in between
does it again, and it comes to the same. What cannot be written is an incident that names the file, and waits.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

from harness.bus.files.standing_incidents import OpenIncidents, keep_incidents
from harness.domain.errors import HarnessError
from harness.domain.learning import Kind
from harness.domain.run import FireState
from harness.domain.workspace import Workspace
from harness.gate.redact import redact
from harness.gate.sanitise import in_short
from harness.memory.capture import Showing
from harness.memory.casebook import Unreadable, facts_of, with_showings
from harness.memory.learnings import learnings_path
from harness.memory.notes import add_notes, note_path
from harness.memory.rewriting import rewrite
from harness.memory.transcript import Transcript, read_transcript
from harness.memory.versions import versions_of
from harness.ports import RecordedStep
from harness.runs.nodes import Membership
from harness.store.database import Database
from harness.store.durable_file import read_if_there
from harness.store.examinations import EndedRun, Home, record_examined, unexamined_runs

RUNS_AT_ONCE = 100
_REASON_CHARS = 200
_QUOTED = re.compile(r"“[^”]*”")
_CAUSE = "lessons of "

log = logging.getLogger("harness.memory")


@dataclass(frozen=True, slots=True)
class Lessons:
    """What the examiner works on: the files of one workspace, and the runs of its database.

    `recorded` returns the finished steps of a run. `secrets` are values that no file may hold. `node` names this one
    where others with folders of their own use the same database.
    """

    database: Database
    workspace: Callable[[], Workspace]
    membership: Membership
    recorded: Callable[[str], Sequence[RecordedStep]]
    incidents: OpenIncidents
    state: Path
    secrets: Iterable[str] = ()
    node: str = ""


class Examiner:
    """Takes up the runs that nobody has learned from, one look at a time."""

    def __init__(self, lessons: Lessons) -> None:
        self._lessons = lessons
        self._told: frozenset[str] | None = None
        self._looking = threading.Lock()

    def look(self) -> int:
        """Learn from all runs that have ended and are at home here; return how many those were.

        What could not be written is an incident, and tried again by the next look. Raises TransientError while the
        database cannot be reached.
        """
        with self._looking:
            return self._look()

    def _look(self) -> int:
        examined, held_up = 0, dict[str, str]()
        home = self._home()
        while True:
            with self._lessons.database.read() as connection:
                runs = unexamined_runs(connection, home, RUNS_AT_ONCE, but=tuple(held_up))
            if not runs:
                break
            for agent, of_agent in groupby(sorted(runs, key=lambda run: run.agent), key=lambda run: run.agent):
                examined += self._take_up(agent, list(of_agent), held_up)
        self._tell(held_up)
        return examined

    def _home(self) -> Home:
        lessons = self._lessons
        bound = {agent.name: agent.on for agent in lessons.workspace().agents.values() if agent.on is not None}
        here = [name for name, node in bound.items() if node == lessons.membership.node_name or not lessons.node]
        installation = lessons.membership.executor_id.rpartition(".")[0]
        if not lessons.node:
            # Nobody else has this database, whatever its earlier executors were called.
            return Home(here=tuple(lessons.workspace().agents), elsewhere=(), executors="", gone=())
        elsewhere = tuple(set(bound) - set(here))
        return Home(tuple(here), elsewhere, f"{installation}.", tuple(lessons.membership.gone()))

    def _take_up(self, agent: str, runs: Sequence[EndedRun], held_up: dict[str, str]) -> int:
        try:
            self._examine(agent, runs)
        except (OSError, HarnessError, ValueError) as error:
            log.warning("what the runs of %s show cannot be written yet: %s", agent, error)
            held_up[agent] = _words_for(error)
            return 0
        with self._lessons.database.write() as connection:
            record_examined(connection, [run.id for run in runs])
        return len(runs)

    def _examine(self, agent: str, runs: Sequence[EndedRun]) -> None:
        workspace = self._lessons.workspace()
        if agent not in workspace.agents:
            log.warning("nothing is learned from %d runs of %s, which is not there any more", len(runs), agent)
            return
        zone = ZoneInfo(workspace.settings.home_zone)
        days = {run.id: datetime.fromtimestamp(run.ended_at, UTC).astimezone(zone).date() for run in runs}
        showings = [self._showing(run, days[run.id]) for run in runs if _may_teach(run)]
        texts = [self._write(workspace.root, agent, kind, showings) for kind in get_args(Kind)]
        facts = [*self._failures(runs), *((showing.run, fact) for showing, fact in facts_of(texts, showings))]
        for day in sorted(set(days.values())):
            of_day = [fact for run_id, fact in facts if days[run_id] == day]
            if of_day:
                add_notes(workspace.root / note_path(agent, day), of_day)

    def _showing(self, run: EndedRun, day: date) -> Showing:
        steps = self._lessons.recorded(run.id) if run.lane == "agent" else ()
        try:
            transcript = read_transcript(steps)
        except (KeyError, IndexError, TypeError, ValueError):  # as some other version recorded it
            log.exception("the steps of %s cannot be read; nothing is learned from it", run.id)
            transcript = Transcript()
        return Showing(run.id, run.agent, run.job_id, day, transcript)

    def _write(self, root: Path, agent: str, kind: Kind, showings: Sequence[Showing]) -> str:
        """Bring what the runs show into the agent's file of that kind, and return its text then."""
        file = learnings_path(agent, kind)
        path = root / file

        def change(text: str) -> str:
            return with_showings(text, kind, showings, self._lessons.secrets)

        try:
            text = read_if_there(path) or ""
            # Most runs have nothing new to say: then nothing is locked and nothing is written.
            if text[-1:] in ("", "\n") and change(text) == text:
                return text
            return rewrite(path, change, versions_of(self._lessons.state, file)).after
        except Unreadable as error:
            problem = error.problem
            raise HarnessError(f"{path}:{problem.line}: {problem.what}; {problem.fix}") from error
        except UnicodeDecodeError as error:
            raise HarnessError(f"{path}: is no UTF-8 text; save the file as UTF-8") from error
        except ValueError as error:
            raise HarnessError(f"{path}: {error}; correct the record there") from error

    def _failures(self, runs: Sequence[EndedRun]) -> Iterator[tuple[str, str]]:
        for run in runs:
            outcome: Mapping[str, object] = run.outcome if isinstance(run.outcome, dict) else {}
            if outcome.get("state") == str(FireState.FAILED) and not run.options.get("preview"):
                # What a reason quotes may come from outside, and a note is told without a fence.
                reason = _QUOTED.sub("“…”", redact(str(outcome.get("reason") or ""), self._lessons.secrets))
                yield run.id, f"{run.job_id} failed: {in_short(reason, _REASON_CHARS)} ({run.id})"

    def _tell(self, held_up: Mapping[str, str]) -> None:
        told = {f"{_CAUSE}{agent}": f"what {agent} learned is not written: {why}" for agent, why in held_up.items()}
        if told or self._told is None or self._told:
            keep_incidents(self._lessons.incidents, (_CAUSE,), told, self._lessons.node)
        self._told = frozenset(told)


def _may_teach(run: EndedRun) -> bool:
    """Say whether the run counts: not where it was for a look alone, nor where it repeats what another one did."""
    return not run.options.get("preview") and "fork" not in run.options


def _words_for(error: Exception) -> str:
    if not isinstance(error, OSError):
        return str(error)
    fix = "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "make it writable for the harness"
    name = "a file" if error.filename is None else os.fsdecode(error.filename)
    return f"{name}: {(error.strerror or type(error).__name__).lower()}; {fix}"
