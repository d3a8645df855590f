import numpy as np
import pytest

from anaglyph.geometry.subsample import subsample, subsample_repeating, to_unit_sphere
from anaglyph.randomness import numpy_generator

POINTS = np.arange(30.0).reshape(10, 3)


def rows(points):
    return (points[:, 0] / 3).astype(int)


def test_a_subsample_has_no_row_twice_and_depends_on_the_generator_alone():
    chosen = subsample(POINTS, 7, numpy_generator(0))
    assert len(set(rows(chosen))) == 7
    np.testing.assert_array_equal(chosen, subsample(POINTS, 7, numpy_generator(0)))
    assert not np.array_equal(chosen, subsample(POINTS, 7, numpy_generator(1)))


def test_every_row_is_chosen_equally_often():
    counts = np.zeros(10)
    generator = numpy_generator(0)
    for _ in range(2000):
        counts[rows(subsample(POINTS, 3, generator))] += 1
    assert abs(counts - 600).max() < 5 * np.sqrt(2000 * 0.3 * 0.7)


@pytest.mark.parametrize("count", [0, -1, 11])
def test_more_points_than_there_are_is_an_error(count):
    with pytest.raises(ValueError, match=f"cannot take {count} different points of 10"):
        subsample(POINTS, count, numpy_generator(0))


def test_repeating_uses_every_row_as_evenly_as_can_be():
    counts = np.bincount(rows(subsample_repeating(POINTS, 23, numpy_generator(0))))
    assert sorted(counts) == [2] * 7 + [3] * 3
    with pytest.raises(ValueError, match="cannot take 3 points of 0"):
        subsample_repeating(POINTS[:0], 3, numpy_generator(0))


def test_the_unit_sphere_holds_the_cloud_and_survives_a_single_point():
    cloud = to_unit_sphere(POINTS**2)
    np.testing.assert_allclose(cloud.mean(axis=0), 0.0, atol=1e-6)
    assert np.linalg.norm(cloud, axis=1).max() == pytest.approx(1.0)
    np.testing.assert_allclose(to_unit_sphere(cloud), cloud, atol=1e-6)
    np.testing.assert_array_equal(to_unit_sphere(POINTS[:1]), 0.0)
