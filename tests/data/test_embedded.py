import pickle

import numpy as np
import pytest
import torch

from anaglyph.data.array_records import ArrayRecords, stacked
from anaglyph.data.embedded import EmbeddedObjects
from anaglyph.data.loader import ordered_batches
from anaglyph.data.transforms.clouds import CloudPipeline
from anaglyph.data.transforms.texts import TextChoice
from anaglyph.data.transforms.views import ViewChoice
from anaglyph.errors import DataError
from embedded_objects import keys_of, made_up, same

COUNT = 14
TENSORS = ("indices", "points", "image_features", "text_features", "text_present", "labels")


@pytest.fixture(scope="module")
def records():
    return stacked(keys_of(COUNT), [made_up(row) for row in range(COUNT)])


@pytest.fixture(scope="module")
def objects(records):
    return EmbeddedObjects(
        records=records,
        class_names=("a", "b", "c"),
        labels=np.arange(COUNT) % 3,
        class_features=np.eye(3, 6, dtype=np.float32),
        clouds=CloudPipeline.mixcon3d(points=16),
        views=ViewChoice(views=2),
        seed=3,
    )


def equal(a, b):
    return a.keys == b.keys and all(torch.equal(getattr(a, name), getattr(b, name)) for name in TENSORS)


def test_stacked_records_come_back_bit_for_bit(records):
    assert all(same(records.read(row), made_up(row)) for row in range(COUNT))
    np.testing.assert_array_equal(records.blocks, [0, COUNT])


def test_batches_hold_what_the_schema_says(objects):
    batch = objects.batch(range(COUNT), epoch=1)
    assert batch.points.shape == (COUNT, 16, 6)
    assert batch.image_features.shape == (COUNT, 2, 8)
    assert batch.text_features.shape == (COUNT, 1, 6)
    assert batch.text_present.shape == (COUNT, 1)
    assert objects.fields == {"points", "labels", "image_features", "text_features", "text_present"}
    plain = objects.batch(range(COUNT), epoch=None)
    assert plain.image_features.shape == (COUNT, 3, 8)
    assert plain.text_features.shape == (COUNT, 5, 6)
    assert plain.to("cpu").without_labels().labels is None


@pytest.mark.parametrize("epoch", [None, 2])
def test_a_batch_is_equal_on_repeat_after_pickling_and_in_a_worker(objects, epoch, untouched_generators):
    first = objects.batch(range(COUNT), epoch=epoch)
    assert equal(first, objects.batch(range(COUNT), epoch=epoch))
    assert equal(first, pickle.loads(pickle.dumps(objects)).batch(range(COUNT), epoch=epoch))
    assert equal(first, next(ordered_batches(objects, batch=COUNT, epoch=epoch, workers=1, labels=True)))


def test_an_augmented_row_is_the_same_alone_and_in_a_batch(objects):
    batch = objects.batch(range(COUNT), epoch=1, crop=2)
    for row in (0, 5, COUNT - 1):
        alone = objects.batch([row], epoch=1, crop=2)
        for name in TENSORS:
            assert torch.equal(getattr(alone, name)[0], getattr(batch, name)[row])


def test_epochs_crops_and_seeds_draw_differently(objects, records):
    other = EmbeddedObjects(
        records=records, class_names=objects.class_names, labels=objects.labels, clouds=objects.clouds,
        views=objects.views, seed=4,
    )  # fmt: skip
    draws = [
        objects.batch(range(COUNT), epoch=0),
        objects.batch(range(COUNT), epoch=1),
        objects.batch(range(COUNT), epoch=0, crop=1),
        other.batch(range(COUNT), epoch=0),
    ]
    for name in ("points", "image_features", "text_features"):
        assert len({getattr(batch, name).numpy().tobytes() for batch in draws}) == 4


