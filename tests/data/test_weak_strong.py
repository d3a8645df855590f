from dataclasses import replace

import numpy as np
import pytest
import torch

from anaglyph.data.paired import PairedObjects
from anaglyph.data.transforms.cloud_changes import CloudChanges, change_clouds
from anaglyph.data.transforms.picture_changes import PictureChanges, change_pictures
from anaglyph.data.transforms.rand_augment import OPERATIONS, RandAugment, rand_augment
from anaglyph.data.weak_strong import Changes, WeakStrong, WeakStrongSpec
from anaglyph.errors import ConfigError, DataError
from anaglyph.randomness import numpy_generator, row_keys

STRONG = Changes(
    image=PictureChanges(area=(0.3, 1.0), flip=0.5, rand_augment=RandAugment(layers=2)),
    shape=CloudChanges(
        scale=(0.5, 2.0), turn=True, shift=0.5, jitter=0.01, dropout=0.875, crop=0.9, tilt=0.06
    ),
)
SPEC = WeakStrongSpec(strong=STRONG, points=20)


def objects(count=6, *, views=3, channels=3):
    draw = numpy_generator("weak strong", count)
    return PairedObjects(
        keys=tuple(f"object-{row}" for row in range(count)),
        class_names=("a", "b"),
        labels=np.arange(count) % 2,
        images=draw.integers(0, 256, (count, views, 3, 12, 12)).astype(np.uint8),
        points=draw.normal(0, 1, (count, 30, 3)).astype(np.float32),
    )


@pytest.fixture
def shown():
    return WeakStrong(objects=objects(), spec=SPEC)


def test_teacher_and_student_see_the_same_view_and_the_same_points_differently_changed():
    same = WeakStrong(objects=objects(), spec=WeakStrongSpec(points=20))
    weak, strong = (same.batch(range(6), epoch=3, crop=crop) for crop in range(2))
    assert torch.equal(weak.images, strong.images)
    assert torch.equal(weak.points, strong.points)
    other = WeakStrong(objects=objects(), spec=SPEC).batch(range(6), epoch=3, crop=1)
    assert other.images.shape == weak.images.shape == (6, 1, 3, 12, 12)
    assert not torch.equal(other.images, weak.images)
    assert not torch.equal(other.points, weak.points)


def test_views_and_points_are_drawn_anew_in_each_epoch(shown):
    first, second = (shown.batch(range(6), epoch=epoch) for epoch in range(2))
    assert not torch.equal(first.images, second.images)
    assert not torch.equal(first.points, second.points)


def test_a_row_is_changed_the_same_in_any_batch(shown):
    together, alone = shown.batch(range(6), epoch=1, crop=1), shown.batch([4], epoch=1, crop=1)
    torch.testing.assert_close(alone.images, together.images[4:5])
    assert torch.equal(alone.points, together.points[4:5])


def test_without_an_epoch_all_views_are_there_and_clouds_are_in_the_unit_sphere(shown):
    batch = shown.batch(range(6), epoch=None)
    assert batch.images.shape == (6, 3, 3, 12, 12)
    assert batch.points.shape == (6, 20, 3)
    torch.testing.assert_close(batch.points.norm(dim=2).amax(dim=1), torch.ones(6))
    torch.testing.assert_close(batch.points.mean(dim=1), torch.zeros(6, 3), rtol=0, atol=1e-6)
    assert torch.equal(batch.points, shown.batch(range(6), epoch=None).points)


def test_stored_objects_are_left_as_they_are(shown):
    before = shown.objects.points.copy(), shown.objects.images.copy()
    for epoch, crop in ((None, 0), (0, 0), (0, 1)):
        batch = shown.batch(range(6), epoch=epoch, crop=crop)
        batch.points.add_(1.0)
        batch.images.add_(1.0)
    assert (shown.objects.points == before[0]).all()
    assert (shown.objects.images == before[1]).all()


def test_the_height_above_the_lowest_point_is_a_fourth_number():
    shown = WeakStrong(objects=objects(), spec=replace(SPEC, channels=4))
    points = shown.batch(range(6), epoch=0, crop=1).points
    torch.testing.assert_close(points[..., 3], points[..., 1] - points[..., 1].amin(dim=1, keepdim=True))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"views": 4}, "4 views and 20 points"),
        ({"points": 31}, "31 points"),
        ({"channels": 6}, "colours are asked"),
    ],
)
def test_more_than_is_stored_is_refused_by_number(spec, said):
    with pytest.raises(DataError, match=said):
        WeakStrong(objects=objects(), spec=replace(SPEC, **spec))


@pytest.mark.parametrize(("field", "said"), [("images", "no images"), ("points", "no points")])
def test_pictures_without_shapes_and_shapes_without_pictures_are_refused(field, said):
    with pytest.raises(DataError, match=f"{said}; weak_strong needs a picture and a cloud"):
        WeakStrong(objects=replace(objects(), **{field: None}), spec=WeakStrongSpec())


def clouds(rows=5, points=40):
    return numpy_generator("clouds").normal(0, 1, (rows, points, 3)).astype(np.float32)


def keys(rows=5):
    return row_keys([f"row {row}" for row in range(rows)], "changes")


def test_turns_and_tilts_keep_distances_and_a_turn_keeps_the_height():
    given = clouds()
    turned = change_clouds(given, CloudChanges(unit_sphere=False, turn=True), keys())
    np.testing.assert_allclose(turned[..., 1], given[..., 1], atol=1e-5)
    tilted = change_clouds(given, CloudChanges(unit_sphere=False, turn=True, tilt=0.5), keys())
    for moved in (turned, tilted):
        np.testing.assert_allclose(np.linalg.norm(moved, axis=2), np.linalg.norm(given, axis=2), rtol=1e-4)
    assert np.abs(turned - given).max() > 0.1


