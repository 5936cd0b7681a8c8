"""Cold storage: a page for each record that has left a MEMORY.md, in a folder that opens as an Obsidian vault. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import PurePosixPath

from harness.domain.learning import Learning, age_in_words
from harness.memory.compression import Removed
from harness.memory.learnings import parse_learnings
from harness.memory.learnings_writer import render_learning, with_learning
from harness.store.yaml_text import render_yaml

ARCHIVE = PurePosixPath("memory", "archive")

_WHY_LINE = re.compile(r"(\A---\n(?:(?!---)[^\n]*\n)*?why: )[^\n]*")
_WHY = {
    "superseded": "a better one took its place",
    "duplicate": "another one says the same",
    "no room": "others were worth more for their length",
    "forgotten": "you took it out",
    "unknown": "nothing is known of it but its words",
}


def archive_path(agent: str, learning_id: str) -> PurePosixPath:
    """Return the page of a record, relative to the workspace: its name is what `[[ID]]` leads to."""
    return ARCHIVE / agent / f"{learning_id}.md"


def index_path(agent: str) -> PurePosixPath:
    """Return the page that lists an agent's archived records."""
    return ARCHIVE / agent / f"Archive of {agent}.md"


def render_page(agent: str, removed: Removed, learning: Learning | None, day: date) -> str:
    """Return the page of a record that leaves MEMORY.md on that day: its words, why, and the whole record."""
    front = {
        "id": removed.id,
        "agent": agent,
        "archived": str(day),
        "why": removed.why,
        "tags": ["learning", f"agent/{agent}"],
    }
    links = [f"All of them: [[Archive of {agent}]]."]
    if learning is not None and learning.supersedes:
        links.insert(0, f"It took the place of [[{learning.supersedes}]].")
    lines = [
        f"---\n{render_yaml(front)}---",
        f"# {removed.id}",
        removed.text.removeprefix("- "),
        " ".join([_went(removed, day), *links]),
    ]
    if learning is not None:
        lines.append(f"It was {age_in_words(learning.last_verified, day)}. The record:")
        lines.append(render_learning(learning).rstrip("\n"))
    return "\n\n".join(lines) + "\n"


def render_index(agent: str, pages: Sequence[tuple[str, str]]) -> str:
    """Return the page that lists archived records: (id, words) each, in the order given."""
    front = {"agent": agent, "tags": ["archive", f"agent/{agent}"]}
    listed = "\n".join(_entry(learning_id, words) for learning_id, words in pages)
    return f"---\n{render_yaml(front)}---\n\n# Archive of {agent}\n\n{listed or 'Nothing yet.'}\n"


def page_with(text: str, agent: str, removed: Removed, learning: Learning | None, day: date) -> str:
    """Return the page of a record that leaves MEMORY.md; `text` is the page as it is, empty if there is none.

    One that is there keeps what it says, a person's remarks too: the record in it is brought up to date, and words
    that it lacks are added. Done again, it changes nothing. Raises ValueError where the record there cannot be read.
    """
    if not text.strip():
        return render_page(agent, removed, learning, day)
    words = removed.text.removeprefix("- ")
    text = _WHY_LINE.sub(rf"\g<1>{removed.why}", text, count=1)
    if learning is not None and parse_learnings(text).find(learning.id) != learning:
        text = with_learning(text, learning)
    if words not in text:
        text = f"{text.rstrip()}\n\n{_went(removed, day)}\n\n{words}\n"
    return text


def index_with(text: str, agent: str, pages: Iterable[tuple[str, str]]) -> str:
    """Return the page that lists archived records with these in it, each once; what stands there stays."""
    new = [(learning_id, words) for learning_id, words in pages if f"[[{learning_id}]]" not in text]
    if not text.strip():
        return render_index(agent, new)
    lines = [_entry(learning_id, words) for learning_id, words in new]
    return "\n".join([text.rstrip(), *lines]) + "\n" if lines else text


def _went(removed: Removed, day: date) -> str:
    place = f" Its place took [[{removed.of}]]." if removed.of else ""
    return f"Archived on {day}: {_WHY[removed.why]}.{place}"


def _entry(learning_id: str, words: str) -> str:
    return f"- [[{learning_id}]]: {' '.join(words.split())}"
