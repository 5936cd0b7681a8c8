"""What a run came to, as its channels received it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.domain.run import FireState, Outcome
from harness.store.outbox import REPEATED, OutboxRow


def as_received(outcome: Outcome, deliveries: Sequence[OutboxRow]) -> Outcome:
    """Return the outcome, and that it told nothing where every channel had been given all of it before.

    What only some of them had is in the reason. A failure stays one.
    """
    told_before = [row.receipt or "" for row in deliveries if row.state == REPEATED]
    if not told_before or not outcome.state.is_success:
        return outcome
    reason = "; ".join(filter(None, (outcome.reason, *told_before)))
    is_silent = len(told_before) == len(deliveries)
    return replace(outcome, state=FireState.SILENT if is_silent else outcome.state, reason=reason)
