import numpy as np
import pytest
from scipy.optimize import linprog

from anaglyph.config import plain, structure
from anaglyph.data.transforms.points import PointAugmentation, augment_points, choose_points
from anaglyph.errors import ConfigError
from anaglyph.randomness import numpy_generator, row_keys

EVERYTHING = PointAugmentation(
    rotation=30, rotation_axis="x", tilt=5, scale=(0.9, 1.1), stretch=((0.6, 1.5), (0.8, 1.2), (0.8, 1.2)),
    shear=0.2, shift=0.1, elastic=0.05, jitter=0.01, dropout=0.3, cut=0.2,
)  # fmt: skip


def keys(count, *parts):
    return row_keys([f"key{i}" for i in range(count)], *parts)


def clouds(count=5, points=64):
    return numpy_generator("clouds").uniform(-0.5, 0.5, size=(count, points, 3)).astype(np.float32)


def distances(cloud):
    return np.linalg.norm(cloud[:, None] - cloud[None], axis=-1)


def test_the_defaults_change_nothing():
    points = clouds()
    np.testing.assert_array_equal(augment_points(points, PointAugmentation(), keys(5)), points)


def test_a_row_is_augmented_the_same_alone_and_in_a_batch():
    points, rows = clouds(), keys(5, 1, 2, 3)
    together = augment_points(points, EVERYTHING, rows)
    for row in range(5):
        alone = augment_points(points[row : row + 1], EVERYTHING, rows[row : row + 1])
        np.testing.assert_array_equal(alone[0], together[row])


def test_other_keys_give_other_clouds():
    points = np.repeat(clouds(1), 2, axis=0)
    first = augment_points(points, EVERYTHING, keys(2))
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first, augment_points(points, EVERYTHING, keys(2, "epoch 1")))


@pytest.mark.parametrize(("axis", "kept"), [("x", 0), ("y", 1), ("z", 2)])
def test_a_rotation_keeps_distances_and_its_axis_and_stays_within_its_range(axis, kept):
    points = clouds(60)
    turned = augment_points(points, PointAugmentation(rotation=40, rotation_axis=axis), keys(60))
    np.testing.assert_allclose(turned[..., kept], points[..., kept], atol=1e-6)
    np.testing.assert_allclose(distances(turned[0]), distances(points[0]), atol=1e-5)
    first, second = [(1, 2), (2, 0), (0, 1)][kept]
    angle = np.degrees(
        np.arctan2(turned[..., second], turned[..., first])
        - np.arctan2(points[..., second], points[..., first])
    )
    angle = (angle + 180) % 360 - 180
    np.testing.assert_allclose(angle, angle[:, :1].repeat(64, axis=1), atol=1e-2)
    assert 30 < angle.max() <= 40.01
    assert -40.01 <= angle.min() < -30


def test_a_tilt_turns_about_the_other_axes_only():
    points = clouds(1)
    tilted = augment_points(points, PointAugmentation(tilt=20), keys(1))
    np.testing.assert_allclose(distances(tilted[0]), distances(points[0]), atol=1e-5)
    assert np.abs(tilted[..., 2] - points[..., 2]).max() > 0.01


def test_released_scale_and_shift_cover_their_ranges_on_each_axis():
    points = clouds(400)
    config = PointAugmentation(stretch=((2 / 3, 3 / 2),) * 3, shift=0.2)
    changed = augment_points(points, config, keys(400))
    factor = np.ptp(changed, axis=1) / np.ptp(points, axis=1)
    offset = (changed - points * factor[:, None]).mean(axis=1)
    assert 2 / 3 - 1e-3 < factor.min() < 0.68
    assert 1.48 < factor.max() < 1.5 + 1e-3
    assert factor.mean() == pytest.approx(13 / 12, abs=0.03)  # uniform in the factor itself
    assert np.abs(offset).max() <= 0.2 + 1e-4
    assert np.abs(offset).max() > 0.19
    assert abs(np.corrcoef(factor.T)[0, 1]) < 0.15  # axes are independent


def test_jitter_is_clipped_noise():
    points = clouds(20)
    noise = augment_points(points, PointAugmentation(jitter=0.01, jitter_clip=0.02), keys(20)) - points
    assert np.abs(noise).max() == pytest.approx(0.02, abs=1e-6)
    assert noise.std() == pytest.approx(0.0095, abs=0.0007)


