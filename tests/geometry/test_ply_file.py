"""Meshes written as PLY are read as they were."""

import numpy as np

from anaglyph.geometry.load import load_mesh
from anaglyph.geometry.mesh import Material, Mesh
from anaglyph.geometry.ply_file import ply_bytes

VERTICES = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=np.float32)
FACES = np.array([[0, 2, 1], [0, 1, 3]], dtype=np.int32)


def read(folder, mesh):
    (folder / "a.ply").write_bytes(ply_bytes(mesh))
    return load_mesh(folder / "a.ply")


def test_vertices_faces_and_colours_of_vertices_come_back(tmp_path):
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [7, 8, 9]], dtype=np.uint8)
    found = read(tmp_path, Mesh(VERTICES, FACES, vertex_colours=colours))
    np.testing.assert_array_equal(found.vertices, VERTICES)
    np.testing.assert_array_equal(found.faces, FACES)
    np.testing.assert_array_equal(found.vertex_colours, colours)


def test_a_mesh_without_colours_gets_none(tmp_path):
    assert read(tmp_path, Mesh(VERTICES, FACES)).vertex_colours is None


def test_materials_become_colours_of_vertices(tmp_path):
    paints = (Material(colour=(1.0, 0.0, 0.0)), Material(colour=(0.0, 0.0, 1.0)))
    found = read(tmp_path, Mesh(VERTICES, FACES, face_material=np.array([0, 1], np.int32), materials=paints))
    assert found.vertex_colours[found.faces[0]].tolist() == [[255, 0, 0]] * 3
    assert found.vertex_colours[found.faces[1]].tolist() == [[0, 0, 255]] * 3


def test_what_is_up_stays_up(tmp_path):
    found = read(tmp_path, Mesh(VERTICES, FACES, up="z"))
    assert found.vertices[3].tolist() == [0.0, 1.0, 0.0]
