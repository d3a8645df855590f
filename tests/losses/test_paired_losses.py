import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.losses.paired import local_paired_nce, paired_nce
from anaglyph.randomness import torch_generator
from reference.paired import slow_paired_nce


def unit(*shape, seed=0, dtype=torch.float32):
    return F.normalize(torch.randn(*shape, generator=torch_generator("unit", seed), dtype=dtype), dim=-1)


def mask(*shape, seed=0, share=0.5):
    return torch.rand(*shape, generator=torch_generator("mask", seed)) < share


@settings(deadline=None, max_examples=40)
@given(
    b=st.integers(1, 6), scale=st.floats(1.0, 100.0), hardness=st.sampled_from([0.0, 2.0]),
    seed=st.integers(0, 2**16),
)  # fmt: skip
def test_it_equals_the_double_loop_with_absent_rows_exclusions_and_hard_negatives(b, scale, hardness, seed):
    first, second = unit(b, 6, seed=seed), unit(b, 6, seed=seed + 1)
    present, exclude = mask(b, seed=seed, share=0.7), mask(b, b, seed=seed, share=0.3)
    fast = paired_nce(first, second, scale=scale, present=present, exclude=exclude, hardness=hardness)
    slow = slow_paired_nce(
        first.tolist(), second.tolist(), scale, present.tolist(), exclude.tolist(), hardness
    )
    assert float(fast) == pytest.approx(slow, rel=1e-4, abs=1e-4)


def test_two_orthogonal_pairs_cost_what_one_computes_by_hand():
    pairs = torch.eye(2)
    assert float(paired_nce(pairs, pairs, scale=3.0)) == pytest.approx(math.log(1 + math.exp(-3.0)), rel=1e-5)
    assert float(paired_nce(pairs, pairs.flip(0), scale=3.0)) == pytest.approx(
        math.log(1 + math.exp(3.0)), rel=1e-5
    )


def test_equal_embeddings_cost_the_log_of_the_batch():
    same = unit(1, 8).expand(5, 8)
    assert float(paired_nce(same, same, scale=14.3)) == pytest.approx(math.log(5), rel=1e-5)


def test_it_is_what_cross_entropy_of_both_directions_gives():
    first, second = unit(7, 16, dtype=torch.float64), unit(7, 16, seed=1, dtype=torch.float64)
    logits, target = 14.3 * first @ second.T, torch.arange(7)
    expected = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
    torch.testing.assert_close(paired_nce(first, second, scale=14.3), expected)


def test_absent_rows_change_nothing_for_the_others_whatever_they_hold():
    first, second = unit(5, 8), unit(5, 8, seed=1)
    present = torch.tensor([True, False, True, True, False])
    expected = paired_nce(first[present], second[present], scale=10.0)
    for filling in (second, unit(5, 8, seed=9)):
        given_ = torch.where(present[:, None], second, filling)
        torch.testing.assert_close(paired_nce(first, given_, scale=10.0, present=present), expected)


def test_absent_rows_get_no_gradient():
    first = unit(4, 8).requires_grad_()
    present = torch.tensor([True, False, True, True])
    paired_nce(first, unit(4, 8, seed=1), scale=10.0, present=present).backward()
    assert not first.grad[1].any()
    assert all(first.grad[row].any() for row in (0, 2, 3))


