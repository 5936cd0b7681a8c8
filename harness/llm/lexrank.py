"""Which texts are central to a collection, and which few of them say different things. Pure, no library.

Continuous LexRank (Erkan and Radev, 2004): texts are nodes, TF-IDF cosine similarities are the weights of
the edges, and a text's centrality is its share of a random walk over them. Maximal marginal relevance
(Carbonell and Goldstein, 1998) then takes the best text that is not yet said by those taken before.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

Vector = dict[str, float]

_DAMPING = 0.85
_TOLERANCE = 1e-6
_MAX_ROUNDS = 100


def tfidf_vectors(texts: Sequence[Sequence[str]]) -> list[Vector]:
    """Return one vector of length 1 per text (a list of words); a text without words has an empty one."""
    document_counts = Counter(word for text in texts for word in set(text))
    idf = {word: math.log((1 + len(texts)) / count) for word, count in document_counts.items()}
    return [_normalised({word: count * idf[word] for word, count in sorted(Counter(text).items())}) for text in texts]


def cosine(a: Vector, b: Vector) -> float:
    """Return the similarity of two vectors of length 1."""
    if len(b) < len(a):
        a, b = b, a
    return sum(weight * b[word] for word, weight in a.items() if word in b)


def similarity_matrix(vectors: Sequence[Vector]) -> list[list[float]]:
    """Return all cosines, computed over the words that texts share instead of over all pairs."""
    postings: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    for index, vector in enumerate(vectors):
        for word, weight in vector.items():
            postings[word].append((index, weight))
    matrix = []
    for vector in vectors:
        row = [0.0] * len(vectors)
        for word, weight in vector.items():
            for other, other_weight in postings[word]:
                row[other] += weight * other_weight
        matrix.append(row)
    return matrix


def centralities(matrix: Sequence[Sequence[float]]) -> list[float]:
    """Return how central each text is, the most central 1.0; a text that resembles no other has the least."""
    size = len(matrix)
    if not size:
        return []
    links = [[value if i != j else 0.0 for j, value in enumerate(row)] for i, row in enumerate(matrix)]
    edges = [
        [(j, value / total) for j, value in enumerate(row) if value] if (total := sum(row)) else [] for row in links
    ]
    scores = [1 / size] * size
    for _ in range(_MAX_ROUNDS):
        # What texts without any link hold is lost to the walk: that changes the sum, not the proportions.
        walked = [(1 - _DAMPING) / size] * size
        for score, row in zip(scores, edges, strict=True):
            for j, share in row:
                walked[j] += _DAMPING * score * share
        change = sum(abs(new - old) for new, old in zip(walked, scores, strict=True))
        scores = walked
        if change < _TOLERANCE:
            break
    top = max(scores)
    return [score / top for score in scores]


def pick_diverse(scores: Sequence[float], matrix: Sequence[Sequence[float]], count: int, relevance: float) -> list[int]:
    """Return the indexes of `count` texts, in the order in which they were picked.

    Each time the highest `relevance * score - (1 - relevance) * similarity to the picked` wins, the earlier
    index on a tie.
    """
    left = list(range(len(scores)))
    said = [0.0] * len(scores)
    picked: list[int] = []
    while left and len(picked) < count:
        best = max(left, key=lambda i: (relevance * scores[i] - (1 - relevance) * said[i], -i))
        left.remove(best)
        picked.append(best)
        said = [max(old, new) for old, new in zip(said, matrix[best], strict=True)]
    return picked


def _normalised(vector: Vector) -> Vector:
    length = math.sqrt(sum(weight * weight for weight in vector.values()))
    return {word: weight / length for word, weight in vector.items()} if length else {}
