import pytest
import torch

from anaglyph.encoders.concatenated import batch_of_offsets, pad_clouds
from anaglyph.errors import DataError


def test_clouds_become_rows_with_zeros_and_a_mask_behind_them():
    points = torch.arange(12.0).view(6, 2) + 1
    padded, valid = pad_clouds(points, torch.tensor([0, 1, 1, 1, 2, 2]))
    assert valid.tolist() == [[True, False, False], [True, True, True], [True, True, False]]
    assert torch.equal(padded[valid], points)
    assert padded[~valid].abs().sum() == 0


def test_gradients_pass_through():
    points = torch.ones(3, 2, requires_grad=True)
    padded, _ = pad_clouds(points, torch.tensor([0, 0, 1]))
    (padded * torch.arange(1.0, 9.0).view(2, 2, 2)).sum().backward()
    assert points.grad.tolist() == [[1, 2], [3, 4], [5, 6]]


def test_offsets_name_the_cloud_of_every_point():
    assert batch_of_offsets(torch.tensor([0, 2, 3, 6])).tolist() == [0, 0, 1, 2, 2, 2]


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ([0, 1, 0], "row 2 is of cloud 0, the row before it of cloud 1; sort"),
        ([0, 0, 2], "cloud 1 of the batch has no points"),
        ([1, 1, 1], "cloud 0 of the batch has no points"),
    ],
)
def test_unsorted_and_empty_clouds_are_refused_by_number(batch, message):
    with pytest.raises(DataError, match=message):
        pad_clouds(torch.zeros(3, 3), torch.tensor(batch))


@pytest.mark.parametrize(("offsets", "cloud"), [([0, 2, 2, 5], 1), ([0, 3, 1, 5], 1), ([0, 0], 0)])
def test_offsets_of_empty_clouds_are_refused_by_number(offsets, cloud):
    with pytest.raises(DataError, match=f"cloud {cloud} of the batch has"):
        batch_of_offsets(torch.tensor(offsets))


def test_shapes_and_types_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match="T = 0"):
        pad_clouds(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))
    with pytest.raises(ValueError, match="int64, got"):
        pad_clouds(torch.zeros(3, 3), torch.zeros(3))
    with pytest.raises(ValueError, match=r"\(T,\) of int64"):
        pad_clouds(torch.zeros(3, 3), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(ValueError, match="begin with 0"):
        batch_of_offsets(torch.tensor([2, 5]))
    with pytest.raises(ValueError, match=r"\(B \+ 1,\)"):
        batch_of_offsets(torch.tensor([0]))
