"""Pictures of clouds: where discs lie, how deep, how bright, whatever the order of the points."""

import numpy as np
import pytest

from anaglyph.errors import ConfigError
from anaglyph.geometry.cameras import Camera, view_cameras
from anaglyph.randomness import numpy_generator
from anaglyph.render.cloud_views import CloudViewOptions, cloud_depth, render_cloud
from reference.cloud_views import slow_depth

RING = view_cameras("ring8")
FRONT = Camera(position=(0.0, 0.0, 4.0), height=2.5)


def sphere(count=3000):
    points = numpy_generator("sphere").normal(size=(count, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


@pytest.mark.parametrize("radius", [1.0, 2.0, 3.5])
def test_depth_is_that_of_the_nearest_disc(radius):
    points = sphere(25) * 0.9
    found = cloud_depth(points, RING[:2], size=24, radius=radius)
    for depth, camera in zip(found, RING, strict=False):
        np.testing.assert_allclose(depth, slow_depth(points, camera, size=24, radius=radius), rtol=1e-6)


def test_a_dense_sphere_has_the_depth_of_a_sphere():
    (depth,) = cloud_depth(sphere(40_000), (FRONT,), size=64, radius=1.0)
    place = (np.arange(64) + 0.5) / 64 * 2.5 - 1.25
    flat = place[None] ** 2 + place[:, None] ** 2
    inside = flat < 0.7
    np.testing.assert_allclose(depth[inside], 4.0 - np.sqrt(1.0 - flat[inside]), atol=0.12)
    assert np.isinf(depth[flat > 1.2]).all()


def test_a_shaded_sphere_is_brightest_where_it_faces_the_camera_and_stands_on_white():
    (picture,) = render_cloud(sphere(20_000), (FRONT,), CloudViewOptions(size=64))
    assert picture[0, 0] == 255
    middle, edge = picture[28:36, 28:36].mean(), picture[30:34, 9:12].mean()
    assert middle == pytest.approx(255 * 0.94, abs=12)
    assert edge < middle - 60


def test_in_a_depth_map_near_is_white_far_is_dark_and_nothing_black():
    points = np.array([[-0.5, 0.0, 0.5], [0.5, 0.0, -0.5]])
    (picture,) = render_cloud(points, (FRONT,), CloudViewOptions(size=32, look="depth", radius=2.0))
    assert set(np.unique(picture)) == {0, 51, 255}
    assert (picture[:, :16] == 255).any()
    assert (picture[:, 16:] == 51).any()


def test_pictures_do_not_depend_on_the_order_of_the_points():
    points = sphere(300)
    for look in ("depth", "shaded"):
        options = CloudViewOptions(size=24, look=look)
        np.testing.assert_array_equal(
            render_cloud(points, RING, options), render_cloud(points[::-1], RING, options)
        )


def test_a_single_point_and_a_cloud_behind_the_camera_are_pictures_too():
    for look, empty in (("depth", 0), ("shaded", 255)):
        options = CloudViewOptions(size=16, look=look)
        assert render_cloud(np.zeros((1, 3)), (FRONT,), options).shape == (1, 16, 16)
        behind = render_cloud(np.array([[0.0, 0.0, 9.0]]), (FRONT,), options)
        assert (behind == empty).all()


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match=r"\(N, 3\)"):
        render_cloud(np.zeros((0, 3)), RING, CloudViewOptions())
    for wrong in ({"size": 4}, {"look": "painted"}, {"ambient": 2.0}, {"radius": -1.0}):
        with pytest.raises(ConfigError):
            CloudViewOptions(**wrong)
