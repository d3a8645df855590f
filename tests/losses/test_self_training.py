import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from anaglyph.losses.masked import absolute_differences, apart_from_points, apart_from_whole, mean_of_sums
from anaglyph.losses.self_training import fairness, pseudo_label_loss
from reference.self_training import (
    slow_apart_from_points,
    slow_apart_from_whole,
    slow_fairness,
    slow_pseudo_label_loss,
    slow_reconstruction,
)


def numbers(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def coins(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) < 0.5


@settings(deadline=None, max_examples=40)
@given(rows=st.integers(1, 6), classes=st.integers(1, 5), soft=st.booleans(), seed=st.integers(0, 2**16))
def test_losses_of_labels_equal_their_definitions(rows, classes, soft, seed):
    logits, kept = 4 * numbers(rows, classes, seed=seed), coins(rows, seed=seed)
    targets = numbers(rows, classes, seed=seed + 1).softmax(dim=1)
    targets = targets if soft else targets.argmax(dim=1)
    found = pseudo_label_loss(logits, targets, kept)
    assert float(found) == pytest.approx(
        slow_pseudo_label_loss(logits.tolist(), targets.tolist(), kept.tolist())
    )
    assert float(fairness(logits)) == pytest.approx(slow_fairness(logits.tolist()))
    before = numbers(classes, seed=seed + 2).softmax(dim=0)
    found = fairness(logits, before=before.log())
    assert float(found) == pytest.approx(slow_fairness(logits.tolist(), before.tolist()))


@settings(deadline=None, max_examples=40)
@given(rows=st.integers(1, 4), tokens=st.integers(1, 5), width=st.integers(1, 4), seed=st.integers(0, 2**16))
def test_losses_of_masked_places_equal_their_definitions(rows, tokens, width, seed):
    first, second = numbers(rows, tokens, width, seed=seed), numbers(rows, tokens, width, seed=seed + 1)
    whole, masked = numbers(rows, width, seed=seed + 2), coins(rows, tokens, seed=seed)
    found = mean_of_sums(*absolute_differences(first, second, masked))
    assert float(found) == pytest.approx(
        slow_reconstruction(first.tolist(), second.tolist(), masked.tolist())
    )
    found = mean_of_sums(*apart_from_whole(first, whole, masked))
    assert float(found) == pytest.approx(
        slow_apart_from_whole(first.tolist(), whole.tolist(), masked.tolist())
    )


@settings(deadline=None, max_examples=20)
@given(rows=st.integers(1, 3), patches=st.integers(1, 3), points=st.integers(1, 4), seed=st.integers(0, 99))
def test_the_loss_of_points_of_hidden_patches_equals_its_definition(rows, patches, points, seed):
    made, true = numbers(rows, patches, points, 3, seed=seed), numbers(rows, patches, 4, 3, seed=seed + 1)
    masked = coins(rows, patches, seed=seed)
    found = mean_of_sums(*apart_from_points(made, true, masked))
    assert float(found) == pytest.approx(
        slow_apart_from_points(made.tolist(), true.tolist(), masked.tolist())
    )


def test_points_of_a_patch_that_is_not_hidden_may_be_anything_and_get_no_gradient():
    made = numbers(1, 2, 4, 3).requires_grad_()
    true = numbers(1, 2, 4, 3, seed=1)
    true[:, 1] = math.nan
    loss = mean_of_sums(*apart_from_points(made, true, torch.tensor([[True, False]])))
    loss.backward()
    assert torch.isfinite(loss)
    assert made.grad[:, 0].abs().sum() > 0
    assert made.grad[:, 1].abs().sum() == 0


def test_nothing_kept_and_nothing_masked_give_zero_and_a_gradient():
    logits = numbers(3, 4).requires_grad_()
    tokens = numbers(2, 3, 4).requires_grad_()
    nothing = torch.zeros(2, 3, dtype=torch.bool)
    loss = pseudo_label_loss(logits, torch.zeros(3, dtype=torch.int64), torch.zeros(3, dtype=torch.bool))
    loss = loss + mean_of_sums(*absolute_differences(tokens, tokens, nothing))
    loss = loss + mean_of_sums(*apart_from_whole(tokens, tokens[:, 0], nothing))
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(logits.grad).all()
    assert torch.isfinite(tokens.grad).all()


def test_a_place_that_is_not_masked_may_hold_anything():
    prediction = torch.tensor([[[1.0], [math.inf]]])
    found = mean_of_sums(
        *absolute_differences(prediction, torch.zeros(1, 2, 1), torch.tensor([[True, False]]))
    )
    assert found == 1


def test_fairness_is_least_where_all_classes_are_as_likely():
    assert float(fairness(torch.zeros(5, 7))) == pytest.approx(math.log(7))
    assert float(fairness(20 * torch.eye(7))) == pytest.approx(math.log(7), abs=1e-5)
    assert float(fairness(torch.randn(9, 7, generator=torch.Generator().manual_seed(0)))) > math.log(7)


def test_a_running_mean_is_even_where_a_batch_alone_cannot_be():
    logits = torch.tensor([[40.0, 0.0]])
    alone, with_the_other = fairness(logits), fairness(logits, before=torch.tensor([-40.0, 0.0]))
    assert float(alone) == pytest.approx(20)
    assert float(with_the_other) == pytest.approx(2 * math.log(2))


def test_the_mean_of_the_step_before_gets_no_gradient_and_the_batch_gets_that_of_the_formula():
    before = numbers(3, seed=1).log_softmax(dim=0).requires_grad_()
    logits = numbers(4, 3).requires_grad_()
    fairness(logits, before=before).backward()
    assert before.grad is None
    assert gradcheck(lambda x: fairness(x, before=before.detach()), logits)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_class_that_nobody_gets_costs_much_but_not_everything_in_half_precision(dtype):
    logits = torch.zeros(2, 3, dtype=dtype)
    logits[:, 0] = 200.0
    assert float(fairness(logits)) == pytest.approx(400 / 3, rel=1e-3)


def test_one_class_and_one_row_cost_nothing():
    logits = torch.tensor([[3.0]])
    assert fairness(logits) == 0
    assert pseudo_label_loss(logits, torch.tensor([0]), torch.tensor([True])) == 0


def test_the_target_of_a_reconstruction_gets_no_gradient_and_both_sides_of_the_alignment_do():
    first, second = numbers(2, 3, 4).requires_grad_(), numbers(2, 3, 4, seed=1).requires_grad_()
    all_masked = torch.ones(2, 3, dtype=torch.bool)
    mean_of_sums(*absolute_differences(first, second, all_masked)).backward()
    assert second.grad is None
    whole = numbers(2, 4, seed=2).requires_grad_()
    mean_of_sums(*apart_from_whole(second, whole, all_masked)).backward()
    assert whole.grad.abs().sum() > 0
    assert second.grad.abs().sum() > 0


def test_gradients_are_those_of_the_formulas():
    logits, kept = numbers(4, 3).requires_grad_(), torch.tensor([True, False, True, True])
    labels = torch.tensor([0, 1, 2, 1])
    assert gradcheck(lambda x: pseudo_label_loss(x, labels, kept) + fairness(x), logits)
    tokens, whole, masked = numbers(2, 3, 4).requires_grad_(), numbers(2, 4).requires_grad_(), coins(2, 3)
    assert gradcheck(lambda x, y: mean_of_sums(*apart_from_whole(x, y, masked)), (tokens, whole))


def test_labels_that_are_no_class_and_shapes_that_do_not_fit_are_refused():
    kept = torch.tensor([True])
    with pytest.raises(ValueError, match="classes must lie in 0 to 3, got 5 to 5"):
        pseudo_label_loss(torch.zeros(1, 4), torch.tensor([5]), kept)
    with pytest.raises(ValueError, match=r"targets \(1, 3\) must be"):
        pseudo_label_loss(torch.zeros(1, 4), torch.zeros(1, 3), kept)
    with pytest.raises(ValueError, match="B >= 1"):
        fairness(torch.zeros(0, 4))
    with pytest.raises(ValueError, match=r"before must be \(4,\), got \(3,\)"):
        fairness(torch.zeros(1, 4), before=torch.zeros(3))
    with pytest.raises(ValueError, match=r"whole must be \(1, 3\)"):
        apart_from_whole(torch.zeros(1, 2, 3), torch.zeros(1, 4), torch.ones(1, 2, dtype=torch.bool))
