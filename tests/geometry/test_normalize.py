from dataclasses import replace

import numpy as np
import pytest

from anaglyph.geometry.normalize import bounds, normalized, to_y_up, without_unused_vertices
from scenes import box, mesh_of


def with_stray_vertex(mesh):
    vertices = np.concatenate([np.full((1, 3), 3e38, np.float32), mesh.vertices])
    return mesh_of(vertices, mesh.faces + 1, vertex_colours=np.arange(27, dtype=np.uint8).reshape(9, 3))


def test_z_up_becomes_y_up_with_the_front_at_plus_z():
    corner = mesh_of([[1, 0, 0], [0, -1, 0], [0, 0, 1]], [[0, 1, 2]], up="z")
    turned = to_y_up(corner)
    assert turned.vertices.tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert turned.up == "y"
    assert to_y_up(turned) is turned


def test_turning_up_keeps_the_handedness():
    corner = mesh_of([[0, 0, 0], [1, 0, 0], [0, 2, 0]], [[0, 1, 2]], up="z")
    a, b, c = to_y_up(corner).vertices
    assert np.cross(b - a, c - a).tolist() == [0, 2, 0]  # z before, y now


@pytest.mark.parametrize(
    ("to", "length"), [("sphere", np.sqrt(14)), ("diagonal", 2 * np.sqrt(14)), ("side", 6)]
)
def test_a_box_is_centred_and_has_the_measure_asked_for(to, length):
    mesh = normalized(box((10, 20, 30), (12, 24, 36)), to)
    low, high = bounds(mesh)
    np.testing.assert_allclose(low, np.array([-1, -2, -3]) / length, atol=1e-7)
    np.testing.assert_allclose(high, np.array([1, 2, 3]) / length, atol=1e-7)


def test_the_sphere_reaches_the_farthest_vertex_and_not_the_corner_of_the_box():
    octahedron = np.concatenate([np.eye(3), -np.eye(3)])
    mesh = normalized(mesh_of(7 * octahedron, [[0, 1, 2], [3, 4, 5]]), "sphere")
    np.testing.assert_allclose(np.abs(mesh.vertices).max(axis=1), 1, atol=1e-7)


@pytest.mark.parametrize("to", ["sphere", "diagonal", "side"])
def test_normalising_twice_changes_nothing(to):
    once = normalized(box((0, 0, 0), (1, 5, 2)), to)
    np.testing.assert_allclose(normalized(once, to).vertices, once.vertices, atol=1e-7)


def test_vertices_without_a_face_count_for_nothing():
    plain = box((0, 0, 0), (1, 2, 3))
    stray = normalized(with_stray_vertex(plain), "side")
    np.testing.assert_array_equal(stray.vertices, normalized(plain, "side").vertices)
    np.testing.assert_array_equal(stray.faces, plain.faces)
    assert stray.vertex_colours[0].tolist() == [3, 4, 5]


def test_dropping_vertices_keeps_the_corners_of_every_face():
    mesh = with_stray_vertex(box((0, 0, 0), (1, 2, 3)))
    smaller = without_unused_vertices(mesh)
    assert len(smaller.vertices) == 8
    np.testing.assert_array_equal(smaller.vertices[smaller.faces], mesh.vertices[mesh.faces])
    assert without_unused_vertices(smaller) is smaller


@pytest.mark.parametrize("scale", [1e-30, 1e37])
def test_very_small_and_very_large_models_keep_their_shape(scale):
    small = normalized(box((0, 0, 0), (scale, 2 * scale, 3 * scale)), "side")
    np.testing.assert_allclose(bounds(small)[1], [1 / 6, 1 / 3, 1 / 2], rtol=1e-5)


def test_looks_and_notes_stay():
    mesh = replace(box((0, 0, 0), (1, 1, 1)), notes=("odd",), up="z")
    assert normalized(mesh, "side").notes == ("odd",)


def test_a_mesh_without_faces_or_extent_is_refused():
    with pytest.raises(ValueError, match="no faces, so it has no size"):
        normalized(mesh_of(np.eye(3), np.empty((0, 3))), "side")
    with pytest.raises(ValueError, match=r"no extent: 1 faces, all in the point \[2.0, 2.0, 2.0\]"):
        normalized(mesh_of(np.full((3, 3), 2.0), [[0, 1, 2]]), "sphere")
