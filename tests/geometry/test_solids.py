import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.geometry.assemble import Part, assemble
from anaglyph.geometry.curves import (
    arc,
    helix,
    lifted,
    rectangle,
    regular_polygon,
    rounded_rectangle,
    signed_area,
    smooth_curve,
    superellipse,
)
from anaglyph.geometry.mesh import Material
from anaglyph.geometry.polygons import triangulated
from anaglyph.geometry.solid import Solid, around, merged, repeated
from anaglyph.geometry.solids import beam, box, cylinder, rod, rods, rounded_box, sphere, torus
from anaglyph.geometry.sweep import extrusion, lathe, loft, tube

L_SHAPE = [(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)]
L_SHAPE_WITH_FLAT_CORNERS = [(0, 0), (1, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2), (0, 1)]
STAR = [tuple((1.0 if k % 2 else 0.4) * point) for k, point in enumerate(regular_polygon(1.0, corners=10))]
BOWL = [(0, 0), (1, 0), (1.2, 1), (1.1, 1), (0.9, 0.1), (0, 0.1)]
K = 24


def areas(solid):
    corner = solid.vertices[solid.faces]
    return np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1) / 2


def volume(solid):
    corner = solid.vertices[solid.faces]
    return float(np.linalg.det(corner).sum() / 6)


def euler_characteristic(solid):
    edges = {
        frozenset(edge)
        for face in solid.faces.tolist()
        for edge in zip(face, face[1:] + face[:1], strict=True)
    }
    return len(solid.vertices) - len(edges) + len(solid.faces)


def polygon_area(radius, corners):
    return corners / 2 * math.sin(2 * math.pi / corners) * radius**2


def frustum_volume(bottom, top, height, corners):
    base = polygon_area(1.0, corners)
    return base * height / 3 * (bottom**2 + bottom * top + top**2)


def frustum_side(bottom, top, height, corners):
    """K trapezia whose slant height is measured to the middle of their sides."""
    slant = math.hypot(height, (bottom - top) * math.cos(math.pi / corners))
    return corners * math.sin(math.pi / corners) * (bottom + top) * slant


def chamfered_volume(size, cut):
    """The cuboid without a prism along each edge; at a corner three of them would be counted too often."""
    edges = 4 * sum(length - 2 * cut for length in size) * cut**2 / 2
    corner = cut**3 - cut**3 / 6  # the corner cube keeps the tetrahedron between its three cut-off neighbours
    return math.prod(size) - edges - 8 * corner


