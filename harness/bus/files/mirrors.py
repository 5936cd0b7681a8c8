"""Mirrors of the requests for people and programs: files that say what the log says, as soon as it says it.

`shared-context/job-status/<request>.json` and `shared-context/dispatches/<day>.md`. They are written after the fact,
never read by the bus, and are made anew from the log whenever they are missing, behind or ahead of it: after a
crash, a restore, a deleted file.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from harness.bus.files.mirror_pages import (
    PAGES_FOLDER,
    STATUS_FOLDER,
    Entry,
    Redact,
    entry_of,
    fingerprint,
    page_text,
    status_text,
    version_of,
)
from harness.bus.files.sealed_folder import SealedFolder
from harness.bus.files.standing_incidents import OpenIncidents, keep_incidents
from harness.domain.cause import is_disk_trouble
from harness.domain.errors import HarnessError
from harness.domain.request import Event
from harness.domain.workspace import Workspace
from harness.store.database import Database
from harness.store.request_log import UnreadableEvent, logs_of
from harness.store.request_versions import RequestVersion, request_versions

KEPT_DAYS = 30
"""How long after its end a request has its file."""

ALL_EVERY = timedelta(minutes=5)
"""How often everything is compared; in between, only what the log says is new."""

_OVERLAP_S = 120.0
"""An event may come to light so long after its time: of a transaction that took long, of another node's clock."""

_AT_ONCE = 200
_DAYS_REMEMBERED = 3
EDITED = "edited"
UNREADABLE = "request log"

