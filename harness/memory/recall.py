"""Recall: what an agent knows that may help with what it is about to do, in few words, each with its age and trust."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from harness.domain.learning import age_in_words, with_age
from harness.domain.tokens import estimate_tokens
from harness.memory.chunks import Chunk, Reader, words_of
from harness.memory.full_text import count_shared
from harness.memory.view import Standing, View
from harness.memory.words import query_words

RECALLED_TOKENS = 800
"""What recalled text may take of a prompt."""
MOST_HITS = 10
BESIDE = 1
"""How many neighbours on each side are told with a hit."""

_FEW_WORDS = 3
# Who puts a task in other words says it in few: there, one of them is enough to be told of a lesson.
_WORDS_OF_A_SHORT_TASK = 16
_SHARED_WORDS = 2
_LEAST_OF_BEST = 0.35
_FIRST_LOOK, _LAST_LOOK = 40, 640


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was found, with its neighbours, told as one.

    `id` is the record's, or what the chunk is called in the index; `ids` are those of all that is told with it. `path`
    and `line` say where it stands. `age` is in words. `score` orders hits of one search, and compares no two searches.
    """

    id: str
    ids: tuple[str, ...]
    path: str
    line: int
    text: str
    passage: str
    scope: str
    kind: str
    origin: str
    trust: int
    age: str
    day: date | None
    last_verified: date | None
    verifications: int
    is_withheld: bool
    score: float

    def __str__(self) -> str:
        return f"[{self.id} · {self.age} · trust {self.trust} ({self.origin}) · {self.path}]\n{self.passage}"


