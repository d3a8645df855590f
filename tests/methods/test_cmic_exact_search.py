import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.methods.cmic import exact_search as module
from anaglyph.methods.cmic.exact_search import (
    best_products,
    cones,
    exact_search,
    normalized_bounds,
    rounding,
)
from anaglyph.nn.view_attention import ViewAttention
from reference.view_attention import best_shapes, slow_scores


def unit(*shape, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(*shape, generator=generator, dtype=dtype), dim=-1)


def clustered(shapes, views, dim, *, spread, seed=0):
    """Views of a shape lie around a direction of its own."""
    middle = unit(shapes, 1, dim, seed=seed)
    return F.normalize(middle + spread * unit(shapes, views, dim, seed=seed + 1), dim=-1)


def attention(dim, *, pooling="attention", normalize=False, seed=0):
    layer = ViewAttention(dim, pooling=pooling, normalize_attended=normalize)
    if layer.asked is not None:
        generator = torch.Generator().manual_seed(seed)
        layer.asked.weight.data.copy_(3 * torch.randn(dim, dim, generator=generator))
    return layer


def bounds_of(query, views, *, normalize=False):
    return normalized_bounds(query, views, cones(views)) if normalize else best_products(query, views)


def brute_force(layer, query, views, limit):
    matrix = None if layer.asked is None else layer.asked.weight.tolist()
    options = {"pooling": layer.pooling, "normalize": layer.normalize_attended}
    scores = slow_scores(query.tolist(), views.tolist(), matrix, **options)
    rows = [best_shapes([round(s, 10) for s in row], limit) for row in scores]
    return rows, [[row[i] for i in best] for row, best in zip(scores, rows, strict=True)]


@settings(deadline=None, max_examples=80)
@given(
    q=st.integers(1, 3), s=st.integers(1, 14), v=st.integers(1, 4), limit=st.integers(1, 6),
    block=st.integers(1, 5), pooling=st.sampled_from(["attention", "mean", "max"]), normalize=st.booleans(),
    spread=st.sampled_from([0.2, 1.0, 50.0]), repeated=st.booleans(), seed=st.integers(0, 2**16),
)  # fmt: skip
def test_the_best_shapes_are_those_of_brute_force(
    q, s, v, limit, block, pooling, normalize, spread, repeated, seed
):
    query, views = unit(q, 4, seed=seed), clustered(s, v, 4, spread=spread, seed=seed + 1)
    if repeated:  # equal shapes tie, and the lower row comes first
        views = torch.cat([views, views[: max(1, s // 2)]])
    layer = attention(4, pooling=pooling, normalize=normalize, seed=seed)
    found = exact_search(layer, query, views, limit=limit, block=block)
    rows, scores = brute_force(layer, query, views, limit)
    assert found.rows.tolist() == rows
    torch.testing.assert_close(found.scores, torch.tensor(scores, dtype=torch.float64), rtol=1e-6, atol=1e-6)


@settings(deadline=None, max_examples=80)
@given(
    dim=st.integers(2, 6), v=st.integers(1, 5), pooling=st.sampled_from(["attention", "mean", "max"]),
    normalize=st.booleans(), spread=st.sampled_from([0.01, 0.3, 1.0, 50.0]), seed=st.integers(0, 2**16),
)  # fmt: skip
def test_no_score_lies_above_its_bound(dim, v, pooling, normalize, spread, seed):
    query, views = unit(5, dim, seed=seed), clustered(8, v, dim, spread=spread, seed=seed + 1)
    layer = attention(dim, pooling=pooling, normalize=normalize, seed=seed)
    scores = layer.scores(query.double(), views.double())
    bounds = bounds_of(query, views, normalize=normalize)
    assert (scores <= bounds + rounding(query, views)).all()


def test_bounds_of_the_dossiers_example():
    views = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.6, 0.8], [-1.0, 0.0]]])
    torch.testing.assert_close(bounds_of(torch.eye(2), views), torch.tensor([[1.0, 0.6], [1.0, 0.8]]))


