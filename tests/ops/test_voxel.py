import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.errors import DataError
from anaglyph.ops.voxel import voxel_subsample
from reference.voxel import slow_voxel_subsample


def cloud(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def as_lists(index, valid):
    return [rows[kept].tolist() for rows, kept in zip(index, valid, strict=True)]


@settings(deadline=None, max_examples=40)
@given(
    b=st.integers(1, 3),
    n=st.integers(1, 40),
    size=st.sampled_from([0.1, 0.5, 1.0, 100.0]),
    offset=st.sampled_from([0.0, 100.0]),
    seed=st.integers(0, 2**16),
    masked=st.booleans(),
)
def test_the_rows_equal_a_dictionary_of_cells(b, n, size, offset, seed, masked):
    points = cloud(b, n, 3, seed=seed) + offset
    valid = None
    if masked:
        valid = torch.rand(b, n, generator=torch.Generator().manual_seed(seed)) < 0.7
        valid[:, 0] = True
        points[~valid] = float("nan")
    assert as_lists(*voxel_subsample(points, size, valid=valid)) == slow_voxel_subsample(points, size, valid)


def test_clouds_with_fewer_cells_end_with_their_first_row_again():
    points = torch.tensor([[[0.0, 0, 0], [0.1, 0, 0], [0.2, 0, 0]], [[0.0, 0, 0], [1.5, 0, 0], [0, 2.5, 0]]])
    index, valid = voxel_subsample(points, 1.0)
    assert index.tolist() == [[0, 0, 0], [0, 1, 2]]
    assert valid.tolist() == [[True, False, False], [True, True, True]]


def test_a_point_on_the_border_belongs_to_the_upper_cell():
    points = torch.tensor([[[0.0, 0, 0], [0.5, 0, 0], [0.75, 0, 0]]])
    assert voxel_subsample(points, 0.5)[0].tolist() == [[0, 1]]


def test_a_batch_without_clouds_gives_nothing():
    assert [part.shape for part in voxel_subsample(torch.zeros(0, 5, 3), 1.0)] == [(0, 0), (0, 0)]


def test_a_grid_that_cannot_be_counted_is_refused_with_the_size_that_can():
    points = torch.tensor([[[0.0, 0, 0], [1e4, 0, 0]]])
    with pytest.raises(DataError, match=r"size 0.001 .* extent 10000 into 1e\+07 .* cells of at least 0.005"):
        voxel_subsample(points, 0.001)
    assert voxel_subsample(points, 0.0051)[0].tolist() == [[0, 1]]


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan"), float("inf")])
def test_a_size_that_cannot_be_meant_is_refused(size):
    with pytest.raises(ValueError, match=f"size must be > 0 and finite, got {size}"):
        voxel_subsample(torch.zeros(1, 2, 3), size)


def test_broken_and_missing_points_are_refused():
    with pytest.raises(DataError, match="not finite"):
        voxel_subsample(torch.full((1, 2, 3), float("nan")), 1.0)
    with pytest.raises(DataError, match="a cloud without points"):
        voxel_subsample(torch.zeros(1, 0, 3), 1.0)
