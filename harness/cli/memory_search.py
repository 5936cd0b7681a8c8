"""`harness memory search`: what is remembered, found as agents find it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from harness.cli.failures import Misused
from harness.cli.loading import find_agent, load_workspace
from harness.cli.options import AgentFilter, JsonOption, WorkspaceOption
from harness.cli.output import emit_json, note, say
from harness.cli.place import find_place
from harness.cli.table import terminal_width, wrap
from harness.domain.sizes import counted
from harness.memory.chunks import Reader
from harness.memory.index import Refreshed
from harness.memory.recall import Hit, Question, recall
from harness.memory.view import View
from harness.wiring.memory import index_of, places_of, reader_of

SEARCH_EXAMPLES = """\b
Examples:
  harness memory search kettle prices
  harness memory search "close report" --agent trading --k 3
  harness memory search --rebuild

\b
JSON: hits [{id, ids, path, line, text, passage, scope, kind, origin, trust,
age, day, last_verified, verifications, is_withheld, score}], best first; gaps
[{path, line, problem}], what cannot be searched; rebuilt, why the index was
made anew, or null. kind is memory, learning, note, archive, digest or shared.
passage is the text with the lines beside it, and ids are the records in it."""

_ALL_TOKENS = 1_000_000

QueryArgument = Annotated[
    list[str] | None, typer.Argument(metavar="QUERY...", help="Words to look for.", show_default=False)
]


def search_memory(
    query: QueryArgument = None,
    agent: AgentFilter = None,
    k: Annotated[int, typer.Option("--k", min=1, metavar="N", help="At most so many hits.")] = 10,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make the index anew first.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find what is remembered: notes, learnings, MEMORY.md, the archive, past digests, what is shared.

    You see all of it. With --agent, you see what that agent would be told. What cannot be searched is named.
    """
    if not query and not rebuild:
        raise Misused("say what to look for, as in: harness memory search kettle prices")
    place = find_place(workspace)
    loaded = load_workspace(place)
    reader = Reader() if agent is None else reader_of(loaded, find_agent(loaded, agent))
    index, look = index_of(place.state), places_of(loaded, place.state).sources
    made = index.rebuild(look) if rebuild else index.refresh(look)
    question = Question((" ".join(query or ()),), k, _ALL_TOKENS)
    hits, counts = index.ask(
        look, partial(_answer, question, reader, place.now.astimezone(ZoneInfo(place.zone)).date())
    )
    if as_json:
        emit_json(_document(hits, made))
        return
    for gap in made.gaps:
        note(f"not searched: {gap}")
    if made.rebuilt:
        note(f"the index was made anew ({made.rebuilt}): {counts}")
    if query:
        say("\n".join(_lines(hits, terminal_width())) if hits else f"nothing is remembered of it in {counts}")


def _answer(question: Question, reader: Reader, today: date, view: View) -> tuple[tuple[Hit, ...], str]:
    counts = f"{counted(view.count_chunks(), 'piece')} of {counted(view.count_files(), 'file')}"
    return recall(view, question, reader, today), counts


def _document(hits: Sequence[Hit], made: Refreshed) -> dict[str, Any]:
    return {
        "hits": [_hit_json(hit) for hit in hits],
        "gaps": [{"path": gap.path, "line": gap.line, "problem": gap.problem} for gap in made.gaps],
        "rebuilt": made.rebuilt or None,
    }


def _hit_json(hit: Hit) -> dict[str, Any]:
    return {
        "id": hit.id,
        "ids": list(hit.ids),
        "path": hit.path,
        "line": hit.line,
        "text": hit.text,
        "passage": hit.passage,
        "scope": hit.scope,
        "kind": hit.kind,
        "origin": hit.origin,
        "trust": hit.trust,
        "age": hit.age,
        "day": None if hit.day is None else hit.day.isoformat(),
        "last_verified": None if hit.last_verified is None else hit.last_verified.isoformat(),
        "verifications": hit.verifications,
        "is_withheld": hit.is_withheld,
        "score": hit.score,
    }


def _lines(hits: Sequence[Hit], width: int) -> Iterator[str]:
    for hit in hits:
        yield f"{hit.path}:{hit.line}"
        withheld = ", told to nobody before you approve it" if hit.is_withheld else ""
        yield from _indented(f"{hit.id} · {hit.age} · trust {hit.trust} ({hit.origin}){withheld}", width)
        for line in hit.passage.split("\n"):
            yield from _indented(line, width)


def _indented(text: str, width: int) -> list[str]:
    return [f"  {line}" for line in wrap(text, width - 2)]
