import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.errors import ConfigError
from anaglyph.geometry.cameras import VIEWS, Camera, orbit, view_cameras

COUNTS = {"ring12": 12, "ring8": 8, "dodecahedron20": 20, "faces6": 6, "thumbnail": 1}


def seen_from(camera, point):
    """Camera axes of a point in the world."""
    return (camera.view() @ [*point, 1.0])[:3]


def test_azimuth_0_stands_in_front_and_90_on_the_right_of_the_model():
    assert orbit(0, 0).position == pytest.approx((0, 0, orbit(0, 0).distance))
    assert orbit(90, 0).position == pytest.approx((orbit(0, 0).distance, 0, 0))


def test_from_the_front_x_is_right_y_up_and_z_towards_the_viewer():
    camera = orbit(0, 0)
    centre = seen_from(camera, (0, 0, 0))
    np.testing.assert_allclose(centre, (0, 0, -camera.distance), atol=1e-12)
    np.testing.assert_allclose(seen_from(camera, (1, 2, 3)) - centre, (1, 2, 3), atol=1e-12)


def test_from_azimuth_90_the_models_x_axis_points_at_the_viewer():
    camera = orbit(90, 0)
    move = seen_from(camera, (1, 2, 3)) - seen_from(camera, (0, 0, 0))
    np.testing.assert_allclose(move, (-3, 2, 1), atol=1e-12)


def test_the_view_matrix_turns_and_moves_only():
    view = Camera(position=(1, 2, 3), target=(-1, 0, 0.5), up=(0.2, 1, 0.1)).view()
    np.testing.assert_allclose(view[:3, :3] @ view[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(view[:3, :3]) == pytest.approx(1.0)
    np.testing.assert_array_equal(view[3], (0, 0, 0, 1))


@settings(deadline=None, max_examples=50)
@given(azimuth=st.floats(0, 359.99), elevation=st.floats(-90, 90))
def test_a_camera_knows_its_angles(azimuth, elevation):
    camera = orbit(azimuth, elevation)
    assert camera.elevation == pytest.approx(elevation, abs=1e-5)
    if abs(elevation) < 89.9 or abs(elevation) == 90:
        turn = (camera.azimuth - azimuth + 180) % 360 - 180
        assert turn == pytest.approx(0, abs=1e-5)
    assert 0 <= camera.azimuth < 360


@pytest.mark.parametrize("elevation", [90.0, -90.0])
@pytest.mark.parametrize("azimuth", [0.0, 30.0, 200.0])
def test_straight_above_and_below_the_picture_turns_as_it_does_just_before(azimuth, elevation):
    pole, before = orbit(azimuth, elevation), orbit(azimuth, math.copysign(89.9999, elevation))
    np.testing.assert_allclose(pole.view(), before.view(), atol=1e-4)


def test_the_unit_sphere_touches_the_border_at_margin_1_and_not_at_the_default():
    touching = orbit(10, 20, margin=1.0)
    assert math.degrees(math.asin(1 / touching.distance)) == pytest.approx(49.1 / 2)
    assert orbit(10, 20).distance == pytest.approx(1.05 / math.sin(math.radians(24.55)))


def test_pixels_by_intrinsics_and_by_projection_are_the_same():
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (50, 3))
    for camera in (orbit(40, 25), Camera(position=(3, 1, 2), height=2.5)):
        axes = (camera.view() @ np.column_stack([points, np.ones(50)]).T)[:3]
        clip = camera.projection() @ np.vstack([axes, np.ones(50)])
        ndc = clip[:2] / clip[3]
        expected = (ndc * [[1], [-1]] + 1) / 2 * 224
        seen = np.stack([axes[0], -axes[1], -axes[2] if camera.height is None else np.ones(50)])
        pixels = camera.intrinsics(224) @ seen
        np.testing.assert_allclose(pixels[:2] / pixels[2], expected, atol=1e-9)


def test_clip_space_ends_at_the_near_and_the_far_plane():
    for camera in (orbit(0, 0), Camera(position=(0, 0, 3), height=2.0)):
        matrix = camera.projection(near=0.5, far=7.0)
        for depth, expected in ((0.5, -1.0), (7.0, 1.0)):
            clip = matrix @ [0, 0, -depth, 1]
            assert clip[2] / clip[3] == pytest.approx(expected)


def test_a_wider_picture_shows_more_to_the_sides():
    narrow, wide = orbit(0, 0).projection(1.0), orbit(0, 0).projection(2.0)
    assert wide[0, 0] == narrow[0, 0] / 2
    assert wide[1, 1] == narrow[1, 1]


@pytest.mark.parametrize("name", VIEWS)
def test_a_set_has_its_number_of_different_cameras_at_one_distance(name):
    cameras = view_cameras(name)
    assert len(cameras) == COUNTS[name] == len({camera.position for camera in cameras})
    assert {round(camera.distance, 9) for camera in cameras} == {round(orbit(0, 0).distance, 9)}


@pytest.mark.parametrize(("name", "step"), [("ring12", 30), ("ring8", 45)])
def test_rings_go_round_in_equal_steps_from_the_front(name, step):
    assert [camera.azimuth for camera in view_cameras(name)] == list(range(0, 360, step))
    assert {camera.elevation for camera in view_cameras(name)} == {30.0}
    assert {camera.elevation for camera in view_cameras(name, elevation=10.0)} == {10.0}


def test_the_vertices_of_the_dodecahedron_are_a_dodecahedrons():
    positions = np.array([camera.position for camera in view_cameras("dodecahedron20")])
    cosines = positions @ positions.T / (positions**2).sum(1)[:, None]
    expected = sorted(
        [1.0, *[math.sqrt(5) / 3] * 3, *[1 / 3] * 6, *[-1 / 3] * 6, *[-math.sqrt(5) / 3] * 3, -1.0]
    )
    for row in cosines:
        np.testing.assert_allclose(sorted(row), expected, atol=1e-9)


def test_six_faces_are_seen_along_the_axes():
    directions = [np.round(np.array(c.position) / c.distance, 9).tolist() for c in view_cameras("faces6")]
    expected = [[0, 0, 1], [1, 0, 0], [0, 0, -1], [-1, 0, 0], [0, 1, 0], [0, -1, 0]]
    assert directions == [[float(x) for x in axis] for axis in expected]


def test_an_unknown_set_names_the_closest():
    with pytest.raises(ConfigError, match="no set of views 'ring13'; did you mean 'ring12'"):
        view_cameras("ring13")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"position": (0, 0, 0)}, "cannot look at its own position"),
        ({"position": (0, 2, 0)}, "must not be along the line of sight"),
        ({"position": (0, 0, 1), "up": (0, 0, 0)}, "must not be along"),
        ({"position": (0, 0, math.nan)}, "finite numbers each"),
        ({"position": (0, 0, 1), "field_of_view": 180.0}, "between 0 and 180 degrees, got 180"),
        ({"position": (0, 0, 1), "height": 0.0}, "height must be positive, got 0"),
    ],
)
def test_a_camera_that_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Camera(**options)
