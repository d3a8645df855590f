import pytest
import torch

from anaglyph.errors import DataError
from anaglyph.ops.nearest import nearest_point
from reference.chamfer import slow_nearest_point


def cloud(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_distances_and_rows_equal_the_double_loop(dtype):
    first, second = cloud(3, 9, 3, dtype=dtype), cloud(3, 20, 3, seed=1, dtype=dtype)
    distance, index = nearest_point(first, second, backend="torch")
    expected_distance, expected_index = slow_nearest_point(first, second)
    assert distance.dtype == dtype
    assert torch.equal(distance, expected_distance)
    assert torch.equal(index, expected_index)


def test_the_gradient_to_both_clouds_agrees_with_finite_differences():
    first = cloud(2, 6, 3, dtype=torch.float64).requires_grad_()
    second = cloud(2, 4, 3, seed=1, dtype=torch.float64).requires_grad_()  # several share their nearest
    valid = torch.tensor([[True, True, True, True], [True, False, True, False]])
    assert torch.autograd.gradcheck(lambda a, b: nearest_point(a, b, second_valid=valid)[0], (first, second))


def test_a_point_that_several_have_as_nearest_collects_all_their_gradients():
    first = torch.tensor([[[1.0, 0, 0], [2.0, 0, 0]]], requires_grad=True)
    second = torch.tensor([[[0.0, 0, 0], [50.0, 0, 0]]], requires_grad=True)
    nearest_point(first, second)[0].sum().backward()
    assert first.grad.tolist() == [[[2, 0, 0], [4, 0, 0]]]
    assert second.grad.tolist() == [[[-6, 0, 0], [0, 0, 0]]]


def test_gradients_come_in_the_type_of_each_cloud():
    first = cloud(1, 3, 3).bfloat16().requires_grad_()
    second = cloud(1, 5, 3).requires_grad_()
    distance, _ = nearest_point(first, second)
    assert distance.dtype == torch.float32
    distance.sum().backward()
    assert first.grad.dtype == torch.bfloat16
    assert second.grad.dtype == torch.float32


def test_two_backward_passes_agree_to_the_bit():
    grads = []
    for _ in range(2):
        second = cloud(2, 5, 3, seed=1).requires_grad_()
        nearest_point(cloud(2, 3000, 3), second)[0].sum().backward()
        grads.append(second.grad)
    assert torch.equal(*grads)


def test_autocast_does_not_lower_the_precision():
    first, second = cloud(1, 40, 3), cloud(1, 50, 3, seed=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        distance, _ = nearest_point(first, second)
    assert torch.equal(distance, slow_nearest_point(first, second)[0])


def test_clouds_that_cannot_be_compared_are_refused_by_name():
    with pytest.raises(ValueError, match=r"first must be \(B, N, 3\), got \(1, 2, 2\)"):
        nearest_point(torch.zeros(1, 2, 2), torch.zeros(1, 2, 3))
    with pytest.raises(DataError, match="second holds a cloud without points"):
        nearest_point(torch.zeros(1, 2, 3), torch.zeros(1, 0, 3))
    with pytest.raises(DataError, match="cloud 0 of first has 2 points"):
        nearest_point(torch.full((1, 2, 3), float("inf")), torch.zeros(1, 2, 3))
