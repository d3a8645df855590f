import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.data.pairing import pair_by_id, pair_by_row, released_rows
from anaglyph.data.splits import validation_mask
from anaglyph.errors import ConfigError, DataError
from anaglyph.randomness import numpy_generator
from reference.toy_objects import objects


@settings(deadline=None, max_examples=40)
@given(st.permutations([f"id{i}" for i in range(7)]), st.permutations([f"id{i}" for i in range(7)]))
def test_pairs_do_not_depend_on_the_order_of_either_side(images, clouds):
    image_rows, cloud_rows = pair_by_id(images, clouds)
    assert [images[row] for row in image_rows] == [clouds[row] for row in cloud_rows] == sorted(images)


@pytest.mark.parametrize("key", ["", "night stand_0001", "bed\t1", " bed", "bed\u00a01"])
def test_an_id_that_label_files_cannot_hold_is_refused_when_the_data_set_is_made(key):
    with pytest.raises(DataError, match="which label files cannot hold; rename the object's files") as caught:
        objects(2, keys=("bed_0001", key))
    assert f"the object id '{key}' is empty or has white space" in str(caught.value)


def test_unpaired_ids_are_listed_for_both_sides():
    with pytest.raises(DataError, match=r"2 without a cloud \(a, b\); 1 without a picture \(z\)"):
        pair_by_id(["b", "a", "c"], ["c", "z"])
    with pytest.raises(DataError, match=r"9 without a cloud \(k1, k2, k3, k4, k5, \.\.\.\)"):
        pair_by_id([f"k{i}" for i in range(10)], ["k0"])
    with pytest.raises(DataError, match="'a' stands 2 times"):
        pair_by_id(["a", "a"], ["a"])


def test_pairing_by_row_needs_equal_ids():
    pair_by_row(["a", "b"], ["a", "b"])
    with pytest.raises(DataError, match="row 1 pairs the picture of 'b' with the cloud of 'c'"):
        pair_by_row(["a", "b", "c"], ["a", "c", "b"])
    with pytest.raises(DataError, match="3 pictures and 2 clouds"):
        pair_by_row(["a", "b", "c"], ["a", "c"])


def test_released_rows_have_the_statistics_of_the_released_lists():
    counts = [479, 563, 488, 493, 535, 434, 501, 550, 462, 495]  # dossier 5.1
    labels = numpy_generator("labels").permutation(np.repeat(np.arange(10), counts))
    rows = released_rows(labels, seed=0)
    assert sorted(rows) == list(range(5000))
    assert (labels[rows] == labels).mean() == pytest.approx(0.964, abs=0.006)
    assert (rows == np.arange(5000)).mean() == pytest.approx(0.060, abs=0.01)
    np.testing.assert_array_equal(rows, released_rows(labels, seed=0))
    assert not np.array_equal(rows, released_rows(labels, seed=1))


def test_the_validation_split_depends_on_the_key_alone():
    keys = [f"k{i}" for i in range(2000)]
    held_out = validation_mask(keys, fraction=0.1, seed=0)
    assert held_out.mean() == pytest.approx(0.1, abs=0.02)
    np.testing.assert_array_equal(validation_mask(keys[::-1], fraction=0.1, seed=0)[::-1], held_out)
    np.testing.assert_array_equal(validation_mask(keys[:50], fraction=0.1, seed=0), held_out[:50])
    assert not np.array_equal(validation_mask(keys, fraction=0.1, seed=1), held_out)


def test_objects_of_a_group_stay_on_one_side():
    groups = [f"g{i // 4}" for i in range(400)]
    held_out = validation_mask([f"k{i}" for i in range(400)], fraction=0.3, seed=0, groups=groups)
    assert set(held_out.reshape(-1, 4).sum(axis=1)) == {0, 4}


def test_a_tiny_split_still_holds_something_out():
    assert validation_mask(["a", "b"], fraction=1e-6, seed=0).sum() == 1
    with pytest.raises(ConfigError, match="must lie between 0 and 1"):
        validation_mask(["a"], fraction=1.0, seed=0)
