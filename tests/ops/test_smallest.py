import pytest
import torch

from anaglyph.ops.smallest import smallest


@pytest.mark.parametrize("columns", [16, 128, 130, 1024, 4096])
@pytest.mark.parametrize("count", [1, 3, 16])
@pytest.mark.parametrize("levels", [3, 50, 100_000])
def test_the_smallest_of_each_row_come_in_the_order_of_a_stable_sort(columns, count, levels):
    random = torch.Generator().manual_seed(columns + count + levels)
    rows = torch.randint(0, levels, (20, columns), generator=random).float()
    value, index = smallest(rows, count)
    expected = rows.sort(dim=1, stable=True)
    assert torch.equal(value, expected.values[:, :count])
    assert torch.equal(index, expected.indices[:, :count])


def test_infinite_numbers_come_last():
    rows = torch.full((1, 64), float("inf"))
    rows[0, [40, 7]] = torch.tensor([2.0, 2.0])
    value, index = smallest(rows, 4)
    assert index[0, :2].tolist() == [7, 40]
    assert value[0].tolist() == [2.0, 2.0, float("inf"), float("inf")]
