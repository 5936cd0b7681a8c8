"""Sizes and numbers in words."""

from __future__ import annotations


def in_bytes(size: int) -> str:
    """Return a size for a person to read: `1.2 MB`."""
    for unit, factor in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return `1 item`, `2 items`; where more of them are not the noun and an s, say what they are called."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"
