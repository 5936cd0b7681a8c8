"""Centrality and diversity."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.llm.lexrank import centralities, cosine, pick_diverse, similarity_matrix, tfidf_vectors

TEXTS = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=8), max_size=12)


def ranked(*texts: str) -> list[float]:
    return centralities(similarity_matrix(tfidf_vectors([text.split() for text in texts])))


def test_the_text_that_shares_most_with_the_others_is_the_most_central() -> None:
    scores = ranked("model release price", "model release", "release price", "garden party")
    assert scores.index(max(scores)) == 0
    assert scores.index(min(scores)) == 3


def test_one_text_is_its_own_centre() -> None:
    assert ranked("alone") == [1.0]


def test_texts_without_words_take_no_part_and_do_no_harm() -> None:
    assert ranked("", "model release", "", "model price")[0] < ranked("", "model release", "", "model price")[1]


@given(TEXTS)
def test_centralities_are_shares_of_the_top_one(texts: list[list[str]]) -> None:
    scores = centralities(similarity_matrix(tfidf_vectors(texts)))
    assert len(scores) == len(texts)
    assert all(0 < score <= 1 for score in scores)
    assert not scores or max(scores) == 1


@given(TEXTS)
def test_the_matrix_holds_every_cosine(texts: list[list[str]]) -> None:
    vectors = tfidf_vectors(texts)
    for row, a in zip(similarity_matrix(vectors), vectors, strict=True):
        assert row == pytest.approx([cosine(a, b) for b in vectors])


@given(TEXTS)
def test_vectors_have_length_one_or_are_empty(texts: list[list[str]]) -> None:
    for text, vector in zip(texts, tfidf_vectors(texts), strict=True):
        assert math.hypot(*vector.values()) == pytest.approx(1.0) if text else vector == {}


def test_a_text_without_links_has_the_share_that_the_damping_leaves_it() -> None:
    # Two texts that link to each other hold x = 0.15 / 3 + 0.85 x each, the one without links 0.15 / 3.
    assert ranked("a b", "a c", "d") == pytest.approx([1.0, 1.0, 0.15], abs=1e-4)


def test_a_repetition_gives_way_to_something_new() -> None:
    matrix = [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    assert pick_diverse([1.0, 0.99, 0.8], matrix, 2, relevance=0.7) == [0, 2]


def test_without_weight_on_diversity_the_scores_decide() -> None:
    matrix = [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    assert pick_diverse([1.0, 0.99, 0.8], matrix, 2, relevance=1.0) == [0, 1]


def test_the_earlier_wins_a_tie() -> None:
    assert pick_diverse([0.5, 0.5, 0.5], [[0.0] * 3] * 3, 3, relevance=0.7) == [0, 1, 2]


@pytest.mark.parametrize("count", [0, 3, 9])
def test_never_more_than_asked_for_nor_than_there_are(count: int) -> None:
    scores = [random.Random(count).random() for _ in range(5)]
    picked = pick_diverse(scores, [[0.0] * 5] * 5, count, relevance=0.7)
    assert len(picked) == len(set(picked)) == min(count, 5)
