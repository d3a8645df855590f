import os
import signal
from itertools import pairwise

import numpy as np
import pytest
import torch

from anaglyph.data.loader import epoch_batches, ordered_batches, steps_per_epoch
from anaglyph.data.samplers import epoch_order, epoch_rows
from anaglyph.errors import ConfigError, DataError, MeshError, MissingExtraError
from reference.toy_objects import CHANGED, equal, objects


def test_an_epoch_shows_every_object_once_in_an_order_of_its_own():
    orders = [epoch_order(100, seed=seed, epoch=epoch) for seed, epoch in [(0, 0), (0, 1), (1, 0)]]
    for order in orders:
        assert sorted(order) == list(range(100))
    for one, other in pairwise(orders):
        assert not np.array_equal(one, other)
    np.testing.assert_array_equal(orders[0], epoch_order(100, seed=0, epoch=0))


def test_what_does_not_fill_a_batch_is_left_out():
    rows = epoch_rows(23, batch=5, seed=0, epoch=0)
    assert [len(step) for step in rows] == [5] * 4
    assert steps_per_epoch(23, 5) == 4
    assert len(set(np.concatenate(rows))) == 20


def test_an_epoch_continues_from_any_step():
    whole = epoch_rows(23, batch=5, seed=0, epoch=2)
    for start in range(5):
        rest = epoch_rows(23, batch=5, seed=0, epoch=2, start=start)
        np.testing.assert_array_equal(np.array(rest).reshape(-1, 5), np.array(whole[start:]).reshape(-1, 5))


@pytest.mark.parametrize("world", [1, 2, 3, 6])
def test_processes_together_see_the_batches_of_one(world):
    whole = epoch_rows(40, batch=12, seed=0, epoch=1)
    shares = [epoch_rows(40, batch=12, seed=0, epoch=1, rank=rank, world=world) for rank in range(world)]
    for step, rows in enumerate(whole):
        np.testing.assert_array_equal(np.concatenate([share[step] for share in shares]), rows)


def test_batches_that_cannot_be_made_are_refused():
    with pytest.raises(ConfigError, match="a batch of 5 cannot be shared by 2 processes"):
        epoch_rows(40, batch=5, seed=0, epoch=0, world=2)
    with pytest.raises(DataError, match="has 1 object, a batch 2; lower the batch size or give more objects"):
        steps_per_epoch(1, 1)
    with pytest.raises(DataError, match="has 9 objects, a batch 10"):
        list(epoch_batches(objects(9), seed=0, epoch=0, batch=10))


def test_ordered_batches_are_all_rows_in_order_as_they_are():
    dataset = objects(**CHANGED)
    batches = list(ordered_batches(dataset, batch=3, labels=True))
    assert [len(batch) for batch in batches] == [3, 3, 2]
    assert torch.cat([batch.indices for batch in batches]).tolist() == list(range(8))
    assert equal(batches[1], dataset.batch([3, 4, 5], epoch=None))


def test_ordered_batches_can_be_augmented_by_independent_draws():
    dataset = objects(**CHANGED)
    first, second = (
        next(ordered_batches(dataset, batch=8, epoch=1, crop=crop, labels=True)) for crop in (7, 8)
    )
    assert equal(first, dataset.batch(range(8), epoch=1, crop=7))
    assert not torch.equal(first.points, second.points)


def test_labels_are_handed_out_only_when_asked_for():
    dataset = objects()
    for batch in epoch_batches(dataset, seed=0, epoch=0, batch=4, crops=2):
        assert batch.labels is None
        assert batch.crops[0].labels is None
    for batch in epoch_batches(dataset, seed=0, epoch=0, batch=4, crops=2, labels=True):
        assert batch.labels.tolist() == [int(dataset.labels[row]) for row in batch.indices]


def test_crops_are_further_draws_of_the_same_objects():
    dataset = objects(**CHANGED)
    batch = next(epoch_batches(dataset, seed=0, epoch=4, batch=4, crops=3))
    assert len(batch.crops) == 2
    for number, crop in enumerate(batch.crops, start=1):
        assert crop.keys == batch.keys
        expected = dataset.batch(batch.indices.numpy(), epoch=4, crop=number)
        assert torch.equal(crop.points, expected.points)
        assert torch.equal(crop.images, expected.images)


def test_worker_processes_make_the_same_batches_in_the_same_order(untouched_generators):
    dataset = objects(**CHANGED)
    options = {"seed": 0, "epoch": 1, "batch": 2, "crops": 2, "labels": True}
    here = list(epoch_batches(dataset, **options))
    there = list(epoch_batches(dataset, **options, workers=2))
    assert len(here) == len(there) == 4
    assert all(equal(a, b) and equal(a.crops[0], b.crops[0]) for a, b in zip(here, there, strict=True))


class Killed:
    """A data set whose worker process is killed, as the system does when memory runs out."""

    def __len__(self):
        return 4

    def batch(self, *_, **__):
        os.kill(os.getpid(), signal.SIGKILL)


class Failing(Killed):
    def batch(self, *_, **__):
        raise RuntimeError("a fault of the data set")


def test_a_killed_worker_process_is_an_error_with_a_way_out():
    with pytest.raises(DataError, match=r"one of the 1 loader processes died .*memory; use fewer workers"):
        list(ordered_batches(Killed(), batch=2, workers=1))


def test_an_error_raised_in_a_worker_stays_what_it_is():
    with pytest.raises(RuntimeError, match="a fault of the data set"):
        list(ordered_batches(Failing(), batch=2, workers=1))


class Damaged(Killed):
    def __init__(self, error):
        self.error = error

    def batch(self, *_, **__):
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        DataError("record 'a' is damaged"),
        MeshError("a.obj", "empty"),
        MissingExtraError(what="x", extra="fast"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_the_library_says_the_same_from_a_worker(error):
    with pytest.raises(type(error)) as found:
        list(ordered_batches(Damaged(error), batch=2, workers=1))
    assert str(found.value) == str(error)


def test_a_negative_number_of_workers_is_refused_at_once():
    with pytest.raises(ConfigError, match="workers=-1; give 0"):
        ordered_batches(objects(), batch=2, workers=-1)
    with pytest.raises(ConfigError, match="workers=-2; give 0"):
        epoch_batches(objects(), seed=0, epoch=0, batch=2, workers=-2)
