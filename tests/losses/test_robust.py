import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.losses.robust import robust_concentrating_loss, soft_cross_entropy
from reference.robust import concentrate, slow_rcll

FORMS = ["plain", "clip", "released"]
# Section 2.3 of the dossier: p_y, loss, and the gradients of RCLL, cross-entropy and MAE to the label logit.
TABLE = [
    (0.99, 0.003, -0.004, -0.010, -0.010),
    (0.9, 0.057, -0.065, -0.100, -0.090),
    (0.7, 0.232, -0.211, -0.300, -0.210),
    (0.5, 0.456, -0.310, -0.500, -0.250),
    (0.3, 0.733, -0.327, -0.700, -0.210),
    (0.1, 1.109, -0.219, -0.900, -0.090),
    (0.05, 1.250, -0.162, -0.950, -0.048),
    (0.01, 1.450, -0.092, -0.990, -0.010),
    (0.001, 1.620, -0.060, -0.999, -0.001),
]


def logits_for(p, classes=10):
    """One row whose class 0 has probability p and whose others share the rest."""
    return torch.tensor(
        [[math.log(p)] + [math.log((1 - p) / (classes - 1))] * (classes - 1)], dtype=torch.float64
    )


def value_and_label_gradient(loss_of, p):
    logits = logits_for(p).requires_grad_()
    loss = loss_of(logits, torch.zeros(1, dtype=torch.int64))
    loss.backward()
    return loss.item(), logits.grad[0, 0].item()


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"p={row[0]}")
def test_values_and_gradients_match_the_table_of_the_dossier(row):
    p, loss, gradient, cross_entropy, mae = row
    value, slope = value_and_label_gradient(robust_concentrating_loss, p)
    assert value == pytest.approx(loss, abs=1e-3)
    assert slope == pytest.approx(gradient, abs=1e-3)
    _, slope = value_and_label_gradient(lambda z, y: robust_concentrating_loss(z, y, alpha=0), p)
    assert slope == pytest.approx(mae, abs=1e-3)
    one_hot = torch.eye(10, dtype=torch.float64)[:1]
    _, slope = value_and_label_gradient(lambda z, y: soft_cross_entropy(z, one_hot), p)
    assert slope == pytest.approx(cross_entropy, abs=1e-3)


@settings(deadline=None, max_examples=60)
@given(
    form=st.sampled_from(FORMS),
    b=st.integers(1, 6),
    k=st.integers(2, 5),
    alpha=st.floats(0.05, 1.0),
    seed=st.integers(0, 2**16),
)
def test_every_form_equals_the_loop_with_ignored_rows_and_weights(form, b, k, alpha, seed):
    rng = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(b, k, generator=rng, dtype=torch.float64)
    labels = torch.randint(-1, k, (b,), generator=rng)
    weights = torch.rand(b, generator=rng, dtype=torch.float64)
    fast = robust_concentrating_loss(logits, labels, alpha=alpha, form=form, weights=weights)
    slow = slow_rcll(logits.tolist(), labels.tolist(), alpha, form, weights.tolist())
    assert fast.item() == pytest.approx(slow, rel=1e-6)
    fast = robust_concentrating_loss(logits, labels, alpha=alpha, form=form)
    assert fast.item() == pytest.approx(slow_rcll(logits.tolist(), labels.tolist(), alpha, form), rel=1e-6)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [-1e3, 0.0, 1e3])
@pytest.mark.parametrize("batch", [1, 4, 64])
def test_loss_and_gradient_are_finite_for_extreme_and_for_uniform_logits(form, dtype, size, batch):
    logits = torch.zeros(batch, 10, dtype=dtype)
    logits[:, 3] = size
    logits.requires_grad_()
    labels = torch.arange(batch) % 10
    loss = robust_concentrating_loss(logits, labels, form=form)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("classes", [2, 3, 7, 10, 40])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_clip_is_constant_without_gradient_up_to_one_over_k(classes, dtype):
    constant = math.log(classes) ** 0.25 * (1 - 1 / classes)
    for p in (1e-6, 0.5 / classes, 1 / classes):
        logits = logits_for(p, classes).to(dtype).requires_grad_()
        loss = robust_concentrating_loss(logits, torch.zeros(1, dtype=torch.int64), form="clip")
        loss.backward()
        assert loss.item() == pytest.approx(constant, rel=1e-5)
        assert not logits.grad.any()
    logits = logits_for(1.01 / classes, classes).to(dtype).requires_grad_()
    robust_concentrating_loss(logits, torch.zeros(1, dtype=torch.int64), form="clip").backward()
    assert logits.grad[0, 0] < 0


