"""Which calls run side by side."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from harness.domain.tool import Claim
from harness.turn.batches import batches

READS: Claim = frozenset()
A, B, AB = frozenset("a"), frozenset("b"), frozenset("ab")


def test_what_reads_runs_together() -> None:
    assert batches([READS, READS, READS]) == [[0, 1, 2]]


def test_what_acts_runs_alone_and_in_its_place() -> None:
    assert batches([READS, None, READS, READS, None, None]) == [[0], [1], [2, 3], [4], [5]]


def test_what_acts_on_different_things_runs_together_if_it_says_so_and_never_beside_what_reads() -> None:
    assert batches([A, B, A, AB, READS, B]) == [[0, 1], [2], [3], [4], [5]]


CLAIMS = st.lists(st.none() | st.frozensets(st.sampled_from("abc"), max_size=2), max_size=12)


@given(CLAIMS)
def test_every_call_runs_once_in_order_and_nothing_that_clashes_runs_together(claims: list[Claim]) -> None:
    made = batches(claims)
    assert [place for batch in made for place in batch] == list(range(len(claims)))
    for batch in made:
        together = [claims[place] for place in batch]
        assert len(batch) == 1 or None not in together
        taken = [thing for claim in together for thing in claim or ()]
        assert len(taken) == len(set(taken))
    for before, after in pairwise(made):
        # As few batches as the order allows: the next call did not fit.
        assert batches([claims[place] for place in (*before, after[0])]) != [list(range(len(before) + 1))]
