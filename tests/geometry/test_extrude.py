import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anaglyph.geometry.extrude import digit_cloud, digit_mesh, surface_points
from anaglyph.geometry.facets import facets
from anaglyph.geometry.topology import topology
from reference.digit_cloud import slow_normalised_upright, slow_surface_points


def in_order(points):
    rounded = np.round(np.asarray(points), 9) + 0.0
    return rounded[np.lexsort(rounded.T)]


def picture(*pixels, size=4):
    result = np.zeros((size, size), dtype=np.uint8)
    for row, column in pixels:
        result[row, column] = 1
    return result


def test_one_pixel_has_650_points_and_a_domino_1000():
    assert len(digit_cloud(picture((1, 1)))) == 2 * 25 + 4 * 150 == 650
    assert len(digit_cloud(picture((1, 1), (1, 2)))) == 1000
    assert len(digit_cloud(picture((1, 1), (2, 1)))) == 1000


def test_pixels_at_the_edge_of_the_picture_are_closed_too():
    assert len(digit_cloud(picture((0, 0)))) == 650


@settings(deadline=None, max_examples=25)
@given(arrays(np.uint8, (4, 5), elements=st.sampled_from([0, 0, 1, 255])).filter(lambda a: a.any()))
def test_the_cloud_equals_the_slow_one(digit):
    np.testing.assert_array_equal(in_order(surface_points(digit)), in_order(slow_surface_points(digit)))
    slow = slow_normalised_upright(surface_points(digit).tolist())
    np.testing.assert_allclose(digit_cloud(digit), slow, atol=1e-9)


def test_any_value_but_zero_is_solid():
    faint = picture((1, 1)).astype(np.float32) * 1e-6
    np.testing.assert_array_equal(digit_cloud(faint), digit_cloud(picture((1, 1))))


def test_the_longest_extent_is_one_and_the_mean_is_the_origin(shared_data):
    from anaglyph.io.idx import read_idx

    digits = read_idx(shared_data / "mnist" / "images-idx3-ubyte.gz")[:200]
    clouds = [digit_cloud(digit) for digit in digits]
    for cloud in clouds:
        assert np.ptp(cloud, axis=0).max() == pytest.approx(1.0)
        np.testing.assert_allclose(cloud.mean(axis=0), 0.0, atol=1e-12)
    counts = sorted(len(cloud) for cloud in clouds)
    assert 9_000 < counts[0] < 12_000
    assert 20_000 < counts[100] < 25_000
    np.testing.assert_allclose(
        np.mean([np.ptp(c, axis=0) for c in clouds], axis=0), [0.3, 0.75, 0.98], atol=0.06
    )


def test_a_digit_stands_upright_facing_along_x():
    letter_l = picture((0, 0), (1, 0), (2, 0), (3, 0), (3, 1))  # foot at the bottom, to the right
    cloud = digit_cloud(letter_l)
    foot = cloud[cloud[:, 1] > cloud[:, 1].min() + 0.3]
    assert foot[:, 2].max() < np.median(cloud[:, 2])
    assert np.ptp(cloud[:, 0]) == pytest.approx(1.0)  # six deep is the longest of 6, 2 and 4


@pytest.mark.parametrize("empty", [np.zeros((3, 3)), np.zeros((0, 0)), np.ones((2, 2, 2))])
def test_an_empty_or_flatless_picture_is_refused(empty):
    with pytest.raises(ValueError, match=r"a picture is \(H, W\)"):
        digit_cloud(empty)


def test_the_surface_of_a_digit_is_closed_and_holds_its_pixels():
    mesh = digit_mesh(picture((0, 0), (1, 0), (1, 1), (3, 2)))
    assert topology(mesh).open_edges == topology(mesh).turned_edges == 0
    assert facets(mesh).volume == pytest.approx(4 * 6.0)


def test_a_digit_is_read_from_the_front():
    corners = digit_mesh(picture((0, 0))).vertices  # the upper left pixel of four by four
    assert (corners[:, 0].max(), corners[:, 1].min(), corners[:, 2].max()) == (-1.0, 1.0, 3.0)