# what it is, area or None, volume, Euler characteristic
GOLDEN = {
    "box": (box(1, 2, 3), 22.0, 6.0, 2),
    "box away from the origin": (box(1, 2, 3, at=(5, -7, 9)), 22.0, 6.0, 2),
    "chamfered box": (box(1, 2, 3, chamfer=0.1), None, chamfered_volume((1, 2, 3), 0.1), 2),
    "cylinder": (
        cylinder(0.5, 2, segments=K),
        2 * polygon_area(0.5, K) + frustum_side(0.5, 0.5, 2, K),
        polygon_area(0.5, K) * 2,
        2,
    ),
    "frustum": (
        cylinder(1, 2, top=0.5, segments=K),
        polygon_area(1, K) + polygon_area(0.5, K) + frustum_side(1, 0.5, 2, K),
        frustum_volume(1, 0.5, 2, K),
        2,
    ),
    "cone": (
        cylinder(1, 2, top=0, segments=K),
        polygon_area(1, K) + frustum_side(1, 0, 2, K),
        frustum_volume(1, 0, 2, K),
        2,
    ),
    "square torus": (
        lathe([(1, 0), (2, 0), (2, 1), (1, 1)], segments=K, ring=True),
        2 * (polygon_area(2, K) - polygon_area(1, K)) + frustum_side(1, 1, 1, K) + frustum_side(2, 2, 1, K),
        polygon_area(2, K) - polygon_area(1, K),
        0,
    ),
    "bowl": (
        lathe(BOWL, segments=K),
        None,
        frustum_volume(1, 1.2, 1, K) - frustum_volume(0.9, 1.1, 0.9, K),
        2,
    ),
    "L": (extrusion(L_SHAPE, 0.5), 2 * 3 + 8 * 0.5, 1.5, 2),
    "L the other way round": (extrusion(L_SHAPE[::-1], 0.5), 2 * 3 + 8 * 0.5, 1.5, 2),
    "L with corners on its sides": (extrusion(L_SHAPE_WITH_FLAT_CORNERS, 0.5), 10.0, 1.5, 2),
    "star": (extrusion(STAR, 0.25), None, 5 * 0.4 * math.sin(math.pi / 5) * 0.25, 2),
    "rod": (rod((1, 2, 3), (1, 2, 7), 0.5, sides=8), None, polygon_area(0.5, 8) * 4, 2),
    "tapered rod": (rod((0, 0, 0), (3, 0, 4), 1.0, tip=0.5, sides=8), None, frustum_volume(1, 0.5, 5, 8), 2),
    "beam": (beam((0, 0, 0), (0, 3, 4), 1, 2), 2 * (2 + 5 + 10), 10.0, 2),
    "straight tube": (
        tube([(0, 0, 0), (0, 1, 0), (0, 5, 0)], 0.5, sides=6),
        None,
        polygon_area(0.5, 6) * 5,
        2,
    ),
    "pyramid by a loft": (loft([lifted(rectangle(2, 2)), np.tile([0.0, 0.0, 3.0], (4, 1))]), None, 4.0, 2),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_area_volume_and_euler_characteristic_are_those_of_the_closed_form(name):
    solid, area, content, characteristic = GOLDEN[name]
    if area is not None:
        assert areas(solid).sum() == pytest.approx(area, rel=1e-9)
    assert volume(solid) == pytest.approx(content, rel=1e-9)
    assert euler_characteristic(solid) == characteristic


ROUND = {
    "sphere": (sphere(1.5, segments=64, rings=32), 4 * math.pi * 1.5**2, 4 / 3 * math.pi * 1.5**3),
    "torus": (torus(2, 0.5, segments=64, sides=32), 4 * math.pi**2 * 2 * 0.5, 2 * math.pi**2 * 2 * 0.25),
    "ring-shaped tube": (
        tube(lifted(regular_polygon(2.0, corners=64)), 0.5, sides=32, ring=True),
        4 * math.pi**2,
        math.pi**2,
    ),
    "rounded box": (
        rounded_box(2, 3, 4, radius=0.5, steps=16),
        2 * (1 * 2 + 2 * 3 + 1 * 3) + 2 * math.pi * 0.5 * (1 + 2 + 3) + 4 * math.pi * 0.25,
        6 + 2 * 0.5 * (2 + 6 + 3) + math.pi * 0.25 * (1 + 2 + 3) + 4 / 3 * math.pi * 0.125,
    ),
    "ball from a box": (rounded_box(1, 1, 1, radius=9, steps=16), math.pi, math.pi / 6),
}


@pytest.mark.parametrize("name", ROUND)
def test_round_solids_come_near_the_closed_form_from_inside(name):
    solid, area, content = ROUND[name]
    assert 0.985 * area < areas(solid).sum() <= area
    assert 0.985 * content < volume(solid) <= content


EVERY_SOLID = {
    **{name: row[0] for name, row in (GOLDEN | ROUND).items()},
    "coil": tube(helix(1, 2, turns=3, steps=60), 0.1),
    "bent pipe": tube(smooth_curve([(0, 0, 0), (0, 1, 0), (1, 1, 0), (1, 1, 1)], steps=5), [0.1] * 16),
    "bevelled L": extrusion(L_SHAPE, 1, bevel=0.1),
    "rods": rods([(0, 0, 0), (5, 0, 0)], [(0, 1, 0), (6, 2, 3)], 0.1),
    "mirrored": lathe(BOWL).moved(3, 1, 2).mirrored("x"),
    "turned and scaled": box(1, 2, 3).turned("x", 1).turned("y", 2).turned("z", 3).scaled(2, 0.5, 1),
    "fan of boxes": around(box(1, 1, 1, at=(3, 0, 0)), 5),
}


@pytest.mark.parametrize("name", EVERY_SOLID)
def test_every_edge_is_walked_once_in_each_direction_and_no_face_is_flat(name):
    solid = EVERY_SOLID[name]
    directed = [edge for face in solid.faces.tolist() for edge in zip(face, face[1:] + face[:1], strict=True)]
    assert len(set(directed)) == len(directed)
    assert {edge[::-1] for edge in directed} == set(directed)
    assert areas(solid).min() > 1e-9
    assert sorted(set(solid.faces.ravel().tolist())) == list(range(len(solid.vertices)))
    assert solid.corner_uv.shape == (len(solid.faces), 3, 2)
    assert np.isfinite(solid.corner_uv).all()


@pytest.mark.parametrize("name", EVERY_SOLID)
def test_faces_look_outwards(name):
    """A step outwards from a face leaves the solid, one inwards enters it: told by the winding number."""
    solid = EVERY_SOLID[name]
    corner = solid.vertices[solid.faces]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    widest = int(areas(solid).argmax())
    step = 1e-4 * normal[widest] / np.linalg.norm(normal[widest])
    spot = corner[widest].mean(axis=0)
    assert winding_number(solid, spot + step) == pytest.approx(0, abs=1e-3)
    assert winding_number(solid, spot - step) == pytest.approx(1, abs=1e-3)


def winding_number(solid, point):
    """Solid angle of all faces seen from a point, over 4 pi (van Oosterom and Strackee, 1983)."""
    a, b, c = np.moveaxis(solid.vertices[solid.faces] - point, 1, 0)
    la, lb, lc = (np.linalg.norm(side, axis=1) for side in (a, b, c))
    above = np.einsum("fi,fi->f", a, np.cross(b, c))
    below = la * lb * lc + (a * b).sum(1) * lc + (b * c).sum(1) * la + (c * a).sum(1) * lb
    return float(np.arctan2(above, below).sum() / (2 * math.pi))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0.3, 1.0), min_size=3, max_size=14))
