from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.latency import Latency, latency_of, percentile

SECONDS = st.lists(st.floats(0, 1e6), min_size=1, max_size=200)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([15, 20, 35, 40, 50], 5, 15),
        ([15, 20, 35, 40, 50], 30, 20),
        ([15, 20, 35, 40, 50], 40, 20),
        ([15, 20, 35, 40, 50], 50, 35),
        ([15, 20, 35, 40, 50], 100, 50),
        ([7], 1, 7),
        (list(range(1, 101)), 99, 99),
        (list(range(1, 102)), 99, 100),
    ],
)
def test_a_percentile_is_the_nearest_rank(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected


@given(values=SECONDS, percent=st.floats(0.1, 100))
def test_at_least_that_part_is_not_above_it_and_nothing_smaller_will_do(values: list[float], percent: float) -> None:
    ordered = sorted(values)
    found = percentile(ordered, percent)
    assert found in ordered
    assert sum(value <= found for value in ordered) >= len(ordered) * percent / 100 - 1e-9
    assert sum(value < found for value in ordered) < len(ordered) * percent / 100 + 1e-9


@given(values=SECONDS)
def test_the_order_of_the_measurements_makes_no_difference(values: list[float]) -> None:
    latency = latency_of(values)
    assert latency == latency_of(sorted(values, reverse=True))
    assert latency is not None
    assert latency.p50_s <= latency.p95_s <= latency.p99_s <= max(values)


def test_of_nothing_measured_there_is_no_latency() -> None:
    assert latency_of([]) is None
    assert latency_of([1.5]) == Latency(1, 1.5, 1.5, 1.5)
