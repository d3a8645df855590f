import pytest
import torch

from anaglyph.ops.gather import gather_points


def test_each_cloud_gives_its_own_rows():
    values = torch.arange(24.0).view(2, 4, 3)
    index = torch.tensor([[3, 0, 3], [1, 2, 2]])
    assert gather_points(values, index)[:, :, 0].tolist() == [[9, 0, 9], [15, 18, 18]]


def test_rows_taken_twice_get_both_gradients():
    values = torch.zeros(1, 3, 2, requires_grad=True)
    gather_points(values, torch.tensor([[2, 0, 2]])).sum().backward()
    assert values.grad.tolist() == [[[1, 1], [0, 0], [2, 2]]]


def test_no_rows_and_no_clouds_give_none():
    assert gather_points(torch.zeros(2, 3, 4), torch.zeros(2, 0, dtype=torch.int64)).shape == (2, 0, 4)
    assert gather_points(torch.zeros(0, 3, 4), torch.zeros(0, 5, dtype=torch.int64)).shape == (0, 5, 4)


def test_an_index_of_neighbours_is_refused_with_the_function_that_takes_it():
    with pytest.raises(ValueError, match=r"got \(1, 2, 3\); gather_neighbours takes"):
        gather_points(torch.zeros(1, 3, 2), torch.zeros(1, 2, 3, dtype=torch.int64))
