import pickle

import numpy as np
import pytest

from anaglyph.errors import DataError
from anaglyph.io.mapped import MappedArray, map_array

SHAPE = (64, 3, 100, 100)


@pytest.fixture
def path(tmp_path):
    values = np.arange(np.prod(SHAPE), dtype=np.int64).astype(np.uint8).reshape(SHAPE)
    np.save(tmp_path / "a.npy", values)
    return tmp_path / "a.npy"


@pytest.mark.parametrize("rows", [slice(None), slice(0, 40), slice(10, 11), slice(60, 64)])
def test_rows_are_pickled_as_their_place_in_the_file_and_mapped_again(path, rows):
    part = map_array(path)[rows]
    written = pickle.dumps(part)
    assert len(written) < 1000
    again = pickle.loads(written)
    assert isinstance(again, MappedArray)
    np.testing.assert_array_equal(again, np.load(path)[rows])
    assert len(pickle.dumps(again[1:])) < 1000, "what was mapped again can be sent on"
    with pytest.raises(ValueError, match="read-only"):
        again[0] = 0


@pytest.mark.parametrize(
    "part",
    [
        lambda array: array[:, 1],
        lambda array: array[::2],
        lambda array: array[5],
        lambda array: array[3:3],
        lambda array: array[np.array([4, 2])],
        lambda array: array[0, 0, 0].astype(np.float32),
        lambda array: array[0, 0].T,
        lambda array: array.view(np.int8),
    ],
)
def test_other_parts_are_pickled_by_value(path, part):
    again = pickle.loads(pickle.dumps(part(map_array(path))))
    assert not isinstance(again, np.memmap)
    np.testing.assert_array_equal(again, part(np.load(path)))


def test_chosen_rows_and_results_are_ordinary_arrays(path):
    array = map_array(path)
    assert type(array[np.array([1, 0])]) is np.ndarray
    assert type(array[0, 0, 0] + np.uint8(1)) is np.ndarray
    assert array[0, 0, 0, 7] == 7
    assert int(array[0, 0, 0].max()) == 99


def test_a_file_that_is_gone_or_another_one_is_named_where_it_is_mapped_again(path):
    written = pickle.dumps(map_array(path))
    path.unlink()
    with pytest.raises(DataError, match=r"a\.npy' cannot be mapped in a loader process"):
        pickle.loads(written)
    np.save(path, np.zeros((2, 2)))
    with pytest.raises(DataError, match=r"shape \(2, 2\) in a loader process.*Start again"):
        pickle.loads(written)
