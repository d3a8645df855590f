import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.losses.sigmoid import local_paired_sigmoid, paired_sigmoid
from losses.test_paired_losses import mask, unit
from reference.paired import slow_paired_sigmoid


@settings(deadline=None, max_examples=40)
@given(
    b=st.integers(1, 6), scale=st.floats(1.0, 50.0), bias=st.floats(-12.0, 3.0), seed=st.integers(0, 2**16),
    rows=st.sampled_from([None, 1, 2]),
)  # fmt: skip
def test_it_equals_the_double_loop_in_parts_and_at_once(b, scale, bias, seed, rows):
    first, second = unit(b, 6, seed=seed), unit(b, 6, seed=seed + 1)
    present, exclude = mask(b, seed=seed, share=0.7), mask(b, b, seed=seed, share=0.3)
    fast = paired_sigmoid(
        first, second, scale=scale, bias=bias, present=present, exclude=exclude, rows_at_once=rows
    )
    slow = slow_paired_sigmoid(
        first.tolist(), second.tolist(), scale, bias, present.tolist(), exclude.tolist()
    )
    assert float(fast) == pytest.approx(slow, rel=1e-4, abs=1e-5)


def test_two_orthogonal_pairs_cost_what_one_computes_by_hand():
    pairs = torch.eye(2)
    yes, no = math.log1p(math.exp(-(5.0 - 2.0))), math.log1p(math.exp(-2.0))
    assert float(paired_sigmoid(pairs, pairs, scale=5.0, bias=-2.0)) == pytest.approx(yes + no, rel=1e-5)


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_the_mean_of_local_rows_is_the_loss_of_all_rows_gradients_included(parts):
    leaves = [unit(8, 6, seed=k, dtype=torch.float64).requires_grad_() for k in range(2)]
    scale, bias = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (10.0, -10.0))
    leaves += [scale, bias]
    present, size = mask(8, seed=3, share=0.6), 8 // parts
    whole = paired_sigmoid(*leaves[:2], scale=scale, bias=bias, present=present)
    expected = torch.autograd.grad(whole, leaves)
    mean = torch.stack(
        [
            local_paired_sigmoid(
                leaves[0][start : start + size], leaves[1], start=start, scale=scale, bias=bias,
                present=present, rows_at_once=2,
            )
            for start in range(0, 8, size)
        ]
    ).mean()  # fmt: skip
    torch.testing.assert_close(mean, whole)
    for found, wanted in zip(torch.autograd.grad(mean, leaves), expected, strict=True):
        torch.testing.assert_close(found, wanted)


def test_absent_rows_change_nothing_for_the_others():
    first, second = unit(5, 8), unit(5, 8, seed=1)
    present = torch.tensor([True, False, True, True, False])
    torch.testing.assert_close(
        paired_sigmoid(first, second, scale=10.0, bias=-5.0, present=present),
        paired_sigmoid(first[present], second[present], scale=10.0, bias=-5.0),
    )


@pytest.mark.parametrize("count", [0, 3])
def test_nothing_present_gives_zero_with_a_gradient(count):
    first = unit(count, 8).requires_grad_()
    present = torch.zeros(count, dtype=torch.bool)
    loss = paired_sigmoid(first, unit(count, 8, seed=1), scale=10.0, bias=-10.0, present=present)
    loss.backward()
    assert loss.item() == 0
    assert not first.grad.any()


def test_pairs_and_sides_may_be_permuted():
    first, second = unit(5, 8, dtype=torch.float64), unit(5, 8, seed=1, dtype=torch.float64)
    order = torch.tensor([3, 0, 4, 1, 2])
    loss = paired_sigmoid(first, second, scale=20.0, bias=-10.0)
    torch.testing.assert_close(paired_sigmoid(first[order], second[order], scale=20.0, bias=-10.0), loss)
    torch.testing.assert_close(paired_sigmoid(second, first, scale=20.0, bias=-10.0), loss)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_it_is_finite_at_the_largest_scale_in_every_precision(dtype):
    first, second = unit(16, 64).to(dtype).requires_grad_(), unit(16, 64, seed=1).to(dtype)
    loss = paired_sigmoid(first, second, scale=100.0, bias=-10.0, rows_at_once=5)
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert torch.isfinite(first.grad).all()


@pytest.mark.parametrize("rows", [None, 2])
def test_gradients_match_finite_differences_scale_and_bias_included(rows):
    first, second = (unit(4, 5, seed=k, dtype=torch.float64).requires_grad_() for k in range(2))
    scale, bias = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (3.0, -2.0))
    exclude = mask(4, 4, seed=1, share=0.3)
    assert torch.autograd.gradcheck(
        lambda a, b, s, t: paired_sigmoid(a, b, scale=s, bias=t, exclude=exclude, rows_at_once=rows),
        (first, second, scale, bias),
    )


def test_what_cannot_be_meant_is_named():
    with pytest.raises(ValueError, match=r"one shape, got \(2, 4\) and \(3, 4\)"):
        paired_sigmoid(unit(2, 4), unit(3, 4), scale=1.0, bias=0.0)
    with pytest.raises(ValueError, match="rows_at_once must be >= 1 or None, got 0"):
        paired_sigmoid(unit(2, 4), unit(2, 4), scale=1.0, bias=0.0, rows_at_once=0)
