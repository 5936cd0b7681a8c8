"""What is decided of a technology: the request that follows from it, then the page that says so.

The request comes first, in one transaction and under a key that the same decision of the same work always has. A crash
before the page is written loses neither: who goes on with the work decides the same again, and finds the request; where
nobody goes on, `mirror_requests` writes into the page what the log of requests says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from harness.bus.dead_letters import drop
from harness.bus.ending import cancel
from harness.bus.log import UnknownRequest, standing_of
from harness.bus.radar.coder import KEY_PREFIX, coder_of, rejection
from harness.bus.radar.folder import RadarFolder, path_of
from harness.bus.radar.overview import with_overview
from harness.bus.radar.page import EVALUATION, HISTORY, move_line, with_decision, with_line
from harness.bus.sending import Ask, send
from harness.bus.team import Team
from harness.domain.errors import OwnerError, ToolError
from harness.domain.radar import DELEGATED, IN_WORDS, Decision, Move, Technology
from harness.domain.request import SYSTEM, Standing
from harness.gate.sanitise import in_short
from harness.store.database import Database
from harness.store.requests import requests_with_keys

MIRRORED_FOR = timedelta(days=7)
"""So long after it last changed a request is compared with its page."""

_DECIDED = re.compile(rf"{KEY_PREFIX}(?P<slug>\S+) (?P<decision>{'|'.join(DELEGATED)}) \S+")
"""The idempotency key of what a decision asks for; whatever else a person may call a request."""

_LATER = re.compile(r"[~.]\d+")
_REASON_CHARS = 300


@dataclass(frozen=True, slots=True)
class Deciding:
    """One decision: by which agent in which run, and why. `reason` is one line, `parent` the request that the run
    works on."""

    agent: str
    run: str
    decision: Decision
    reason: str
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Mirrored:
    """The slugs of the pages that were changed, and of those that cannot be, with what is wrong and how to fix it."""

    changed: tuple[str, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)


def decide(
    database: Database, folder: RadarFolder, team: Team, words: str, deciding: Deciding, now: datetime
) -> tuple[Technology, Standing | None]:
    """Decide of the technology that is called so; return its page as it is now, and what it asked for, if anything.

    The same decision of the same work changes nothing. What an earlier decision asked for and is open is cancelled by
    one that asks for nothing. Raises ToolError for a technology that is not there, was not evaluated or is in that
    ring already, and what `send` raises; then nothing was decided.
    """
    technology = _wanted(folder, words)
    day = today(team, now)
    if not _is_made(technology, deciding):
        with database.read() as connection:
            _check(connection, technology, deciding)
    request = _ask(database, technology, team, deciding, now)
    _settle_earlier(database, technology, deciding, request, now)
    move = Move(day, deciding.decision, _reason(deciding.reason, request), deciding.run)
    _write(folder, technology.slug, move, "" if request is None else request.request.id)
    refresh_overview(folder, day)
    return _wanted(folder, technology.slug), request


def mirror_requests(database: Database, folder: RadarFolder, team: Team, now: datetime) -> Mirrored:
    """Write into the pages what the log says of their requests and they do not.

    A page that is gone stays gone. Cheap if no request of the radar changed in the last days: one statement.
    """
    with database.read() as connection:
        rows = requests_with_keys(connection, KEY_PREFIX, since=now - MIRRORED_FOR)
        standings = [(row, standing_of(connection, row.id)) for row in rows]
    if not standings:
        return Mirrored()
    zone = ZoneInfo(team.workspace.settings.home_zone)
    changed: dict[str, None] = {}
    problems: dict[str, str] = {}
    for row, standing in standings:
        key = _DECIDED.fullmatch(row.key)
        slug = "" if key is None else key["slug"]
        # Read anew for each: one of its requests may have changed it just now.
        technology = folder.page(slug)
        if key is None or technology is None:
            continue
        try:
            if _mirror(folder, technology, key["decision"], standing, zone):
                changed[slug] = None
        except OwnerError as error:
            problems[slug] = str(error)
    if changed:
        refresh_overview(folder, today(team, now))
    return Mirrored(tuple(changed), problems)


def refresh_overview(folder: RadarFolder, day: date) -> None:
    """Write the overview anew from the pages, as it is on that day."""
    radar = folder.read()
    folder.edit_overview(lambda text: with_overview(text, radar, day))


def today(team: Team, now: datetime) -> date:
    """Return the day on which the radar's pages write what happens now."""
    return now.astimezone(ZoneInfo(team.workspace.settings.home_zone)).date()


def _wanted(folder: RadarFolder, words: str) -> Technology:
    radar = folder.read()
    found = radar.find(words)
    if found is None:
        known = ", ".join(one.slug for one in radar.technologies) or "none"
        raise ToolError(f"there is no technology {words[:_REASON_CHARS]!r} on the radar; there are: {known}")
    return found


def _is_made(technology: Technology, deciding: Deciding) -> bool:
    """Say whether this very decision stands in the page already: the work goes on after a crash."""
    return technology.ring == deciding.decision and any(
        move.what == deciding.decision and _work(move.run) == _work(deciding.run) for move in technology.moves
    )


