"""Entry signals in a text: what each of them names, and whether it may stand there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.domain.numerals import worth_of
from harness.domain.passages import Passage, passages_of, plain

FORM = "- **SYMBOL** long · entry N · stop N · target N · confidence N % — why"
SECTION = "signals"

_NUMBER = r"(?:[$€£¥]\s?)?(?P<{0}>\d+(?:[.,]\d+)*)"
_LINK = (
    r"(?:[\s*_`|:=~≈@()\[\]→>]|\b(?:at|is|of|price|level|below|above|near|around|zone|range|limit|point|order|for|lies"
    r"|stands|between|from)\b)*"
)
_NO_PRICE = (
    r"(?!\d|[.,]\d|\s*(?:%|percent|bps?\b|pp\b|days?\b|weeks?\b|months?\b|years?\b|times\b|[mb]illion|tonnes|tons\b"
    r"|barrels|shares|units|firms|of\b))"
)
_AT = r"(?:at|near|around|above|below|from|@)"
_ENTRY = re.compile(
    rf"(?<!\bno )\bentry(?:\s+(?:for|in|into|on)\s+\S+)?{_LINK}{_NUMBER.format('price')}{_NO_PRICE}"
    rf"|\b(?:enter(?:ing)?|accumulat(?:e|ing)|buying)\s+(?:(?!stop)[^\W\d]\S*\s+){{0,3}}?{_AT}[\s*_`(]*"
    rf"{_NUMBER.format('other')}{_NO_PRICE}",
    re.IGNORECASE,
)
_STOP = re.compile(rf"\bstop(?:[- ]?loss)?{_LINK}{_NUMBER.format('price')}{_NO_PRICE}", re.IGNORECASE)
_TRADE = re.compile(
    r"\b(?P<side>(?<!as )(?:go(?:ing)?\s+)?(?:long|short)(?![- ]?(?:term|run|dated|lived|time|end|er|est|ly|seller"
    r"|interest|squeeze|cover|as\b|ago\b))|buy|sell short)\b(?![-’'])"
    rf"(?:[\s*_`·|:]+(?!\d|stop|target|confiden)[^\W\d]\S*){{0,3}}{_LINK}[\s·]*{_NUMBER.format('price')}{_NO_PRICE}",
    re.IGNORECASE,
)
_LONG = re.compile(r"\b(?:long|buy)\b(?!-)", re.IGNORECASE)
_SHORT = re.compile(r"\b(?:short|sell)\b(?!-)", re.IGNORECASE)
_WAIT = re.compile(
    r"(?<!need to )(?<!not )(?<!not to )(?<!n[’']t )"
    r"\b(?:wait|waiting|stand aside|no entry|no trade|no signals?|stay out)\b",
    re.IGNORECASE,
)
_CONFIDENCE = re.compile(
    r"\bconfiden(?:ce|t)\b[^\d\n%]{0,24}(?P<after>\d{1,3}(?:\.\d+)?)\s*(?:%|percent)"
    r"|(?P<before>\d{1,3}(?:\.\d+)?)\s*(?:%|percent)\s+confiden",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Signal:
    """What an entry signal names; None for what it does not.

    `side` is `long` or `short`, `confidence` in percent. `waits`: it says that it is no time to enter. `unstopped`: it
    names so many more entries than stops.
    """

    name: str
    lines: tuple[int, int]
    side: str | None
    entry: float | None
    stop: float | None
    confidence: float | None
    waits: bool
    unstopped: int = 0


def signals_in(text: str) -> tuple[Signal, ...]:
    """Return the entries below a heading with the word Signals, and whatever else names a trade and its price."""
    return tuple(_signal(passage) for passage in passages_of(text) if _is_signal(passage))


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a signal: always in the same words, with what differs in `aside`."""

    problem: str
    aside: str = ""
    remedy: str = ""


def faults_of(signal: Signal, *, needs_stop: bool, wait_below: float | None) -> Iterator[Fault]:
    """Yield everything that is wrong with the signal."""
    if signal.waits:
        if signal.entry is not None:
            yield Fault("says to wait and names an entry", remedy="leave its entry out")
        return
    if signal.entry is None:
        yield Fault("names no entry, and does not say to wait")
    elif needs_stop:
        yield from _faults_of_stop(signal, signal.entry)
    if wait_below is not None and signal.confidence is None:
        yield Fault("names no confidence in percent")
    elif wait_below is not None and signal.confidence is not None and signal.confidence < wait_below:
        aside = f", confidence {signal.confidence:g} %, at least {wait_below:g} % needed"
        yield Fault("enters where it is to wait", aside, "say wait, and name no entry")


def _faults_of_stop(signal: Signal, entry: float) -> Iterator[Fault]:
    if signal.stop is None or signal.unstopped:
        yield Fault("names an entry and no stop")
    elif signal.side is None:
        yield Fault("says neither long nor short, so that nobody can tell on which side its stop belongs")
    elif (signal.stop >= entry) if signal.side == "long" else (signal.stop <= entry):
        right = "below" if signal.side == "long" else "above"
        aside = f", {signal.side}, entry {entry:g}, stop {signal.stop:g}"
        yield Fault("has its stop on the wrong side", aside, f"put its stop {right} its entry, or leave it out")


def _is_signal(passage: Passage) -> bool:
    if _TRADE.search(passage.text) or _ENTRY.search(passage.text):
        return True
    if not any(SECTION in plain(title).split() for title in passage.headings):
        return False
    named = _LONG.search(passage.text) or _SHORT.search(passage.text) or _STOP.search(passage.text)
    is_one = bool(named) and (passage.is_entry or bool(_CONFIDENCE.search(passage.text)))
    if passage.text.lstrip().startswith("|") and SECTION in plain(passage.headings[-1]).split():
        is_one = is_one or any(map(str.isdigit, passage.text))
    return is_one and not _says_nothing(passage.text)


def _says_nothing(text: str) -> bool:
    return bool(_WAIT.search(text)) and not any(sign.isdigit() for sign in text)


def _signal(passage: Passage) -> Signal:
    text = passage.text
    trade, entry, stop = _TRADE.search(text), _ENTRY.search(text), _STOP.search(text)
    confidence = _CONFIDENCE.search(text)
    price = entry or trade
    entries, stops = (sum(1 for _ in pattern.finditer(text)) for pattern in (_ENTRY, _STOP))
    return Signal(
        name=_name(text),
        lines=passage.lines,
        side=_side(text),
        entry=None if price is None else worth_of(price["price"] or price["other"])[0],
        stop=None if stop is None else worth_of(stop["price"])[0],
        confidence=None if confidence is None else float(confidence["after"] or confidence["before"]),
        waits=bool(_WAIT.search(text)),
        unstopped=max(0, entries - stops) if stops else 0,
    )


def _side(text: str) -> str | None:
    """Return the side that is named first."""
    long, short = _LONG.search(text), _SHORT.search(text)
    if long is None or short is None:
        return "long" if long else "short" if short else None
    return "long" if long.start() < short.start() else "short"


def _name(text: str) -> str:
    """Return what the signal is for: what it has in bold, or its first words."""
    bold = re.search(r"\*\*(.+?)\*\*", text)
    return bold[1] if bold else " ".join(re.sub(r"^[\s\-*+>\d.)|]+", "", text).split()[:4])
