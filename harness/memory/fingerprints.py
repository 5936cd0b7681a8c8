"""What a mistake is recognised by, whenever and wherever it happens again: a hash of what stays the same of it. Pure.

Of an error that is its tool, its kind and its words; times, numbers, ids, paths and the variable parts of URLs differ
each time, and are left out. Codes such as `HTTP 404` or `exit 2` tell errors apart, and stay.
"""

from __future__ import annotations

import hashlib
import re

from harness.gate.sanitise import one_line

_CODE = r"(?:http(?:/\d(?:\.\d)?)?|status(?:\ code)?|errno|exit(?:ed)?(?:\ (?:code|status|with))*|answered(?:\ with)?)"
_DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_SUFFIXES = "md|txt|json|jsonl|csv|tsv|py|html?|xml|toml|ya?ml|log|pdf|png|jpe?g|sql|opml|sh|db|ics"
_VARIABLE = re.compile(
    rf"""
    (?P<url>\b[a-z][a-z0-9+.-]*://(?:[^\s/@'"]*@)?(?P<host>[^\s/:?\#'"<>)]*)[^\s'"<>)]*)
  | (?P<uuid>\b[0-9a-f]{{8}}-(?:[0-9a-f]{{4}}-){{3}}[0-9a-f]{{12}}\b)
  | (?P<time>\b\d{{4}}-\d\d-\d\d(?:[t ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?(?:z\b|[ ]?utc\b|[+-]\d\d:?\d\d\b)?
           |\b\d{{1,2}}:\d\d(?::\d\d(?:[.,]\d+)?)?\b(?:[ ]?utc\b)?
           |\b(?:{_DAY},?[ ])?\d{{1,2}}[ ]{_MONTH}\b(?:[ ]\d{{4}}\b)?)
  | (?P<path>(?<![\w.])(?:[~@.]{{0,2}}/)?[\w.@+~-]+(?:/[\w.@+~-]+)+/?
           |(?<![\w.])[~.]{{0,2}}/[\w.@+~-]+
           |\b[\w-]+\.(?:{_SUFFIXES})\b)
  | (?P<code>\b{_CODE}[ ]?[:=]?[ ]?\(?\d{{1,3}}\b)
  | (?P<word>\b[\w-]*\d[\w-]*\b)
    """,
    re.VERBOSE,
)
_QUOTES = re.compile('[‘’‚‛“”„‟«»`´"]')
_ITEM_TITLE = re.compile(r"\bitem \d+ “[^”]*”")
_ASIDE = re.compile(r"\s*\([^()]*\)")
_MOST_CHARS = 2_000
_ID = re.compile(r"(?=[0-9a-f]*\d)[0-9a-f]{8,}|[\w-]*?\d+[^\d]+\d.*", re.DOTALL)


def tool_fingerprint(tool: str, error: str, kind: str = "failed") -> str:
    """Return what a failed call is recognised by; `kind` is its error_kind, with the rule of a refusal."""
    return _digest("tool", tool, kind, normalised(error))


def contract_fingerprint(rule: str, detail: str) -> str:
    """Return what a broken promise is recognised by, whichever job made it and whichever item broke it."""
    words = normalised(_ASIDE.sub("", _ITEM_TITLE.sub("item 0", one_line(detail))))
    return _digest("contract", rule, re.sub(r"\b(item|character|link)s\b", r"\1", words))


def correction_fingerprint(words: str) -> str:
    """Return what a correction is recognised by: its words, however they are written and set."""
    return _digest("correction", " ".join(re.findall(r"\w+", one_line(words).casefold())))


def normalised(text: str) -> str:
    """Return what of the text is the same the next time: `#` and `<…>` stand for what is not."""
    line = _QUOTES.sub("'", one_line(text)[:_MOST_CHARS].casefold()).rstrip(" .…")
    return " ".join(_VARIABLE.sub(_placeholder, line).split())


def _placeholder(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "code":
            return re.sub(r"[ :=(]+", " ", found.group())
        case "url" | "host":
            return f"<url {_word(found['host'])}>"
        case "word":
            return _word(found["word"])
        case kind:
            return "<id>" if kind == "uuid" else f"<{kind}>"


def _word(word: str) -> str:
    """Return the word with `#` for its numbers; what is made of numbers and letters in turns is an id."""
    if "." not in word and _ID.fullmatch(word):
        return "<id>"
    return re.sub(r"\d+", "#", word)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()
