"""Which calls of one reply may run side by side, judged call by call. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from harness.domain.tool import Claim


def batches(claims: Sequence[Claim]) -> list[list[int]]:
    """Return the places of the calls in batches: one batch after the other, the calls of each side by side.

    In call order: nothing overtakes a call that stands before it in another batch. Calls that need nothing run
    together, and calls of which each needs something else; one that needs all runs alone. What reads and what acts
    are not mixed, since what is read is not claimed.
    """
    made: list[list[int]] = []
    taken: Claim = None
    for place, claim in enumerate(claims):
        is_beside = taken is not None and claim is not None and bool(taken) == bool(claim) and not taken & claim
        if made and is_beside and taken is not None and claim is not None:
            made[-1].append(place)
            taken |= claim
        else:
            made.append([place])
            taken = claim
    return made
