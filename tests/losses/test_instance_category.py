import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.losses.instance_category import (
    instance_category_losses,
    negative_log_weights,
    set_cross_entropy,
)
from reference.instance_category import negative_weights, slow_losses, slow_set_loss

GOLDEN = torch.tensor([[0.7310586, 0.3312294], [0.7310586, 0.5519796]])  # s of the dossier, rows are queries
TWO = torch.tensor([0, 1])


def drawn(queries, shapes, categories, seed):
    """Scores, targets, categories of queries and of shapes."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.rand(queries, shapes, generator=generator, dtype=torch.float64) * 2 - 1
    targets = torch.randint(shapes, (queries,), generator=generator)
    of_shapes = torch.randint(categories, (shapes,), generator=generator)
    return scores, targets, of_shapes[targets], of_shapes


def test_the_dossiers_example_has_its_losses():
    instance, category = instance_category_losses(GOLDEN, TWO, TWO, TWO)
    assert instance.item() == pytest.approx(0.98163, abs=1e-5)
    assert category.item() == pytest.approx(0.98163, abs=1e-5)  # a shape a category: both terms are one
    alone = set_cross_entropy(GOLDEN, torch.ones(2, 2, dtype=torch.bool), temperature=0.1)
    assert alone.item() == pytest.approx(1.53351, abs=1e-5)


def test_the_dossiers_example_has_its_probabilities():
    probability = (GOLDEN / 0.1).softmax(dim=1)
    for row, column, value in ((0, 0, 0.98198), (0, 1, 0.01802), (1, 0, 0.85702), (1, 1, 0.14298)):
        one = torch.zeros(2, 2, dtype=torch.bool)
        one[row, column] = True
        loss = set_cross_entropy(GOLDEN, one, temperature=0.1)
        assert math.exp(-loss.item()) == pytest.approx(value, abs=1e-5)
        assert probability[row, column].item() == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("positives", ["all", "others"])
def test_a_batch_of_one_category_has_the_instance_loss_alone(symmetric, positives):
    zeros = torch.zeros(2, dtype=torch.int64)
    scores = GOLDEN.clone().requires_grad_()
    instance, category = instance_category_losses(
        scores, TWO, zeros, zeros, symmetric=symmetric, positives=positives
    )
    category.backward(retain_graph=True)
    assert category.item() == 0
    assert scores.grad.abs().sum() == 0
    if not symmetric:
        assert instance.item() == pytest.approx(0.98163, abs=1e-5)


@settings(deadline=None, max_examples=60)
@given(
    b=st.integers(1, 5), s=st.integers(1, 6), categories=st.integers(1, 4), temperature=st.floats(0.1, 1.0),
    others=st.booleans(), symmetric=st.booleans(), hardness=st.sampled_from([0.0, 0.5, 4.0]),
    seed=st.integers(0, 2**16),
)  # fmt: skip
def test_losses_equal_the_loops(b, s, categories, temperature, others, symmetric, hardness, seed):
    scores, targets, of_queries, of_shapes = drawn(b, s, categories, seed)
    found = instance_category_losses(
        scores, targets, of_queries, of_shapes,
        temperature=temperature, positives="others" if others else "all", symmetric=symmetric,
        hardness=hardness,
    )  # fmt: skip
    expected = slow_losses(
        scores.tolist(), targets.tolist(), of_queries.tolist(), of_shapes.tolist(), temperature,
        others=others, symmetric=symmetric, hardness=hardness,
    )  # fmt: skip
    assert [value.item() for value in found] == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("options", [{}, {"symmetric": True}, {"positives": "others"}, {"hardness": 2.0}])
def test_the_order_of_queries_and_shapes_does_not_matter(options):
    scores, targets, of_queries, of_shapes = drawn(5, 7, 3, seed=4)
    expected = instance_category_losses(scores, targets, of_queries, of_shapes, **options)
    rows, columns = torch.tensor([3, 0, 4, 1, 2]), torch.tensor([6, 2, 0, 5, 1, 4, 3])
    places = torch.empty_like(columns).scatter_(0, columns, torch.arange(7))
    turned = instance_category_losses(
        scores[rows][:, columns], places[targets[rows]], of_queries[rows], of_shapes[columns], **options
    )
    torch.testing.assert_close(torch.stack(turned), torch.stack(expected))


def test_one_shape_per_category_makes_both_losses_equal():
    scores, targets, _, _ = drawn(5, 6, 1, seed=2)
    of_shapes = torch.tensor([4, 0, 3, 5, 1, 2])
    instance, category = instance_category_losses(scores, targets, of_shapes[targets], of_shapes)
    torch.testing.assert_close(instance, category)


def test_without_the_true_shape_no_category_positive_is_left_here():
    scores, targets, _, _ = drawn(5, 6, 1, seed=2)
    of_shapes = torch.arange(6)
    _, category = instance_category_losses(scores, targets, of_shapes[targets], of_shapes, positives="others")
    assert category.item() == 0


@pytest.mark.parametrize("symmetric", [False, True])
def test_gradients_are_exact(symmetric):
    scores, targets, of_queries, of_shapes = drawn(3, 4, 2, seed=1)
    temperature = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)

    def losses(s, tau):
        return instance_category_losses(
            s, targets, of_queries, of_shapes, temperature=tau, symmetric=symmetric
        )

    assert torch.autograd.gradcheck(losses, (scores.requires_grad_(), temperature))


def test_with_hard_negatives_the_gradient_takes_the_weights_as_constants():
    scores, targets, _, _ = drawn(3, 4, 2, seed=1)
    positive = torch.zeros(3, 4, dtype=torch.bool).scatter_(1, targets[:, None], True)
    leaf = scores.clone().requires_grad_()
    set_cross_entropy(leaf, positive, temperature=0.3, hardness=2.0).backward()
    step = 1e-6
    for row in range(3):
        for column in range(4):
            moved = []
            for sign in (step, -step):
                table = scores.clone()
                table[row, column] += sign
                moved.append(
                    slow_set_loss(table.tolist(), positive.tolist(), 0.3, 2.0, weigh_by=scores.tolist())
                )
            numeric = (moved[0] - moved[1]) / (2 * step)
            assert leaf.grad[row, column].item() == pytest.approx(numeric, rel=1e-5, abs=1e-7)
    assert (leaf.grad[~positive] > 0).all()  # no negative is pulled closer


def test_weights_of_negatives_have_mean_1_and_grow_with_the_score():
    scores, targets, _, _ = drawn(3, 6, 2, seed=1)
    positive = torch.zeros(3, 6, dtype=torch.bool).scatter_(1, targets[:, None], True)
    weights = negative_log_weights(scores, ~positive, hardness=3.0).exp()
    for row in range(3):
        expected = negative_weights(scores[row].tolist(), positive[row].tolist(), 3.0)
        assert weights[row].tolist() == pytest.approx(expected)
        assert weights[row][~positive[row]].mean().item() == pytest.approx(1.0)
        assert weights[row][positive[row]].tolist() == [1.0]


@pytest.mark.parametrize("hardness", [0.0, 1.0])
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("size", [0, 1])
def test_no_query_and_one_query_give_0_and_a_gradient(size, symmetric, hardness):
    scores = torch.full((size, size), 0.3, requires_grad=True)
    none = torch.zeros(size, dtype=torch.int64)
    losses = instance_category_losses(scores, none, none, none, symmetric=symmetric, hardness=hardness)
    sum(losses).backward()
    assert [value.item() for value in losses] == [0.0, 0.0]
    assert torch.isfinite(scores.grad).all()


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_scores_are_computed_in_single(kind):
    scores, targets, of_queries, of_shapes = drawn(6, 8, 3, seed=0)
    low = scores.to(kind)
    found = torch.stack(
        instance_category_losses(low, targets, of_queries, of_shapes, temperature=0.01, hardness=1.0)
    )
    expected = torch.stack(
        instance_category_losses(low.double(), targets, of_queries, of_shapes, temperature=0.01, hardness=1.0)
    )
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)


def test_what_does_not_fit_is_named():
    scores, targets, of_queries, of_shapes = drawn(3, 4, 2, seed=0)
    with pytest.raises(ValueError, match=r"shape_categories must be \(4,\) beside the scores, got \(3,\)"):
        instance_category_losses(scores, targets, of_queries, of_queries)
    with pytest.raises(ValueError, match="temperature must be > 0, got 0"):
        instance_category_losses(scores, targets, of_queries, of_shapes, temperature=0.0)
    with pytest.raises(ValueError, match="hardness must be >= 0, got -1"):
        instance_category_losses(scores, targets, of_queries, of_shapes, hardness=-1.0)
    with pytest.raises(ValueError, match=r"positive must be \(3, 4\), got \(4, 3\)"):
        set_cross_entropy(scores, torch.ones(4, 3, dtype=torch.bool), temperature=0.1)
