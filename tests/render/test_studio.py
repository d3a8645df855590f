import math

import numpy as np
import pytest

from anaglyph.geometry.cameras import Camera, orbit
from anaglyph.geometry.mesh import Material, Mesh
from anaglyph.render.studio import GAMMA, Light, Shadows, floor, fragments, lit, subject

DARK = (0.0, 0.0, 0.0)


def quads(*squares, materials=()):
    """A mesh of quadrilaterals, four corners each, counter-clockwise; square k of material k where given."""
    vertices = np.array(squares, dtype=np.float32).reshape(-1, 3)
    faces = np.concatenate([[(4 * k, 4 * k + 1, 4 * k + 2), (4 * k, 4 * k + 2, 4 * k + 3)]
                            for k in range(len(squares))]).astype(np.int32)  # fmt: skip
    rows = np.repeat(np.arange(len(squares)), 2).astype(np.int32) if materials else None
    return Mesh(vertices, faces, face_material=rows, materials=tuple(materials))


def level(y, half=0.5, x=0.0):
    """A horizontal square whose normal points up."""
    return [(x - half, y, half), (x + half, y, half), (x + half, y, -half), (x - half, y, -half)]


def shine(seen, value=0.0):
    return np.full(len(seen.faces), value, dtype=np.float32)


def test_a_matt_face_has_lambert_s_brightness():
    turn = math.radians(40)
    model = subject(quads(level(0.0), materials=[Material(colour=(0.5, 0.25, 1.0))]))
    light = Light(towards=(math.sin(turn), math.cos(turn), 0), lamp=(0.8, 0.6, 0.4), sky=DARK, ground=DARK)
    seen = fragments(model, orbit(0, 60), samples=40)
    bright = lit(seen, light, Shadows(model, light), shine=shine(seen), sharpness=shine(seen, 8))
    colour = np.array([0.5, 0.25, 1.0]) ** GAMMA
    expected = colour * math.cos(turn) * np.array([0.8, 0.6, 0.4])
    np.testing.assert_allclose(bright, np.tile(expected, (len(bright), 1)), atol=1e-5)


def test_sky_and_ground_light_what_faces_them_and_mix_at_the_horizon():
    wall = [(-0.5, -0.5, 0.0), (0.5, -0.5, 0.0), (0.5, 0.5, 0.0), (-0.5, 0.5, 0.0)]
    light = Light(towards=(0, 0, -1), lamp=DARK, sky=(0.6, 0.6, 0.6), ground=(0.2, 0.2, 0.2))
    white = [Material(colour=(1.0, 1.0, 1.0))]
    for square, elevation, expected in ((level(0.0), 80, 0.6), (level(0.0), -80, 0.2), (wall, 0, 0.4)):
        model = subject(quads(square, materials=white))
        seen = fragments(model, orbit(0, elevation), samples=24)
        bright = lit(seen, light, Shadows(model, light), shine=shine(seen), sharpness=shine(seen, 8))
        np.testing.assert_allclose(bright, expected, atol=1e-5)


def test_a_highlight_is_where_the_mirror_image_of_the_lamp_is():
    model = subject(quads(level(0.0, half=0.7)))
    camera = orbit(0, 40, field_of_view=20)
    light = Light(towards=(0, math.sin(math.radians(40)), -math.cos(math.radians(40))), sky=DARK, ground=DARK)
    seen = fragments(model, camera, samples=150)
    shadows = Shadows(model, light)
    matt = lit(seen, light, shadows, shine=shine(seen), sharpness=shine(seen, 50))
    shiny = lit(seen, light, shadows, shine=shine(seen, 1.0), sharpness=shine(seen, 50))
    spot = seen.places[(shiny - matt)[:, 0].argmax()]
    assert np.linalg.norm(spot) < 0.06


def test_what_lies_under_something_is_in_its_shadow():
    model = subject(quads(level(-0.4, half=0.6), level(0.4, half=0.2)))
    light = Light(towards=(0, 1, 0), lamp=(1.0, 1.0, 1.0), sky=DARK, ground=DARK, softness=0.01)
    seen = fragments(model, orbit(0, 50), samples=80)
    bright = lit(seen, light, Shadows(model, light), shine=shine(seen), sharpness=shine(seen, 8))[:, 0]
    lower = seen.places[:, 1] < 0
    reach = np.abs(seen.places[:, [0, 2]]).max(axis=1)
    assert (bright[lower & (reach < 0.17)] == 0).all()
    assert (bright[lower & (reach > 0.23)] > 0.3).all()
    assert (bright[~lower] > 0.3).all()


def test_the_floor_is_where_rays_meet_its_level_and_darker_under_the_object():
    model = subject(quads(level(0.0, half=0.3)))
    light = Light(towards=(0, 1, 0), softness=0.01)
    camera = Camera(position=(0, 1.5, 2), field_of_view=60)
    ground = floor(camera, Shadows(model, light), level=-0.5, samples=50)
    places = np.column_stack([ground.places[:, 0], np.full(2500, -0.5), ground.places[:, 1], np.ones(2500)])
    clip = camera.projection() @ camera.view() @ places.T
    x, y = clip[:2] / clip[3]
    steps = (np.arange(50) + 0.5) / 25 - 1
    there = ~np.isnan(ground.places[:, 0])
    assert there.mean() > 0.6
    np.testing.assert_allclose(x[there], np.tile(steps, 50)[there], atol=1e-4)
    np.testing.assert_allclose(y[there], -np.repeat(steps, 50)[there], atol=1e-4)
    reach = np.abs(ground.places).max(axis=1)
    assert (ground.lit[there & (reach < 0.27)] == 0).all()
    assert (ground.lit[~there | (reach > 0.33)] == 1).all()


def test_a_camera_below_the_floor_sees_none():
    model = subject(quads(level(0.0)))
    ground = floor(orbit(0, -30), Shadows(model, Light()), level=-0.5, samples=10)
    assert np.isnan(ground.places).all()
    assert (ground.lit == 1).all()


@pytest.mark.parametrize("smooth", [False, True])
def test_normals_face_the_camera_from_both_sides(smooth):
    model = subject(quads(level(0.0)))
    for elevation in (50, -50):
        seen = fragments(model, orbit(20, elevation), samples=16, smooth=smooth)
        assert len(seen.samples) > 20
        np.testing.assert_allclose(seen.normals, np.tile([0, np.sign(elevation), 0], (len(seen.faces), 1)))
