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


def short(tokens: int) -> str:
    """Return a number of tokens for a table: `950`, `12.3k`, `4.1M`."""
    for unit, factor in (("M", 1_000_000), ("k", 1_000)):
        if tokens >= factor * 0.99995:
            return f"{tokens / factor:.1f}{unit}"
    return str(tokens)


def dollars(usd: float) -> str:
    """Return an amount for a table, small ones to the hundredth of a cent: `$12.30`, `$0.0042`."""
    return f"${usd:,.2f}" if usd == 0 or usd >= 1 else f"${usd:.4f}"
