"""The cool-downs of profiles, as rows that all daemons share, and the incidents that tell of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from harness.domain.cool_down import CoolDown, cool_down_after
from harness.domain.errors import HarnessError
from harness.domain.settings import Profile
from harness.store.cool_downs import cool_downs, end_cool_down, save_cool_down
from harness.store.database import Database
from harness.store.incidents import open_incident, open_incidents, resolve_incident

log = logging.getLogger("harness.profiles")


class CoolDowns:
    """The cool-downs of one database. `zone` returns the zone in which a time is told to the person."""

    def __init__(self, database: Database, now: Callable[[], datetime], zone: Callable[[], str]) -> None:
        self._database = database
        self._now = now
        self._zone = zone

    def now(self) -> datetime:
        """Return the moment against which they are held."""
        return self._now()

    def known(self) -> Mapping[str, CoolDown]:
        """Return what is known of each profile that has not answered since it could not, also of those whose pause
        is over."""
        with self._database.read() as connection:
            return cool_downs(connection)

    def begin(
        self, profile: Profile, fingerprint: str, error: HarnessError, *, run_id: str | None, is_told: bool
    ) -> CoolDown:
        """Leave the profile alone after the error, and return until when.

        Two that fail at the same moment leave it alone for the longer time. With `is_told` an incident says so: where
        another one answers, nothing else would.
        """
        with self._database.write() as connection:
            begun = cool_down_after(error, profile, fingerprint, self._now())
            before = cool_downs(connection).get(profile.name)
            if before is not None and before.holds(begun.since, fingerprint) and before.until > begun.until:
                begun = before
            else:
                save_cool_down(connection, begun)
            if is_told:
                message = self._in_words(str(error), begun)
                open_incident(connection, begun.cause, message, self._now(), run_id)
        if is_told:
            log.warning("profile %s is left alone until %s: %s", profile.name, self.clock_time(begun.until), error)
        return begun

    def end(self, ended: CoolDown) -> None:
        """Say that the profile answers again, or that there is none of that name any more."""
        with self._database.write() as connection:
            end_cool_down(connection, ended.profile)
            resolve_incident(connection, ended.cause, self._now())
        log.warning("profile %s is not left alone any more", ended.profile)

    def forget_all_but(self, profiles: Collection[str], known: Mapping[str, CoolDown]) -> None:
        """End the cool-downs of profiles that are gone: nobody asks them any more, and nothing is broken."""
        for cool_down in known.values():
            if cool_down.profile not in profiles:
                self.end(cool_down)

    def tell_once(self, cause: str, message: str, run_id: str | None) -> None:
        """Open an incident for a profile that is passed over without having failed; nothing if it is open."""
        with self._database.read() as connection:
            if any(incident.cause == cause for incident in open_incidents(connection)):
                return
        with self._database.write() as connection:
            open_incident(connection, cause, message, self._now(), run_id)

    def tell_of(self, cool_down: CoolDown, run_id: str | None) -> None:
        """Open an incident for a profile that is left alone where none says so yet: it failed where somebody saw it,
        in a trial or with nobody to stand in, and another one answers for it now."""
        self.tell_once(cool_down.cause, self._in_words(cool_down.problem, cool_down), run_id)

    def _in_words(self, problem: str, cool_down: CoolDown) -> str:
        return f"{problem} (left alone until {self.clock_time(cool_down.until)}; its fallbacks are asked meanwhile)"

    def clock_time(self, moment: datetime) -> str:
        """Return the time of day for the person, with the day of the week where it is another day."""
        zone = ZoneInfo(self._zone())
        local = moment.astimezone(zone)
        is_today = local.date() == self._now().astimezone(zone).date()
        return f"{local:%H:%M:%S}" if is_today else f"{local:%a %H:%M:%S}"