def test_a_star_shaped_polygon_is_cut_into_triangles_that_fill_it(radii):
    angle = 2 * np.pi * np.arange(len(radii)) / len(radii)
    outline = np.array(radii)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    triangles = triangulated(outline)
    assert triangles.shape == (len(radii) - 2, 3)
    pieces = [signed_area(outline[triangle]) for triangle in triangles]
    assert min(pieces) > 0
    assert sum(pieces) == pytest.approx(signed_area(outline))


def test_a_polygon_that_crosses_itself_or_runs_clockwise_is_refused():
    with pytest.raises(ValueError, match="simple polygon"):
        triangulated(np.array([(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)]))
    with pytest.raises(ValueError, match="simple polygon"):
        triangulated(np.array(L_SHAPE[::-1], dtype=np.float64))


def test_a_tube_stays_perpendicular_to_its_path_and_keeps_its_radius():
    path = helix(1.0, 2.0, turns=2, steps=80)
    rings = tube(path, 0.1, sides=8).vertices[: 81 * 8].reshape(81, 8, 3)
    spread = rings - path[:, None]
    np.testing.assert_allclose(np.linalg.norm(spread, axis=2), 0.1, atol=1e-12)
    ahead = (path[2:] - path[:-2]) / np.linalg.norm(path[2:] - path[:-2], axis=1, keepdims=True)
    assert np.abs(np.einsum("pki,pi->pk", spread[1:-1], ahead)).max() < 1e-3


