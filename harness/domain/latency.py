"""How long calls took: exact percentiles of what was measured. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Latency:
    """How long `count` calls took, in seconds: half of them at most `p50_s`, and so on."""

    count: int
    p50_s: float
    p95_s: float
    p99_s: float


def latency_of(seconds: Sequence[float]) -> Latency | None:
    """Return the percentiles of the measurements, in any order; None where there are none."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    return Latency(len(ordered), *(percentile(ordered, percent) for percent in (50, 95, 99)))


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the smallest of the ascending values that at least `percent` of them do not exceed (nearest rank).

    It is always one of the values, never something between two of them. Of no values it raises ValueError.
    """
    if not ordered:
        raise ValueError("there are no values to take a percentile of")
    rank = math.ceil(len(ordered) * percent / 100)
    return ordered[min(max(rank, 1), len(ordered)) - 1]