log = logging.getLogger("harness.bus")


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What one look did: files written, removed, and moved aside because somebody had edited them."""

    written: int = 0
    removed: int = 0
    moved_aside: int = 0


@dataclass(slots=True)
class _Known:
    """What the log says, as of the last look, and which files are to be written for it."""

    versions: dict[str, RequestVersion] = field(default_factory=dict)
    days: dict[date, set[str]] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    changed_days: set[date] = field(default_factory=set)


class Mirrors:
    """Keeps the files of one workspace equal to the log; may be called from any thread, one look after the other.

    `redact` takes secrets out of all that requests say. `node` names this one where others with files of their own
    use the same database. What cannot be written stays due for the next look.
    """

    def __init__(
        self,
        database: Database,
        workspace: Callable[[], Workspace],
        incidents: OpenIncidents,
        redact: Redact,
        node: str = "",
    ) -> None:
        self._database = database
        self._workspace = workspace
        self._incidents = incidents
        self._redact = redact
        self._node = node
        self._status = SealedFolder(lambda: workspace().root / STATUS_FOLDER, ".json")
        self._pages = SealedFolder(lambda: workspace().root / PAGES_FOLDER, ".md")
        self._known = _Known()
        self._entries: dict[date, dict[str, tuple[RequestVersion, Entry]]] = {}
        self._unreadable: dict[str, str] = {}
        self._zone = ""
        self._all_at: datetime | None = None
        self._looked_at = datetime.min.replace(tzinfo=UTC)
        self._looking = threading.Lock()

    def look(self, now: datetime, *, everything: bool = False) -> Mirrored:
        """Write what the log says now; afterwards the files are equal to it.

        Raises OSError with the first file that could not be written, after all others were; TransientError while
        the database cannot be reached.
        """
        with self._looking:
            return self._look(now, everything=everything)

    def _look(self, now: datetime, *, everything: bool) -> Mirrored:
        settings = self._workspace().settings
        # A clock that is set back stamps what is new with a time that was looked at already.
        is_due = self._all_at is None or now < self._looked_at or now >= self._all_at + ALL_EVERY
        if everything or is_due or settings.home_zone != self._zone:
            self._zone, self._all_at = settings.home_zone, None
            removed = self._compare_all(now)
            self._all_at = now  # what cannot be written now stays due, without comparing all of it again
            done = self._write(now)
            self._tell()
            return Mirrored(done.written, removed, done.moved_aside)
        self._take_news(now)
        done = self._write(now)
        if done.moved_aside:
            self._tell()
        return done

    # ── What has to be written ───────────────────────────────────────────────────────────────────

    def _compare_all(self, now: datetime) -> int:
        with self._database.read() as connection:
            versions = request_versions(connection, ended_after=self._kept_since(now))
        self._looked_at = now
        known = self._known = _Known({one.id: one for one in versions})
        for one in versions:
            known.days.setdefault(self._day(one), set()).add(one.id)
        self._status.look_over()
        self._pages.look_over()
        known.changed = {one.id for one in versions if self._status.made_from(_file(one.id)) != fingerprint([one])}
        known.changed_days = {
            day for day in known.days if self._pages.made_from(_page(day)) != self._page_fingerprint(day)
        }
        removed = self._status.remove_others(map(_file, known.versions))
        return removed + self._pages.remove_others(map(_page, known.days))

    def _take_news(self, now: datetime) -> None:
        known, since = self._known, self._looked_at.timestamp() - _OVERLAP_S
        with self._database.read() as connection:
            news = request_versions(connection, ended_after=self._kept_since(now), changed_since=since)
        self._looked_at = now
        for one in news:
            if known.versions.get(one.id) != one:
                known.versions[one.id] = one
                known.days.setdefault(self._day(one), set()).add(one.id)
                known.changed.add(one.id)
                known.changed_days.add(self._day(one))

    def _kept_since(self, now: datetime) -> datetime:
        # Whole days, so that a page goes as one.
        zone = ZoneInfo(self._zone)
        return datetime.combine(now.astimezone(zone).date() - timedelta(days=KEPT_DAYS), time.min, zone)

    # ── Writing ──────────────────────────────────────────────────────────────────────────────────

    def _write(self, now: datetime) -> Mirrored:
        known, failures, written, aside = self._known, list[OSError](), 0, 0
        for work in self._due(now):
            try:
                aside += work()
                written += 1
            except OSError as error:
                if is_disk_trouble(error):
                    raise  # the others would only fail as well
                failures.append(error)
        for day in [*self._entries][:-_DAYS_REMEMBERED]:
            del self._entries[day]
        if failures:
            log.warning("%d mirrors of requests could not be written", len(failures))
            raise failures[0]
        assert not known.changed and not known.changed_days
        return Mirrored(written, 0, aside)

    def _due(self, now: datetime) -> Iterator[Callable[[], bool]]:
        """Yield the writing of each file that is due, the logs read a few hundred at a time."""
        known = self._known
        for request_ids in _chunks(sorted(known.changed)):
            for request_id, events in self._logs(request_ids).items():
                yield partial(self._write_status, request_id, events, now)
        for day in sorted(known.changed_days):
            yield partial(self._write_page, day, now)

    def _write_status(self, request_id: str, events: Sequence[Event], now: datetime) -> bool:
        if self._entry(request_id, events) is None:
            self._known.changed.discard(request_id)
            return False
        is_aside = self._status.put(_file(request_id), status_text(events, self._redact), now)
        self._known.changed.discard(request_id)
        return is_aside

    def _write_page(self, day: date, now: datetime) -> bool:
        known, entries = self._known, self._entries.get(day, {})
        missing = [
            one for one in sorted(known.days[day]) if one not in entries or entries[one][0] != known.versions[one]
        ]
        for request_ids in _chunks(missing):
            for request_id, events in self._logs(request_ids).items():
                self._entry(request_id, events)
        rendered = self._entries.get(day, {})
        shown = [rendered[one][1] for one in known.days[day] if one in rendered]
        name, made_from = _page(day), self._page_fingerprint(day)
        is_aside = False
        if shown:
            is_aside = self._pages.put(name, page_text(day, self._zone, shown, made_from), now)
        else:
            self._pages.remember(name, made_from)
        known.changed_days.discard(day)
        return is_aside

    def _logs(self, request_ids: Sequence[str]) -> dict[str, list[Event]]:
        try:
            with self._database.read() as connection:
                logs = logs_of(connection, request_ids)
        except UnreadableEvent:
            logs = self._logs_one_by_one(request_ids)
        for gone in set(request_ids) - logs.keys():
            self._known.changed.discard(gone)
        return logs

    def _logs_one_by_one(self, request_ids: Sequence[str]) -> dict[str, list[Event]]:
        """Return the logs that can be read: one that a newer harness wrote must not hide all others."""
        logs: dict[str, list[Event]] = {}
        for request_id in request_ids:
            try:
                with self._database.read() as connection:
                    logs |= logs_of(connection, [request_id])
            except UnreadableEvent as error:
                self._unreadable[request_id] = str(error)
        return logs

    def _entry(self, request_id: str, events: Sequence[Event]) -> Entry | None:
        """Return what the page says of the request, and remember it; None if its log makes no sense."""
        version = version_of(events)
        self._known.versions[request_id] = version  # the log may have gone on since it was looked at
        remembered = self._entries.setdefault(self._day(version), {})
        try:
            entry = entry_of(events, self._zone, self._redact)
        except HarnessError as error:
            self._unreadable[request_id] = str(error)
            return None
        self._unreadable.pop(request_id, None)
        remembered[request_id] = (version, entry)
        return entry

    # ── Telling ──────────────────────────────────────────────────────────────────────────────────

    def _tell(self) -> None:
        """Keep one incident for each file that was moved aside and still lies there, and for each unreadable log."""
        told = {
            f"{EDITED} {where}/{one.name}": (
                f"{where}/{one.name} is written by the harness, and somebody has edited it; their version is "
                f"{where}/{one.moved_to}, and what stands there now is what the log says. Change a request with "
                "`harness bus`, then delete that file"
            )
            for files, where in ((self._status, STATUS_FOLDER), (self._pages, PAGES_FOLDER))
            for one in files.aside()
        }
        told |= {
            f"{UNREADABLE} {request_id}": f"the log of request {request_id} cannot be read, and has no mirror: {why}"
            for request_id, why in self._unreadable.items()
            if request_id in self._known.versions
        }
        keep_incidents(self._incidents, (f"{EDITED} ", f"{UNREADABLE} "), told, self._node)

    # ── Names ────────────────────────────────────────────────────────────────────────────────────

    def _day(self, version: RequestVersion) -> date:
        return datetime.fromtimestamp(version.made_at, ZoneInfo(self._zone)).date()

    def _page_fingerprint(self, day: date) -> str:
        versions = self._known.versions
        return fingerprint((versions[one] for one in self._known.days[day]), self._zone)


def _file(request_id: str) -> str:
    return f"{request_id}.json"


def _page(day: date) -> str:
    return f"{day.isoformat()}.md"


def _chunks(request_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(request_ids), _AT_ONCE):
        yield request_ids[start : start + _AT_ONCE]
