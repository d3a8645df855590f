import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.encoders.convention import PointConvention
from anaglyph.encoders.preparation import chosen_rows, prepare_cloud
from anaglyph.errors import DataError
from reference.preparation import slow_farthest, slow_prepare

ALL_AXES = [
    tuple(sign + axis for sign, axis in zip(signs, order, strict=True))
    for order in itertools.permutations("xyz")
    for signs in itertools.product(["", "-"], repeat=3)
]
SWAPPED = ("x", "z", "y")


def cloud(count=40, *, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, 3)).astype(np.float32) + 5.0, rng.random((count, 3), dtype=np.float32)


def everything(**changes):
    """A convention that takes every point in the order of the file."""
    return PointConvention(sampling="farthest", points=1 << 20, **changes)


def as_set(points):
    return {tuple(row) for row in points.tolist()}


@settings(deadline=None, max_examples=60)
@given(
    points=st.lists(st.tuples(*[st.floats(-9, 9, width=32)] * 3), min_size=1, max_size=6),
    up=st.sampled_from("xyz"),
    axes=st.sampled_from(ALL_AXES),
    unit_sphere=st.booleans(),
    colours=st.booleans(),
    coloured=st.booleans(),
    height=st.booleans(),
)
def test_preparation_equals_the_plain_loops(points, up, axes, unit_sphere, colours, coloured, height):
    convention = everything(
        axes=axes, scale="unit_sphere" if unit_sphere else "none", colours=colours, height=height
    )
    paint = np.random.default_rng(1).random((len(points), 3), dtype=np.float32) if coloured else None
    found = prepare_cloud(np.array(points, dtype=np.float32), paint, convention, up=up)
    expected = slow_prepare(
        points, None if paint is None else paint.tolist(), range(len(points)), up=up, axes=axes,
        unit_sphere=unit_sphere, grey=0.4 if colours else None, height=height,
    )  # fmt: skip
    assert found.shape == (len(points), convention.channels)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found, np.array(expected), atol=2e-6)


@pytest.mark.parametrize(("up", "axis"), [("x", 0), ("y", 1), ("z", 2)])
def test_the_up_axis_of_the_source_becomes_that_of_the_encoder_and_no_shape_is_mirrored(up, axis):
    for axes in ALL_AXES:
        convention = everything(axes=axes, scale="none")
        turned = prepare_cloud(np.eye(3, dtype=np.float32), None, convention, up=up).double().numpy()
        sign = -1.0 if convention.up.startswith("-") else 1.0
        assert turned[axis]["xyz".index(convention.up[-1])] == sign
        mirrors = np.linalg.det(np.array([[a[-1] == b for b in "xyz"] for a in axes], dtype=float))
        mirrors *= (-1) ** sum(a.startswith("-") for a in axes)
        assert np.linalg.det(turned) == pytest.approx(mirrors)  # only what the convention itself mirrors


def test_a_prepared_cloud_stays_as_it_is():
    points, colours = cloud()
    convention = everything(colours=True)
    once = prepare_cloud(points, colours, convention).numpy()
    twice = prepare_cloud(once[:, :3], once[:, 3:], convention).numpy()
    np.testing.assert_allclose(twice, once, atol=1e-6)


def test_swapping_axes_twice_gives_the_cloud_back():
    points, _ = cloud()
    once = prepare_cloud(points, None, everything(axes=SWAPPED, scale="none")).numpy()
    twice = prepare_cloud(once, None, everything(axes=SWAPPED, scale="none")).numpy()
    np.testing.assert_array_equal(twice, points)


@pytest.mark.parametrize("place", [(0.0, 0.0, 0.0), (0.1, -7.3, 1e5)])
def test_a_cloud_in_one_place_becomes_zeros(place):
    points = np.full((7, 3), place, dtype=np.float32)
    prepared = prepare_cloud(points, None, PointConvention(colours=True, height=True))
    assert torch.equal(prepared, torch.tensor([[0.0, 0.0, 0.0, 0.4, 0.4, 0.4, 0.0]]).expand(7, -1))


