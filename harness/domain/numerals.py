"""Numbers as they stand in a text: what each is worth, and how exactly it is written."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from harness.domain.no_figures import without_no_figures
from harness.domain.units import Numeral, quantities_of, unit_pattern

_SPACE = "[ \u00a0\u202f\u2009]"
_THIN = "[\u00a0\u202f\u2009]"
_DIGITS = (
    r"[1-9]\d{0,2}(?:\.\d{3})+,\d+(?!\d)"  # 1.234,5
    r"|[1-9]\d{0,2}(?:[,'’]\d{2,3})*[,'’]\d{3}(?!\d)(?:\.\d+)?"  # 1,234.5 or 12,34,567
    rf"|[1-9]\d{{0,2}}(?:{_THIN}\d{{3}})+(?!\d)(?:[.,]\d+)?"  # 1 234,5
    r"|\d+(?:[.,]\d+)?[eE][+-]?\d+|\d+[¼½¾]|\d+[.,]\d+|\.\d+|\d+|[¼½¾]"
)
_CODES = "USD|EUR|GBP|JPY|CNY|CHF|INR|KRW|CAD|AUD|HKD|SGD"
_SIGN = r"(?<![\w)%.,\]])[-−–+]"
_NUMERAL = re.compile(
    rf"(?P<sign>{_SIGN})?(?P<before>\b(?:US|CA|AU|HK|A|C|S)?\$|[$€£¥₹₩]|\b(?:{_CODES}){_SPACE}?)?"
    rf"(?P<inner>(?<=[$€£¥])[-−–+])?(?P<digits>{_DIGITS})(?P<after>[\s-]?(?:{unit_pattern()}))?",
    re.IGNORECASE,
)
_RANGE_UNIT = re.compile(
    rf"{_SPACE}?(?:[-–—]|to|and|or){_SPACE}?[-−+]?(?:{_DIGITS})(?P<unit>[\s-]?(?:{unit_pattern()}))", re.IGNORECASE
)
_NEAR = 48
"""So many characters around a number say what it means."""

_FRACTIONS = {"¼": 0.25, "½": 0.5, "¾": 0.75}
_FRACTION_STEP = 0.01

_ROUGHLY = re.compile(
    r"(?:\b(?:about|around|roughly|nearly|almost|some|over|under|approximately|circa|more than|less than|close to)"
    r"|[~≈><])\s*[$€£¥]?$",
    re.IGNORECASE,
)
_RISE = "up|rose|rises|rising|gained|gains|climbed|climbs|added|adds|advanced|jumped|jumps|rallied"
_FALL = "down|fell|falls|falling|lost|loses|dropped|drops|slid|slides|slipped|slips|declined|declines|shed|sank"
_DIRECTION = re.compile(rf"\b(?:(?P<rise>{_RISE})|(?P<fall>{_FALL}))(?:\s+by)?\s*[$€£¥]?$", re.IGNORECASE)

_ONES = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
    "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
    "hundred": 100,
}  # fmt: skip
_SPELLED = re.compile(
    rf"(?<![\w-])(?:(?P<tens>{'|'.join(_TENS)})(?:[\s-](?P<more>{'|'.join(_ONES)}))?|(?P<ones>{'|'.join(_ONES)}))"
    rf"(?P<after>[\s-](?:{unit_pattern()}))(?!-)",
    re.IGNORECASE,
)  # "twenty-five percent", and not "five of them"
_INVISIBLE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")
_MARKS = re.compile(r"\*+|`+|~~|(?<!\w)_+|_+(?!\w)|\\(?=[^\w\s])")


def numerals_in(text: str) -> tuple[Numeral, ...]:
    """Return the figures in a piece of Markdown, in their order.

    Dates, times, ranks, names, durations and addresses are none: `harness.domain.no_figures` lists what is not.
    """
    lines = text.split("\n")
    return tuple(found for number, line in enumerate(lines, start=1) for found in _numerals_of(line, number))


def _numerals_of(line: str, number: int) -> Iterator[Numeral]:
    if not any(sign.isdigit() or sign in _FRACTIONS for sign in line) and not _SPELLED.search(line):
        return
    plain = _MARKS.sub("", _INVISIBLE.sub("", html.unescape(_with_bullets_kept(line))))
    seen = without_no_figures(plain)
    for found in _NUMERAL.finditer(seen):
        if not _is_part_of_a_name(found, seen):
            yield _numeral(found, seen, number)
    for found in _SPELLED.finditer(seen):
        quantities = quantities_of("", found["after"], _spelled_worth(found), 1.0)
        if quantities[0].unit or quantities[0].step > 1:  # at one point, a number in words is none
            yield Numeral(found.group(), number, quantities, _direction(_head(seen, found.start())))


def _spelled_worth(found: re.Match[str]) -> float:
    tens, ones = found["tens"] or "", found["more"] or found["ones"] or ""
    return float(_TENS.get(tens.casefold(), 0) + _ONES.get(ones.casefold(), 0))


def _with_bullets_kept(line: str) -> str:
    """A star that begins a list is no mark of emphasis: without it a rank behind it would stand at the start."""
    return re.sub(r"^(\s*)\*(?=\s)", r"\1-", line)


def _is_part_of_a_name(found: re.Match[str], line: str) -> bool:
    """Say whether the number touches letters that are no unit: P1, 5G, GPT-5, 10-K."""
    head, tail = _head(line, found.start()), line[found.end() : found.end() + 2]
    has_unit = bool(found["before"] or found["after"])
    if not found["before"] and not found["sign"] and (head[-1:].isalnum() or head[-1:] == "_"):
        return True
    if re.search(r"[^\W\d]-$", head) and not has_unit:
        return True
    if found["before"]:
        return False  # nothing is called $4.5x
    if found["after"]:
        return bool(re.fullmatch(r"-[^\W\d_]", found["after"]))  # 10-K is a form, and not ten thousand
    return tail[:1].isalnum() or tail[:1] == "_" or bool(re.match(r"-[^\W\d_]", tail))


def _head(line: str, end: int) -> str:
    """Return what stands right before a place in the line: enough of it to say what it means there."""
    return line[max(0, end - _NEAR) : end]


def _numeral(found: re.Match[str], line: str, number: int) -> Numeral:
    head, digits = _head(line, found.start()), found["digits"]
    value, step = worth_of(digits)
    if _ROUGHLY.search(head):
        step = max(step, _step_of_zeros(digits, step))
    range_unit = None if found["after"] else _RANGE_UNIT.match(line, found.end())
    after = found["after"] or (range_unit["unit"] if range_unit else "")
    sign = found["sign"] or found["inner"]
    return Numeral(
        text=found.group().strip(),
        line=number,
        quantities=quantities_of(found["before"] or "", after, value, step),
        sign=_direction(head) if not sign else 1 if sign == "+" else -1,
        digits=digits,
        before=_last_word(head),
        behind=_first_word(line[found.end("digits") : found.end("digits") + _NEAR]),
    )


def worth_of(digits: str) -> tuple[float, float]:
    """Return what the digits are worth, and what their last one is."""
    if digits[-1] in _FRACTIONS:
        return float(digits[:-1] or 0) + _FRACTIONS[digits[-1]], _FRACTION_STEP
    mantissa, _, exponent = digits.lower().partition("e")
    whole, decimals = _split(mantissa)
    step = 10.0 ** (int(exponent or 0) - len(decimals))
    return float(f"{whole or 0}.{decimals or 0}e{exponent or 0}"), step


def _split(mantissa: str) -> tuple[str, str]:
    """Return the digits before and behind the decimal sign, whichever sign that is."""
    dot, comma = mantissa.rfind("."), mantissa.rfind(",")
    groups = re.fullmatch(r"[1-9]\d{0,2}(?:[,'’\u00a0\u202f\u2009]\d{2,3})*[,'’\u00a0\u202f\u2009]\d{3}", mantissa)
    at = -1 if groups else max(dot, comma)
    if at < 0:
        return re.sub(r"\D", "", mantissa), ""
    return re.sub(r"\D", "", mantissa[:at]), mantissa[at + 1 :]


def _step_of_zeros(digits: str, step: float) -> float:
    """Return what the last digit is worth that is not nought: `about 5,000` is exact to thousands."""
    if step != 1.0:
        return step
    bare = re.sub(r"\D", "", digits)
    return 10.0 ** (len(bare) - len(bare.rstrip("0"))) if bare.strip("0") else step


def _direction(head: str) -> int:
    found = _DIRECTION.search(head)
    return 0 if found is None else 1 if found["rise"] else -1


def _last_word(head: str) -> str:
    found = re.search(r"([^\W\d_]+)[\s-]*$", head)
    return found[1].casefold() if found else ""


def _first_word(tail: str) -> str:
    found = re.match(r"[\s-]?([^\W\d_]+)", tail)
    return found[1].casefold() if found else ""
