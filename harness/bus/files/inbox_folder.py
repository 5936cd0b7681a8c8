"""`shared-context/dispatches/inbox/`: a Markdown file that is dropped there becomes a request, or answers one.

What lies still is taken once: its request is written with a key made of the file's name and content, and then the
file moves to `taken/`, with the request's id in its name. Killed between any two instructions, the next look finds
the file where it was, and the same request by its key. What cannot be understood moves to `refused/`, with the
reason beside it, and is an incident until it is gone from there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from harness.bus.ending import answer
from harness.bus.evidence import look_at_for_person
from harness.bus.files.dropped_file import (
    DroppedFile,
    NotARequest,
    free_path,
    lying_in,
    paths_in,
    read_dropped,
    short_name,
    shown,
    stem_of,
)
from harness.bus.files.mirror_pages import PAGES_FOLDER
from harness.bus.files.request_file import AnswerFile, AskFile, parse_request_file
from harness.bus.files.standing_incidents import OpenIncidents, keep_incidents
from harness.bus.log import standing_of
from harness.bus.sending import send
from harness.bus.team import Team
from harness.domain.errors import HarnessError, OwnerError, TransientError
from harness.domain.request import USER, Final, IllegalTransition
from harness.store.database import Database
from harness.store.durable_file import read_if_there, replace_text
from harness.store.requests import request_with_key
from harness.store.stamp import Stamp, stamp_of

INBOX = f"{PAGES_FOLDER}/inbox"
TAKEN, REFUSED = "taken", "refused"
STILL_S = 1.0
"""So long a file must not have changed before it is taken."""
STILL_IF_ODD_S = 30.0
"""The same for a file that is empty, or does not end in .md: it may not be what it is going to be."""

_AT_ONCE = 200
_REASON = ".reason.md"
_CAUSE = "inbox "
log = logging.getLogger("harness.bus")


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What one look did: the requests of the files that were taken, and the names of those that were refused."""

    taken: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class InboxFolder:
    """Takes what is dropped into the folder of one workspace; used by one thread at a time.

    `state` is the state folder, `stopwatch` counts seconds. `node` names this one where others with folders of
    their own use the same database.
    """

    def __init__(
        self,
        database: Database,
        team: Callable[[], Team],
        incidents: OpenIncidents,
        *,
        state: Path,
        stopwatch: Callable[[], float],
        node: str = "",
    ) -> None:
        self._database = database
        self._team = team
        self._incidents = incidents
        self._state = state
        self._stopwatch = stopwatch
        self._node = node
        self._seen: dict[str, tuple[Stamp, float]] = {}
        self._told: frozenset[str] | None = None

    def look(self, now: datetime) -> TakenIn:
        """Take what lies still in the folder, which is made if it is missing.

        Raises OSError if the folder cannot be read or written, TransientError while the database cannot be reached;
        what was not taken then stays where it is.
        """
        folder = self._folder
        folder.mkdir(parents=True, exist_ok=True)
        taken, refused = list[str](), list[str]()
        for path in self._still(folder):
            try:
                dropped = read_dropped(path)
                if dropped is not None:
                    taken += self._take(dropped, now)
            except NotARequest as reason:
                refused.append(self._refuse(path, str(reason)))
            self._seen.pop(path.name, None)
        self._tell(folder / REFUSED)
        return TakenIn(tuple(taken), tuple(refused))

    @property
    def _folder(self) -> Path:
        return self._team().workspace.root / INBOX

    # ── What lies still ──────────────────────────────────────────────────────────────────────────

    def _still(self, folder: Path) -> list[Path]:
        now_s = self._stopwatch()
        found: dict[str, tuple[Stamp, float]] = {}
        still: list[Path] = []
        for path, stamp in lying_in(folder):
            before = self._seen.get(path.name)
            since = before[1] if before is not None and before[0] == stamp else now_s
            found[path.name] = (stamp, since)
            is_odd = stamp[1] == 0 or not path.name.endswith(".md")
            if now_s - since >= (STILL_IF_ODD_S if is_odd else STILL_S):
                still.append(path)
        self._seen = found
        return sorted(still)[:_AT_ONCE]

    # ── Taking ───────────────────────────────────────────────────────────────────────────────────

    def _take(self, dropped: DroppedFile, now: datetime) -> list[str]:
        if not dropped.path.name.endswith(".md"):
            raise NotARequest(f"{shown(dropped.path)} is none of those that are read; give it a name that ends in .md")
        try:
            request_id = self._known(dropped) or self._carry_out(self._parse(dropped, now), dropped, now)
        except (TransientError, OwnerError):
            raise  # the database, not the file
        except HarnessError as error:
            raise NotARequest(str(error)) from error
        return [request_id] if self._acknowledge(dropped, request_id) else []

    def _parse(self, dropped: DroppedFile, now: datetime) -> AskFile | AnswerFile:
        try:
            text = dropped.content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = dropped.content.count(b"\n", 0, error.start) + 1
            raise NotARequest(f"{INBOX}/{shown(dropped.path)}:{line}: is not UTF-8 text; save it as UTF-8") from error
        try:
            return parse_request_file(text, f"{INBOX}/{shown(dropped.path)}", self._team().workspace, now)
        except OwnerError as error:  # the file, not the database
            raise NotARequest(str(error)) from error

    def _known(self, dropped: DroppedFile) -> str | None:
        """Return the request that was made of this very file before it could be moved, because of a crash.

        It comes before reading it anew: what is due in two hours is due at another moment by now.
        """
        senders = (USER, *self._team().workspace.agents)
        with self._database.read() as connection:
            rows = [row for sender in senders if (row := request_with_key(connection, sender, dropped.key))]
        if not rows:
            return None
        if self._taken_as(dropped, rows[0].id).exists():
            raise NotARequest(
                f"a file of this name and content was taken before, as request {rows[0].id}, which is "
                f"{rows[0].state}; to ask for the same again, give it a key of its own, such as key: again-1"
            )
        return rows[0].id

    def _carry_out(self, parsed: AskFile | AnswerFile, dropped: DroppedFile, now: datetime) -> str:
        if isinstance(parsed, AnswerFile):
            return self._answer(parsed, now)
        wanted = replace(parsed.ask, key=parsed.ask.key or dropped.key)
        with self._database.write(alone=True) as connection:
            return send(connection, wanted, self._team(), now).standing.request.id

    def _answer(self, parsed: AnswerFile, now: datetime) -> str:
        evidence = look_at_for_person(parsed.evidence, self._team().workspace.root, self._state)
        final = replace(parsed.final, evidence=evidence)
        try:
            with self._database.write(alone=True) as connection:
                answer(connection, parsed.request_id, final, by=USER, now=now)
        except IllegalTransition:
            self._check_answered(parsed.request_id, final)
        return parsed.request_id

    def _check_answered(self, request_id: str, final: Final) -> None:
        """Pass over an answer that was given by this very file, before a crash; raise for another."""
        with self._database.read() as connection:
            there = standing_of(connection, request_id).final
        if there is None or (there.result, there.conclusion, there.actions) != (
            final.result, final.conclusion, final.actions,
        ):  # fmt: skip
            what = "" if there is None else f" already: {there.result}, {there.conclusion}"
            raise NotARequest(f"request {request_id} is final{what}")

    def _taken_as(self, dropped: DroppedFile, request_id: str) -> Path:
        return self._folder / TAKEN / f"{short_name(stem_of(dropped.path))}.{request_id}.md"

    def _acknowledge(self, dropped: DroppedFile, request_id: str) -> bool:
        """Move the file to those that were taken; False if another process did, or if it is another file by now."""
        target = free_path(self._taken_as(dropped, request_id))
        target.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            dropped.path.rename(target)
            if stamp_of(target) == dropped.stamp:
                log.info("inbox: %s is request %s", shown(dropped.path), request_id)
                return True
            # Somebody saved it anew in this moment: what was read is asked for, and this is another file.
            target.rename(free_path(dropped.path))
        return False

    # ── Refusing ─────────────────────────────────────────────────────────────────────────────────

    def _refuse(self, path: Path, reason: str) -> str:
        folder = self._folder / REFUSED
        # A note's name is for notes alone.
        stem = short_name(path.name.removesuffix(_REASON)) if path.name.endswith(_REASON) else short_name(stem_of(path))
        target = free_path(folder / (f"{stem}.md" if path.name.endswith(".md") else short_name(path.name)))
        # The reason first: no file is ever there without one.
        replace_text(target.with_name(shown(target) + _REASON), _reason_text(shown(path), reason))
        with suppress(FileNotFoundError):
            path.rename(target)
        log.warning("inbox: %s is refused: %s", shown(path), reason)
        return path.name

    def _tell(self, folder: Path) -> None:
        """Keep an incident for each file that was refused and is there still, with its reason."""
        names = frozenset(shown(path) for path in paths_in(folder) if not path.name.endswith(_REASON))
        if names == self._told:
            return
        told = {}
        for name in sorted(names):
            lines = (read_if_there(folder / f"{name}{_REASON}") or "").splitlines()
            reason = next((line for line in lines[1:] if line.strip()), "see the file")
            told[f"{_CAUSE}{name}"] = f"{reason}; correct it in {INBOX}/{REFUSED} and move it back, or delete it"
        keep_incidents(self._incidents, (_CAUSE,), told, self._node)
        self._told = names


def _reason_text(name: str, reason: str) -> str:
    return (
        f"# Why {name} was not taken\n\n{reason}\n\n"
        "Correct the file and move it back into the inbox, or delete it; this note may go then.\n"
    )
