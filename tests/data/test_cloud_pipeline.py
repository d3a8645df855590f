"""Dossier MixCon3D, 1.6: the order of the steps and every constant."""

import numpy as np
import pytest
import torch

from anaglyph.config import plain, structure
from anaglyph.data.transforms.clouds import CloudPipeline, prepare_clouds
from anaglyph.errors import ConfigError, DataError
from anaglyph.randomness import normal, numpy_generator, row_keys, uniform
from reference.cloud_pipeline import slow_pipeline

PIPELINE = CloudPipeline.mixcon3d(points=40)


def keys(count, *parts):
    return row_keys([f"key{i}" for i in range(count)], *parts)


def cloud(points=40, channels=6, key=0):
    drawn = numpy_generator("cloud", key).uniform(size=(points, channels))
    drawn[:, :3] = drawn[:, :3] * [3, 1, 2] + [5, -2, 0]
    return drawn.astype(np.float32)


def places_of(batch, stored):
    """Which stored point each prepared one is, by its colour."""
    return np.abs(batch[:, None, 3:] - stored[None, :, 3:]).sum(axis=2).argmin(axis=1)


def test_the_constants_are_the_published_ones():
    made = CloudPipeline.mixcon3d()
    assert plain(made) == {
        "points": 10_000, "evaluation_points": 0, "channels": 6, "swap_yz": True, "unit_sphere": True,
        "dropout": 0.875, "scale": [0.8, 1.25], "shift": 0.1, "tilt": 0.06, "tilt_clip": 0.18, "turn": True,
        "up_axis": "z", "colour_drop": 0.5, "uncoloured": 0.4,
    }  # fmt: skip


def test_the_defaults_change_nothing():
    clouds = [cloud(key=row) for row in range(3)]
    for draws in (None, keys(3)):
        np.testing.assert_array_equal(prepare_clouds(clouds, CloudPipeline(), draws), np.stack(clouds))


def test_all_steps_follow_in_the_published_order():
    """The draws are read where the pipeline reads them, the steps are the twin's."""
    rows = keys(12)
    clouds = [cloud(key=row) for row in range(12)]
    made = prepare_clouds(clouds, PIPELINE, rows).numpy()
    share = 0.875 * uniform(rows, "clouds/dropout_share")
    gone = uniform(rows, "clouds/dropout", 40) < share[:, None]
    factor = 0.8 + 0.45 * uniform(rows, "clouds/scale")
    shift = 0.1 * (2 * uniform(rows, "clouds/shift", 1, 3)[:, 0] - 1)
    tilt = np.clip(0.06 * normal(rows, "clouds/tilt", 3), -0.18, 0.18)
    turn = 2 * np.pi * uniform(rows, "clouds/turn")
    bare = uniform(rows, "clouds/colour_drop") < 0.5
    assert 0 < bare.sum() < 12
    order = [np.argsort(uniform(rows[row : row + 1], "clouds/points", 40)[0]) for row in range(12)]
    for row in range(12):
        twin = slow_pipeline(
            clouds[row].tolist(), order=order[row], keep=~gone[row], factor=factor[row], shift=shift[row],
            tilt=tilt[row], turn=turn[row], plain=bool(bare[row]),
        )  # fmt: skip
        np.testing.assert_allclose(made[row], twin, atol=3e-6)


def test_without_draws_only_the_unrandom_steps_are_done():
    made = prepare_clouds([cloud()], PIPELINE, None)
    np.testing.assert_allclose(made[0], slow_pipeline(cloud().tolist(), order=range(40)), atol=1e-6)


def test_y_and_z_are_exchanged_which_is_a_reflection():
    made = prepare_clouds([cloud()], CloudPipeline(swap_yz=True), None)[0].numpy()
    np.testing.assert_array_equal(made, cloud()[:, [0, 2, 1, 3, 4, 5]])


def test_a_permutation_takes_each_point_once_and_another_one_for_each_key():
    clouds = [cloud()] * 50
    made = prepare_clouds(clouds, CloudPipeline(points=40), keys(50)).numpy()
    places = [places_of(each, cloud()) for each in made]
    assert all(sorted(each) == list(range(40)) for each in places)
    assert len({tuple(each) for each in places}) == 50
    assert np.mean([each[0] for each in places]) == pytest.approx(19.5, abs=5)


