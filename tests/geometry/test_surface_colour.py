import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.geometry.mesh import GREY, Material
from anaglyph.geometry.surface_colour import colour_at, has_colours, texture_at
from reference.surface_colour import slow_colour, slow_texture
from scenes import mesh_of

CORNERS = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]]
FACES = [[0, 1, 2], [1, 3, 2]]
CHECKS = np.array(
    [[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8
)  # red is at the top left


def looks(seed, *, colours, material, uv):
    rng = np.random.default_rng(seed)
    texture = rng.integers(0, 256, (3, 5, 3), dtype=np.uint8)
    materials = (Material(colour=(0.2, 0.5, 1.0), texture=texture), Material(colour=(0.9, 0.8, 0.1)))
    return {
        "vertex_colours": rng.integers(0, 256, (4, 3), dtype=np.uint8) if colours else None,
        "face_material": rng.integers(0, 2, 2).astype(np.int32) if material else None,
        "materials": materials if material else (),
        "corner_uv": rng.uniform(-2, 3, (2, 3, 2)).astype(np.float32) if uv else None,
    }


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**16), colours=st.booleans(), material=st.booleans(), uv=st.booleans())
def test_colours_equal_the_loop_over_four_pixels(seed, colours, material, uv):
    mesh = mesh_of(CORNERS, FACES, **looks(seed, colours=colours, material=material, uv=uv))
    rng = np.random.default_rng(seed + 1)
    faces, weights = rng.integers(0, 2, 9), rng.dirichlet([1, 1, 1], 9)
    expected = [slow_colour(mesh, face, weight) for face, weight in zip(faces, weights, strict=True)]
    np.testing.assert_allclose(colour_at(mesh, faces, weights), expected, atol=1e-5)


def test_the_top_of_a_texture_is_where_v_is_one():
    uv = np.array([[0.25, 0.75], [0.75, 0.75], [0.25, 0.25], [0.75, 0.25]])
    np.testing.assert_allclose(texture_at(CHECKS, uv), CHECKS.reshape(4, 3) / 255, atol=1e-12)


def test_textures_repeat_and_blend_over_their_edges():
    inside = np.array([[0.25, 0.75], [0.6, 0.1]])
    np.testing.assert_allclose(
        texture_at(CHECKS, inside + np.array([-3, 7])), texture_at(CHECKS, inside), atol=1e-12
    )
    np.testing.assert_allclose(texture_at(CHECKS, np.array([[0.0, 0.75]])), [[0.5, 0.5, 0]], atol=1e-12)
    np.testing.assert_allclose(slow_texture(CHECKS, 0.0, 0.75), [0.5, 0.5, 0])


def test_texture_coordinates_far_away_and_a_single_pixel_are_fine():
    one = np.full((1, 1, 3), 51, np.uint8)
    for uv in ([[1e30, -1e30]], [[0.3, -1e-18]], [[1.0, 1.0]]):
        np.testing.assert_allclose(texture_at(one, np.array(uv)), [[0.2, 0.2, 0.2]])
        assert np.isfinite(texture_at(CHECKS, np.array(uv))).all()


def test_a_mesh_without_looks_is_grey_and_says_so():
    mesh = mesh_of(CORNERS, FACES)
    np.testing.assert_allclose(colour_at(mesh, np.array([0]), np.full((1, 3), 1 / 3)), [GREY], atol=1e-7)
    assert not has_colours(mesh)


@pytest.mark.parametrize(
    "parts",
    [
        {"vertex_colours": np.zeros((4, 3), np.uint8)},
        {"face_material": np.zeros(2, np.int32), "materials": (Material(colour=(1.0, 0.0, 0.0)),)},
        {"face_material": np.zeros(2, np.int32), "materials": (Material(texture=CHECKS),)},
    ],
)
def test_vertex_colours_factors_and_textures_are_colours(parts):
    assert has_colours(mesh_of(CORNERS, FACES, **parts))


def test_a_colour_that_no_face_uses_is_none():
    materials = (Material(), Material(colour=(1.0, 0.0, 0.0)))
    assert not has_colours(mesh_of(CORNERS, FACES, face_material=np.zeros(2, np.int32), materials=materials))


def test_no_points_have_no_colours():
    assert colour_at(mesh_of(CORNERS, FACES), np.empty(0, np.int64), np.empty((0, 3))).shape == (0, 3)


def test_many_points_are_the_same_as_few(monkeypatch):
    from anaglyph.geometry import surface_colour

    mesh = mesh_of(CORNERS, FACES, **looks(0, colours=True, material=True, uv=True))
    rng = np.random.default_rng(0)
    faces, weights = rng.integers(0, 2, 50), rng.dirichlet([1, 1, 1], 50)
    whole = colour_at(mesh, faces, weights)
    monkeypatch.setattr(surface_colour, "_BLOCK", 7)
    np.testing.assert_array_equal(colour_at(mesh, faces, weights), whole)
