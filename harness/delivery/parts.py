"""A delivery in several messages: what an earlier try got through is not sent again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from harness.delivery.channels import OutboundDigest


def send_all(message: OutboundDigest, texts: Sequence[str], steps: Sequence[Callable[[], None]]) -> None:
    """Take the steps that no earlier try of this delivery took, in their order, each noted once it is taken.

    `texts` are what the steps send: if the person changes how a text is split between two tries, it begins anew.
    Between a step and its note lies one crash, after which the step is taken again, with the same key.
    """
    fingerprint = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]
    taken = _taken(message.progress, fingerprint)
    for number, step in enumerate(steps, start=1):
        if number > taken:
            step()
            if number < len(steps):
                message.note_progress(f"{number} {fingerprint}")


def part_key(key: str, number: int, parts: int) -> str:
    """Return the idempotency key of one of several messages."""
    return key if parts == 1 else f"{key}#{number}"


def part_title(title: str, number: int, parts: int) -> str:
    """Return the title of one of several messages: `Morning digest (1/3)`."""
    return title if parts == 1 else f"{title} ({number}/{parts})"


def _taken(progress: str, fingerprint: str) -> int:
    number, _, of = progress.partition(" ")
    return int(number) if of == fingerprint and number.isdecimal() else 0