def test_fewer_points_are_drawn_without_and_more_with_repetitions():
    rows = keys(200)
    fewer = prepare_clouds([cloud()] * 200, CloudPipeline(points=10), rows).numpy()
    counts = np.zeros(40)
    for each in fewer:
        places = places_of(each, cloud())
        assert len(set(places)) == 10
        counts[places] += 1
    np.testing.assert_allclose(counts / 200, 0.25, atol=0.13)
    more = prepare_clouds([cloud()] * 200, CloudPipeline(points=100), rows).numpy()
    seen = [len(set(places_of(each, cloud()))) for each in more]
    assert np.mean(seen) == pytest.approx(40 * (1 - (1 - 1 / 40) ** 100), abs=1)


def test_evaluation_spreads_its_points_over_the_stored_order_and_repeats_evenly():
    few = prepare_clouds([cloud()], CloudPipeline(points=99, evaluation_points=10), None)[0].numpy()
    np.testing.assert_array_equal(few, cloud()[::4])
    many = prepare_clouds([cloud(4)], CloudPipeline(points=8), None)[0].numpy()
    np.testing.assert_array_equal(many, np.repeat(cloud(4), 2, axis=0))


def test_dropped_points_lie_on_the_first_and_keep_their_colours():
    pipeline = CloudPipeline(points=40, dropout=0.875)
    made = prepare_clouds([cloud()] * 400, pipeline, keys(400)).numpy()
    shares = []
    for each in made:
        places = places_of(each, cloud())
        assert sorted(places) == list(range(40))
        moved = np.abs(each[:, :3] - cloud()[places, :3]).max(axis=1) > 0
        np.testing.assert_array_equal(each[moved, :3], np.tile(each[0, :3], (moved.sum(), 1)))
        shares.append(moved.mean())
    assert np.mean(shares) == pytest.approx(0.875 / 2, abs=0.04)
    assert 0.8 < max(shares) <= 1
    assert min(shares) < 0.02


def test_scale_shift_tilt_and_turn_cover_their_ranges():
    corners = np.concatenate([np.zeros((1, 3)), np.eye(3)]).astype(np.float32)
    rows = keys(2000)

    def moved(**change):
        made = prepare_clouds([corners] * 2000, CloudPipeline(**change), rows).numpy()
        return made[:, 0], made[:, 1:] - made[:, :1]

    origin, axes = moved(scale=(0.8, 1.25))
    assert not origin.any()
    factors = axes[:, range(3), range(3)]
    assert factors.min() == pytest.approx(0.8, abs=0.002)
    assert factors.max() == pytest.approx(1.25, abs=0.002)
    np.testing.assert_array_equal(factors[:, 0], factors[:, 2])
    origin, _ = moved(shift=0.1)
    assert origin.min() == pytest.approx(-0.1, abs=0.001)
    assert origin.max() == pytest.approx(0.1, abs=0.001)
    assert abs(np.corrcoef(origin.T)[0, 1]) < 0.1
    _, axes = moved(tilt=0.06)
    np.testing.assert_allclose(axes @ axes.transpose(0, 2, 1), np.tile(np.eye(3), (2000, 1, 1)), atol=1e-6)
    assert np.arcsin(axes[:, 1, 0]).std() == pytest.approx(0.06, rel=0.1)
    _, clipped = moved(tilt=5.0, tilt_clip=0.18)
    assert np.abs(clipped - np.eye(3)).max() < 0.4
    _, axes = moved(turn=True)
    np.testing.assert_allclose(axes[:, 2], np.tile([0, 0, 1], (2000, 1)), atol=1e-6)
    angle = np.arctan2(axes[:, 0, 1], axes[:, 0, 0])
    np.testing.assert_allclose(np.histogram(angle, bins=8, range=(-np.pi, np.pi))[0], 250, atol=60)


def test_the_turn_comes_after_the_shift():
    made = prepare_clouds([np.zeros((1, 3))] * 500, CloudPipeline(shift=0.1, turn=True), keys(500)).numpy()
    assert np.abs(made[..., :2]).max() > 0.105  # the corner of the square has turned onto an axis


def test_colours_are_dropped_all_or_not_at_all():
    made = prepare_clouds([cloud()] * 400, CloudPipeline(colour_drop=0.5), keys(400)).numpy()
    bare = (made[..., 3:] == np.float32(0.4)).all(axis=(1, 2))
    assert bare.mean() == pytest.approx(0.5, abs=0.07)
    np.testing.assert_array_equal(made[~bare], np.tile(cloud(), ((~bare).sum(), 1, 1)))


