"""Text as sentences and words. Pure."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")
_END = re.compile(r"(?<=[.!?…])[\"'”’»)\]]*\s+(?=[^\s])|(?<=[。！？])(?=\S)")
_STOPS = (".", "!", "?", "…", "。", "！", "？")
_CLOSERS = "\"'”’»)]"
_ABBREVIATIONS = frozenset((
    "mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "vs", "e.g", "i.e", "cf", "al", "fig", "eq", "vol", "nos", "pp",
    "approx", "inc", "ltd", "co", "corp", "dept", "u.s", "u.k", "u.n", "e.u", "a.m", "p.m",
    "jan", "feb", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec",
))  # fmt: skip
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def one_line(text: str) -> str:
    """Return the text on one line: any white space becomes one space, control characters, lone surrogates
    and characters that turn the direction of what follows are left out."""
    spaced = " ".join(text.split())
    return "".join(c for c in spaced if unicodedata.category(c) not in ("Cc", "Cs") and c not in _BIDI).strip()


def words(text: str) -> list[str]:
    """Return the words, case folded; a Chinese or Japanese character counts as one."""
    return _WORD.findall(text.casefold())


def split_sentences(text: str) -> list[str]:
    """Return the sentences of a one-line text, in order; joined by what stood between them they are the text.

    A full stop after an abbreviation (`e.g.`, `Dr.`), after a single letter (`J. Smith`) or before a
    lower-case letter ends nothing.
    """
    cuts = [0]
    for match in _END.finditer(text):
        closing = len(match.group()) - len(match.group().lstrip(_CLOSERS))
        end = match.start() + closing
        if _is_end(text[cuts[-1] : match.start()].lstrip(), text[match.end() :]):
            cuts.append(end)
    cuts.append(len(text))
    return [sentence for a, b in pairwise(cuts) if (sentence := text[a:b].strip())]


def is_whole(sentence: str) -> bool:
    """Say whether the text ends as a sentence does; a summary that was cut off does not."""
    bare = sentence.rstrip(_CLOSERS)
    return bare.endswith(_STOPS) and not bare.endswith(("...", "…"))


def shorten(sentence: str, max_chars: int) -> str:
    """Return the sentence, or as many of its whole words as fit, with an ellipsis; empty if not one fits."""
    if len(sentence) <= max_chars:
        return sentence
    room = max_chars - 2
    cut = sentence.rfind(" ", 0, room + 1)
    in_script_without_spaces = max((m.end() for m in re.finditer(f"[{_CJK}]", sentence[:room])), default=-1)
    kept = sentence[: max(cut, in_script_without_spaces, 0)].rstrip(" ,;:–—-")
    return f"{kept} …" if kept else ""


def _is_end(before: str, after: str) -> bool:
    if not before.endswith("."):
        return True
    if after[:1].islower():
        return False
    last = before[:-1].rsplit(None, 1)[-1] if before[:-1].split() else ""
    last = last.lstrip("\"'“‘«([").casefold()
    return last not in _ABBREVIATIONS and not (len(last) == 1 and last.isalpha())
