import subprocess
import sys

import pytest
import torch

from anaglyph.ops.gather import gather_neighbours, gather_points


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


@pytest.mark.parametrize(("row", "cloud"), [(4, 0), (-1, 1), (7, 0)])
def test_a_row_that_a_cloud_does_not_have_is_refused_not_read_from_its_neighbour(row, cloud):
    index = torch.zeros(2, 2, 3, dtype=torch.int64)
    index[cloud, 1, 2] = row
    with pytest.raises(IndexError, match=f"index asks cloud {cloud} for row {row}; its rows are 0 to 3"):
        gather_neighbours(torch.rand(2, 4, 3), index)
    with pytest.raises(IndexError, match=f"index asks cloud {cloud} for row {row}; its rows are 0 to 3"):
        gather_points(torch.rand(2, 4, 3), index.flatten(1))


def test_a_cloud_without_rows_has_none_to_give():
    with pytest.raises(IndexError, match="index asks cloud 0 for row 0; it has no rows"):
        gather_points(torch.zeros(1, 0, 3), torch.zeros(1, 1, dtype=torch.int64))


@pytest.mark.parametrize("row", [4, -1])
def test_compiled_code_refuses_such_a_row_without_a_look_at_the_index(row):
    values = torch.arange(24.0).view(2, 4, 3)
    gather = torch.compile(gather_points, backend="aot_eager", fullgraph=True)
    assert torch.equal(gather(values, torch.tensor([[3], [1]])), values[[0, 1], [3, 1]][:, None])
    with pytest.raises(IndexError, match="out of range"):
        gather(values, torch.tensor([[row], [1]]))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("row", [4, -1])
def test_a_gpu_refuses_such_a_row_by_an_assertion(row):
    """In a process of its own, for the assertion ends the use of the device."""
    program = (
        "import torch; from anaglyph.ops.gather import gather_points; "
        f"gather_points(torch.rand(2, 4, 3).cuda(), torch.tensor([[{row}], [1]]).cuda()).cpu()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "device-side assert" in done.stderr


def test_an_index_of_neighbours_is_refused_with_the_function_that_takes_it():
    with pytest.raises(ValueError, match=r"got \(1, 2, 3\); gather_neighbours takes"):
        gather_points(torch.zeros(1, 3, 2), torch.zeros(1, 2, 3, dtype=torch.int64))
