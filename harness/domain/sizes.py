"""Sizes in words."""

from __future__ import annotations


def in_bytes(size: int) -> str:
    """Return a size for a person to read: `1.2 MB`."""
    for unit, factor in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"
