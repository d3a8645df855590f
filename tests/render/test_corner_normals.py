import math

import numpy as np

from anaglyph.geometry.mesh import Mesh
from anaglyph.render.corner_normals import corner_normals

BOX_FACES = [
    (0, 2, 1), (0, 3, 2), (4, 5, 6), (4, 6, 7), (0, 1, 5), (0, 5, 4),
    (1, 2, 6), (1, 6, 5), (2, 3, 7), (2, 7, 6), (3, 0, 4), (3, 4, 7),
]  # fmt: skip
BOX = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)]


def mesh(vertices, faces):
    return Mesh(np.array(vertices, dtype=np.float32), np.array(faces, dtype=np.int32))


def tube(sides, *, split=False):
    """An open cylinder of radius 1 around y; `split` gives every face vertices of its own."""
    angle = np.arange(sides) * 2 * math.pi / sides
    ring = np.stack([np.sin(angle), np.zeros(sides), np.cos(angle)], axis=1)
    vertices = np.concatenate([ring, ring + np.array([0.0, 2.0, 0.0])])
    faces = []
    for k in range(sides):
        n = (k + 1) % sides
        faces += [(k, n, sides + n), (k, sides + n, sides + k)]
    faces = np.array(faces)
    if split:
        vertices, faces = vertices[faces.reshape(-1)], np.arange(3 * len(faces)).reshape(-1, 3)
    return mesh(vertices, faces)


def test_edges_of_a_box_stay_sharp():
    normals = corner_normals(mesh(BOX, BOX_FACES))
    assert np.allclose(np.abs(normals).max(axis=2), 1.0, atol=1e-6)
    assert np.allclose(normals, normals[:, :1], atol=1e-6)


def test_a_cylinder_is_smooth_around():
    for split in (False, True):
        round_one = tube(24, split=split)
        normals = corner_normals(round_one)
        places = round_one.vertices[round_one.faces]
        outwards = places * (1, 0, 1)
        # At a corner one triangle or two lie on either side, which turns the mean by up to half a step.
        cosine = (normals * outwards).sum(axis=2)
        assert cosine.min() > math.cos(math.radians(15 / 2) + 1e-3)
        assert np.allclose(normals[..., 1], 0, atol=1e-6)


def test_a_coarse_cylinder_keeps_its_faces():
    normals = corner_normals(tube(6))  # 60 degrees from face to face
    assert np.allclose(normals, normals[:, :1], atol=1e-6)


def test_normals_are_the_mean_over_the_neighbours_within_the_crease():
    """Two triangles of different areas that turn by 30 degrees about their common edge."""
    turn = math.radians(30)
    vertices = [(0, 0, 0), (0, 0, 1), (2, 0, 0), (-math.cos(turn), -math.sin(turn), 0)]
    normals = corner_normals(mesh(vertices, [(0, 1, 2), (0, 3, 1)]))
    first, second = np.array([0, 1.0, 0]), np.array([-math.sin(turn), math.cos(turn), 0])
    shared = 2 * first + second
    shared /= np.linalg.norm(shared)
    np.testing.assert_allclose(normals[0], [shared, shared, first], atol=1e-6)
    np.testing.assert_allclose(normals[1], [shared, second, shared], atol=1e-6)


def test_faces_without_area_and_very_large_fans_do_no_harm():
    flat = corner_normals(mesh([(0, 0, 0), (1, 0, 0), (2, 0, 0)], [(0, 1, 2)]))
    assert (flat == 0).all()
    angle = np.linspace(0, 2 * math.pi, 4001)[:-1]
    rim = np.stack([np.sin(angle), np.zeros_like(angle), np.cos(angle)], axis=1)
    faces = [(0, 1 + k, 1 + (k + 1) % 4000) for k in range(4000)]
    normals = corner_normals(mesh(np.concatenate([[(0, 0.2, 0)], rim]), faces))
    assert np.isfinite(normals).all()
    np.testing.assert_allclose(np.linalg.norm(normals, axis=2), 1, atol=1e-5)