def test_a_shift_is_at_most_its_share_of_the_extent():
    given = clouds()
    moved = change_clouds(given, CloudChanges(unit_sphere=False, shift=0.5), keys())
    apart = (moved - given)[:, 0] / np.ptp(given, axis=1)
    np.testing.assert_allclose(moved - given, (moved - given)[:, :1] + np.zeros_like(given), atol=1e-5)
    assert 0.05 < np.abs(apart).max() <= 0.5


def test_dropped_points_become_the_first_and_cropped_ones_others_of_the_cloud():
    given = clouds()
    dropped = change_clouds(given, CloudChanges(unit_sphere=False, dropout=0.9), keys())
    for row in range(5):
        first = (dropped[row] == given[row, 0]).all(axis=1)
        assert (first | (dropped[row] == given[row]).all(axis=1)).all()
    cropped = change_clouds(given, CloudChanges(unit_sphere=False, crop=0.5), keys())
    for row in range(5):
        stored = {tuple(point) for point in given[row]}
        assert {tuple(point) for point in cropped[row]} < stored
        assert (np.ptp(cropped[row], axis=0) <= np.ptp(given[row], axis=0)).all()


def test_a_cloud_of_one_place_stays_finite():
    one = np.ones((2, 8, 3), dtype=np.float32)
    changed = change_clouds(one, STRONG.shape, keys(2))
    assert np.isfinite(changed).all()


def test_no_changes_leave_pictures_alone_and_a_flip_mirrors_exactly():
    images = torch.rand(4, 1, 3, 10, 10, generator=torch.Generator().manual_seed(0))
    assert torch.equal(change_pictures(images, PictureChanges(), keys(4)), images)
    flipped = change_pictures(images, PictureChanges(flip=1.0), keys(4))
    torch.testing.assert_close(flipped, images.flip(4), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_operation_keeps_shape_and_range_and_depends_on_its_picture_alone(name, channels):
    images = torch.rand(3, channels, 9, 7, generator=torch.Generator().manual_seed(0))
    amounts = torch.tensor([0.9, -0.9, 0.0])
    changed = OPERATIONS[name](images, amounts, 1.0)
    assert changed.shape == images.shape
    assert torch.isfinite(changed).all()
    torch.testing.assert_close(OPERATIONS[name](images[1:2], amounts[1:2], 1.0), changed[1:2])


@pytest.mark.parametrize(
    "name", [n for n in OPERATIONS if n not in {"auto_contrast", "equalize", "invert", "posterize"}]
)
def test_no_strength_means_no_change(name):
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(OPERATIONS[name](images, torch.zeros(2), 1.0), images, rtol=1e-4, atol=1e-5)


def test_known_pictures_become_known_pictures():
    two = torch.tensor([0.2, 0.6]).reshape(1, 1, 1, 2)
    strength = torch.tensor([1.0])
    assert OPERATIONS["invert"](two, strength, 1.0).flatten().tolist() == pytest.approx([0.8, 0.4])
    assert OPERATIONS["auto_contrast"](two, strength, 1.0).flatten().tolist() == pytest.approx([0.0, 1.0])
    assert OPERATIONS["brightness"](two, -strength, 1.0).flatten().tolist() == pytest.approx([0.02, 0.06])
    assert OPERATIONS["solarize_add"](two, strength, 1.0).flatten().tolist() == pytest.approx(
        [0.2 + 110 / 256, 0.6]
    )
    assert OPERATIONS["solarize"](two, torch.tensor([0.5]), 1.0).flatten().tolist() == pytest.approx(
        [0.2, 0.4]
    )
    assert OPERATIONS["posterize"](two, torch.tensor([0.9]), 1.0).flatten().tolist() == pytest.approx(
        [0, 128 / 255]
    )
    half = OPERATIONS["translate_x"](torch.zeros(1, 1, 20, 20), strength, 1.0)
    assert half.mean() == pytest.approx(0.45, abs=0.03)
    even = OPERATIONS["equalize"](torch.arange(256).reshape(1, 1, 16, 16) / 510, strength, 1.0)
    torch.testing.assert_close(even.flatten(), torch.arange(256) / 255, rtol=0, atol=0.02)


def test_a_batch_draws_for_every_view_and_leaves_some_pictures_alone():
    images = torch.rand(40, 2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    changed = rand_augment(images, RandAugment(layers=2), keys(40), background=1.0)
    touched = (changed != images).flatten(2).any(dim=2)
    assert 0.5 < touched.float().mean() < 0.9  # a quarter is drawn nothing
    assert (touched[:, 0] != touched[:, 1]).any()
    assert changed.amin() >= 0
    assert changed.amax() <= 1
    alone = rand_augment(images[7:8], RandAugment(layers=2), keys(40)[7:8], background=1.0)
    torch.testing.assert_close(alone, changed[7:8])


def test_ranges_that_cannot_be_meant_are_refused():
    for build in (
        lambda: CloudChanges(crop=0.0), lambda: CloudChanges(dropout=1.0),
        lambda: PictureChanges(area=(0.5, 1.5)),
        lambda: RandAugment(magnitude=11.0), lambda: RandAugment(layers=-1), lambda: WeakStrongSpec(views=-1),
        lambda: WeakStrongSpec(channels=5),
    ):  # fmt: skip
        with pytest.raises(ConfigError):
            build()
