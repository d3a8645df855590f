import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.nn import view_attention
from anaglyph.nn.embedding_head import EmbeddingHead
from anaglyph.nn.view_attention import ViewAttention
from reference.view_attention import slow_scores, slow_weights

POOLINGS = ("attention", "mean", "max")


def unit(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(*shape, generator=generator, dtype=dtype), dim=-1)


def attention(dim=5, seed=0, scale=3.0, **options):
    layer = ViewAttention(dim, **options)
    if layer.asked is not None:
        weight = scale * torch.randn(dim, dim, generator=torch.Generator().manual_seed(seed))
        layer.asked.weight.data.copy_(weight)
    return layer


def matrix(layer):
    return None if layer.asked is None else layer.asked.weight.tolist()


GOLDEN_QUERY = torch.eye(2)
GOLDEN_VIEWS = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.6, 0.8], [-1.0, 0.0]]])


def test_scores_of_the_dossiers_example():
    layer = ViewAttention(2, start="identity")
    scores = layer.scores(GOLDEN_QUERY, GOLDEN_VIEWS)
    expected = torch.tensor([[0.73106, 0.33123], [0.73106, 0.55198]])  # rows are queries
    torch.testing.assert_close(scores, expected, rtol=0, atol=1e-5)


def test_a_scaled_identity_looks_at_the_nearest_view():
    weights = ViewAttention(2, start="identity", scale=20.0).weights(GOLDEN_QUERY, GOLDEN_VIEWS)
    first = torch.softmax(torch.tensor([20.0, 0.0]), dim=0)  # views at cosine 1 and 0
    torch.testing.assert_close(weights[0, 0], first)
    assert weights[1, 1, 0] > 0.999  # 0.8 against 0


def test_best_views_of_the_dossiers_example():
    best = ViewAttention(2, pooling="max").scores(GOLDEN_QUERY, GOLDEN_VIEWS)
    torch.testing.assert_close(best, torch.tensor([[1.0, 0.6], [1.0, 0.8]]))


@settings(deadline=None, max_examples=40)
@given(
    q=st.integers(1, 3), s=st.integers(1, 4), v=st.integers(1, 4), pooling=st.sampled_from(POOLINGS),
    normalize=st.booleans(), seed=st.integers(0, 2**16),
)  # fmt: skip
def test_scores_and_weights_equal_the_loops(q, s, v, pooling, normalize, seed):
    query, views = unit(q, 5, seed=seed), unit(s, v, 5, seed=seed + 1)
    layer = attention(seed=seed, pooling=pooling, normalize_attended=normalize)
    expected = slow_scores(
        query.tolist(), views.tolist(), matrix(layer), pooling=pooling, normalize=normalize
    )
    torch.testing.assert_close(
        layer(query, views), torch.tensor(expected, dtype=torch.float64), rtol=1e-6, atol=1e-6
    )
    weights = [
        [slow_weights(a, b, matrix(layer), pooling=pooling) for b in views.tolist()] for a in query.tolist()
    ]
    torch.testing.assert_close(layer.weights(query, views), torch.tensor(weights, dtype=torch.float64))


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("normalize", [False, True])
def test_candidates_of_each_query_score_as_among_all(pooling, normalize):
    query, views = unit(4, 5), unit(6, 3, 5, seed=1)
    layer = attention(pooling=pooling, normalize_attended=normalize)
    chosen = torch.tensor([[0, 5], [2, 2], [1, 3], [4, 0]])
    torch.testing.assert_close(layer.own_scores(query, views[chosen]), layer(query, views).gather(1, chosen))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**16), pooling=st.sampled_from(POOLINGS))
def test_no_score_exceeds_the_best_view(seed, pooling):
    query, views = unit(4, 5, seed=seed), unit(6, 7, 5, seed=seed + 1)
    scores = attention(seed=seed, pooling=pooling)(query, views)
    best = torch.einsum("qd,svd->qsv", query, views).amax(dim=2)
    assert (scores <= best + 1e-12).all()


def test_normalised_scores_can_exceed_the_best_view():
    sixty = torch.tensor([[[0.5, 0.75**0.5], [0.5, -(0.75**0.5)]]], dtype=torch.float64)
    query = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    score = ViewAttention(2, start="identity", normalize_attended=True)(query, sixty)
    assert score.item() == pytest.approx(1.0)


