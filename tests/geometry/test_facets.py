from dataclasses import replace

import numpy as np
import pytest

from anaglyph.geometry.facets import facets, signed_volume
from anaglyph.geometry.mesh import Material
from anaglyph.geometry.topology import topology
from scenes import box, joined, mesh_of


def test_a_box_has_the_numbers_of_a_box():
    found = facets(box((1, 1, 1), (3, 5, 2)))
    assert found.size == pytest.approx((2, 4, 1))
    assert found.proportions == pytest.approx((0.5, 1, 0.25))
    assert found.area == pytest.approx(28)
    assert found.volume == pytest.approx(8)
    assert (found.vertices, found.faces, found.components, found.watertight) == (8, 12, 1, True)
    assert (found.materials, found.textures, found.vertex_colours, found.coloured) == (0, 0, False, False)


def test_height_is_along_the_axis_that_points_up():
    assert facets(replace(box((0, 0, 0), (1, 2, 3)), up="z")).size == pytest.approx((1, 3, 2))


def test_volumes_of_pieces_add_up_and_far_from_the_origin_too():
    pair = joined(box((1000, 0, 0), (1001, 1, 1)), box((1003, 0, 0), (1005, 1, 1)))
    assert facets(pair).volume == pytest.approx(3)
    assert facets(pair).components == 2


def test_an_open_surface_has_no_volume():
    whole = box((0, 0, 0), (1, 1, 1))
    found = facets(mesh_of(whole.vertices, whole.faces[1:]))
    assert (found.volume, found.watertight) == (None, False)


def test_turning_every_face_turns_the_sign_and_not_the_volume():
    whole = box((0, 0, 0), (1, 2, 3))
    turned = mesh_of(whole.vertices, whole.faces[:, ::-1])
    assert {signed_volume(whole), signed_volume(turned)} == {6.0, -6.0}
    assert facets(turned).volume == pytest.approx(6)


def test_materials_and_textures_count_when_faces_use_them():
    texture = np.zeros((2, 2, 3), np.uint8)
    materials = (Material(texture=texture), Material(), Material(texture=texture))
    rows = np.array([0] * 6 + [1] * 6, np.int32)
    found = facets(replace(box((0, 0, 0), (1, 1, 1)), face_material=rows, materials=materials))
    assert (found.materials, found.textures, found.coloured) == (2, 1, True)


def test_a_known_structure_is_used():
    mesh = box((0, 0, 0), (1, 1, 1))
    assert facets(mesh, structure=topology(mesh)) == facets(mesh)
    assert facets(mesh, structure=replace(topology(mesh), components=7)).components == 7


def test_a_mesh_in_one_point_has_size_nought_and_one_without_faces_is_refused():
    assert facets(mesh_of(np.ones((3, 3)), [[0, 1, 2]])).proportions == (0, 0, 0)
    with pytest.raises(ValueError, match="no faces"):
        facets(mesh_of(np.eye(3), np.empty((0, 3))))
