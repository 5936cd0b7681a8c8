"""From the text of a file to its chunks: what it is decides who may see them and how far they are believed. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from harness.domain.learning import SHARED, TRUST, Learning, Origin
from harness.memory.chunks import PERSON, Audience, Chunk, Kind, split_long
from harness.memory.learnings import parse_learnings
from harness.memory.recalled_text import lines_from_outside, without_fences, without_recalled
from harness.memory.records import parse_memory
from harness.store.yaml_text import parse_yaml

_DIGEST_FORMAT = 1
_FRONT = re.compile(r"---[ \t]*\n(?P<yaml>.*?)\n---[ \t]*(?:\n|$)", re.DOTALL)
_OBSOLETE = frozenset({"superseded", "duplicate", "forgotten"})
"""Why a page is in the archive whose words another record says better."""
_PROMOTED_TRUST = 2
"""What a record in MEMORY.md that was learned has at least, unless the person approved it."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What of a file is not found, and why, in words for the person. `line` counts from 1."""

    path: str
    line: int | None
    problem: str

    def __str__(self) -> str:
        return f"{self.path}{'' if self.line is None else f':{self.line}'}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Origins:
    """What is known of a file before it is read: whose it is, of which job, and of which day."""

    path: str
    kind: Kind
    agent: str = ""
    job: str = ""
    day: date | None = None


def chunks_of(text: str, origins: Origins) -> tuple[list[Chunk], list[Gap]]:
    """Return the chunks of a file's text, in its order, and what of it cannot be read."""
    text = without_recalled(text)
    match origins.kind:
        case "memory":
            return _memory_chunks(text, origins), []
        case "learning":
            return _learning_chunks(text, origins)
        case "note":
            return _blocks(text, Audience(f"agent/{origins.agent}", "note", TRUST["agent"]), "agent", origins.day), []
        case "archive":
            return _archive_chunks(text, origins)
        case "digest":
            return _digest_chunks(text, origins)
        case "shared":
            return _blocks(text, Audience(SHARED, "shared", TRUST["agent"]), "agent", origins.day), []


def _memory_chunks(text: str, origins: Origins) -> list[Chunk]:
    """A bullet that the person wrote is believed as they are; one that was learned as what was promoted."""
    scope = f"agent/{origins.agent}"
    person, learned = Audience(scope, "memory", TRUST["human"]), Audience(scope, "memory", _PROMOTED_TRUST)
    chunks = []
    for chunk, record in _parsed(text, person, "human", None):
        is_learned = record is not None
        chunks.append(replace(chunk, audience=learned, origin="agent", record=record or "") if is_learned else chunk)
    return chunks


def _learning_chunks(text: str, origins: Origins) -> tuple[list[Chunk], list[Gap]]:
    """The records in force, of this agent or for all."""
    file = parse_learnings(text)
    gaps = [Gap(origins.path, each.line, f"{each.what}; {each.fix}") for each in file.problems]
    chunks = []
    for found in file.found:
        learning, line = found.learning, found.place.heading + 1
        if not learning.is_in_force:
            continue
        if learning.scope not in (SHARED, f"agent/{origins.agent}"):
            problem = f"{learning.id} has the scope {learning.scope} in the file of {origins.agent}; nobody is told it"
            gaps.append(Gap(origins.path, line, problem))
        else:
            chunks.append(_learning_chunk(learning, "learning", line))
    return chunks, gaps


def _learning_chunk(learning: Learning, kind: Kind, line: int) -> Chunk:
    is_outside = learning.origin == "external" or learning.trust == TRUST["external"]
    says = (("Trigger", learning.trigger), ("Wrong", learning.wrong), ("Right", learning.right), ("Why", learning.why))
    return Chunk(
        text="\n".join((learning.title, *(f"{name}: {words}" for name, words in says if words))).strip(),
        audience=Audience(learning.scope, kind, learning.trust, is_outside and not learning.is_approved),
        origin=learning.origin,
        day=learning.first_seen,
        record=learning.id,
        last_verified=learning.last_verified,
        verifications=sum(each.is_ok for each in learning.verifications),
        line=line,
        stands_alone=True,
    )


