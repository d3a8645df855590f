import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.evaluation.shape_distance import grid_iou, hausdorff_modified
from reference.shape_distance import slow_hausdorff, slow_iou

ORIGIN, TWO = np.zeros((1, 3)), np.array([[0.0, 0, 0], [1, 0, 0]])


def cloud(seed, count):
    return np.random.default_rng(seed).normal(size=(count, 3))


def test_the_golden_pair_gives_a_third_pooled_and_a_quarter_as_the_mean_of_means():
    assert hausdorff_modified(TWO, ORIGIN) == pytest.approx(1 / 3, abs=1e-15)
    assert hausdorff_modified(TWO, ORIGIN, pooled=False) == pytest.approx(0.25, abs=1e-15)


@settings(deadline=None, max_examples=40)
@given(first=st.integers(1, 12), second=st.integers(1, 12), seed=st.integers(0, 2**16), pooled=st.booleans())
def test_the_distance_equals_the_loops(first, second, seed, pooled):
    clouds = cloud(seed, first), cloud(seed + 1, second)
    expected = slow_hausdorff(*(each.tolist() for each in clouds), pooled=pooled)
    assert hausdorff_modified(*clouds, pooled=pooled) == pytest.approx(expected, rel=1e-12)


def test_the_distance_of_a_cloud_to_itself_is_nothing_and_to_a_shifted_point_the_shift():
    assert hausdorff_modified(cloud(0, 50), cloud(0, 50)) == 0
    assert hausdorff_modified(ORIGIN, np.array([[0, 3, 4]])) == pytest.approx(5)


def test_the_distance_is_symmetric_and_grows_with_the_scale():
    first, second = cloud(1, 30), cloud(2, 20)
    value = hausdorff_modified(first, second)
    assert hausdorff_modified(second, first) == pytest.approx(value, rel=1e-12)
    assert hausdorff_modified(first / 2, second / 2) == pytest.approx(value / 2, rel=1e-12)


@pytest.mark.parametrize("wrong", [np.zeros((0, 3)), np.zeros((4, 2)), np.zeros(3)])
def test_a_cloud_of_another_shape_is_named(wrong):
    with pytest.raises(ValueError, match=r"second must be \(N, 3\)"):
        hausdorff_modified(TWO, wrong)


def test_a_cloud_with_nan_is_refused():
    with pytest.raises(ValueError, match="first has NaN"):
        hausdorff_modified(np.full((2, 3), np.nan), TWO)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**16), share=st.floats(0.05, 0.95))
def test_the_overlap_equals_the_loops(seed, share):
    rng = np.random.default_rng(seed)
    first, second = rng.random((2, 4, 4, 4)) < share
    first[0, 0, 0] = True
    assert grid_iou(first, second) == pytest.approx(slow_iou(first, second), rel=1e-12)


def test_two_cubes_that_share_half_overlap_by_a_third():
    first, second = np.zeros((2, 8, 8, 8), dtype=bool)
    first[0:4], second[2:6] = True, True
    assert grid_iou(first, second) == pytest.approx(1 / 3)


def test_grids_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match="of one shape"):
        grid_iou(np.ones((2, 2, 2), dtype=bool), np.ones((3, 3, 3), dtype=bool))
    with pytest.raises(ValueError, match="both grids are empty"):
        grid_iou(np.zeros((2, 2, 2), dtype=bool), np.zeros((2, 2, 2), dtype=bool))
    with pytest.raises(ValueError, match="boolean"):
        grid_iou(np.ones((2, 2, 2)), np.ones((2, 2, 2)))
