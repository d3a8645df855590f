import pytest
import torch

from anaglyph.ops import neighbour_reduce
from anaglyph.ops.gather import gather_neighbours
from anaglyph.ops.neighbour_reduce import neighbour_max, neighbour_sum
from reference.neighbours import slow_neighbour_max, slow_neighbour_sum


def problem(dtype=torch.float64, points=9, queries=5, neighbours=4, channels=3):
    random = torch.Generator().manual_seed(0)
    values = torch.randn(2, points, channels, generator=random, dtype=dtype, requires_grad=True)
    return values, torch.randint(0, points, (2, queries, neighbours), generator=random)


@pytest.mark.parametrize(
    ("fast", "slow"), [(neighbour_max, slow_neighbour_max), (neighbour_sum, slow_neighbour_sum)]
)
def test_value_and_gradient_equal_the_loop_over_neighbours(fast, slow):
    values, index = problem()
    weight = torch.randn(2, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(fast(values, index), slow(values, index))
    (mine,) = torch.autograd.grad((fast(values, index) * weight).sum(), values)
    (theirs,) = torch.autograd.grad((slow(values, index) * weight).sum(), values)
    torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("reduce", [neighbour_max, neighbour_sum])
def test_the_gradient_agrees_with_finite_differences(reduce):
    values, index = problem()
    assert torch.autograd.gradcheck(lambda x: reduce(x, index), (values,))


def test_equal_maxima_give_the_whole_gradient_to_the_first_neighbour():
    values = torch.zeros(1, 3, 1, requires_grad=True)
    neighbour_max(values, torch.tensor([[[2, 0, 1]]])).sum().backward()
    assert values.grad.flatten().tolist() == [0.0, 0.0, 1.0]


def test_more_than_255_neighbours_keep_their_winner():
    values = torch.arange(300.0).view(1, 300, 1).requires_grad_()
    neighbour_max(values, torch.arange(300).view(1, 1, 300)).sum().backward()
    assert values.grad.argmax() == 299


def test_small_blocks_change_nothing(monkeypatch):
    values, index = problem(torch.float32, queries=50)
    whole = neighbour_max(values, index)
    monkeypatch.setitem(neighbour_reduce._BLOCK, "cpu", 1)
    assert torch.equal(neighbour_max(values, index), whole)


def test_gathering_gives_each_query_its_rows():
    values, index = problem()
    gathered = gather_neighbours(values, index)
    assert gathered.shape == (2, 5, 4, 3)
    assert torch.equal(gathered[1, 3, 2], values[1, index[1, 3, 2]])


def test_a_wrong_index_shape_names_both_shapes():
    with pytest.raises(ValueError, match=r"got \(2, 9, 3\) and \(2, 5\)"):
        gather_neighbours(torch.zeros(2, 9, 3), torch.zeros(2, 5, dtype=torch.int64))