def test_the_order_of_views_does_not_matter():
    query, views = unit(3, 5), unit(4, 6, 5, seed=1)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    for pooling in POOLINGS:
        layer = attention(pooling=pooling)
        torch.testing.assert_close(layer(query, views[:, order]), layer(query, views))
        torch.testing.assert_close(
            layer.weights(query, views[:, order]), layer.weights(query, views)[:, :, order]
        )


def test_one_view_is_the_plain_product():
    query, views = unit(3, 5), unit(4, 1, 5, seed=1)
    for pooling in POOLINGS:
        torch.testing.assert_close(attention(pooling=pooling)(query, views), query @ views[:, 0].T)


def test_a_gradient_reaches_the_matrix_and_is_exact():
    layer = ViewAttention(3).double()
    query, views = unit(2, 3).requires_grad_(), unit(2, 3, 3, seed=1).requires_grad_()
    for normalize in (False, True):
        layer.normalize_attended = normalize

        def scores(weight, q, r):
            return torch.func.functional_call(layer, {"asked.weight": weight}, (q, r))

        assert torch.autograd.gradcheck(scores, (layer.asked.weight, query, views))


def test_pooling_without_attention_has_no_parameters():
    assert not list(ViewAttention(8, pooling="mean").parameters())
    assert not list(ViewAttention(8, pooling="max").parameters())
    assert [p.shape for p in ViewAttention(8).parameters()] == [(8, 8)]


def test_views_that_cancel_give_finite_normalised_scores_and_gradients():
    opposite = torch.tensor([[[1.0, 0.0], [-1.0, 0.0]]], requires_grad=True)
    layer = ViewAttention(2, pooling="mean", normalize_attended=True)
    score = layer(torch.tensor([[1.0, 0.0]]), opposite)
    score.sum().backward()
    assert torch.isfinite(score).all()
    assert torch.isfinite(opposite.grad).all()


def test_scores_under_autocast_are_those_in_single_precision():
    query, views = unit(3, 5, dtype=torch.float32), unit(4, 6, 5, seed=1, dtype=torch.float32)
    layer = attention()
    expected = layer(query, views)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(layer(query, views), expected)
    low = layer(query.bfloat16(), views.bfloat16())
    assert low.dtype == torch.float32
    assert (low - expected).abs().max() < 0.1


@pytest.mark.parametrize("pooling", POOLINGS)
def test_many_queries_are_scored_in_pieces_with_the_same_result(pooling, monkeypatch):
    query, views = unit(7, 5), unit(4, 6, 5, seed=1)
    layer = attention(pooling=pooling)
    expected = layer(query, views)
    monkeypatch.setattr(view_attention, "_AT_ONCE", 50)
    torch.testing.assert_close(layer(query, views), expected)


def test_no_queries_and_no_shapes_give_empty_scores():
    layer = attention()
    assert layer(unit(0, 5), unit(4, 2, 5)).shape == (0, 4)
    assert layer(unit(3, 5), unit(0, 2, 5)).shape == (3, 0)


@pytest.mark.parametrize(("query", "views"), [((3, 5), (4, 5)), ((5,), (4, 2, 5)), ((3, 4), (4, 2, 5))])
def test_shapes_that_do_not_fit_are_named(query, views):
    with pytest.raises(ValueError, match=r"need \(Q, D\) and \(S, V, D\), got"):
        attention()(torch.zeros(query), torch.zeros(views))
    with pytest.raises(ValueError, match="at least one view"):
        attention()(torch.zeros(3, 5), torch.zeros(4, 0, 5))


def test_a_head_normalises_by_the_batch_maps_and_scales_to_unit_length():
    head = EmbeddingHead(3, 4)
    features = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)) * 5 + 2
    centred = (features - features.mean(dim=0)) / (features.var(dim=0, unbiased=False) + 1e-5).sqrt()
    mapped = centred @ head.linear.weight.T + head.linear.bias
    expected = mapped / mapped.square().sum(dim=1, keepdim=True).sqrt()
    torch.testing.assert_close(head(features), expected, rtol=1e-4, atol=1e-5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert head(features.bfloat16()).dtype == torch.float32
