"""Promises about the words of a text: those that stand in it, those that never do, and how many a reminder has."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator

from harness.domain.contract import Contract, Evidence, Violation
from harness.domain.no_figures import NO_FIGURES
from harness.domain.passages import Heading, headings_of, passages_of, plain

_MARKS = re.compile(r"[*_`~]+|\\(?=[^\w\s])")
_UNSEEN = re.compile(r"(?m)^ {0,3}\[[^\]\n]+\]:.*$|\]\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)|<!--(?:(?!<!--).)*?-->")
"""What of a text nobody gets to read: where its links lead, and what they are called besides."""
_WIDTHLESS = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")
_DENIALS = frozenset({"none", "no", "nothing", "nil", "na", "tbd", "todo", "no counterargument", "not applicable"})
EXCERPT_CHARS = 60
REPEAT = "reminder.repeat"
"""The rule of a reminder that says what was said lately: it is skipped, and no failure."""


def judge_words(contract: Contract, evidence: Evidence) -> Iterator[Violation]:
    """Yield the headings, the disclaimer and the citations that are missing, and the words that may not stand there."""
    headings = headings_of(evidence.text)
    for title in contract.sections:
        yield from _judge_section(title, headings)
    if contract.disclaimer and not has_disclaimer(evidence.text, contract.disclaimer):
        remedy = f"write at the end, word for word: {contract.disclaimer}"
        yield Violation("disclaimer", "the disclaimer is missing", remedy=remedy)
    for job in contract.cite:
        day = evidence.days.get(job)
        if day and not _cites(evidence.text, job, day):
            citation = f"{job} ({day})"
            yield Violation("cite", f"the text does not cite {job} with its day", remedy=f"name it as {citation}")
    for phrase in contract.must_not_include:
        yield from _judge_forbidden(phrase, evidence.text, is_whole=contract.reminder_chars is not None)


def judge_reminder(contract: Contract, evidence: Evidence) -> Iterator[Violation]:
    """Yield what is wrong with a reminder: it is too long, or says what was said a few days ago."""
    if contract.reminder_chars is None:
        return
    length = len(spoken(evidence.text))
    if not any(map(str.isalnum, html.unescape(_UNSEEN.sub("", spoken(evidence.text))))):
        yield Violation("reminder", "it has no words", remedy="say in one short line what there is to do")
    if length > contract.reminder_chars:
        detail = f"{length} characters, and a reminder has at most {contract.reminder_chars}"
        yield Violation("reminder", detail, remedy="say it in one short line")
    if evidence.said_on:
        detail = f"the same words were delivered lately (on {evidence.said_on})"
        yield Violation(REPEAT, detail, remedy="say it in other words")


def has_disclaimer(text: str, disclaimer: str) -> bool:
    """Say whether the disclaimer stands in the text, word for word; marks and line breaks do not count."""
    return _unmarked(disclaimer) in _unmarked(_UNSEEN.sub("]", text))


def spoken(text: str) -> str:
    """Return the text as it is read out: one line, without marks."""
    return _unmarked(re.sub(r"(?m)^\s*(?:[-*+>]\s+|#{1,6}\s+)", "", text))


def folded(text: str) -> str:
    """Return the text as phrases are looked for in it: small letters, one space between words."""
    return " ".join(text.casefold().split())


def span_of(text: str, line: int) -> tuple[int, int]:
    """Return the lines that are left out with this one: the passage it is part of, or itself if it is a list entry
    below another one, or a heading."""
    for passage in passages_of(text):
        first, last = passage.lines
        if first <= line <= last:
            is_own_entry = line > first and re.match(r"\s*(?:[-*+]|\d{1,3}[.)])\s", text.split("\n")[line - 1])
            return (line, line) if is_own_entry else (first, last)
    return (line, line)


def excerpt(text: str, line: int) -> str:
    """Return the beginning of a line, as it is quoted to the person, with no bracket in it."""
    words = re.sub(r"[()]", "", spoken(text.split("\n")[line - 1]))
    return words if len(words) <= EXCERPT_CHARS else words[: EXCERPT_CHARS - 1].rstrip() + "…"


def _judge_section(title: str, headings: tuple[Heading, ...]) -> Iterator[Violation]:
    found = [heading for heading in headings if plain(heading.title).startswith(plain(title))]
    remedy = f"write ## {title} and what belongs there below it"
    if not found:
        yield Violation("sections", f"there is no heading “{title}”", remedy=remedy)
    elif not any(heading.has_text and not _denies(heading) for heading in found):
        yield Violation("sections", f"nothing stands below the heading “{title}”", remedy=remedy)


def _denies(heading: Heading) -> bool:
    """Say whether it is a counter-argument that is none; of what was disputed or changed, none is an answer."""
    words = re.sub(r"[^\w\s]", "", heading.body).casefold()
    return plain(heading.title).startswith("counter") and " ".join(words.split()) in _DENIALS


def _judge_forbidden(phrase: str, text: str, *, is_whole: bool) -> Iterator[Violation]:
    words = r"\s+".join(map(re.escape, phrase.split()))
    pattern = re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)
    seen: set[tuple[int, int]] = set()
    # An address says nothing to whoever reads the text.
    said = NO_FIGURES["addresses"].sub(lambda address: " " * len(address.group()), text)
    said = unicodedata.normalize("NFKC", _MARKS.sub("", _WIDTHLESS.sub("", said)))
    for found in pattern.finditer(said):
        line = said.count("\n", 0, found.start()) + 1
        span = span_of(text, line)
        if span not in seen:
            seen.add(span)
            detail = f"the text says “{phrase}” (line {line}: {excerpt(text, line)})"
            yield Violation("must_not_include", detail, remedy="leave that out", lines=None if is_whole else span)


def _cites(text: str, job: str, day: str) -> bool:
    name, address = re.escape(_unmarked(job)), r"(?:\]\([^()\s]*\))?"
    return re.search(rf"(?<![\w/-]){name}{address}\s*[(,:]?\s*(?:of\s+)?{day}(?!\d)", _unmarked(text)) is not None


def _unmarked(text: str) -> str:
    return " ".join(_MARKS.sub("", text).split())
