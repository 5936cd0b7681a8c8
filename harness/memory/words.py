"""The words that a search goes by. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

MOST_WORDS = 48
"""More of them cost time and hardly find anything else."""

_TOGETHER = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
"""Scripts that put no space between words (Thai, Chinese, Japanese), and Korean, which puts few."""
_SIGN = re.compile(f"([{_TOGETHER}])")
_WORD = re.compile(rf"(?P<signs>[{_TOGETHER}]+)|[^\W_{_TOGETHER}]+")
_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_COMMON = frozenset(
    (
        "a", "about", "after", "again", "all", "also", "am", "an", "and", "any", "are", "aren", "as", "at", "be",
        "because", "been", "before", "being", "between", "both", "but", "by", "can", "com", "could", "couldn", "did",
        "didn", "do", "does", "doesn", "doing", "don", "down", "during", "each", "few", "for", "from", "had", "has",
        "have", "having", "he", "her", "here", "hers", "him", "his", "how", "http", "https", "if", "in", "into", "is",
        "isn", "it", "its", "just", "ll", "me", "more", "most", "my", "no", "nor", "not", "of", "off", "on", "once",
        "only", "or", "other", "our", "out", "over", "own", "re", "same", "she", "should", "so", "some", "such", "than",
        "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "through", "to", "too",
        "under", "until", "up", "us", "ve", "very", "was", "wasn", "we", "were", "what", "when", "where", "which",
        "while", "who", "whom", "whose", "why", "will", "with", "won", "would", "wouldn", "www", "you", "your", "yours",
    )
)  # fmt: skip


def query_words(texts: Iterable[str], most: int = MOST_WORDS) -> tuple[str, ...]:
    """Return the words of the texts that a search goes by, each once, in their order, at most so many.

    Where words are not told apart by spaces, two signs that follow each other are one.
    """
    words: dict[str, None] = {}
    for text in texts:
        for word in _words(text.lower()):
            words[word] = None
            if len(words) == most:
                return tuple(words)
    return tuple(words)


def without_templates(text: str) -> str:
    """Return a job's text without what Jinja2 fills in: names of variables say nothing of the task."""
    return _TEMPLATE.sub(" ", text)


def searchable(text: str) -> str:
    """Return the text as the index takes it: each sign of a script without spaces is a word."""
    return text if text.isascii() else _SIGN.sub(r" \1 ", text)


def match_expression(words: Iterable[str]) -> str:
    """Return the query of FTS5 for texts in which any of the words stands."""
    return " OR ".join(f'"{word}"' for word in words)


def _words(text: str) -> Iterator[str]:
    for match in _WORD.finditer(text):
        word, signs = match.group(), match["signs"]
        if signs:
            yield from (" ".join(word[at : at + 2]) for at in range(max(1, len(word) - 1)))
        elif word not in _COMMON and (len(word) > 1 or not word.isascii() or word.isdigit()):
            yield word
