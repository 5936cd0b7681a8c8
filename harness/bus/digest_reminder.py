"""The line that stands above every digest while something on the bus waits for the person."""

from __future__ import annotations

from sqlalchemy import Connection

from harness.domain.sizes import counted
from harness.store.requests_for_person import ForPerson, count_for_person


def reminder(connection: Connection) -> str:
    """Return what waits for the person, in one line; empty if nothing does."""
    return in_words(count_for_person(connection))


def in_words(waiting: ForPerson) -> str:
    """Return `2 requests wait for you, 1 dead letter: harness inbox`, as plain text; empty for nothing."""
    parts = []
    if waiting.requests:
        parts.append(f"{counted(waiting.requests, 'request')} {'waits' if waiting.requests == 1 else 'wait'} for you")
    if waiting.dead_letters:
        parts.append(counted(waiting.dead_letters, "dead letter"))
    return f"{', '.join(parts)}: harness inbox" if parts else ""