def test_a_smooth_curve_passes_through_its_points():
    points = np.array([(0.0, 0.0), (1.0, 2.0), (3.0, 1.0), (4.0, 4.0)])
    np.testing.assert_allclose(smooth_curve(points, steps=5)[::5], points, atol=1e-12)
    closed = smooth_curve(points, steps=5, closed=True)
    assert len(closed) == 20
    np.testing.assert_allclose(closed[::5], points, atol=1e-12)


def test_outlines_have_the_area_of_their_closed_form():
    assert signed_area(rectangle(2, 3)) == 6
    assert signed_area(regular_polygon(1, corners=6)) == pytest.approx(1.5 * math.sqrt(3))
    assert signed_area(superellipse(2, 4, power=2, corners=400)) == pytest.approx(2 * math.pi, rel=1e-3)
    expected = 2 * 3 - (4 - math.pi) * 0.25
    assert signed_area(rounded_rectangle(2, 3, radius=0.5, steps=40)) == pytest.approx(expected, rel=1e-3)
    np.testing.assert_allclose(arc(2.0, 0.0, math.pi / 2, steps=2)[[0, 2]], [(2, 0), (0, 2)], atol=1e-12)


def test_turning_is_right_handed():
    tip = Solid(np.array([[1.0, 2.0, 3.0]]), np.zeros((0, 3), dtype=np.int32), np.zeros((0, 3, 2)))
    np.testing.assert_allclose(tip.turned("x", math.pi / 2).vertices, [[1, -3, 2]], atol=1e-12)
    np.testing.assert_allclose(tip.turned("y", math.pi / 2).vertices, [[3, 2, -1]], atol=1e-12)
    np.testing.assert_allclose(tip.turned("z", math.pi / 2).vertices, [[-2, 1, 3]], atol=1e-12)


def test_copies_stand_at_their_offsets():
    copies = repeated(box(1, 1, 1), [(0, 0, 0), (10, 0, 0)])
    assert volume(copies) == pytest.approx(2)
    np.testing.assert_allclose(copies.vertices[8:].mean(axis=0), [10, 0, 0])
    assert volume(merged([copies, sphere(1)])) == pytest.approx(2 + volume(sphere(1)))


def test_misuse_is_refused():
    with pytest.raises(ValueError, match="mirrored"):
        box(1, 1, 1).scaled(x=-1)
    with pytest.raises(ValueError, match="radius"):
        lathe([(0, 0), (1, 1)], ring=True)
    with pytest.raises(ValueError, match="between 0 and 1"):
        torus(1, 2)
    with pytest.raises(ValueError, match="nothing to merge"):
        merged([])
    with pytest.raises(ValueError, match="nothing to assemble"):
        assemble([])
    with pytest.raises(ValueError, match="no place"):
        repeated(box(1, 1, 1), np.zeros((0, 3)))


def test_an_assembly_remembers_parts_and_shares_materials():
    wood, steel = Material("wood", texture=np.zeros((2, 2, 3), dtype=np.uint8)), Material("steel")
    whole = assemble(
        [
            Part("leg", box(1, 1, 1), wood, tile=0.5),
            Part("top", box(4, 1, 4, at=(0, 1, 0)), steel),
            Part("leg", box(1, 1, 1, at=(2, 0, 0)), wood),
        ]
    )
    assert whole.part_names == ("leg", "top")
    assert whole.face_parts.tolist() == [0] * 12 + [1] * 12 + [0] * 12
    assert [material.name for material in whole.mesh.materials] == ["wood", "steel"]
    assert whole.mesh.face_material.tolist() == [0] * 12 + [1] * 12 + [0] * 12
    assert whole.mesh.up == "y"
    assert np.ptp(whole.mesh.corner_uv[:12]) == pytest.approx(2.0)  # one metre, repeated every half metre


def test_an_assembly_without_textures_has_no_texture_coordinates():
    assert assemble([Part("top", box(1, 1, 1), Material("steel"))]).mesh.corner_uv is None