def test_released_weights_samples_by_their_classes_above_one_over_the_batch_size():
    flat, sharp = [0.0, 0.0, 0.0, -9.0], [9.0, 0.0, 0.0, 0.0]  # 3 classes and 1 class above theta = 1/4
    logits = torch.tensor([flat, sharp, sharp, sharp], dtype=torch.float64, requires_grad=True)
    labels = torch.zeros(4, dtype=torch.int64)
    p = logits.softmax(dim=1)[:, 0].tolist()
    loss = robust_concentrating_loss(logits, labels, form="released")
    weighted = (3 * concentrate(p[0], 0.25) + sum(concentrate(each, 0.25) for each in p[1:])) / 6
    assert loss.item() == pytest.approx(concentrate(1 / 4, 0.25) + weighted, rel=1e-9)


def test_released_has_the_gradient_of_the_weighted_plain_loss_alone():
    rng = torch.Generator().manual_seed(5)
    logits = torch.randn(8, 5, generator=rng, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(5, (8,), generator=rng)
    (gradient,) = torch.autograd.grad(robust_concentrating_loss(logits, labels, form="released"), logits)
    above = (logits.detach().softmax(dim=1) > 1 / 8).sum(dim=1).double()
    (plain,) = torch.autograd.grad(robust_concentrating_loss(logits, labels, weights=above), logits)
    torch.testing.assert_close(gradient, plain)


def test_released_leaves_an_empty_branch_out_where_the_release_gives_nan():
    uniform = torch.zeros(20, 10)  # all 0.1 > 1/20: no m_i is left
    loss = robust_concentrating_loss(uniform, torch.zeros(20, dtype=torch.int64), form="released")
    assert loss.item() == pytest.approx(concentrate(0.1, 0.25), rel=1e-5)
    one = torch.zeros(1, 10)  # theta = 1: no n_i is left, and l(1) = 0
    loss = robust_concentrating_loss(one, torch.zeros(1, dtype=torch.int64), form="released")
    assert loss.item() == 0


@pytest.mark.parametrize("form", FORMS)
def test_ignored_rows_are_as_if_they_were_not_there(form):
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = torch.tensor([0, -1, 2, 3, -1, 1])
    kept = labels >= 0
    expected = robust_concentrating_loss(logits[kept], labels[kept], form=form)
    torch.testing.assert_close(robust_concentrating_loss(logits, labels, form=form), expected)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("batch", [0, 3])
def test_no_labelled_row_gives_zero_and_a_gradient(form, batch):
    logits = torch.randn(batch, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    labels = torch.full((batch,), -1)
    loss = robust_concentrating_loss(logits, labels, form=form)
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


@pytest.mark.parametrize("form", FORMS)
def test_gradients_match_finite_differences(form):
    rng = torch.Generator().manual_seed(1)
    logits = torch.randn(5, 4, generator=rng, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 1, -1, 3, 2])
    assert torch.autograd.gradcheck(lambda z: robust_concentrating_loss(z, labels, form=form), [logits])


def test_wrong_arguments_are_named():
    logits, labels = torch.zeros(2, 3), torch.zeros(2, dtype=torch.int64)
    with pytest.raises(ValueError, match="alpha must be >= 0, got -1"):
        robust_concentrating_loss(logits, labels, alpha=-1)
    with pytest.raises(ValueError, match="got 'cliped'"):
        robust_concentrating_loss(logits, labels, form="cliped")
    with pytest.raises(ValueError, match=r"got \(2, 3\) and \(3,\)"):
        robust_concentrating_loss(logits, torch.zeros(3, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"targets must be \(2, 3\)"):
        soft_cross_entropy(logits, torch.zeros(2, 4))


def test_soft_cross_entropy_equals_the_sum_over_classes():
    logits, targets = torch.tensor([[1.0, 2, 0], [0, 0, 3]]), torch.tensor([[0.2, 0.5, 0.3], [1, 0, 0]])
    weights = [3.0, 1.0]
    expected = 0.0
    for row, target, weight in zip(logits.tolist(), targets.tolist(), weights, strict=True):
        total = math.log(sum(map(math.exp, row)))
        expected += weight / 4 * sum(t * (total - z) for t, z in zip(target, row, strict=True))
    assert soft_cross_entropy(logits, targets, torch.tensor(weights)).item() == pytest.approx(
        expected, rel=1e-6
    )


def test_soft_cross_entropy_of_no_row_is_zero_with_a_gradient():
    logits = torch.randn(2, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    loss = soft_cross_entropy(logits, torch.full((2, 3), 1 / 3), torch.zeros(2))
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(logits.grad).all()
