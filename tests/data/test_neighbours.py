"""Nearest rows: those of the slow twin, whatever the chunks, and from a memory map as from memory."""

import numpy as np
import pytest

from anaglyph.data.neighbours import nearest_rows
from anaglyph.errors import DataError
from reference.hard_batches import slow_nearest


def features(rows=23, width=5, *, seed=0):
    """Random rows, some of them equal to others, one of zeros."""
    made = np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)
    made[7] = made[3]
    made[11] = 2 * made[3]
    made[5] = 0
    return made


@pytest.mark.parametrize(("query_chunk", "chunk"), [(1024, 16384), (1, 1), (4, 7), (5, 23), (23, 2)])
@pytest.mark.parametrize("nearest", [1, 6, 22])
def test_the_nearest_are_those_of_the_slow_twin_whatever_the_size_of_a_chunk(query_chunk, chunk, nearest):
    found = nearest_rows(features(), nearest, query_chunk=query_chunk, chunk=chunk)
    assert found.tolist() == slow_nearest(features().tolist(), nearest)


def test_of_equal_rows_the_lower_comes_first_and_none_is_its_own_neighbour():
    found = nearest_rows(np.ones((6, 3), np.float32), 3)
    assert found.tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2], [0, 1, 2], [0, 1, 2]]


def test_some_rows_alone_and_features_on_disk_give_the_same(tmp_path):
    np.save(tmp_path / "features.npy", features())
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    whole = nearest_rows(features(), 4)
    found = nearest_rows(mapped, 4, rows=range(9, 20), query_chunk=4, chunk=6)
    assert np.array_equal(found, whole[9:20])


@pytest.mark.parametrize("nearest", [0, 23])
def test_more_neighbours_than_there_are_objects_are_refused(nearest):
    with pytest.raises(DataError, match=rf"the {nearest} nearest of 23 objects .* each has 22 others"):
        nearest_rows(features(), nearest)


def test_features_that_are_not_finite_are_named():
    broken = features()
    broken[17, 2] = np.nan
    with pytest.raises(DataError, match="row 17 of the features"):
        nearest_rows(broken, 3, chunk=5)
