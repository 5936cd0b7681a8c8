"""Seals of files that the harness alone writes: a hash of all the rest, by which an edit shows."""

from __future__ import annotations

import hashlib
import re

UNSEALED = f"sha256:{'0' * 64}"
"""What stands in a text where its seal goes."""

_HASH = re.compile(r"sha256:([0-9a-f]{64})")
_MADE_FROM = re.compile(r"made.from\W+([0-9a-f]{32})\b")


def seal(text: str) -> str:
    """Return the text with its own hash where the seal stands."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return text.replace(UNSEALED, f"sha256:{digest}", 1)


def is_sealed(text: str) -> bool:
    """Say whether the text is to the last character what the harness wrote."""
    found = _HASH.search(text)
    if found is None:
        return False
    unsealed = f"{text[: found.start()]}{UNSEALED}{text[found.end() :]}"
    return hashlib.sha256(unsealed.encode()).hexdigest() == found[1]


def made_from(text: str) -> str | None:
    """Return the fingerprint of the logs that a mirror was made from; None if it is no mirror."""
    found = _MADE_FROM.search(text)
    return None if found is None else found[1]
