"""What the files say that mirror the requests: one in JSON for each request, one page in Markdown for each day. Pure.

The first lines of every such file say who writes it, from which versions of the logs it was made, and, as a
seal, the hash of all the rest: a file whose seal does not fit was edited by somebody.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

from harness.bus.files.seal import UNSEALED, seal
from harness.domain.request import (
    Dropped,
    Event,
    Final,
    Finished,
    Progressed,
    Request,
    RequestState,
    Resent,
    Standing,
    Watch,
    fold,
)
from harness.domain.roundtable import is_sealed
from harness.domain.sizes import counted
from harness.gate.sanitise import in_short, one_line
from harness.store.json_codec import to_json
from harness.store.request_versions import RequestVersion

STATUS_FOLDER = "shared-context/job-status"
PAGES_FOLDER = "shared-context/dispatches"
FORMAT = 1
"""Raised when the files change their shape: all of them are written anew then."""

Redact = Callable[[str], str]

_WRITTEN_BY = (
    "the harness, from the log in its database. An edit changes nothing of the request: it is moved aside. "
    "Use `harness bus`."
)
SEALED = "what is said at a roundtable can be read when its round is over"
_TITLE_CHARS = 140
_STATES = {
    RequestState.REQUESTED: "not delivered yet",
    RequestState.DELIVERED: "delivered",
    RequestState.CONFIRMED: "at work",
}
_MARKUP = re.compile(r"([\\`*_\[\]<>|~])|^([#+=-]|\d+[.)])")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a day's page says of one request, rendered; `word` is what its summary counts it as."""

    word: str
    text: str


def fingerprint(version: RequestVersion) -> str:
    """Return what tells whether the file of this request is up to date."""
    told = f"{FORMAT}\n{version.id} {version.version} {version.updated_at!r}"
    return hashlib.sha256(told.encode()).hexdigest()[:32]


class PageFingerprint:
    """What tells whether a page is up to date, of the fingerprints of its requests in whatever order."""

    def __init__(self, zone: str) -> None:
        self._zone = zone
        self._sum = 0

    def add(self, fingerprint: str) -> None:
        """Count one more request."""
        self._sum += int(fingerprint, 16)

    def __str__(self) -> str:
        return hashlib.sha256(f"{FORMAT}\n{self._zone}\n{self._sum:x}".encode()).hexdigest()[:32]


def version_of(events: Sequence[Event]) -> RequestVersion:
    """Return how far the log has come."""
    return RequestVersion(events[0].request_id, events[-1].number, events[-1].at.timestamp(), events[0].at.timestamp())


# ── The file of a request ────────────────────────────────────────────────────────────────────────


