import matplotlib
import numpy as np
import pytest

from anaglyph.geometry.camera import orthographic_basis, turntable
from anaglyph.geometry.draw import OFF_WHITE, copper, draw_flat, draw_shaded
from anaglyph.randomness import numpy_generator


def test_copper_is_matplotlibs_map():
    values = np.linspace(0, 1, 256)
    np.testing.assert_allclose(copper(values), matplotlib.colormaps["copper"](values)[:, :3], atol=1e-3)


def test_a_camera_basis_is_a_right_handed_rotation_with_up_upwards():
    for view in [(1.0, 0.65, 0.0), (0.0, -2.0, 0.5), turntable(200.0, 30.0)]:
        basis = orthographic_basis(view)
        np.testing.assert_allclose(basis @ basis.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(basis) == pytest.approx(1.0)
        assert basis[0, 2] == pytest.approx(0.0)
        assert basis[1, 2] > 0
    with pytest.raises(ValueError, match="must not be parallel"):
        orthographic_basis((0.0, 0.0, 1.0))


def test_the_turntable_starts_at_x_and_turns_towards_y():
    np.testing.assert_allclose(turntable(0.0, 0.0), (1, 0, 0), atol=1e-12)
    np.testing.assert_allclose(turntable(90.0, 0.0), (0, 1, 0), atol=1e-12)
    np.testing.assert_allclose(turntable(0.0, 90.0), (0, 0, 1), atol=1e-12)


def slow_flat(cloud, size, view, margin):
    """One point at a time, keeping the nearest per pixel."""
    basis = orthographic_basis(view)
    seen = np.array([basis @ point for point in cloud.astype(np.float64)])
    low, high = seen.min(axis=0), seen.max(axis=0)
    extent = max((high - low)[:2])
    picture = np.full((size, size, 3), OFF_WHITE)
    nearest = np.full((size, size), -np.inf)
    heights = (cloud[:, 2] - cloud[:, 2].min()) / np.ptp(cloud[:, 2])
    for point, height in zip(seen, heights, strict=True):
        x, y, near = (point - (low + high) / 2) / extent
        column = int(size / 2 + size * (1 - 2 * margin) * x)
        row = int(size / 2 - size * (1 - 2 * margin) * y)
        if near > nearest[row, column]:
            nearest[row, column] = near
            picture[row, column] = np.round(255 * copper(np.array(height)))
    return picture


def test_flat_pictures_show_the_nearest_point_of_every_pixel():
    clouds = numpy_generator("clouds").normal(size=(3, 400, 3)).astype(np.float32)
    drawn = draw_flat(clouds, size=24, margin=0.05)
    for picture, cloud in zip(drawn, clouds, strict=True):
        expected = slow_flat(cloud, 24, (1.0, 0.65, 0.0), 0.05)
        different = (np.abs(picture.astype(int) - expected) > 1).any(axis=2)
        assert different.mean() < 0.01  # float32 may put a point on a pixel's edge into the next one


def test_the_order_of_the_points_does_not_change_a_picture():
    clouds = numpy_generator("clouds").normal(size=(1, 300, 3)).astype(np.float32)
    backwards = clouds[:, ::-1]
    np.testing.assert_array_equal(draw_flat(clouds), draw_flat(backwards))
    np.testing.assert_array_equal(draw_shaded(clouds, size=40), draw_shaded(backwards, size=40))


def test_the_near_one_of_two_balls_hides_the_far_one():
    line = np.array([[-1.0, 0, 0], [1.0, 0, 0], [0, 1, 1], [0, -1, -1]], dtype=np.float32)[None]
    low_in_front = line + np.array([[0, 0, -0.2], [0, 0, 0], [0, 0, 0], [0, 0, 0]], dtype=np.float32)
    from_front, from_back = (
        draw_shaded(low_in_front, size=60, view=view, ball=0.2)[0] for view in ((-1.0, 0, 0), (1.0, 0, 0))
    )
    assert from_front[30, 30].sum() < from_back[30, 30].sum()  # the lower ball is darker


def test_the_background_shows_where_no_point_is():
    cloud = np.zeros((1, 5, 3), dtype=np.float32)
    assert (draw_flat(cloud, size=9)[0, 0, 0] == OFF_WHITE).all()
    shaded = draw_shaded(cloud, size=20, background=(1, 2, 3))
    assert shaded.shape == (1, 20, 20, 3)
    assert (shaded[0, 0, 0] == (1, 2, 3)).all()
