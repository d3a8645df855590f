import json
import struct

import numpy as np
import pytest

from anaglyph.geometry.load import load_mesh
from anaglyph.geometry.mesh import Material, Mesh
from anaglyph.geometry.vertex_colours import coloured_vertices
from anaglyph.serve.mesh_glb import glb

VERTICES = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 1]], dtype=np.float32)
FACES = np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32)


def test_our_own_reader_reads_what_was_written(tmp_path):
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 99, 199]], dtype=np.uint8)
    (tmp_path / "a.glb").write_bytes(glb(Mesh(VERTICES, FACES, vertex_colours=colours)))
    read = load_mesh(tmp_path / "a.glb")
    assert read.vertices[read.faces].tolist() == VERTICES[FACES].tolist()
    assert read.vertex_colours[read.faces].tolist() == colours[FACES].tolist()


def test_every_step_of_a_colour_survives_the_way_to_linear_light(tmp_path):
    steps = np.arange(256, dtype=np.uint8)
    vertices = np.random.default_rng(0).random((256, 3)).astype(np.float32)
    faces = np.stack([np.arange(256), np.roll(np.arange(256), 1), np.roll(np.arange(256), 2)], axis=1)
    colours = np.stack([steps] * 3, axis=1)
    mesh = Mesh(vertices, faces.astype(np.int32), vertex_colours=colours)
    (tmp_path / "a.glb").write_bytes(glb(mesh))
    read = load_mesh(tmp_path / "a.glb")
    assert read.vertex_colours[read.faces].tolist() == colours[faces].tolist()


def test_materials_become_colours_of_corners_and_corners_of_one_colour_stay_one_vertex():
    materials = (Material(colour=(1.0, 0.0, 0.0)), Material(colour=(0.0, 0.0, 1.0)))
    mesh = Mesh(VERTICES, FACES, face_material=np.array([0, 1], dtype=np.int32), materials=materials)
    vertices, faces, colours = coloured_vertices(mesh)
    assert vertices[faces].tolist() == VERTICES[FACES].tolist()
    assert colours[faces].tolist() == [[[255, 0, 0]] * 3, [[0, 0, 255]] * 3]
    assert len(vertices) == 6
    same = Mesh(VERTICES, FACES, face_material=np.array([0, 0], dtype=np.int32), materials=materials)
    assert len(coloured_vertices(same)[0]) == 4


def test_a_mesh_without_colours_has_none():
    data = glb(Mesh(VERTICES, FACES))
    size = struct.unpack_from("<I", data, 12)[0]
    scene = json.loads(data[20 : 20 + size])
    assert scene["meshes"][0]["primitives"][0]["attributes"] == {"POSITION": 0}
    assert len(data) % 4 == 0


def test_z_up_becomes_y_up():
    data = glb(Mesh(VERTICES, FACES, up="z"))
    size = struct.unpack_from("<I", data, 12)[0]
    positions = np.frombuffer(data, "<f4", 12, 28 + size).reshape(4, 3)
    assert positions[2].tolist() == [1, 0, -1]


def test_nothing_is_not_packed():
    with pytest.raises(ValueError, match="no faces"):
        glb(Mesh(VERTICES, np.empty((0, 3), dtype=np.int32)))
