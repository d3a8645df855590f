"""Orders of rows that are stored in blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.data.loader import epoch_batches, epoch_parts
from anaglyph.data.samplers import WINDOW, epoch_order, epoch_rows
from anaglyph.types import Batch

sizes = st.lists(st.integers(1, 9), min_size=1, max_size=14)


def bounds(lengths):
    return np.cumsum([0, *lengths]).astype(np.int64)


@settings(deadline=None, max_examples=60)
@given(lengths=sizes, seed=st.integers(0, 99), epoch=st.integers(0, 9))
def test_an_order_by_blocks_holds_every_row_once_and_is_the_same_again(lengths, seed, epoch):
    order = epoch_order(sum(lengths), seed=seed, epoch=epoch, blocks=bounds(lengths))
    assert sorted(order.tolist()) == list(range(sum(lengths)))
    again = epoch_order(sum(lengths), seed=seed, epoch=epoch, blocks=bounds(lengths))
    assert np.array_equal(order, again)


@settings(deadline=None, max_examples=60)
@given(lengths=sizes, seed=st.integers(0, 99))
def test_no_more_than_a_window_of_blocks_is_open_and_none_is_opened_twice(lengths, seed):
    order = epoch_order(sum(lengths), seed=seed, epoch=0, blocks=bounds(lengths))
    block = np.repeat(np.arange(len(lengths)), lengths)[order]
    first = {b: int(np.flatnonzero(block == b)[0]) for b in range(len(lengths))}
    last = {b: int(np.flatnonzero(block == b)[-1]) for b in range(len(lengths))}
    for position in range(len(order)):
        assert sum(first[b] <= position <= last[b] for b in first) <= WINDOW


def test_blocks_come_in_another_order_every_epoch_and_rows_are_mixed_within_the_window():
    blocks = bounds([10] * 12)
    orders = [epoch_order(120, seed=0, epoch=epoch, blocks=blocks) for epoch in range(3)]
    openings = [[row // 10 for row in order[:: 10 * WINDOW]] for order in orders]
    assert len({tuple(map(int, opening)) for opening in openings}) > 1
    assert len({int(row) // 10 for row in orders[0][: 10 * WINDOW]}) == WINDOW
    assert any(a // 10 != b // 10 for a, b in zip(orders[0], orders[0][1:], strict=False))
    assert not np.array_equal(orders[0], orders[1])


@pytest.mark.parametrize("world", [1, 2, 4])
def test_processes_together_see_the_batches_of_one(world):
    blocks = bounds([7, 9, 5, 11, 8, 6])
    options = {"batch": 8, "seed": 3, "epoch": 2, "blocks": blocks}
    alone = epoch_rows(46, **options)
    shares = [epoch_rows(46, **options, rank=rank, world=world) for rank in range(world)]
    for step, rows in enumerate(alone):
        assert np.array_equal(np.concatenate([share[step] for share in shares]), rows)


def test_an_epoch_that_starts_mid_way_goes_on_where_the_whole_one_was():
    options = {"batch": 4, "seed": 1, "epoch": 5, "blocks": bounds([6, 6, 6])}
    whole, rest = epoch_rows(18, **options), epoch_rows(18, **options, start=2)
    assert [rows.tolist() for rows in rest] == [rows.tolist() for rows in whole[2:]]


def test_a_data_set_without_blocks_is_shuffled_as_a_whole():
    first = epoch_order(200, seed=0, epoch=0)[:20]
    assert len({int(row) // 10 for row in first}) > 2 * WINDOW


class InBlocks:
    """Rows that say where their blocks are."""

    def __init__(self, lengths):
        self.blocks = bounds(lengths)

    def __len__(self):
        return int(self.blocks[-1])

    def batch(self, indices, *, epoch, crop=0):
        return Batch(keys=tuple(map(str, indices)), indices=indices)


def test_the_loader_follows_the_blocks_of_its_data_set():
    data = InBlocks([10] * 12)
    order = epoch_order(120, seed=0, epoch=1, blocks=data.blocks)
    found = [int(row) for batch in epoch_batches(data, seed=0, epoch=1, batch=6) for row in batch.indices]
    assert found == order.tolist()


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_parts_of_a_batch_are_its_rows_in_order(parts):
    options = {"seed": 0, "epoch": 1, "batch": 12, "rank": 1, "world": 2}
    whole = list(epoch_batches(InBlocks([10] * 6), **options))
    groups = list(epoch_parts(InBlocks([10] * 6), parts=parts, **options))
    assert len(groups) == len(whole)
    for group, batch in zip(groups, whole, strict=True):
        assert len(group) == parts
        assert len({len(part) for part in group}) == 1
        assert [key for part in group for key in part.keys] == list(batch.keys)


@pytest.mark.parametrize("blocks", [[0, 5], [1, 10], [0, 4, 4, 10], [0, 7, 3, 10], [10]])
def test_blocks_that_do_not_cover_the_rows_are_refused(blocks):
    with pytest.raises(ValueError, match="blocks must rise from 0 to the number of rows, 10"):
        epoch_order(10, seed=0, epoch=0, blocks=np.array(blocks))
