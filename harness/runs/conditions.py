"""Whether a job's `only_if` holds: what was read now against what its last run that succeeded saw.

Pure: what was collected, remembered and found in the workspace comes in as values. Only what is new counts
as a change. That an item went away is none: feeds drop their oldest entries, `max_age` lets items go, and a
source that fails leaves all of its items out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from harness.collectors.collect import read_kind
from harness.domain.job import OnlyIf
from harness.domain.sizes import counted
from harness.domain.source import Collected, Gap, Item

CONDITION_STOP = "only_if"
"""Why a run ended whose condition did not hold: it looked, and there was nothing to do."""
NOTHING_TO_REPORT = "Nothing to report"
MAX_KEYS = 4_000
"""So many items are remembered for `new_items`, and as many for all of `changed`; 12 hexadecimal digits each."""

_KEY_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Reading:
    """What one entry of `read` held, as hashes: of its text (empty if it has none), and of each item.

    `is_whole` is False where something of it could not be read.
    """

    text: str = ""
    items: tuple[str, ...] = ()
    is_whole: bool = True

    @property
    def is_unread(self) -> bool:
        """Whether nothing of it could be read."""
        return not (self.is_whole or self.text or self.items)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one run saw of what its condition looks at.

    `readings` are the entries of `changed` by name, `items` the keys of everything collected, `is_whole` False
    if anything could not be read. `seen_at` is aware UTC.
    """

    seen_at: datetime
    readings: Mapping[str, Reading] = field(default_factory=dict)
    items: tuple[str, ...] = ()
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a condition is judged by.

    `new` are the collected items without those that were delivered before; `has_failed` says that no source
    at all could be read. `missing` are the patterns of `exists` that match nothing. `zone` is the job's.
    """

    now: Sighting
    before: Sighting | None
    new: Sequence[Item] = ()
    gaps: Sequence[Gap] = ()
    has_failed: bool = False
    missing: Sequence[str] = ()
    zone: str = "UTC"


def observe(only_if: OnlyIf, collected: Sequence[Collected], now: datetime) -> Sighting:
    """Return what there is to remember of what was collected, before anything is left out of it."""
    looked_at = [one for one in collected if one.read in only_if.changed]
    share = MAX_KEYS // max(1, len(looked_at))
    keys = _distinct(item_key(item) for one in collected for item in one.items) if only_if.new_items else ()
    readings = {one.read: _reading(one, share) for one in looked_at}
    return Sighting(now, readings, keys[:MAX_KEYS], is_whole=not any(one.gaps for one in collected))


def why_not(only_if: OnlyIf, circumstances: Circumstances) -> str | None:
    """Return in words why the condition does not hold; None if it does.

    `changed` and `new_items` hold in the first run ever, and where nothing of what they look at could be
    read: the run then ends as any run does whose sources fail, and not unseen.
    """
    problems: list[str] = []
    if circumstances.missing:
        problems.append(f"nothing in the workspace matches {', '.join(circumstances.missing)}")
    if circumstances.before is not None:
        since = _moment(circumstances.before.seen_at, circumstances)
        if only_if.changed and not _has_changed(only_if, circumstances.now, circumstances.before):
            problems.append(f"nothing changed in {', '.join(only_if.changed)} since {since}")
        count = _count_new(circumstances.new, circumstances.before)
        if only_if.new_items and count < only_if.new_items and not circumstances.has_failed:
            items = counted(count, "new item") if count else "no new items"
            problems.append(f"{items} since {since}, the job wants {only_if.new_items}")
    if problems and circumstances.gaps:
        problems.append(f"could not be read: {_in_short(circumstances.gaps)}")
    return "; ".join(problems) or None


def remember(now: Sighting, before: Sighting | None) -> Sighting:
    """Return what to compare the next run with, if this one succeeds.

    Of what could not be read now, what was seen before is kept: it is no change when the source is back.
    """
    if before is None:
        return now
    share = MAX_KEYS // max(1, len(now.readings))
    readings = {
        name: reading if reading.is_whole else _merged(reading, before.readings.get(name, Reading()), share)
        for name, reading in now.readings.items()
    }
    items = now.items if now.is_whole else _distinct((*now.items, *before.items))[:MAX_KEYS]
    return Sighting(now.seen_at, readings, items, now.is_whole)


def item_key(item: Item) -> str:
    """Return the hash by which an item is known again: of its canonical address."""
    return _hashed(item.key)


def _has_changed(only_if: OnlyIf, now: Sighting, before: Sighting) -> bool:
    readings = {name: now.readings.get(name, Reading(is_whole=False)) for name in only_if.changed}
    if all(reading.is_unread for reading in readings.values()):
        return True  # it cannot be told: the run itself says that nothing could be read
    return any(_has_new(reading, before.readings.get(name)) for name, reading in readings.items())


def _has_new(now: Reading, before: Reading | None) -> bool:
    if before is None:
        return not now.is_unread
    return bool(now.text and now.text != before.text) or not set(now.items) <= set(before.items)


def _count_new(items: Sequence[Item], before: Sighting) -> int:
    return len({item_key(item) for item in items} - set(before.items))


def _reading(collected: Collected, share: int) -> Reading:
    is_output = read_kind(collected.read) == "output"
    if is_output and not collected.items and collected.text.startswith(NOTHING_TO_REPORT):
        return Reading()  # the job looked and found nothing: that is no news
    # The page of a digest is dated, so that its text is another one each time; its items say what is in it.
    text = "" if is_output and collected.items else collected.text
    told = (f"{item.key}\n{item.title}" for item in collected.items)
    items = _distinct(map(_hashed, (*told, *(f"{one.key} {one.value!r}" for one in collected.figures))))
    if len(items) > share:
        # Too many to remember: one hash of them all, so that any difference counts as a change.
        items = (_hashed("\n".join(sorted(items))),)
    return Reading(_hashed(text) if text.strip() else "", items, is_whole=not collected.gaps)


def _merged(now: Reading, before: Reading, share: int) -> Reading:
    return Reading(now.text or before.text, _distinct((*now.items, *before.items))[:share], is_whole=False)


def _moment(moment: datetime, circumstances: Circumstances) -> str:
    """Return the clock time with as much of the date as it needs: `Mon 07:40`, `Mon 16 Nov 07:40`."""
    local = moment.astimezone(ZoneInfo(circumstances.zone))
    is_recent = (circumstances.now.seen_at - moment).days < 6
    return f"{local:%a %H:%M}" if is_recent else f"{local:%a} {local.day} {local:%b %H:%M}"


def _in_short(gaps: Sequence[Gap]) -> str:
    more = len(gaps) - 1
    return f"{gaps[0]} (and {more} more {'gap' if more == 1 else 'gaps'})" if more else str(gaps[0])


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_KEY_DIGITS]


def _distinct(keys: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(keys))