def test_dropout_repeats_points_and_keeps_the_rest():
    points = clouds(50)
    thinned = augment_points(points, PointAugmentation(dropout=0.5), keys(50))
    left = [len(np.unique(cloud, axis=0)) for cloud in thinned]
    assert min(left) >= 32
    assert max(left) > 58
    assert np.mean(left) == pytest.approx(48, abs=3)
    for before, after in zip(points, thinned, strict=True):
        assert set(map(tuple, after.tolist())) <= set(map(tuple, before.tolist()))


def test_a_cut_removes_one_side():
    points = clouds(50)
    cut = augment_points(points, PointAugmentation(cut=0.5), keys(50))
    for before, after in zip(points, cut, strict=True):
        kept = set(map(tuple, after.tolist()))
        assert kept <= set(map(tuple, before.tolist()))
        gone = [point for point in before.tolist() if tuple(point) not in kept]
        sides = np.concatenate(
            [np.c_[gone or np.empty((0, 3)), np.ones(len(gone))], -np.c_[list(kept), np.ones(len(kept))]]
        )
        plane = linprog(np.zeros(4), A_ub=-sides, b_ub=-np.ones(len(sides)), bounds=(None, None))
        assert plane.success  # some plane has all that is gone on one side and all that is left on the other


def test_an_elastic_change_is_smooth_and_stays_in_the_plane():
    points = clouds(30, 200)
    bent = augment_points(points, PointAugmentation(elastic=0.05, rotation_axis="x"), keys(30))
    np.testing.assert_array_equal(bent[..., 0], points[..., 0])
    moved = bent - points
    assert moved[..., 1:].std() == pytest.approx(0.04, abs=0.01)
    flat = points[0, :, 1:]
    near = np.linalg.norm(flat[:, None] - flat[None], axis=-1) + 10 * np.eye(200)
    neighbour = near.argmin(axis=1)
    gap = np.linalg.norm(moved[0] - moved[0][neighbour], axis=1)
    assert gap.mean() < 0.3 * np.linalg.norm(moved[0], axis=1).mean()


def test_chosen_points_are_different_cover_everything_and_are_evenly_likely():
    rows = keys(3000)
    chosen = choose_points(37, 10, rows)
    assert all(len(set(row)) == 10 for row in chosen)
    counts = np.bincount(chosen.ravel(), minlength=37)
    assert len(counts) == 37
    np.testing.assert_allclose(counts / 3000, 10 / 37, rtol=0.3)  # runs of 3 or 4
    np.testing.assert_array_equal(choose_points(37, 37, rows[:2]), np.tile(np.arange(37), (2, 1)))
    np.testing.assert_array_equal(choose_points(37, 10, rows[5:6])[0], chosen[5])
    with pytest.raises(ValueError, match="cannot take 38 different points of 37"):
        choose_points(37, 38, rows)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rotation": -1.0},
        {"scale": (1.0, 0.5)},
        {"stretch": ((0.0, 1.0),) * 3},
        {"dropout": 1.0},
        {"cut": 2.0},
    ],
)
def test_ranges_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        PointAugmentation(**wrong)


def test_the_config_survives_yaml():
    assert structure(PointAugmentation, plain(EVERYTHING), where="x") == EVERYTHING
    with pytest.raises(ConfigError, match="no choice 'w'"):
        structure(PointAugmentation, {"rotation_axis": "w"}, where="x")


def test_mirroring_flips_signs_of_the_plane_and_keeps_distances():
    rows = row_keys([f"object-{i}" for i in range(200)], 0)
    cloud = np.tile(np.array([[0.3, 0.2, 0.1], [-0.1, 0.4, 0.2]], dtype=np.float32), (200, 1, 1))
    mirrored = augment_points(cloud, PointAugmentation(mirror=0.5), rows)
    np.testing.assert_allclose(np.abs(mirrored), np.abs(cloud), rtol=1e-6)
    np.testing.assert_allclose(mirrored[..., 2], cloud[..., 2], rtol=1e-6)
    for axis in (0, 1):
        share = float((np.sign(mirrored[:, 0, axis]) != np.sign(cloud[:, 0, axis])).mean())
        assert 0.35 < share < 0.65
