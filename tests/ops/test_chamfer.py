import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.errors import DataError
from anaglyph.ops.chamfer import chamfer_l1, chamfer_l2
from reference.chamfer import slow_chamfer

BOTH = pytest.mark.parametrize(("chamfer", "root"), [(chamfer_l1, True), (chamfer_l2, False)])


def cloud(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@BOTH
@settings(deadline=None, max_examples=20)
@given(b=st.integers(1, 3), n=st.integers(1, 9), m=st.integers(1, 9), seed=st.integers(0, 2**16))
def test_the_distance_equals_the_double_loop(chamfer, root, b, n, m, seed):
    first, second = cloud(b, n, 3, seed=seed), cloud(b, m, 3, seed=seed + 1)
    expected = slow_chamfer(first, second, root=root)
    torch.testing.assert_close(chamfer(first, second).double(), expected, rtol=1e-5, atol=1e-6)


def test_two_single_points_are_at_their_distance_and_at_twice_its_square():
    first, second = torch.zeros(1, 1, 3), torch.tensor([[[3.0, 0.0, 4.0]]])
    assert chamfer_l1(first, second).item() == 5
    assert chamfer_l2(first, second).item() == 50


@BOTH
def test_padding_rows_change_nothing_whatever_they_hold(chamfer, root):
    first, second = cloud(2, 8, 3), cloud(2, 11, 3, seed=1)
    first_valid = torch.arange(8).expand(2, -1) < torch.tensor([[8], [3]])
    second_valid = torch.arange(11).expand(2, -1) >= torch.tensor([[2], [9]])
    first = first.masked_fill(~first_valid[..., None], float("nan")).requires_grad_()
    second = second.masked_fill(~second_valid[..., None], float("inf")).requires_grad_()
    masks = {"first_valid": first_valid, "second_valid": second_valid}
    found = chamfer(first, second, **masks)
    expected = slow_chamfer(first.detach(), second.detach(), root=root, **masks)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)
    found.sum().backward()
    assert torch.isfinite(first.grad).all()
    assert (first.grad[~first_valid] == 0).all()
    assert (second.grad[~second_valid] == 0).all()


@BOTH
def test_the_gradient_agrees_with_finite_differences(chamfer, root):
    first = cloud(2, 5, 3, dtype=torch.float64).requires_grad_()
    second = cloud(2, 7, 3, seed=1, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(chamfer, (first, second))


@BOTH
def test_equal_clouds_have_distance_zero_and_no_gradient(chamfer, root):
    first = cloud(1, 20, 3).requires_grad_()
    distance = chamfer(first, first.detach().flip(1))
    distance.sum().backward()
    assert distance.item() == 0
    assert (first.grad == 0).all()


def test_moving_along_the_gradient_brings_the_clouds_together():
    first, second = cloud(1, 30, 3).requires_grad_(), cloud(1, 30, 3, seed=1)
    before = chamfer_l2(first, second)
    before.sum().backward()
    assert chamfer_l2(first - 0.1 * first.grad, second).item() < before.item()


def test_bfloat16_clouds_are_measured_in_float32():
    first, second = cloud(1, 10, 3).bfloat16(), cloud(1, 10, 3, seed=1).bfloat16()
    found = chamfer_l1(first, second)
    assert found.dtype == torch.float32
    expected = slow_chamfer(first.float(), second.float(), root=True)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)


def test_a_mask_of_the_wrong_shape_or_an_empty_cloud_is_refused():
    with pytest.raises(ValueError, match=r"valid must be bool \(1, 2\), got torch.bool \(1, 3\)"):
        chamfer_l1(torch.zeros(1, 2, 3), torch.zeros(1, 2, 3), first_valid=torch.ones(1, 3).bool())
    with pytest.raises(DataError, match="a cloud without points"):
        chamfer_l2(torch.zeros(1, 2, 3), torch.zeros(1, 2, 3), first_valid=torch.zeros(1, 2).bool())