def test_a_subset_has_the_rows_asked_for_and_a_fingerprint_of_its_own(objects):
    few = objects.subset([9, 2, 11]).subset([2, 0])
    assert few.keys == (objects.keys[11], objects.keys[9])
    assert few.labels.tolist() == [11 % 3, 0]
    whole = objects.batch([11, 9], epoch=1)
    assert torch.equal(few.batch([0, 1], epoch=1).points, whole.points)
    prints = {objects.fingerprint(), few.fingerprint(), objects.subset([9, 11]).fingerprint()}
    assert len(prints) == 3


def test_a_fingerprint_sees_every_array_and_no_label(objects, records):
    def fingerprint(**change):
        made = ArrayRecords(**{**vars(records), **change})
        return EmbeddedObjects(
            records=made, class_names=("a",), labels=np.zeros(COUNT, dtype=np.int64)
        ).fingerprint()

    assert fingerprint() == objects.fingerprint()
    changes = [{name: getattr(records, name) + 1} for name in ("points", "images", "texts", "sources")]
    changes += [{"thumbnails": None, "pictured": None}, {"keys": records.keys[::-1]}]
    assert len({fingerprint(**change) for change in changes} | {fingerprint()}) == 7


def test_blocks_follow_the_rows_of_a_split(records):
    class Blocks(ArrayRecords):
        @property
        def blocks(self):
            return np.array([0, 5, 10, COUNT])

    made = EmbeddedObjects(
        records=Blocks(**vars(records)), class_names=("a",), labels=np.zeros(COUNT, dtype=np.int64)
    )
    np.testing.assert_array_equal(made.blocks, [0, 5, 10, COUNT])
    np.testing.assert_array_equal(made.subset([0, 4, 5, 11, 12, 13]).blocks, [0, 2, 3, 6])
    np.testing.assert_array_equal(made.subset([6, 7]).blocks, [0, 2])


def test_objects_of_clouds_alone_have_clouds_alone(records):
    bare = ArrayRecords(keys=records.keys, points=records.points[..., :3])
    made = EmbeddedObjects(records=bare, class_names=("a",), labels=np.zeros(COUNT, dtype=np.int64))
    assert made.fields == {"points", "labels"}
    batch = made.batch([1], epoch=0)
    assert batch.image_features is batch.text_features is batch.text_present is None


def test_all_texts_have_as_many_rows_as_asked_for(objects, records):
    made = EmbeddedObjects(
        records=records, class_names=("a", "b", "c"), labels=objects.labels,
        texts=TextChoice(mode="all", most=4),
    )  # fmt: skip
    assert made.batch([3, 4], epoch=0).text_features.shape == (2, 4, 6)


def test_class_vectors_are_one_a_class(objects, records):
    assert torch.equal(objects.class_tensor(), torch.eye(3, 6))
    with pytest.raises(DataError, match="3 classes have vectors of shape"):
        EmbeddedObjects(
            records=records, class_names=("a", "b", "c"), labels=objects.labels,
            class_features=np.eye(2, dtype=np.float32),
        )  # fmt: skip
    bare = EmbeddedObjects(records=records, class_names=("a", "b", "c"), labels=objects.labels)
    with pytest.raises(DataError, match="no vectors of its class names"):
        bare.class_tensor()


def test_a_record_with_numbers_that_are_not_finite_is_named(records):
    points = records.points.copy()
    points[4, 2, 1] = np.nan
    broken = ArrayRecords(**{**vars(records), "points": points})
    broken.read(3)
    with pytest.raises(DataError, match=r"'set/group/004': it holds numbers that are not finite"):
        broken.read(4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((3, 2, 8))}, "images of 14 objects have shape"),
        ({"thumbnails": np.zeros((14, 2, 8))}, "thumbnails of 14 objects"),
        ({"offsets": np.arange(15)}, "have 15 offsets"),
        ({"sources": np.zeros(3, np.uint8)}, "sources"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(records, change, message):
    with pytest.raises(DataError, match=message):
        ArrayRecords(**{**vars(records), **change})


def test_clouds_of_different_sizes_cannot_be_stacked():
    with pytest.raises(DataError, match=r"clouds have shapes \(20, 6\) to \(21, 6\)"):
        stacked(keys_of(2), [made_up(0), made_up(1, points=21)])