def test_the_best_view_is_no_bound_of_normalised_scores_and_the_cone_is():
    left_and_right = torch.tensor([[[0.5, 0.75**0.5], [0.5, -(0.75**0.5)]]])
    query = torch.tensor([[1.0, 0.0]])
    score = ViewAttention(2, pooling="mean", normalize_attended=True).scores(query, left_and_right)
    assert score.item() == pytest.approx(1.0)
    assert bounds_of(query, left_and_right).item() == pytest.approx(0.5)
    assert bounds_of(query, left_and_right, normalize=True).item() == pytest.approx(1.0)


def test_the_cone_of_one_view_is_that_view():
    query, views = unit(4, 3), unit(5, 1, 3, seed=1)
    expected = (query @ views[:, 0].T).double()
    bounds = bounds_of(query, views, normalize=True)
    torch.testing.assert_close(bounds, expected, rtol=0, atol=1e-3)


def test_far_shapes_have_low_bounds_also_when_normalised():
    query, views = unit(1, 64), clustered(200, 6, 64, spread=0.5, seed=1)
    bounds = bounds_of(query, views, normalize=True)
    assert (bounds < 0.6).float().mean() > 0.9  # the cone alone says cos(90 - rho) and more
    assert (bounds >= bounds_of(query, views) - 1e-6).all()


@pytest.mark.parametrize("normalize", [False, True])
def test_most_shapes_are_never_scored_where_shapes_are_apart(normalize):
    views = clustered(500, 6, 16, spread=0.3)
    layer = attention(16, normalize=normalize)
    query = views[::50, 0]
    found = exact_search(layer, query, views, limit=3, block=8)
    assert (found.scored < 250).all()
    expected = layer.scores(query.double(), views.double()).topk(3, dim=1)
    assert torch.equal(found.rows, expected.indices)
    torch.testing.assert_close(found.scores, expected.values)


def test_every_shape_is_scored_where_the_bound_never_falls_below():
    views = unit(1, 3, 8).expand(20, -1, -1)
    found = exact_search(attention(8), unit(2, 8, seed=3), views, limit=4, block=3)
    assert found.rows.tolist() == [[0, 1, 2, 3]] * 2  # all tie
    assert found.scored.tolist() == [20, 20]


def test_more_hits_than_shapes_gives_all_of_them():
    found = exact_search(attention(8), unit(2, 8), unit(3, 4, 8, seed=1), limit=10)
    assert found.rows.shape == (2, 3)
    assert sorted(found.rows[0].tolist()) == [0, 1, 2]
    assert exact_search(attention(8), unit(2, 8), unit(0, 4, 8), limit=10).rows.shape == (2, 0)
    assert exact_search(attention(8), unit(0, 8), unit(3, 4, 8), limit=2).rows.shape == (0, 2)


def test_queries_in_pieces_find_the_same(monkeypatch):
    query, views = unit(9, 8), clustered(30, 4, 8, spread=0.5)
    whole = exact_search(attention(8), query, views, limit=5)
    monkeypatch.setattr(module, "_AT_ONCE", 2 * 30 * 4)
    parts = exact_search(attention(8), query, views, limit=5)
    assert torch.equal(whole.rows, parts.rows)
    assert torch.equal(whole.scored, parts.scored)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_stored_vectors_of_any_precision_are_searched_exactly(kind, normalize):
    query, views = unit(4, 16), clustered(60, 4, 16, spread=0.4).to(kind)
    layer = attention(16, normalize=normalize)
    found = exact_search(layer, query, views, limit=5, block=4)
    expected = layer.scores(query.double(), views.double()).topk(5, dim=1)
    assert torch.equal(found.rows, expected.indices)


def test_what_cannot_be_searched_is_refused():
    with pytest.raises(ValueError, match="limit and block must be >= 1, got 0 and 32"):
        exact_search(attention(8), unit(2, 8), unit(3, 4, 8), limit=0)
    with pytest.raises(ValueError, match=r"need \(Q, D\) and \(S, V, D\), got \(2, 8\) and \(3, 8\)"):
        exact_search(attention(8), unit(2, 8), unit(3, 8), limit=1)