def _archive_chunks(text: str, origins: Origins) -> tuple[list[Chunk], list[Gap]]:
    """The record of a page, as its own scope says; what else lies there, as its folder or its front matter says."""
    front, body = _front_matter(text)
    if front.get("why") in _OBSOLETE:
        return [], []
    file = parse_learnings(body)
    shift = text.count("\n") - body.count("\n")
    current = [each for each in file.found if each.learning.status != "superseded"]
    if file.found:
        return [_learning_chunk(each.learning, "archive", each.place.heading + 1 + shift) for each in current], []
    agent = front.get("agent") or origins.agent
    scope = str(front.get("scope") or (f"agent/{agent}" if agent else PERSON))
    audience = Audience(scope, "archive", TRUST["agent"])
    gaps = [Gap(origins.path, each.line + shift, f"{each.what}; {each.fix}") for each in file.problems]
    chunks = _blocks(body, audience, "agent", _day(front.get("archived")))
    return [replace(chunk, line=chunk.line + shift, record=str(front.get("id") or "")) for chunk in chunks], gaps


def _front_matter(text: str) -> tuple[Mapping[str, Any], str]:
    found = _FRONT.match(text)
    if found is None:
        return {}, text
    try:
        values = parse_yaml(found["yaml"] + "\n")
    except ValueError:
        return {}, text[found.end() :]  # it says of what it is about nothing that can be believed
    return (values if isinstance(values, dict) else {}), text[found.end() :]


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def _digest_chunks(text: str, origins: Origins) -> tuple[list[Chunk], list[Gap]]:
    """What a job told: items with their reasons, and its own words; all of it quotes what came from outside."""
    audience = Audience(f"job/{origins.agent}/{origins.job}", "digest", TRUST["external"])
    try:
        value = json.loads(text)
        if value["format"] != _DIGEST_FORMAT:
            return [], [Gap(origins.path, None, f"it is a digest of format {value['format']!r}, which is not known")]
        made_at = datetime.fromisoformat(value["made_at"])
        day = made_at.astimezone(ZoneInfo(value["zone"])).date()
        parts = [part for section in value["sections"] for part in _digest_parts(section)]
    except (ValueError, KeyError, TypeError) as error:
        return [], [Gap(origins.path, None, f"it is no digest ({type(error).__name__})")]
    title = str(value["title"])
    return [
        piece
        for heading, words in parts
        for piece in split_long(Chunk(words, audience, "external", (title, heading) if heading else (title,), day))
    ], []


def _digest_parts(section: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    heading = str(section["title"])
    for prose in (section["prose"], section["after"]):
        yield from ((heading, record.text) for record in parse_memory(str(prose)))
    for item in section["items"]:
        sources = f" ({', '.join(map(str, item['sources']))})" if item["sources"] else ""
        why = f" — {item['why']}" if item["why"] else ""
        yield heading, f"{item['title']}{why}{sources} {item['url']}".strip()


def _blocks(text: str, audience: Audience, origin: Origin, day: date | None) -> list[Chunk]:
    """Bullets and paragraphs with their headings; records of learnings among them are no records here, but words."""
    outside = lines_from_outside(text)
    chunks = []
    for chunk, _ in _parsed(without_fences(text), audience, origin, day):
        if any(number in outside for number in range(chunk.line, chunk.line + chunk.text.count("\n") + 1)):
            chunk = replace(chunk, origin="external", audience=replace(audience, trust=TRUST["external"]))
        chunks.append(chunk)
    return chunks


def _parsed(text: str, audience: Audience, origin: Origin, day: date | None) -> Iterator[tuple[Chunk, str | None]]:
    at, line = 0, 1
    for record in parse_memory(text):
        start = text.find(record.text, at)
        if start >= 0:
            line += text.count("\n", at, start)
            at = start
        headings = tuple(heading.strip(" #") for heading in record.headings)
        for piece in split_long(Chunk(record.text, audience, origin, headings, day, line=line)):
            yield piece, record.id


def by_audience(chunks: Sequence[Chunk]) -> list[list[int]]:
    """Return which chunks of a file follow each other, by their positions.

    Only those of one audience do: nobody finds, or is told beside a hit, what they may not see by itself.
    """
    flows: dict[Audience, list[int]] = {}
    alone: list[list[int]] = []
    for position, chunk in enumerate(chunks):
        if chunk.stands_alone:
            alone.append([position])
        else:
            flows.setdefault(chunk.audience, []).append(position)
    return [*flows.values(), *alone]
