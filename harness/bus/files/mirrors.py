"""Mirrors of the requests for people and programs: files that say what the log says, as soon as it says it.

`shared-context/job-status/<request>.json` and `shared-context/dispatches/<day>.md`. They are written after the fact,
never read by the bus, and are made anew from the log whenever they are missing, behind or ahead of it: after a
crash, a restore, a deleted file.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from harness.bus.files.mirror_pages import (
    PAGES_FOLDER,
    STATUS_FOLDER,
    DayPage,
    PageFingerprint,
    Redact,
    entry_of,
    fingerprint,
    status_text,
    version_of,
)
from harness.bus.files.packed_pages import PackedPages, Packing, Shown, updated
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

_AT_ONCE = 50
_DAY_S = 86_400
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
class _Due:
    """What is to be written of the requests that were made on one day."""

    files: dict[str, RequestVersion] = field(default_factory=dict)
    """The requests whose own files are due, and how far the log of each has come."""
    entries: set[str] = field(default_factory=set)
    """The requests of which the page says something old."""
    is_page_lost: bool = False
    """Whether nothing of the page can be kept."""

    @property
    def is_page_due(self) -> bool:
        return self.is_page_lost or bool(self.entries)

    @property
    def is_nothing(self) -> bool:
        return not self.files and not self.is_page_due


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
        self._pages_kept = PackedPages()
        self._due = defaultdict[date, _Due](_Due)
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
        self._status.look_over()
        self._pages.look_over()
        due, unreadable = defaultdict[date, _Due](_Due), dict[str, str]()
        files, pages = self._status.names(), dict[date, PageFingerprint]()
        with self._database.read() as connection:
            for one in request_versions(connection, ended_after=self._kept_since(now)):
                name, day, made_from = _file(one.id), self._day(one.made_at), fingerprint(one)
                files.discard(name)
                pages.setdefault(day, PageFingerprint(self._zone)).add(made_from)
                if one.id in self._unreadable:
                    unreadable[one.id] = self._unreadable[one.id]
                if one.id in self._unreadable or self._status.made_from(name) != made_from:
                    due[day].files[one.id] = one
        self._looked_at = now
        made_from_of = {day: str(made_from) for day, made_from in pages.items()}
        for day, made_from in made_from_of.items():
            due[day].is_page_lost = self._pages.made_from(_page(day)) != made_from
        self._due, self._unreadable = due, unreadable
        self._pages_kept.forget_others(made_from_of)
        others = self._pages.names() - {_page(day) for day in pages}
        return self._status.remove(files) + self._pages.remove(others)

    def _take_news(self, now: datetime) -> None:
        since = self._looked_at.timestamp() - _OVERLAP_S
        with self._database.read() as connection:
            for one in request_versions(connection, ended_after=self._kept_since(now), changed_since=since):
                if self._status.made_from(_file(one.id)) != fingerprint(one):
                    due = self._due[self._day(one.made_at)]
                    due.files[one.id] = one
                    due.entries.add(one.id)
        self._looked_at = now

    def _kept_since(self, now: datetime) -> datetime:
        # Whole days, so that a page goes as one.
        zone = ZoneInfo(self._zone)
        return datetime.combine(now.astimezone(zone).date() - timedelta(days=KEPT_DAYS), time.min, zone)

    # ── Writing ──────────────────────────────────────────────────────────────────────────────────

    def _write(self, now: datetime) -> Mirrored:
        failures, written, aside = list[OSError](), 0, 0
        for day in sorted(self._due):
            for work in self._work_on(day, now):
                try:
                    aside += work()
                    written += 1
                except OSError as error:
                    if is_disk_trouble(error):
                        raise  # the others would only fail as well
                    failures.append(error)
            if self._due[day].is_nothing:
                del self._due[day]
        if failures:
            log.warning("%d mirrors of requests could not be written", len(failures))
            raise failures[0]
        assert not self._due
        return Mirrored(written, 0, aside)

    def _work_on(self, day: date, now: datetime) -> Iterator[Callable[[], bool]]:
        """Yield the writing of each file that is due of a day, the logs read a few at a time."""
        due, news = self._due[day], dict[str, Shown]()
        for request_ids in _chunks(sorted(due.files.keys() | due.entries)):
            logs = self._logs(request_ids)
            for request_id in request_ids:
                events, version = logs.get(request_id), due.files.get(request_id)
                shown = None if events is None else self._shown(events)
                if version is not None and events is not None and shown is not None and shown.entry is not None:
                    yield partial(self._write_status, due, events, now)
                elif version is not None:
                    # There is nothing to say until it changes, or everything is compared again.
                    shown = _unsaid(version)
                    self._status.remember(_file(request_id), shown.fingerprint)
                    del due.files[request_id]
                if shown is not None and request_id in due.entries and not due.is_page_lost:
                    news[request_id] = shown
        if due.is_page_due:
            yield partial(self._write_page, day, due, news, now)

    def _write_status(self, due: _Due, events: Sequence[Event], now: datetime) -> bool:
        request_id = events[0].request_id
        is_aside = self._status.put(_file(request_id), status_text(events, self._redact), now)
        del due.files[request_id]
        return is_aside

    def _write_page(self, day: date, due: _Due, news: Mapping[str, Shown], now: datetime) -> bool:
        remembered = None if due.is_page_lost else self._pages_kept.of(day)
        page, packing = DayPage(day, self._zone), Packing()
        for one in updated(self._all_shown(day, now) if remembered is None else remembered, news):
            page.add(one.fingerprint, one.entry)
            packing.add(one)
        name, text, made_from = _page(day), page.text(), str(page.made_from)
        is_aside = False
        if text is None:
            self._pages.remember(name, made_from)
        else:
            is_aside = self._pages.put(name, text, now)
        self._pages_kept.keep(day, made_from, packing.whole())
        due.entries.clear()
        due.is_page_lost = False
        return is_aside

    def _all_shown(self, day: date, now: datetime) -> Iterator[Shown]:
        """Yield what the page of a day says of each request, read from the logs a few at a time."""
        noon = datetime.combine(day, time(12), ZoneInfo(self._zone)).timestamp()
        around = (noon - 2 * _DAY_S, noon + 2 * _DAY_S)  # a day of the calendar may be of any length
        with self._database.read() as connection:
            versions = request_versions(connection, ended_after=self._kept_since(now), made_within=around)
            made = {one.id: one for one in versions if self._day(one.made_at) == day}
        for request_ids in _chunks(sorted(made, key=lambda one: (made[one].made_at, one))):
            logs = self._logs(request_ids)
            for one in request_ids:
                yield self._shown(logs[one]) if one in logs else _unsaid(made[one])

    def _logs(self, request_ids: Sequence[str]) -> dict[str, list[Event]]:
        try:
            with self._database.read() as connection:
                return logs_of(connection, request_ids)
        except UnreadableEvent:
            return self._logs_one_by_one(request_ids)

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

    def _shown(self, events: Sequence[Event]) -> Shown:
        """Return what the page says of the request: nothing, if its log makes no sense."""
        version = version_of(events)
        try:
            entry = entry_of(events, self._zone, self._redact)
        except HarnessError as error:
            self._unreadable[version.id] = str(error)
            return _unsaid(version)
        self._unreadable.pop(version.id, None)
        return Shown(version.id, version.made_at, fingerprint(version), entry)

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
        }
        keep_incidents(self._incidents, (f"{EDITED} ", f"{UNREADABLE} "), told, self._node)

    # ── Names ────────────────────────────────────────────────────────────────────────────────────

    def _day(self, made_at: float) -> date:
        return datetime.fromtimestamp(made_at, ZoneInfo(self._zone)).date()


def _unsaid(version: RequestVersion) -> Shown:
    return Shown(version.id, version.made_at, fingerprint(version), None)


def _file(request_id: str) -> str:
    return f"{request_id}.json"


def _page(day: date) -> str:
    return f"{day.isoformat()}.md"


def _chunks(request_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(request_ids), _AT_ONCE):
        yield request_ids[start : start + _AT_ONCE]