def status_text(events: Sequence[Event], redact: Redact) -> str:
    """Return the file of one request, by its log."""
    head = {
        "written_by": _WRITTEN_BY,
        "seal": UNSEALED,
        "made_from": fingerprint(version_of(events)),
    }
    document = head | _redacted(status_of(events), redact)
    return seal(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def status_of(events: Sequence[Event]) -> dict[str, Any]:
    """Return what a request has come to by its log, as plain JSON.

    `asked` is the request as it was made, `receiver` who has it now. `situation` is what it means that its
    sender has heard nothing, null once the sender was told. `final` and `dead_letter` are null where there is none;
    `evidence` are the files that the final names. `log` has every event. Of a seat at a roundtable all that its worker
    said is left out until its round is over. Times are ISO 8601 in UTC.
    """
    standing = fold(events)
    is_hidden = is_sealed(standing)
    asked, final = standing.request, None if is_hidden else standing.final
    return {
        "id": asked.id,
        "version": standing.version,
        "updated_at": to_json(datetime, events[-1].at),
        "state": str(standing.state),
        "situation": None if standing.noticed_at is not None else str(standing.situation),
        "sender": asked.sender,
        "receiver": standing.receiver,
        "due_at": to_json(datetime, asked.due_at),
        "run": standing.run_id,
        "delivery": standing.token,
        "delivered_at": _moment(standing.delivered_at),
        "confirmed_at": _moment(standing.confirmed_at),
        "news_at": _moment(standing.news_at),
        "closed_at": _moment(standing.closed_at),
        "noticed_at": _moment(standing.noticed_at),
        "note": SEALED if is_hidden and standing.note else standing.note,
        "asked": to_json(Request, asked),
        "final": _final(final),
        "evidence": [] if final is None else [_plain(one) for one in final.evidence],
        "dead_letter": _dead_letter(standing),
        "log": [_logged(event, is_hidden=is_hidden) for event in events],
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else str(to_json(datetime, moment))


def _plain(value: Any) -> Any:
    return to_json(type(value), value)


def _final(final: Final | None) -> dict[str, Any] | None:
    if final is None:
        return None
    whole: dict[str, Any] = _plain(final)
    del whole["evidence"]
    return whole


def _dead_letter(standing: Standing) -> dict[str, Any] | None:
    if standing.dead is None:
        return None
    settled = None if standing.settled is None else _plain(standing.settled)
    return {"reason": standing.dead.reason, "situation": str(standing.dead.situation), "settled": settled}


def _logged(event: Event, *, is_hidden: bool) -> dict[str, Any]:
    body: dict[str, Any] = _plain(event.body)
    if is_hidden and isinstance(event.body, Finished | Progressed):
        body = {"kind": event.body.kind, "sealed": SEALED}
    if event.number == 1:
        del body["request"]  # it stands under `asked`
    return {"number": event.number, "at": to_json(datetime, event.at), "by": event.by, **body}


def _redacted(value: Any, redact: Redact) -> Any:
    # Text by text: what is taken out of one reaches no other, and the document stays JSON.
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_redacted(one, redact) for one in value]
    if isinstance(value, dict):
        return {key: _redacted(one, redact) for key, one in value.items()}
    return value


# ── The page of a day ────────────────────────────────────────────────────────────────────────────


class DayPage:
    """The page of one day: who asked whom for what, where it stands, by when, and what it came to.

    `made_from` is the fingerprint of the requests that were added.
    """

    def __init__(self, day: date, zone: str) -> None:
        self.made_from = PageFingerprint(zone)
        self._day = day
        self._zone = zone
        self._body = StringIO()
        self._words = Counter[str]()

    def add(self, fingerprint: str, entry: Entry | None) -> None:
        """Add the next request; without an entry nothing is said of it."""
        self.made_from.add(fingerprint)
        if entry is not None:
            self._words[entry.word] += 1
            self._body.write(f"\n{entry.text}")

    def text(self) -> str | None:
        """Return what the file holds, None if there is nothing to say."""
        if not self._words:
            return None
        # Of words that are counted alike, that which stands first on the page comes first.
        counts = ", ".join(f"{count} {word}" for word, count in self._words.most_common())
        head = (
            f"<!-- Written by {_WRITTEN_BY}\n     seal {UNSEALED}, made from {self.made_from} -->\n"
            f"# Requests of {self._day:%A}, {self._day.day} {self._day:%B %Y}\n\n"
            f"{counted(self._words.total(), 'request')}: {counts}. Times are those of {self._zone}.\n"
        )
        return seal(head + self._body.getvalue())


def entry_of(events: Sequence[Event], zone: str, redact: Redact) -> Entry:
    """Return what the page of its day says of a request."""
    standing = fold(events)
    asked, here = standing.request, ZoneInfo(zone)
    day = asked.made_at.astimezone(here).date()

    def said(text: str, chars: int | None = None) -> str:
        return as_words(one_line(redact(text)) if chars is None else in_short(redact(text), chars))

    def at(moment: datetime) -> str:
        local = moment.astimezone(here)
        return f"{local:%H:%M}" if local.date() == day else f"{local:%a} {local.day} {local:%b %H:%M}"

    lines = [f"## {at(asked.made_at)} {asked.sender} → {standing.receiver}: {said(asked.task, _TITLE_CHARS)}", ""]
    word = _word(standing)
    lines.append(f"- **{_where(standing, word, at)}** · [{asked.id}](../job-status/{asked.id}.json)")
    if standing.handed_off_by:
        lines.append(f"- passed on by {', '.join(standing.handed_off_by)}")
    if is_sealed(standing):
        lines += [f"- {SEALED}"] if standing.note or standing.final else []
    elif standing.final is not None:
        lines += _final_lines(standing.final, said)
    elif standing.note:
        lines.append(f"- last news: {said(standing.note)}")
    lines += _dead_letter_lines(standing, said)
    if asked.fallback and (standing.final is None or not standing.final.is_success):
        lines.append(f"- otherwise: {said(asked.fallback)}")
    return Entry(word, "\n".join(lines) + "\n")


def as_words(line: str) -> str:
    """Return one line of text so that Markdown shows it as it is."""
    return _MARKUP.sub(lambda found: f"\\{found[0]}" if found[1] else found[0][:-1] + "\\" + found[0][-1], line)


def _word(standing: Standing) -> str:
    """Return how the request stands, as the head of the page counts it."""
    if standing.final is not None and is_sealed(standing):
        return "sealed"
    if standing.final is not None:
        return standing.final.result.replace("_", " ")
    return "watching" if standing.request.watch is not None else _STATES[standing.state]


def _dead_letter_lines(standing: Standing, said: Callable[[str], str]) -> list[str]:
    """Return what is to be done about a dead letter, or what was done."""
    match standing.settled:
        case Resent(request_id=again_as):
            return [f"- sent again as {again_as}"]
        case Dropped(reason=reason):
            return [f"- given up: {said(reason)}"]
    if not standing.is_dead_letter:
        return []
    name = standing.request.id
    return [f'- **dead letter**, waits for you: `harness bus resend {name}` or `harness bus drop {name} --reason "…"`']


def _where(standing: Standing, word: str, at: Callable[[datetime], str]) -> str:
    asked = standing.request
    due = f"due {at(asked.due_at)}"
    if standing.final is None:
        waits = _waits_for(asked.watch, at) if asked.watch is not None else word
        return f"{waits}, {due}" if asked.priority == "normal" else f"{waits}, {due}, {asked.priority} priority"
    verdict = f" ({standing.final.verdict})" if standing.final.verdict and not is_sealed(standing) else ""
    return f"{word}{verdict} at {at(standing.closed_at)}, {due}" if standing.closed_at else f"{word}{verdict}, {due}"


def _waits_for(watch: Watch, at: Callable[[datetime], str]) -> str:
    return f"waits until {at(watch.at)}" if watch.at is not None else f"waits until {as_words(one_line(str(watch)))}"


def _final_lines(final: Final, said: Callable[[str], str]) -> list[str]:
    lines = [f"- {said(final.conclusion)}"] if final.conclusion.strip() else []
    lines += [f"- evidence: {said(one.path)}" for one in final.evidence]
    return lines + [f"- next: {said(action)}" for action in final.actions]
