"""Queries against a repository: what a batch holds, which shapes fill it up, and what is refused."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from anaglyph.data.loader import epoch_batches
from anaglyph.data.shape_queries import ShapeQueries, ShapeRepository, batch_shapes
from anaglyph.data.transforms.joint import UNCHANGED_QUERIES, UNCHANGED_VIEWS
from anaglyph.errors import DataError

SHAPES, VIEWS, SIDE, QUERIES = 9, 4, 8, 20


def repository(shapes: int = SHAPES) -> ShapeRepository:
    generator = np.random.default_rng(0)
    return ShapeRepository(
        keys=tuple(f"category{row % 3}/shape{row}" for row in range(shapes)),
        category_names=("a", "b", "c"),
        categories=np.arange(shapes) % 3,
        views=generator.integers(0, 256, (shapes, VIEWS, 1, SIDE, SIDE), dtype=np.uint8),
        azimuths=np.arange(VIEWS, dtype=np.float32) * 90,
    )


def queries(**changes) -> ShapeQueries:
    generator = np.random.default_rng(1)
    fields = {
        "keys": tuple(f"photo{row}" for row in range(QUERIES)),
        "shapes": np.arange(QUERIES) % 5,  # shapes 5 to 8 are shown by none
        "images": generator.integers(0, 256, (QUERIES, 3, SIDE, SIDE), dtype=np.uint8),
        "masks": generator.integers(0, 256, (QUERIES, SIDE, SIDE), dtype=np.uint8),
        "repository": repository(),
        **changes,
    }
    return ShapeQueries(**fields)


def test_a_batch_has_as_many_different_shapes_as_queries_and_one_true_shape_for_each():
    data = queries()
    batch = data.batch([0, 5, 1, 2, 7, 3], epoch=0)
    assert len(batch.shapes) == len(batch) == 6
    assert len(set(batch.shapes.keys)) == 6
    shown = batch.shapes.rows[batch.targets]
    assert shown.tolist() == [0, 0, 1, 2, 2, 3]
    assert batch.shapes.rows[:4].tolist() == [0, 1, 2, 3], "the shown shapes come first, each once"
    assert batch.labels.tolist() == batch.shapes.categories[batch.targets].tolist()


def test_fillers_come_from_the_whole_repository_those_without_a_picture_included():
    data = queries()
    seen = {
        row for epoch in range(30) for row in data.batch([0, 5, 10, 15], epoch=epoch).shapes.rows[1:].tolist()
    }
    assert seen == set(range(1, SHAPES))


def test_a_repository_as_large_as_the_batch_is_enough_and_a_smaller_one_stops_with_a_clear_error():
    rows = np.array([0, 0, 1])
    assert sorted(batch_shapes(rows, repository=3, parts=(0,)).tolist()) == [0, 1, 2]
    with pytest.raises(
        DataError, match="needs 3 different shapes, and the repository has 2; lower the batch"
    ):
        batch_shapes(rows, repository=2, parts=(0,))


def test_the_same_batch_of_the_same_epoch_is_always_the_same_and_another_epoch_differs():
    data = queries(seed=3)
    first, again, later = (data.batch([4, 2, 9], epoch=epoch) for epoch in (1, 1, 2))
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.masks, again.masks)
    assert torch.equal(first.shapes.views, again.shapes.views)
    assert not torch.equal(first.images, later.images)
    assert not torch.equal(first.shapes.views, later.shapes.views)


def test_worker_processes_make_the_same_batches():
    data = queries()
    here, there = (
        list(epoch_batches(data, seed=0, epoch=0, batch=4, workers=workers, labels=True))
        for workers in (0, 2)
    )
    assert len(here) == len(there) == 5
    for one, other in zip(here, there, strict=True):
        assert one.keys == other.keys
        assert one.shapes.keys == other.shapes.keys
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.shapes.views, other.shapes.views)


def test_training_may_take_some_views_of_each_shape_while_shapes_by_themselves_keep_all():
    data = queries(training_views=3, view_augmentation=UNCHANGED_VIEWS)
    batch = data.batch([0, 1, 2, 3], epoch=0)
    assert batch.shapes.views.shape[:2] == (4, 3)
    chosen = []
    for row, views in zip(batch.shapes.rows.tolist(), batch.shapes.views, strict=True):
        stored = data.repository.view_tensor([row])[0]
        places = [int((stored - view).abs().sum(dim=(1, 2, 3)).argmin()) for view in views]
        assert torch.allclose(stored[places], views, atol=1e-6)
        assert places == sorted(set(places)), "different views, in the order of the ring"
        chosen.append(tuple(places))
    assert len(set(chosen)) > 1, "every shape draws its own"
    assert data.repository.batch([0]).views.shape[1] == VIEWS


def test_without_an_epoch_pictures_are_as_stored_and_no_shapes_come_along():
    data = queries()
    batch = data.batch([3], epoch=None)
    assert batch.shapes is None
    assert batch.targets is None
    assert torch.equal(batch.images[0, 0], torch.from_numpy(data.images[3]).float() / 255)
    assert torch.equal(batch.masks[0, 0, 0], torch.from_numpy(data.masks[3]).float() / 255)


def test_training_and_test_see_the_mask_in_the_same_range_when_nothing_moves():
    data = queries(query_augmentation=UNCHANGED_QUERIES, view_augmentation=UNCHANGED_VIEWS)
    trained, tested = data.batch([1, 2, 3], epoch=0), data.batch([1, 2, 3], epoch=None)
    assert torch.allclose(trained.masks, tested.masks, atol=1e-6)
    assert torch.allclose(trained.images, tested.images, atol=1e-6)
    assert torch.allclose(trained.shapes.views, data.repository.view_tensor(trained.shapes.rows), atol=1e-6)


def test_without_labels_a_batch_tells_neither_category_nor_true_shape():
    bare = queries().batch([0, 1, 2], epoch=0).without_labels()
    assert bare.labels is None
    assert bare.targets is None
    assert bare.shapes.categories is None
    assert bare.shapes.views is not None


def test_shapes_can_be_embedded_by_themselves():
    batch = repository().batch([2, 8])
    assert batch.keys == ("category2/shape2", "category2/shape8")
    assert batch.require("views").shape == (2, VIEWS, 1, SIDE, SIDE)


def test_batches_move_to_a_device_with_everything_in_them():
    batch = queries().batch([0, 1], epoch=0).to("meta")
    tensors = (batch.images, batch.masks, batch.targets, batch.labels, batch.shapes.views, batch.shapes.rows)
    assert all(tensor.device.type == "meta" for tensor in tensors)


def test_a_split_survives_pickling_for_loader_processes():
    data = queries()
    again = pickle.loads(pickle.dumps(data))
    assert torch.equal(again.batch([1, 2], epoch=0).images, data.batch([1, 2], epoch=0).images)


def test_the_fingerprint_tells_pictures_views_and_pairing_apart_but_not_the_seed():
    data = queries()
    assert data.fingerprint() == queries().fingerprint()
    assert data.fingerprint() == replace(data, seed=5).fingerprint()
    other = data.images.copy()
    other[0, 0, 0, 0] ^= 1
    assert data.fingerprint() != replace(data, images=other).fingerprint()
    assert data.fingerprint() != replace(data, shapes=(data.shapes + 1) % SHAPES).fingerprint()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shapes": np.full(QUERIES, SHAPES)}, "labels run from 9 to 9"),
        ({"images": np.zeros((QUERIES, 3, SIDE, SIDE), np.float32)}, "images are float32"),
        ({"images": np.zeros((QUERIES, 1, SIDE, SIDE), np.uint8)}, "they must be uint8"),
        ({"masks": np.zeros((QUERIES, SIDE, SIDE + 1), np.uint8)}, "as large as the"),
        ({"azimuths": np.zeros(3, np.float32)}, "azimuths; give one each"),
        ({"training_views": VIEWS + 1}, "5 training views are asked for; the shapes have 4"),
        ({"keys": ("same",) * QUERIES}, "ids must be unique"),
    ],
)
def test_what_does_not_fit_is_refused_when_it_is_made(changes, words):
    with pytest.raises(DataError, match=words):
        queries(**changes)


def test_a_repository_with_wrong_views_is_refused():
    good = repository()
    with pytest.raises(DataError, match="for 9 shapes"):
        replace(good, views=good.views[:8])
    with pytest.raises(DataError, match="azimuths"):
        replace(good, azimuths=np.zeros(3, np.float32))