def test_a_tiny_cloud_far_from_the_origin_is_still_scaled_up():
    points = np.array([[1.0, 0.0, 0.0], [1.0 + 2**-20, 0.0, 0.0]], dtype=np.float32)
    prepared = prepare_cloud(points, None, everything())
    assert as_set(prepared) == {(-1.0, 0.0, 0.0), (1.0, 0.0, 0.0)}


@pytest.mark.parametrize("sampling", ["random", "farthest"])
@pytest.mark.parametrize("size", [1.0, 1e30])
def test_a_cloud_far_from_the_origin_is_the_same_cloud(sampling, size):
    points = cloud(200)[0].astype(np.float64)
    convention = PointConvention(points=64, sampling=sampling)
    near = prepare_cloud(points, None, convention)
    far = prepare_cloud((points + np.array([1e6, -3e6, 0.0])) * size, None, convention)
    np.testing.assert_allclose(far, near, atol=1e-6)


def test_colours_stay_with_their_points_through_the_choice():
    points, colours = cloud(200)
    prepared = prepare_cloud(points, colours, PointConvention(colours=True, points=50, scale="none"))
    assert as_set(prepared) <= as_set(np.concatenate([points, colours], axis=1))
    assert len(prepared) == 50


def test_the_random_choice_depends_on_seed_and_key_alone():
    points, _ = cloud(200)
    convention = PointConvention(points=64)

    def choose(key, seed):
        return prepare_cloud(points, None, convention, key=key, seed=seed)

    first = choose("chair", 0)
    assert torch.equal(first, choose("chair", 0))
    assert len(as_set(first)) == 64
    assert not torch.equal(first, choose("table", 0))
    assert not torch.equal(first, choose("chair", 1))


def test_the_random_choice_takes_every_point_equally_often():
    points, _ = cloud(20)
    taken = [chosen_rows(points, 5, sampling="random", key=str(i), seed=0) for i in range(2000)]
    counts = np.bincount(np.concatenate(taken), minlength=20)
    assert counts.sum() == 10_000
    assert np.abs(counts - 500).max() < 5 * np.sqrt(2000 * 0.25 * 0.75)
    assert np.mean([rows[0] for rows in taken]) == pytest.approx(9.5, abs=0.6)  # the order is random, too


def test_farthest_choice_equals_the_plain_loops():
    points, _ = cloud(30)
    expected = slow_farthest(points.astype(float).tolist(), 8)
    assert chosen_rows(points, 8, sampling="farthest", key="", seed=0).tolist() == expected


@pytest.mark.parametrize("sampling", ["random", "farthest"])
def test_too_few_points_are_taken_as_they_are(sampling):
    points, _ = cloud(10)
    prepared = prepare_cloud(points, None, PointConvention(points=64, sampling=sampling, scale="none"))
    assert len(prepared) == 10
    assert as_set(prepared) == as_set(points)


@pytest.mark.parametrize(
    ("points", "colours", "reason"),
    [
        (np.zeros((0, 3)), None, "the cloud has no points"),
        (
            np.array([[0, 0, 0], [0, np.nan, np.inf]]),
            None,
            "1 points that are not finite, the first in row 1",
        ),
        (np.zeros((2, 3)), np.full((2, 3), 200.0), "colours go from 200 to 200; expected are 0 to 1"),
        (np.zeros((2, 3)), np.full((2, 3), np.nan), "colours go from nan to nan"),
    ],
)
def test_what_is_not_a_cloud_is_refused(points, colours, reason):
    with pytest.raises(DataError, match=reason):
        prepare_cloud(points, colours, PointConvention(colours=True))


def test_options_that_do_not_exist_are_refused():
    points, _ = cloud()
    with pytest.raises(ValueError, match="up must be one of x, y, z, got 'w'"):
        prepare_cloud(points, None, PointConvention(), up="w")
    with pytest.raises(ValueError, match="points_count must be >= 1, got 0"):
        prepare_cloud(points, None, PointConvention(), points_count=0)
    with pytest.raises(ValueError, match=r"points must be \(N, 3\), got \(40, 2\)"):
        prepare_cloud(points[:, :2], None, PointConvention())
