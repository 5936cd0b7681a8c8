from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.domain.shares import surplus

BASKETS = st.lists(st.lists(st.sampled_from(["ai", "world", "solo"]), max_size=2), max_size=30)


def test_the_lowest_ranked_of_a_basket_are_too_many() -> None:
    baskets = [("ai",), ("world",), ("ai", "solo"), ("ai",), ("world",)]
    assert surplus(baskets, "ai", 40.0) == (3, 2)
    assert surplus(baskets, "ai", 60.0) == ()
    assert surplus(baskets, "world", 0.0) == (4, 1)


@given(BASKETS, st.floats(0, 100))
def test_what_is_left_keeps_the_share_and_nothing_more_goes_than_must(baskets: list[list[str]], percent: float) -> None:
    gone = surplus(baskets, "ai", percent)
    left = [names for place, names in enumerate(baskets) if place not in gone]
    assert all("ai" in baskets[place] for place in gone)
    assert sum("ai" in names for names in left) * 100 <= percent * len(left)
    if gone:
        one_more = len(left) + 1
        assert (sum("ai" in names for names in left) + 1) * 100 > percent * one_more