def _check(connection: Connection, technology: Technology, deciding: Deciding) -> None:
    if not technology.is_evaluated:
        raise ToolError(
            f"{technology.slug} was not evaluated: nothing stands under {EVALUATION} in {path_of(technology.slug)}; "
            "evaluate it first"
        )
    if not deciding.reason:
        raise ToolError("say in one sentence why")
    if technology.ring != deciding.decision:
        return
    earlier = _standing(connection, technology.request)
    if earlier is not None and earlier.final is not None and not earlier.final.is_success:
        return  # what was asked for came to nothing: the decision may be made again
    raise ToolError(f"{technology.slug} is on {technology.ring} already; evaluate it anew, or decide otherwise")


def _standing(connection: Connection, request_id: str, *, for_change: bool = False) -> Standing | None:
    """Return what a request has come to; None for one that a person wrote into the page, or a restore took away."""
    try:
        return standing_of(connection, request_id, for_change=for_change)
    except UnknownRequest:
        return None


def _ask(database: Database, technology: Technology, team: Team, deciding: Deciding, now: datetime) -> Standing | None:
    if deciding.decision not in DELEGATED:
        return None
    coder = coder_of(team)
    path = path_of(technology.slug)
    ask = Ask(
        sender=deciding.agent,
        receiver=coder or SYSTEM,
        task=f"Tech Radar, {deciding.decision} ({IN_WORDS[deciding.decision]}): {technology.name}",
        key=f"{KEY_PREFIX}{technology.slug} {deciding.decision} {_work(deciding.run)}",
        due_at=now + timedelta(days=7),
        # Its first line is what the page is given as the reason, where the run did not come to write it.
        background=f"{deciding.reason}\n\nThe evaluation, the risks and what it would replace stand in {path}.",
        inputs=(path, technology.url),
        expected_output="What was built or tried, with its files, and whether it holds what the evaluation says",
        fallback=f"The radar's page says that nothing came of it; {deciding.agent} decides again",
        parent=deciding.parent,
        parent_run=deciding.run,
        is_untrusted=True,
    )
    with database.write(alone=True) as connection:
        return send(connection, ask, team, now, rejected=None if coder else rejection(team)).standing


def _settle_earlier(
    database: Database, technology: Technology, deciding: Deciding, request: Standing | None, now: datetime
) -> None:
    """Settle what an earlier decision asked for and nobody wants any more: a dead letter, or work without a use."""
    if not technology.request or (request is not None and request.request.id == technology.request):
        return
    why = f"the Tech Radar says {deciding.decision} now: {deciding.reason}"
    with database.write(alone=True) as connection:
        earlier = _standing(connection, technology.request, for_change=True)
        if earlier is None:
            return
        if earlier.is_dead_letter:
            drop(connection, technology.request, why, by=deciding.agent, now=now)
        elif request is None and earlier.is_open and earlier.request.sender == deciding.agent:
            cancel(connection, technology.request, why, by=deciding.agent, now=now)


def _write(folder: RadarFolder, slug: str, move: Move, request: str) -> None:
    """Write a decision into its page, unless it stands there."""

    def written(text: str) -> str:
        # By all but its day: the work may go on after midnight.
        rest = move_line(move).split(" · ", 1)[1]
        if any(line.rstrip("\r\n").endswith(rest) for line in text.splitlines()):
            return text
        return with_decision(text, move, request, path_of(slug))

    folder.edit(slug, written)


def _mirror(folder: RadarFolder, technology: Technology, decision: str, standing: Standing, zone: ZoneInfo) -> bool:
    """Write into the page that a request was made, and what it came to; False if it says so."""
    asked, told = standing.request, [move.reason for move in technology.moves]
    run = asked.parent_run or "resent"
    changed = False
    if not any(asked.id in reason for reason in told):
        day = asked.made_at.astimezone(zone).date()
        move = Move(day, decision, _reason(asked.background.partition("\n")[0], standing), run)
        if any(one.day > day for one in technology.moves):
            # Something else was decided since, by hand: the page keeps its ring, and the history gets its line.
            folder.edit(technology.slug, lambda text: with_line(text, HISTORY, move_line(move)))
        else:
            _write(folder, technology.slug, move, asked.id)
        changed = True
    if standing.final is not None and standing.closed_at is not None:
        what = f"request {standing.final.result.replace('_', ' ')}"
        if not any(move.what == what and asked.id in move.reason for move in technology.moves):
            day = standing.closed_at.astimezone(zone).date()
            words = f"{in_short(standing.final.conclusion, _REASON_CHARS)} ({asked.id})"
            line = move_line(Move(day, what, words, standing.run_id or run))
            folder.edit(technology.slug, lambda text: with_line(text, HISTORY, line))
            changed = True
    return changed


def _reason(reason: str, request: Standing | None) -> str:
    shown = in_short(reason, _REASON_CHARS)
    return shown if request is None else f"{shown} (request {request.request.id})"


def _work(run: str) -> str:
    """Return what all attempts at a run, and all that go on with it, have in common."""
    kind, _, due = run.rpartition(":")
    return f"{kind}:{_LATER.sub('', due)}"
