"""Records as the tests of the reflection need them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from harness.domain.learning import Learning, Verification

NIGHT = date(2026, 11, 24)
FIRST = date(2026, 11, 21)


def held(run: str, days: int, *, is_ok: bool = True) -> Verification:
    """Evidence of that many days after the first one."""
    return Verification(f"cron:scout/watch:{run}", FIRST + timedelta(days=days), "exit_code", is_ok)


HELD = (held("1", 0), held("2", 1), held("3", 2))
PROVEN = Learning(
    "ERR-20261121-7f3a", "the field is BILLBOARD_BUY_AMT", "3c9d", "agent/scout", "tool", 2, FIRST,
    trigger="the billboard is asked for a day", wrong="BUY_AMT", right="ask for BILLBOARD_BUY_AMT",
    why="the API was renamed in version 2", run="cron:scout/watch:0", verifications=HELD, status="verified",
)  # fmt: skip
CANDIDATE = Learning(
    "ERR-20261124-0001", "search takes limit", "aaaa", "agent/scout", "tool", 2, NIGHT,
    trigger="calling search", wrong="count=50", right="limit=50", why="unknown argument count",
    run="cron:scout/watch:9",
)  # fmt: skip


def like(learning: Learning, number: int, **changed: Any) -> Learning:
    """The record under another id, with these values."""
    return replace(learning, id=f"{learning.id[:13]}{number:04x}", **changed)
