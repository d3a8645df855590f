"""Exact search against the double loop: order, ties, filters, blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.search import exact
from anaglyph.search.exact import Matrix, nearest, nearest_of_many
from reference.memory_store import exact_dot


def a_matrix(count, *, dim=8, seed=0, kinds=None):
    """`kinds` different vectors only, so that there are ties."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((kinds or count, dim)).astype(np.float32)
    vectors = rows[rng.integers(len(rows), size=count)] if kinds else rows
    return Matrix(np.sort(rng.choice(10 * count, count, replace=False)).astype(np.int64), vectors)


def slowly(matrix, query, *, limit, offset=0, allowed=None):
    found = [
        (int(id), exact_dot(row, query))
        for id, row in zip(matrix.ids, matrix.vectors, strict=True)
        if allowed is None or id in allowed
    ]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))[offset : offset + limit]


def same(found, expected):
    assert [id for id, _ in found] == [id for id, _ in expected]
    np.testing.assert_allclose([s for _, s in found], [s for _, s in expected], rtol=0, atol=1e-12)


@settings(deadline=None, max_examples=60)
@given(
    count=st.integers(1, 60), limit=st.integers(1, 70), offset=st.integers(0, 70), kinds=st.integers(1, 12),
    block=st.sampled_from([3, 16, 64]), share=st.floats(0, 1), seed=st.integers(0, 999),
)  # fmt: skip
def test_the_order_is_that_of_the_double_loop(count, limit, offset, kinds, block, share, seed):
    matrix = a_matrix(count, seed=seed, kinds=kinds)
    rng = np.random.default_rng(seed)
    query = rng.standard_normal(8).astype(np.float32)
    allowed = matrix.ids[rng.random(count) < share]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "ROWS", block)
        found = nearest(matrix, query, limit=limit, offset=offset, allowed=allowed)
        everything = nearest(matrix, query, limit=limit, offset=offset)
    same(found, slowly(matrix, query, limit=limit, offset=offset, allowed=set(allowed.tolist())))
    same(everything, slowly(matrix, query, limit=limit, offset=offset))


def test_equal_vectors_have_equal_scores_and_come_by_id():
    matrix = a_matrix(5000, dim=61, kinds=1)
    found = nearest(matrix, matrix.vectors[0], limit=5000)
    assert [id for id, _ in found] == matrix.ids.tolist()
    assert len({score for _, score in found}) == 1


def test_differences_that_float32_cannot_see_still_decide():
    base = np.array([1.0, 2.0**-20], dtype=np.float32)
    vectors = np.stack([base * [1, step] for step in (1.0, 3.0, 2.0)]).astype(np.float32)
    query = np.array([1.0, 2.0**-9], dtype=np.float32)
    found = nearest(Matrix(np.arange(3), vectors), query, limit=1)
    assert (vectors @ query).astype(np.float32).std() == 0
    assert found[0][0] == 1


def test_ids_that_are_not_there_are_passed_over():
    matrix = Matrix(np.array([2, 5, 9]), np.eye(3, dtype=np.float32))
    found = nearest(matrix, np.array([1, 2, 3], np.float32), limit=9, allowed=np.array([1, 5, 7, 9, 11]))
    assert [id for id, _ in found] == [9, 5]


def test_several_queries_give_what_each_gives_alone():
    matrix = a_matrix(300, dim=32)
    queries = np.random.default_rng(1).standard_normal((7, 32)).astype(np.float32)
    together = nearest_of_many(matrix, queries, limit=10)
    for query, found in zip(queries, together, strict=True):
        assert found == nearest(matrix, query, limit=10)


def test_nothing_is_found_in_an_empty_matrix():
    empty = Matrix(np.empty(0, np.int64), np.empty((0, 4), np.float32))
    assert nearest(empty, np.ones(4, np.float32), limit=3) == []


def test_a_query_of_another_width_names_both():
    with pytest.raises(ValueError, match=r"\(Q, 8\), got \(1, 7\)"):
        nearest(a_matrix(4), np.ones(7, np.float32), limit=1)