def test_nothing_present_gives_zero_with_a_gradient():
    first, scale = unit(3, 8).requires_grad_(), torch.tensor(10.0, requires_grad=True)
    loss = paired_nce(first, unit(3, 8, seed=1), scale=scale, present=torch.zeros(3, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert not first.grad.any()
    assert scale.grad.item() == 0


def test_no_pair_at_all_gives_zero_with_a_gradient():
    first = torch.zeros(0, 8, requires_grad=True)
    loss = paired_nce(first, torch.zeros(0, 8), scale=10.0)
    loss.backward()
    assert loss.item() == 0


def test_one_pair_has_no_negatives_and_gives_zero_with_a_gradient():
    first = unit(1, 8).requires_grad_()
    loss = paired_nce(first, unit(1, 8, seed=1), scale=100.0, hardness=1.0)
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(first.grad).all()


def test_excluding_all_negatives_gives_zero_with_a_finite_gradient():
    first = unit(4, 8).requires_grad_()
    everything = torch.ones(4, 4, dtype=torch.bool)
    loss = paired_nce(first, unit(4, 8, seed=1), scale=100.0, exclude=everything, hardness=1.0)
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(first.grad).all()


@pytest.mark.parametrize("parts", [1, 2, 3, 6])
def test_the_mean_of_local_rows_is_the_loss_of_all_rows_gradients_included(parts):
    present, exclude = mask(6, seed=3, share=0.6), mask(6, 6, seed=3, share=0.3)
    leaves = [unit(6, 8, seed=k, dtype=torch.float64).requires_grad_() for k in range(2)]
    scale = torch.tensor(10.0, dtype=torch.float64, requires_grad=True)
    leaves.append(scale)
    whole = paired_nce(*leaves[:2], scale=scale, present=present, exclude=exclude, hardness=0.5)
    expected = torch.autograd.grad(whole, leaves)
    size = 6 // parts
    shares = []
    for start in range(0, 6, size):
        rows = slice(start, start + size)
        shares.append(
            local_paired_nce(
                leaves[0][rows], leaves[1][rows], *leaves[:2], start=start, scale=scale, present=present,
                exclude=exclude[rows], hardness=0.5,
            )
        )  # fmt: skip
    mean = torch.stack(shares).mean()
    torch.testing.assert_close(mean, whole)
    for found, wanted in zip(torch.autograd.grad(mean, leaves), expected, strict=True):
        torch.testing.assert_close(found, wanted)


def test_the_order_of_pairs_and_of_sides_does_not_change_the_loss():
    first, second = unit(5, 8, dtype=torch.float64), unit(5, 8, seed=1, dtype=torch.float64)
    order = torch.tensor([3, 0, 4, 1, 2])
    loss = paired_nce(first, second, scale=20.0)
    torch.testing.assert_close(paired_nce(first[order], second[order], scale=20.0), loss)
    torch.testing.assert_close(paired_nce(second, first, scale=20.0), loss)


def test_hard_negatives_raise_the_loss_but_no_weight_carries_a_gradient():
    first, second = unit(6, 8), unit(6, 8, seed=1)
    assert paired_nce(first, second, scale=5.0, hardness=3.0) > paired_nce(first, second, scale=5.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_it_is_finite_at_the_largest_scale_in_every_precision(dtype):
    first, second = unit(32, 64).to(dtype).requires_grad_(), unit(32, 64, seed=1).to(dtype)
    loss = paired_nce(first, second, scale=100.0)
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert torch.isfinite(first.grad).all()


def test_autocast_does_not_lower_the_precision_of_the_scores():
    first, second = unit(8, 64), unit(8, 64, seed=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = paired_nce(first, second, scale=20.0)
    assert torch.equal(inside, paired_nce(first, second, scale=20.0))


def test_gradients_match_finite_differences_the_scale_included():
    first, second = (unit(4, 5, seed=k, dtype=torch.float64).requires_grad_() for k in range(2))
    scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    present, exclude = torch.tensor([True, True, False, True]), mask(4, 4, seed=1, share=0.3)
    assert torch.autograd.gradcheck(
        lambda a, b, s: paired_nce(a, b, scale=s, present=present, exclude=exclude), (first, second, scale)
    )


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"one shape, got \(2, 4\) and \(3, 4\)"):
        paired_nce(unit(2, 4), unit(3, 4), scale=1.0)
    with pytest.raises(ValueError, match=r"present must be \(2,\), one for each row, got \(3,\)"):
        paired_nce(unit(2, 4), unit(2, 4), scale=1.0, present=torch.ones(3, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"exclude must be \(2, 2\), got \(2, 3\)"):
        paired_nce(unit(2, 4), unit(2, 4), scale=1.0, exclude=torch.ones(2, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match="rows 2 to 4 are not among 3"):
        local_paired_nce(unit(2, 4), unit(2, 4), unit(3, 4), unit(3, 4), start=2, scale=1.0)