def test_clouds_without_colours_get_them_only_when_asked():
    mixed = [cloud(channels=3), cloud()]
    six = prepare_clouds(mixed, CloudPipeline(channels=6), None)
    assert torch.equal(six[0, :, 3:], torch.full((40, 3), 0.4))
    assert prepare_clouds(mixed, CloudPipeline(channels=3), None).shape == (2, 40, 3)
    with pytest.raises(DataError, match=r"3 to 6 channels.*set channels"):
        prepare_clouds(mixed, CloudPipeline(), None)
    with pytest.raises(DataError, match=r"7 to 40 points.*set points"):
        prepare_clouds([cloud(), cloud(7)], CloudPipeline(), None)


@pytest.mark.parametrize("draws", [None, keys(1)])
def test_a_cloud_without_extent_becomes_zeros(draws):
    flat = np.full((5, 3), 7.25, dtype=np.float32)
    made = prepare_clouds([flat], CloudPipeline(unit_sphere=True, scale=(0.8, 1.25)), draws)
    assert not made.any()


def test_a_row_is_the_same_alone_and_in_a_batch():
    clouds = [cloud(30 + row, key=row) for row in range(5)]
    rows = keys(5, 1, 2)
    together = prepare_clouds(clouds, PIPELINE, rows)
    for row in range(5):
        assert torch.equal(
            prepare_clouds(clouds[row : row + 1], PIPELINE, rows[row : row + 1])[0], together[row]
        )
    assert not torch.equal(prepare_clouds(clouds, PIPELINE, keys(5, 1, 3)), together)


def test_half_precision_and_read_only_clouds_are_taken_as_they_are():
    half = cloud().astype(np.float16)
    half.flags.writeable = False
    np.testing.assert_allclose(prepare_clouds([half], CloudPipeline(), None)[0], half)


@pytest.mark.parametrize(
    "wrong", [{"points": -1}, {"scale": (1.0, 0.5)}, {"dropout": 1.5}, {"shift": -0.1}, {"uncoloured": 2.0}]
)
def test_what_cannot_be_meant_is_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        CloudPipeline(**wrong)


def test_the_pipeline_survives_yaml():
    assert structure(CloudPipeline, plain(PIPELINE), where="clouds") == PIPELINE
    with pytest.raises(ConfigError, match="no choice '5'"):
        structure(CloudPipeline, {"channels": 5}, where="clouds")


def test_ulips_constants_are_the_published_ones_about_the_y_axis():
    assert plain(CloudPipeline.ulip()) == {
        "points": 8192, "evaluation_points": 0, "channels": 3, "swap_yz": False, "unit_sphere": True,
        "dropout": 0.875, "scale": [0.8, 1.25], "shift": 0.1, "tilt": 0.06, "tilt_clip": 0.18, "turn": True,
        "up_axis": "y", "colour_drop": 0.0, "uncoloured": 0.4,
    }  # fmt: skip
    assert CloudPipeline.ulip(height=True).channels == 4


def test_a_turn_about_y_leaves_heights_and_one_about_z_does_not():
    for axis, kept in (("y", 1), ("z", 2)):
        made = prepare_clouds([cloud(channels=3)], CloudPipeline(turn=True, up_axis=axis), keys(1)).numpy()[0]
        given = cloud(channels=3)
        np.testing.assert_allclose(made[:, kept], given[:, kept], atol=1e-5)
        assert np.abs(made[:, 3 - kept] - given[:, 3 - kept]).max() > 0.1
        np.testing.assert_allclose(
            np.delete(made, kept, axis=1) ** 2 @ [1, 1],
            np.delete(given, kept, axis=1) ** 2 @ [1, 1],
            rtol=1e-4,
        )


@pytest.mark.parametrize(("axis", "column"), [("y", 1), ("z", 2)])
def test_height_is_measured_above_the_lowest_point_after_all_moves(axis, column):
    pipeline = CloudPipeline(channels=4, up_axis=axis, turn=True, tilt=0.1, shift=0.2)
    for draws in (None, keys(2)):
        made = prepare_clouds([cloud(), cloud(channels=3)], pipeline, draws).numpy()
        assert made.shape == (2, 40, 4)
        lowest = made[..., column].min(axis=1, keepdims=True)
        np.testing.assert_allclose(made[..., 3], made[..., column] - lowest, atol=1e-6)
