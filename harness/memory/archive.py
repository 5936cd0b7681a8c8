"""Cold storage: a page for each record that has left a MEMORY.md, in a folder that opens as an Obsidian vault. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import PurePosixPath

from harness.domain.learning import Learning, age_in_words
from harness.memory.compression import Removed
from harness.memory.learnings_writer import render_learning
from harness.store.yaml_text import render_yaml

ARCHIVE = PurePosixPath("memory", "archive")

_WHY = {
    "superseded": "a better one took its place",
    "duplicate": "another one says the same",
    "no room": "others were worth more for their length",
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
    links = [f"Its place took [[{removed.of}]]."] if removed.of else []
    if learning is not None and learning.supersedes:
        links.append(f"It took the place of [[{learning.supersedes}]].")
    lines = [
        f"---\n{render_yaml(front)}---",
        f"# {removed.id}",
        removed.text.removeprefix("- "),
        " ".join([f"Archived on {day}: {_WHY[removed.why]}.", *links, f"All of them: [[Archive of {agent}]]."]),
    ]
    if learning is not None:
        lines.append(f"It was {age_in_words(learning.last_verified, day)}. The record:")
        lines.append(render_learning(learning).rstrip("\n"))
    return "\n\n".join(lines) + "\n"


def render_index(agent: str, pages: Sequence[tuple[str, str]]) -> str:
    """Return the page that lists archived records: (id, words) each, in the order given."""
    front = {"agent": agent, "tags": ["archive", f"agent/{agent}"]}
    listed = "\n".join(f"- [[{learning_id}]]: {' '.join(words.split())}" for learning_id, words in pages)
    return f"---\n{render_yaml(front)}---\n\n# Archive of {agent}\n\n{listed or 'Nothing yet.'}\n"