def nothing_is_known(_text: str, _record: str) -> bool:
    """Say of no text that it is known already."""
    return False


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked up: at most `k` hits, in so many tokens.

    `asked` are the task, recent errors, titles of what was collected: the most telling first. `is_known` is asked of a
    chunk's text and record id: what stands before the model already is left out.
    """

    asked: tuple[str, ...]
    k: int = MOST_HITS
    budget_tokens: int = RECALLED_TOKENS
    is_known: Callable[[str, str], bool] = nothing_is_known


def recall(view: View, question: Question, reader: Reader, today: date) -> tuple[Hit, ...]:
    """Return what the reader may see of what the question means, best first.

    Empty if nothing shares enough words with what is asked: it never pads. The same index, question and day give the
    same hits.
    """
    words = view.telling(query_words(question.asked))
    if not words or question.k < 1:
        return ()
    passages, hits, budget_tokens = _Passages(view, question, today), list[Hit](), question.budget_tokens
    for one, score in _ranked(view, words, reader, today, question):
        hit = passages.around(one, score, budget_tokens)
        if hit is not None:
            hits.append(hit)
            budget_tokens -= _tokens(hit)
    return tuple(hits)


def age_of(chunk: Chunk, today: date) -> str:
    """Return how old the chunk is, in words: when it last held, or else when it was written."""
    if chunk.last_verified is not None:
        return age_in_words(chunk.last_verified, today)
    if chunk.day is None:
        return "written by the person" if chunk.origin == "human" else "of no known day"
    written = age_in_words(chunk.day, today, "found" if chunk.record else "written")
    return f"never verified, {written}" if chunk.record else written


def _ranked(
    view: View,
    words: Sequence[str],
    reader: Reader,
    today: date,
    question: Question,
) -> list[tuple[Standing, float]]:
    """Return the best k, by their words and, for a tenth at most, by their age.

    As age takes a tenth at most, whoever stands too far below in words alone cannot come in: the search is widened
    until that is so, or so many were looked at that what follows has hardly a word of the question.
    """
    k, limit = question.k, max(_FIRST_LOOK, 4 * question.k)
    while True:
        rows = view.search(words, reader, limit)
        standing = view.standing(row for row, _ in rows)
        aged = [(standing[row], _aged(score, standing[row].chunk, today)) for row, score in rows]
        best = _worth_telling(aged, words, question.is_known)[:k]
        enough = best[-1][1] if len(best) == k else best[0][1] * _LEAST_OF_BEST if best else 0.0
        if len(rows) < limit or rows[-1][1] < enough or limit >= _LAST_LOOK:
            return best
        limit *= 4


def _aged(score: float, chunk: Chunk, today: date) -> float:
    since = chunk.last_verified or chunk.day
    return with_age(score, 0 if since is None else (today - since).days, chunk.verifications)


def _worth_telling(
    found: Sequence[tuple[Standing, float]], words: Sequence[str], is_known: Callable[[str, str], bool]
) -> list[tuple[Standing, float]]:
    """Return those that share enough words with the question themselves, are not far below the best, and say what
    nobody knows and no better one says; best first."""
    asked, counts = count_shared(words, [one.chunk.said for one, _ in found])
    shares = {one.row: count for (one, _), count in zip(found, counts, strict=True)}
    sharing = [(one, score) for one, score in found if shares[one.row] >= _least_shared(one.chunk, asked)]
    best = max((score for _, score in sharing), default=0.0) * _LEAST_OF_BEST
    # Among few chunks hardly a word is rare, and what shares many of them can score next to nothing.
    many = max((shares[one.row] for one, _ in sharing), default=0) / 2
    kept: dict[str, tuple[Standing, float]] = {}
    for one, score in sorted(sharing, key=_by_score):
        is_near_best = score >= best or shares[one.row] > max(many, _FEW_WORDS)
        if is_near_best and not is_known(one.chunk.text, one.chunk.record):
            kept.setdefault(words_of(one.chunk.text), (one, score))
    return list(kept.values())


def _least_shared(chunk: Chunk, asked: int) -> int:
    """Return how many of so many words a chunk has to have to be told."""
    is_lesson = bool(chunk.record)
    return 1 if asked <= (_WORDS_OF_A_SHORT_TASK if is_lesson else _FEW_WORDS) else _SHARED_WORDS


def _by_score(found: tuple[Standing, float]) -> tuple[float, str, str]:
    # Equal ones by where they stand: row ids tell only in which order files were read.
    return -found[1], found[0].path, found[0].name


class _Passages:
    """Makes hits of what was found: each with its neighbours, no chunk in two of them."""

    def __init__(self, view: View, question: Question, today: date) -> None:
        self._view = view
        self._question = question
        self._today = today
        self._told: set[int] = set()

    def around(self, one: Standing, score: float, budget_tokens: int) -> Hit | None:
        """Return the hit with its neighbours, alone where these do not fit, or None if it is told or has no room."""
        if one.row in self._told:
            return None
        beside = [each for each in self._view.beside(one, BESIDE) if not self._is_known(each)]
        for parts in (sorted([one, *beside], key=lambda each: each.place), [one]):
            hit = self._told_as_one(one, parts, score)
            if _tokens(hit) <= budget_tokens:
                self._told.update(each.row for each in parts)
                return hit
        return None

    def _is_known(self, one: Standing) -> bool:
        return one.row in self._told or self._question.is_known(one.chunk.text, one.chunk.record)

    def _told_as_one(self, one: Standing, parts: Sequence[Standing], score: float) -> Hit:
        chunk = _with_evidence(self._view, one.chunk)
        headings = " / ".join(chunk.headings)
        passage = "\n".join(each.chunk.text for each in parts)
        return Hit(
            id=chunk.record or one.name,
            ids=tuple(each.chunk.record or each.name for each in parts),
            path=one.path,
            line=chunk.line,
            text=chunk.text,
            passage=f"{headings}: {passage}" if headings else passage,
            scope=chunk.audience.scope,
            kind=chunk.audience.kind,
            origin=chunk.origin,
            trust=chunk.audience.trust,
            age=age_of(chunk, self._today),
            day=chunk.day,
            last_verified=chunk.last_verified,
            verifications=chunk.verifications,
            is_withheld=chunk.audience.is_withheld,
            score=round(score, 6),
        )


def _tokens(hit: Hit) -> int:
    return estimate_tokens(f"{hit}\n")


def _with_evidence(view: View, chunk: Chunk) -> Chunk:
    """Return the chunk; of a line in MEMORY.md that was learned, with the evidence that its record holds."""
    if chunk.audience.kind != "memory" or not chunk.record:
        return chunk
    learning = view.learning(chunk.record, {chunk.audience.scope, "shared"})
    if learning is None:
        return chunk
    return replace(
        learning,
        text=chunk.text,
        audience=replace(chunk.audience, trust=learning.audience.trust),
        headings=chunk.headings,
        line=chunk.line,
    )
