"""Finding skills by what they say of themselves."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterable
from contextlib import closing

from harness.domain.skill import Skill

_MOST_WORDS = 48
_WORD = re.compile(r"\w{2,}")
_COMMON = frozenset(
    (
        "an", "and", "are", "as", "at", "be", "by", "can", "do", "for", "from", "has", "have", "if", "in", "into", "is",
        "it", "its", "no", "not", "of", "on", "or", "so", "that", "the", "their", "then", "there", "these", "this",
        "to", "us", "use", "used", "uses", "was", "what", "when", "where", "which", "who", "will", "with", "you",
        "your",
    )
)  # fmt: skip


class SkillIndex:
    """A full-text search over skills. Built once, it does not change, and any thread may ask it.

    It is kept as the image of a small database, so that each search has a connection of its own and nothing has to be
    closed when the skills are replaced.
    """

    def __init__(self, skills: Iterable[Skill]) -> None:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.execute(
                "CREATE VIRTUAL TABLE skill USING fts5(name, tags, purpose,"
                " tokenize='porter unicode61 remove_diacritics 2')"
            )
            connection.executemany(
                "INSERT INTO skill VALUES (?, ?, ?)",
                [(skill.name, " ".join(skill.tags), skill.purpose) for skill in sorted(skills, key=_by_name)],
            )
            connection.execute("INSERT INTO skill(skill) VALUES ('optimize')")
            connection.commit()
            self._image = connection.serialize()

    def find(self, text: str, *, among: Collection[str], limit: int, least_share: float = 0.0) -> tuple[str, ...]:
        """Return the names, of those that are asked for, of the skills that the words of the text mean, best first.

        Equal ones stand by name. What means the text less than that share of how much the best one does is left out.
        Empty if no word of the text occurs in them.
        """
        words = query_words(text)
        if not words or not among or limit < 1:
            return ()
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(self._image)
            rows = connection.execute(
                "SELECT name, -bm25(skill, 4.0, 2.0, 1.0) AS score FROM skill WHERE skill MATCH ?"
                " ORDER BY score DESC, name",
                (" OR ".join(f'"{word}"' for word in words),),
            )
            found: list[str] = []
            least = 0.0
            for name, score in rows:
                if len(found) == limit or score < least:
                    break
                if name in among:
                    least = least or score * least_share
                    found.append(name)
        return tuple(found)


def query_words(text: str) -> tuple[str, ...]:
    """Return the words of the text that a search goes by, each once, in their order; not more than it needs."""
    words: dict[str, None] = {}
    for match in _WORD.finditer(text.lower()):
        word = match.group().strip("_")
        if len(word) > 1 and word not in _COMMON:
            words[word] = None
            if len(words) == _MOST_WORDS:
                break
    return tuple(words)


def _by_name(skill: Skill) -> str:
    return skill.name
