import pickle

import numpy as np
import pytest
import torch

from anaglyph.data.paired import PairedObjects
from anaglyph.errors import DataError
from reference.toy_objects import CHANGED, equal, objects


def test_without_augmentation_everything_is_handed_out_as_stored():
    dataset = objects(**CHANGED)
    batch = dataset.batch([5, 2], epoch=None)
    assert batch.keys == ("k5", "k2")
    assert batch.indices.tolist() == [5, 2]
    assert batch.labels.tolist() == [2, 2]
    assert batch.images.dtype == batch.points.dtype == torch.float32
    np.testing.assert_allclose(batch.images, dataset.images[[5, 2]] / 255.0, rtol=1e-6)
    np.testing.assert_array_equal(batch.points, dataset.points[[5, 2], :24])


def test_a_sample_is_its_row_of_the_batch():
    dataset = objects(**CHANGED)
    sample, batch = dataset[3], dataset.batch([3], epoch=None)
    assert (sample.key, sample.index, sample.label) == ("k3", 3, 0)
    assert torch.equal(sample.images, batch.images[0])
    assert torch.equal(sample.points, batch.points[0])
    assert len(list(dataset)) == len(dataset) == 8
    with pytest.raises(IndexError, match="row 8 of 8"):
        dataset[8]


def test_augmented_points_and_views_are_different_ones_of_those_stored():
    dataset = objects(views_per_object=2, points_per_object=16)
    batch = dataset.batch(range(8), epoch=0)
    assert batch.images.shape == (8, 2, 1, 10, 10)
    assert batch.points.shape == (8, 16, 3)
    for row in range(8):
        views = [view.tobytes() for view in (batch.images[row].numpy() * 255).round().astype(np.uint8)]
        assert len(set(views)) == 2
        assert set(views) <= {view.tobytes() for view in dataset.images[row]}
        stored = set(map(tuple, dataset.points[row].astype(np.float32).tolist()))
        assert len(set(map(tuple, batch.points[row].tolist())) & stored) == 16


def test_a_row_depends_on_seed_epoch_crop_and_key_alone():
    dataset = objects(**CHANGED)
    whole = dataset.batch(range(8), epoch=3, crop=1)
    for row in range(8):
        alone = dataset.batch([row], epoch=3, crop=1)
        assert torch.equal(alone.images[0], whole.images[row])
        assert torch.equal(alone.points[0], whole.points[row])
    moved = dataset.subset([7, 0, 3]).batch([1, 2], epoch=3, crop=1)
    assert torch.equal(moved.points, whole.points[[0, 3]])
    assert torch.equal(moved.images, whole.images[[0, 3]])


def test_epochs_crops_and_seeds_differ():
    batches = [
        objects(**CHANGED, seed=seed).batch([0], epoch=epoch, crop=crop)
        for seed, epoch, crop in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    ]
    for name in ("images", "points"):
        assert len({getattr(batch, name).numpy().tobytes() for batch in batches}) == 4


def test_static_augmentation_repeats_every_epoch():
    dataset = objects(**CHANGED, static_augmentation=True)
    first = dataset.batch([0, 1], epoch=0)
    assert equal(first, dataset.batch([0, 1], epoch=9))
    assert not equal(first, dataset.batch([0, 1], epoch=0, crop=1))
    assert not equal(first, objects(**CHANGED).batch([0, 1], epoch=0))


def test_pickling_changes_nothing():
    dataset = objects(**CHANGED)
    again = pickle.loads(pickle.dumps(dataset))
    assert equal(dataset.batch([4, 1], epoch=2), again.batch([4, 1], epoch=2))


def test_a_modality_may_be_absent():
    assert objects(images=None).batch([0], epoch=0).images is None
    assert objects(points=None)[0].points is None
    with pytest.raises(DataError, match="no 'points'"):
        objects(points=None).batch([0], epoch=None).require("points")


def test_new_point_rows_move_the_clouds_only():
    dataset = objects()
    moved = dataset.with_point_rows(np.array([1, 0, 2, 3, 4, 5, 6, 7]))
    np.testing.assert_array_equal(moved.points[0], dataset.points[1])
    np.testing.assert_array_equal(moved.images, dataset.images)
    assert moved.keys == dataset.keys


BAD = np.zeros((8, 40, 3), dtype=np.float32)
BAD[6, 3, 1] = np.nan


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"points": BAD}, "the cloud of 'k6' has values that are not finite"),
        ({"points_per_object": 41}, "41 points per object are asked for, the clouds hold 40"),
        ({"evaluation_points": 99}, "99 points per object"),
        ({"points": BAD[:7] * 0}, "7 clouds for 8 objects"),
        ({"points": np.zeros((8, 40, 3), int)}, "points are int64"),
        ({"images": np.zeros((7, 1, 1, 4, 4), np.uint8)}, "7 images for 8 objects"),
        ({"images": np.zeros((8, 1, 2, 4, 4), np.uint8)}, "1 or 3 channels"),
        ({"images": np.zeros((8, 1, 1, 4, 4), np.float32)}, "must be uint8"),
        ({"labels": np.arange(7) % 3}, r"8 objects come with labels of shape \(7,\)"),
        ({"labels": np.arange(8)}, "labels run from 0 to 7; 3 classes"),
        ({"labels": np.zeros(8)}, "whole number"),
        ({"views_per_object": 5}, "5 views per object are asked for; 4 exist"),
        ({"images": None, "points": None}, "has neither"),
    ],
)
def test_arrays_that_do_not_fit_are_named(options, message):
    with pytest.raises(DataError, match=message):
        objects(**options)


def test_empty_splits_and_repeated_ids_are_refused():
    with pytest.raises(DataError, match="this split has no objects"):
        objects(0)
    with pytest.raises(DataError, match="'x' stands 2 times"):
        PairedObjects(
            keys=("x", "y", "x"),
            class_names=("a",),
            labels=np.zeros(3, int),
            points=np.zeros((3, 2, 3), np.float32),
        )
