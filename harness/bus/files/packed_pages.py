"""What the pages of the last days say of each request, kept small between two looks.

One request more is one entry of a page that has to be written anew whole. The others need not be read from the log
again for it, and a thousand of them need not lie in memory for as long as nothing happens either.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from harness.bus.files.mirror_pages import Entry

_DAYS = 3
_QUICKLY = 1


@dataclass(frozen=True, slots=True)
class Shown:
    """A request of a page: when it was made in epoch seconds, the fingerprint of its log, and what is said of it.

    Nothing is said of one whose log cannot be read.
    """

    request_id: str
    made_at: float
    fingerprint: str
    entry: Entry | None

    @property
    def place(self) -> tuple[float, str]:
        """What requests on a page are ordered by."""
        return self.made_at, self.request_id


class Packing:
    """Packs requests one by one, so that very many never lie in memory at once."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(_QUICKLY)
        self._packed = io.BytesIO()

    def add(self, one: Shown) -> None:
        """Pack one more."""
        said = () if one.entry is None else (one.entry.word, one.entry.text)
        line = json.dumps([one.request_id, one.made_at, one.fingerprint, *said])
        self._packed.write(self._packer.compress(f"{line}\n".encode("ascii")))

    def whole(self) -> bytes:
        """Return all that was packed; nothing can be added afterwards."""
        self._packed.write(self._packer.flush())
        return self._packed.getvalue()


@dataclass(frozen=True, slots=True)
class _Kept:
    made_from: str
    packed: bytes


class PackedPages:
    """The requests on the pages of the days that changed last, by the pages' fingerprints."""

    def __init__(self) -> None:
        self._days: dict[date, _Kept] = {}

    def keep(self, day: date, made_from: str, packed: bytes) -> None:
        """Remember what is on the page of this day, instead of that of the day that changed longest ago."""
        self._days.pop(day, None)
        self._days[day] = _Kept(made_from, packed)
        for old in [*self._days][:-_DAYS]:
            del self._days[old]

    def of(self, day: date) -> Iterator[Shown] | None:
        """Return what is on the page, in its order; None if that is not remembered."""
        kept = self._days.get(day)
        return None if kept is None else _unpacked(kept.packed)

    def forget_others(self, made_from: Mapping[date, str]) -> None:
        """Forget the pages that are not made from just these versions of the logs."""
        self._days = {day: kept for day, kept in self._days.items() if made_from.get(day) == kept.made_from}


def _unpacked(packed: bytes) -> Iterator[Shown]:
    for line in io.BytesIO(zlib.decompress(packed)):
        request_id, made_at, fingerprint, *said = json.loads(line)
        yield Shown(request_id, made_at, fingerprint, Entry(*said) if said else None)


def updated(shown: Iterable[Shown], news: Mapping[str, Shown]) -> Iterator[Shown]:
    """Yield what a page says with the news, in its order; of what cannot be read any more it says what it said."""
    waiting, told = sorted(news.values(), key=lambda one: one.place, reverse=True), set[str]()
    for one in shown:
        while waiting and waiting[-1].place < one.place:
            yield from _once(waiting.pop(), told)
        new = news.get(one.request_id, one)
        yield from _once(new if new.entry is not None else replace(new, entry=one.entry), told)
    while waiting:
        yield from _once(waiting.pop(), told)


def _once(one: Shown, told: set[str]) -> Iterator[Shown]:
    if one.request_id not in told:
        told.add(one.request_id)
        yield one
