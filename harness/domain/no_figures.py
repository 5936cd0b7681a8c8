"""What has digits and is no figure: nobody has to have collected it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?(?![\d]|[.,]\d)"
_SPAN = r"(?:\s*(?:[-–/]|to|and)\s*"
_PRICED = r"(?:at|near|above|below|entry|stop|target|support|resistance|level|price|closes?|closed|trades?|of about)"
_UNIT_AFTER = (
    r"(?!\s*(?:%|percent|per cent|bps?\b|basis|points?\b|pts\b|USD|EUR|GBP|JPY|dollars?|euros?|[kmb]n?\b"
    r"|(?:thousand|million|billion|trillion)s?\b))"
)
_PERIOD = (
    r"(?:seconds?|secs?|s|minutes?|mins?|hours?|hrs?|h|(?:trading\s)?days?|d|nights?|sessions?|weeks?|wks?|months?|mos?"
    r"|quarters?|years?|yrs?|yr|y)\b"
)
_LABELS = (
    r"(?:section|step|part|chapter|item|figure|fig\.|table|note|phase|tier|page|issue|round|week|day|version|release"
    r"|episode|volume|vol\.|article|art\.|rule|no\.|nr\.|number|rank(?:ed)?|top|option|scenario|question|exhibit)"
)
_INDICES = (
    r"(?:S&(?:amp;)?P(?:\sGlobal)?[\s-](?:100|350|400|500|600|1000|1200|1500)"
    r"|(?:Nikkei|Nifty|Topix|FTSE|CAC|Euronext)[\s-](?:30|40|50|70|100|150|225|250|350|400|500)|Dow[\s-](?:30|50)|Russell[\s-](?:200|1000|2000|2500|3000)|Nasdaq[\s-]100"
    r"|[MST]ec?DAX[\s-](?:30|50|70)|DAX[\s-](?:30|40|50)|(?:STOXX|ASX|CSI)(?:\s(?:Europe|Global|Asia))?[\s-](?:20|50|100"
    r"|200|300|500|600|1000|1800)|(?:IBEX|MIB)[\s-](?:30|35|40)|SMI[\s-](?:20|30)|KOSPI[\s-](?:50|100|200)"
    r"|Hang Seng[\s-](?:50|100)|Fortune[\s-](?:50|100|500|1000)|Sensex[\s-](?:30|50)|TSX[\s-](?:60|100)"
    r"|Wilshire[\s-]5000|NYSE[\s-]100)"
)
"""Indices with the numbers in their names: behind them any other number is where they stand."""

NO_FIGURES: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "addresses": re.compile(r"\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*\)|<?\b[a-z][a-z0-9+.-]*://[^\s<>)\]]*", re.I),
        "dates": re.compile(
            rf"\b\d{{4}}[-/]\d{{1,2}}(?:[-/]\d{{1,2}})?(?:T[\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?\b(?![.,]\d)"
            rf"|\b\d{{1,2}}/\d{{1,2}}(?:/(?:\d{{4}}|\d{{2}}))?\b(?![.,/]\d)"
            rf"|\b\d{{1,2}}\.\d{{1,2}}\.(?:\d{{4}}|\d{{2}})\b(?![.,]\d)"
            rf"|\b(?:{_MONTH})\s+{_DAY}{_SPAN}{_DAY})?{_UNIT_AFTER}(?:,?\s+(?:19|20)\d\d\b)?"
            rf"|\b{_DAY}{_SPAN}{_DAY})?\.?\s+(?:of\s+)?(?:{_MONTH})(?:,?\s+(?:19|20)\d\d\b)?"
            r"|[’']\d\d\b"
        ),
        "times": re.compile(
            r"\b\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s?[ap]\.?m\b\.?)?|\b\d{1,2}\s?[ap]\.?m\b\.?|\b\d{1,2}h\d{2}\b"
            r"|\b(?:UTC|GMT)\s?[-−+]\s?\d{1,2}\b",
            re.IGNORECASE,
        ),
        "confidences": re.compile(
            r"\bconfiden(?:ce|t)\b[^\d\n%]{0,24}\d{1,3}(?:\.\d+)?(?:\s*(?:[-–]|to)\s*\d{1,3})?\s*(?:%|percent)"
            r"|\b\d{1,3}(?:\.\d+)?\s*(?:%|percent)\s+(?:confiden|sure\b)",
            re.IGNORECASE,
        ),
        "ranks": re.compile(
            rf"^\s*(?:[-*+>]\s+)*(?:\[[ xX]?\]\s+)?\d{{1,2}}[.)](?=\s|$)|^\s*\|\s*\d{{1,2}}\s*(?=\|)|#\d{{1,4}}\b"
            rf"|^#{{1,6}}\s+\d{{1,2}}(?:\.\d{{1,2}})*[.)]?(?=\s){_UNIT_AFTER}"
            rf"|(?<!\w){_LABELS}[ -]\d{{1,3}}(?:\.\d+)*\b{_UNIT_AFTER}"
            r"|\[\^?\d{1,3}\]",
            re.IGNORECASE,
        ),
        "versions": re.compile(r"\b\d+(?:\.\d+){2,}(?:[-+.]?\w+)*\b"),
        "index names": re.compile(rf"\b{_INDICES}\b(?![.,]\d){_UNIT_AFTER}", re.IGNORECASE),
        "durations": re.compile(
            rf"(?<![\w.,$€£¥])\d+(?:\.\d+)?{_SPAN}\d+(?:\.\d+)?)?\+?[\s-]?{_PERIOD}", re.IGNORECASE
        ),
        "years": re.compile(
            rf"(?<![\w.,$€£¥+−])(?<!\b[A-Z]{{3}}\s)(?<!-)(?:19|20)\d\d(?:s\b|[-–/](?:\d\d|(?:19|20)\d\d))?"
            rf"(?![\w]|[.,]\d){_UNIT_AFTER}"
        ),
    }
)
"""By kind, in the order in which they are taken out of a line. Names with digits (P1, Q3, GPT-5, v2, ERR-2026) are
none of these: a number that touches letters is no figure unless the letters are its unit."""

_BEFORE_A_PRICE = re.compile(rf"\b{_PRICED}\s*[:=]?\s*$", re.IGNORECASE)


def without_no_figures(line: str) -> str:
    """Return the line with spaces in the place of what has digits and is no figure."""
    for kind, pattern in NO_FIGURES.items():
        line = pattern.sub(lambda found, kind=kind: _blank(found, kind), line)  # type: ignore[misc]
    return line


def _blank(found: re.Match[str], kind: str) -> str:
    if kind == "years" and _BEFORE_A_PRICE.search(found.string[: found.start()]):
        return found.group()  # an index stands at 2026, a stop at 1999
    return " " * len(found.group())
