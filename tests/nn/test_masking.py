import numpy as np
import pytest
import torch

from anaglyph.nn.masking import block_masks, cell_masks
from anaglyph.randomness import row_keys, uniform
from reference.self_training import slow_block


def keys(count, seed=0):
    return row_keys([f"object-{row}" for row in range(count)], seed)


def test_pictures_lose_the_published_share_in_square_cells():
    masks = cell_masks(keys(6), (14, 14), cell=2, share=0.3)
    assert masks.sum(dim=1).tolist() == [60] * 6  # 15 of 49 cells, four tokens each
    cells = masks.reshape(6, 7, 2, 7, 2)
    assert (cells.amin(dim=(2, 4)) == cells.amax(dim=(2, 4))).all()
    assert len({tuple(row) for row in masks.tolist()}) == 6


@pytest.mark.parametrize(("share", "hidden"), [(0.0, 0), (1.0, 9), (0.3, 3)])
def test_nothing_everything_and_parts_of_cells_can_be_hidden(share, hidden):
    assert cell_masks(keys(2), (3, 3), cell=1, share=share).sum(dim=1).tolist() == [hidden] * 2
    assert cell_masks(keys(2), (3, 3), cell=2, share=share).shape == (2, 9)


def test_a_cloud_loses_the_patches_nearest_to_one_of_them():
    rows = keys(8)
    centres = torch.randn(8, 64, 3, generator=torch.Generator().manual_seed(0))
    masks = block_masks(centres, rows, share=(0.3, 0.4))
    draws = uniform(rows, "mask/block", 2)
    for row in range(8):
        start = int(draws[row, 0] * 64)
        count = int(np.floor((0.3 + 0.1 * float(draws[row, 1])) * 64))
        assert 19 <= count <= 25
        assert masks[row].tolist() == slow_block(centres[row].tolist(), start, count)
    assert len(set(masks.sum(dim=1).tolist())) > 1


def test_masks_depend_on_their_row_alone():
    rows, centres = keys(5), torch.randn(5, 16, 3, generator=torch.Generator().manual_seed(0))
    together = block_masks(centres, rows, share=(0.2, 0.6))
    assert torch.equal(block_masks(centres[3:4], rows[3:4], share=(0.2, 0.6)), together[3:4])
    pictures = cell_masks(rows, (4, 4), cell=1, share=0.5)
    assert torch.equal(cell_masks(rows[3:4], (4, 4), cell=1, share=0.5), pictures[3:4])
    assert not torch.equal(cell_masks(keys(5, seed=1), (4, 4), cell=1, share=0.5), pictures)


@pytest.mark.parametrize(("share", "hidden"), [((0.0, 0.0), 0), ((1.0, 1.0), 6)])
def test_a_cloud_of_equal_points_loses_as_many_as_asked(share, hidden):
    assert block_masks(torch.zeros(2, 6, 3), keys(2), share=share).sum(dim=1).tolist() == [hidden] * 2


def test_shares_outside_their_range_are_refused():
    with pytest.raises(ValueError, match="share must be 0 <= low <= high <= 1"):
        block_masks(torch.zeros(2, 6, 3), keys(2), share=(0.5, 0.2))
    with pytest.raises(ValueError, match="share in"):
        cell_masks(keys(2), (3, 3), cell=1, share=1.5)
