"""The one function that takes secrets out of text before it is written or shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

REDACTED = "[redacted]"
_MIN_SECRET_CHARS = 4
_MIN_PART_CHARS = 12
"""So much of a secret's end or beginning is worth hiding where a page of a file was cut in the middle of it."""

# Repetitions that could overlap are bounded: redacting hostile text must take linear time.
# Each pattern keeps its first group, so that a reader still sees what stood there.
_PATTERNS = (
    re.compile(r"()-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"(\b(?:Bearer|Basic)\s+)(?=[\w\-.~+/]*\d)[\w\-.~+/]{12,}=*", re.IGNORECASE),
    # An environment-style assignment: the name in capitals ends in what it is.
    re.compile(
        r"(\b(?:[A-Z][A-Z0-9]*_)*(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)\s*[=:]\s*[\"']?)"
        r"(?!\[redacted\])[^\s\"',;]{6,}"
    ),
    # The same in JSON, TOML, YAML and headers.
    re.compile(
        r"(\\?[\"']?\b(?:[\w-]{0,40}api[_-]?key|[\w-]{0,40}access[_-]?token|auth[_-]?token|client[_-]?secret|password|passwd)"
        r"\\?[\"']?\s*[=:]\s*\\?[\"']?)(?!\[redacted\])[^\s\"'\\,;&}]{6,}",
        re.IGNORECASE,
    ),
    re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{1,100}:)(?!\[redacted\])[^\s/@]{1,200}(?=@)", re.IGNORECASE),
    # Keys that are known by their shape.
    re.compile(
        r"()\b(?:sk-[\w-]{16,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|xox[abeprs]-[\w-]{10,}|AKIA[A-Z0-9]{16}"
        r"|AIza[\w-]{30,}|hf_\w{20,}|eyJ[\w-]{10,1000}\.eyJ[\w-]{10,1000}\.[\w-]+)"
    ),
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text with the given secret values, and everything that is shaped like one, as `[redacted]`.

    Known shapes: environment-style and JSON-style assignments to key, token, secret and password names,
    bearer and basic credentials, passwords in URLs, private key blocks, keys of well-known services.
    Values shorter than 4 characters are not replaced: they would blank out ordinary words. Of a given value that was
    cut, as at the edge of a page, the end at the beginning of a line and the beginning at its end are hidden as well.
    """
    values = {value for value in secrets if len(value) >= _MIN_SECRET_CHARS}
    values |= {json.dumps(value)[1:-1] for value in values}  # as it stands inside JSON text
    for value in sorted(values, key=lambda value: (-len(value), value)):
        text = _without_cut_parts(text.replace(value, REDACTED), value)
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\1{REDACTED}", text)
    return text


def _without_cut_parts(text: str, value: str) -> str:
    lengths = range(len(value) - 1, _MIN_PART_CHARS - 1, -1)
    if not lengths or (value[-_MIN_PART_CHARS:] not in text and value[:_MIN_PART_CHARS] not in text):
        return text
    ends = "|".join(re.escape(value[-length:]) for length in lengths)
    beginnings = "|".join(re.escape(value[:length]) for length in lengths)
    return re.sub(
        rf"^([ \t]{{0,8}})(?:{ends})|(?:{beginnings})(?=[ \t]{{0,8}}$)", rf"\1{REDACTED}", text, flags=re.MULTILINE
    )
