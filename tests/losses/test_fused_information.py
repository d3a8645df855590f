import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.losses.clustering import fused_information
from anaglyph.randomness import torch_generator
from reference.clustering import slow_fused_information


@settings(deadline=None, max_examples=40)
@given(
    views=st.integers(1, 4),
    rows=st.integers(1, 5),
    clusters=st.integers(2, 5),
    balance=st.floats(0, 5),
    seed=st.integers(0, 999),
)
def test_it_equals_the_loops(views, rows, clusters, balance, seed):
    logits = 3 * torch.randn(views, rows, clusters, generator=torch_generator(seed))
    fast = fused_information(logits, balance=balance)
    assert float(fast) == pytest.approx(slow_fused_information(logits.tolist(), balance), abs=1e-4)


def test_perfect_balanced_agreement_reaches_minus_balance_times_log_k():
    logits = 50 * torch.eye(4)[torch.arange(12) % 4].repeat(3, 1, 1)
    assert float(fused_information(logits, balance=2.0)) == pytest.approx(-2 * math.log(4), abs=1e-4)


def test_collapse_costs_the_whole_entropy():
    logits = 50 * torch.eye(4)[torch.zeros(12, dtype=torch.int64)].repeat(3, 1, 1)
    assert float(fused_information(logits, balance=2.0)) == pytest.approx(0.0, abs=1e-4)


def test_views_may_be_swapped_and_rows_permuted():
    logits = torch.randn(3, 6, 4, generator=torch_generator("swap"))
    turned = logits[[2, 0, 1]][:, torch.tensor([5, 3, 1, 0, 2, 4])]
    torch.testing.assert_close(fused_information(logits), fused_information(turned))


def test_the_gradient_is_right_in_double_precision():
    logits = torch.randn(2, 4, 3, dtype=torch.float64, generator=torch_generator("check"), requires_grad=True)
    assert torch.autograd.gradcheck(lambda values: fused_information(values, balance=1.5), (logits,))


def test_an_empty_batch_gives_zero_and_a_gradient():
    logits = torch.zeros(2, 0, 3, requires_grad=True)
    loss = fused_information(logits)
    loss.backward()
    assert float(loss.detach()) == 0


def test_half_precision_stays_finite_at_large_logits():
    logits = torch.tensor([[[6e4, -6e4], [-6e4, 6e4]]], dtype=torch.float16)
    assert torch.isfinite(fused_information(logits))


def test_a_missing_axis_is_named():
    with pytest.raises(ValueError, match=r"must be \(M, B, K\), got \(3, 2\)"):
        fused_information(torch.zeros(3, 2))
