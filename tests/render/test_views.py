"""Pictures of things whose pictures are known."""

import math

import numpy as np
import pytest

from anaglyph.errors import ConfigError
from anaglyph.geometry.cameras import VIEWS, Camera, orbit, view_cameras
from anaglyph.geometry.mesh import GREY, Material, Mesh
from anaglyph.render.backends import explain
from anaglyph.render.options import OUTPUTS, RenderOptions
from anaglyph.render.views import render_views
from scenes import box, joined, mesh_of, sphere

FRONT = orbit(0, 0)
AROUND = view_cameras("ring8")
FLAT = Camera(position=(0, 0, 3), height=2.0)
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture(params=["torch", "numba"])
def backend(request):
    if reason := explain(request.param):
        pytest.skip(reason)
    return request.param


def square(half=1.0, z=0.0, **looks):
    """Two faces in the plane z, their texture coordinates from 0 to 1."""
    uv = np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]], np.float32)
    corners = [[-half, -half, z], [half, -half, z], [half, half, z], [-half, half, z]]
    return mesh_of(corners, [[0, 1, 2], [0, 2, 3]], corner_uv=uv, **looks)


def textured(texture, half=1.0, colour=(1.0, 1.0, 1.0), repeat=1.0):
    made = square(half)
    material = Material(colour=colour, texture=np.asarray(texture, np.uint8))
    return Mesh(
        made.vertices,
        made.faces,
        corner_uv=made.corner_uv * np.float32(repeat),
        face_material=np.zeros(2, np.int32),
        materials=(material,),
    )


def lathe(sides=36):
    """A bellied bottle whose sides meet the ring's cameras alike."""
    profile = [(0.0, -0.8), (0.5, -0.8), (0.6, -0.2), (0.2, 0.3), (0.25, 0.8), (0.0, 0.8)]
    turn = 2 * np.pi * np.arange(sides) / sides
    rings = [np.stack([r * np.sin(turn), np.full(sides, y), r * np.cos(turn)], 1) for r, y in profile]
    faces = []
    for ring in range(len(profile) - 1):
        for side in range(sides):
            a, b = ring * sides + side, ring * sides + (side + 1) % sides
            faces += [(a, b, b + sides), (a, b + sides, a + sides)]
    return mesh_of(np.concatenate(rings), faces)


def test_the_silhouette_of_a_sphere_has_the_area_of_its_cone(backend):
    """A sphere of radius r at distance d is a disc of angular radius asin(r / d)."""
    radius, camera = 0.8, FRONT
    views = render_views(sphere(96, 192, radius=radius), [camera], options=RenderOptions(backend=backend))
    angle = math.asin(radius / camera.distance)
    pixels = math.tan(angle) / math.tan(math.radians(49.1 / 2)) * 112
    assert views.mask.sum() / 255 == pytest.approx(math.pi * pixels**2, rel=0.01)


def test_an_orthographic_sphere_is_a_disc_of_its_radius(backend):
    views = render_views(sphere(96, 192, radius=0.5), [FLAT], options=RenderOptions(backend=backend))
    assert views.mask.sum() / 255 == pytest.approx(math.pi * 56**2, rel=0.01)


def test_all_twelve_pictures_of_a_turned_bottle_are_the_same(backend):
    views = render_views(lathe(), view_cameras("ring12"), options=RenderOptions(backend=backend))
    assert views.mask[0].mean() > 20
    for gray, mask in zip(views.gray[1:], views.mask[1:], strict=True):
        assert np.abs(gray.astype(int) - views.gray[0]).mean() < 0.1
        assert np.abs(mask.astype(int) - views.mask[0]).mean() < 0.1


@pytest.mark.parametrize("name", VIEWS)
def test_nothing_in_the_unit_sphere_is_cut_off_at_the_border(name):
    corner = 1 / math.sqrt(3)
    both = joined(sphere(32, 64), box([-corner] * 3, [corner] * 3))
    mask = render_views(both, view_cameras(name), options=RenderOptions(size=64)).mask
    assert mask[:, 1:-1, 1:-1].any(axis=(1, 2)).all()
    for border in (mask[:, 0], mask[:, -1], mask[:, :, 0], mask[:, :, -1]):
        assert not border.any()


def test_from_azimuth_90_the_models_plus_x_side_is_in_front():
    sides = joined(box([0.4, -0.3, -0.3], [0.6, 0.3, 0.3]), box([-0.6, -0.3, -0.3], [-0.4, 0.3, 0.3]))
    colours = np.repeat([RED, BLUE], 8, axis=0).astype(np.uint8)
    mesh = Mesh(sides.vertices, sides.faces, vertex_colours=colours)
    options = RenderOptions(size=33, lit=False)
    views = render_views(mesh, [orbit(90, 0), orbit(270, 0), FRONT], options=options, outputs=["colour"])
    assert views.colour[0, 16, 16].tolist() == list(RED)
    assert views.colour[1, 16, 16].tolist() == list(BLUE)
    assert views.colour[2, 16, 8].tolist() == list(BLUE)  # from the front +x is on the right
    assert views.colour[2, 16, 24].tolist() == list(RED)


def test_from_above_the_front_is_at_the_bottom_of_the_picture():
    ahead = mesh_of([[-0.2, 0, 0.3], [0.2, 0, 0.3], [0, 0, 0.8]], [[0, 1, 2]])
    above, below = render_views(ahead, view_cameras("faces6")[4:], options=RenderOptions(size=40)).mask
    assert above[20:].any()
    assert not above[:20].any()
    assert below[:20].any()
    assert not below[20:].any()


@pytest.mark.parametrize(
    ("tilt", "expected"), [(0, 0.16 + 0.78), (60, 0.16 + 0.78 / 2), (-60, 0.16 + 0.78 / 2)]
)
def test_gray_is_ambient_plus_diffuse_times_the_cosine_to_the_camera(backend, tilt, expected):
    turn = math.radians(tilt)
    along = np.array([0.0, math.cos(turn), math.sin(turn)]) * 0.5
    across = np.array([0.5, 0.0, 0.0])
    corners = [-along - across, across - along, along + across, along - across]
    options = RenderOptions(size=51, backend=backend)
    for faces in ([[0, 1, 2], [0, 2, 3]], [[2, 1, 0], [3, 2, 0]]):  # inside out looks the same
        gray = render_views(mesh_of(corners, faces), [FRONT, FLAT], options=options).gray
        np.testing.assert_array_equal(gray[:, 25, 25], [round(255 * expected)] * 2)
        np.testing.assert_array_equal(gray[:, 0, 0], [255, 255])


def test_towards_the_border_the_light_comes_from_the_camera_not_from_its_axis():
    gray = render_views(square(5.0), [FRONT], options=RenderOptions(size=201, supersampling=1)).gray[0]
    half = math.tan(math.radians(49.1 / 2))
    for row, column in ((100, 200), (0, 100), (0, 0), (150, 30)):
        x, y = half * ((column + 0.5) / 100.5 - 1), half * ((row + 0.5) / 100.5 - 1)
        expected = 0.16 + 0.78 / math.sqrt(1 + x * x + y * y)
        assert gray[row, column] == round(255 * expected)


def test_the_mask_is_the_covered_part_of_each_pixel():
    quarter = mesh_of([[-9, -9, 0], [0.05, -9, 0], [0.05, 9, 0], [-9, 9, 0]], [[0, 1, 2], [0, 2, 3]])
    for samples, covered in ((1, 1.0), (2, 0.5), (4, 0.5)):  # the border is in the middle of column 10
        options = RenderOptions(size=20, supersampling=samples)
        mask = render_views(quarter, [FLAT], options=options).mask[0]
        assert (mask[:, :10] == 255).all()
        np.testing.assert_array_equal(np.unique(mask[:, 10]), [round(255 * covered)])
        assert (mask[:, 11:] == 0).all()


def test_a_pixel_is_the_mean_of_its_samples():
    sheet = mesh_of([[-9, -9, 0], [0.05, -9, 0], [0.05, 9, 0], [-9, 9, 0]], [[0, 1, 2], [0, 2, 3]])
    options = RenderOptions(size=20, background=0.5)
    gray = render_views(sheet, [FLAT], options=options).gray[0]
    assert gray[5, 10] == round(255 * (0.94 + 0.5) / 2)
    assert gray[5, 15] == round(255 * 0.5)


def test_depth_of_a_plane_is_along_the_line_of_sight(backend):
    options = RenderOptions(size=40, backend=backend)
    for camera, z in ((FRONT, 0.3), (FLAT, -0.4)):
        depth = render_views(square(0.5, z), [camera], options=options, outputs=["depth"]).depth[0]
        assert np.isinf(depth[0, 0])
        covered = np.isfinite(depth)
        assert covered.mean() > 0.1
        np.testing.assert_allclose(depth[covered], camera.distance - z, rtol=1e-6)


def test_depth_of_a_tilted_plane_is_perspective():
    tilted = mesh_of([[-9, -6, 6], [9, -6, 6], [9, 9, -9], [-9, 9, -9]], [[0, 1, 2], [0, 2, 3]])  # z = -y
    camera = Camera(position=(0, 0, 4))
    options = RenderOptions(size=31, supersampling=1)
    depth = render_views(tilted, [camera], options=options, outputs=["depth"]).depth[0]
    half = math.tan(math.radians(49.1 / 2))
    for row in (3, 15, 28):
        slope = half * (1 - (row + 0.5) / 15.5)  # y = slope * depth and 4 - depth = -y
        assert depth[row, 15] == pytest.approx(4 / (1 - slope), rel=1e-5)


def test_depth_and_normals_of_a_sphere(backend):
    options = RenderOptions(size=64, backend=backend)
    camera = orbit(70, 25)
    views = render_views(sphere(96, 192, radius=0.9), [camera], options=options, outputs=OUTPUTS)
    depth, normals = views.depth[0], views.normals[0]
    assert depth.min() == pytest.approx(camera.distance - 0.9, abs=2e-3)
    there = views.mask[0] == 255
    np.testing.assert_allclose(np.linalg.norm(normals[there], axis=-1), 1, atol=1e-5)
    assert (normals[views.mask[0] == 0] == 0).all()
    towards = np.array(camera.position) / camera.distance
    np.testing.assert_allclose(normals[31:33, 31:33].mean((0, 1)), towards, atol=0.03)
    assert (normals[there] @ towards > 0).all()


def test_normals_are_turned_to_the_camera_whatever_the_winding():
    for faces in ([[0, 1, 2]], [[2, 1, 0]]):
        mesh = mesh_of([[-1, -1, 0], [1, -1, 0], [0, 1, 0]], faces)
        views = render_views(mesh, [FRONT, orbit(180, 0)], options=RenderOptions(size=9), outputs=["normals"])
        np.testing.assert_allclose(views.normals[:, 4, 4], [[0, 0, 1], [0, 0, -1]], atol=1e-6)


def test_a_texture_is_the_right_way_up_and_not_mirrored():
    texture = np.repeat(np.repeat(np.array([[RED, GREEN], [BLUE, WHITE]]), 8, axis=0), 8, axis=1)
    options = RenderOptions(size=64, lit=False)
    colour = render_views(textured(texture), [FLAT], options=options, outputs=["colour"]).colour[0]
    corners = [colour[row, column].tolist() for row in (12, 52) for column in (12, 52)]
    assert corners == [list(RED), list(GREEN), list(BLUE), list(WHITE)]


def test_a_texture_repeats_beyond_its_borders():
    texture = np.repeat(np.array([[RED, GREEN]]), 4, axis=1)
    options = RenderOptions(size=64, lit=False)
    colour = render_views(textured(texture, repeat=2), [FLAT], options=options, outputs=["colour"]).colour[0]
    stripes = [colour[32, column].tolist() for column in (8, 24, 40, 56)]
    assert stripes == [list(RED), list(GREEN), list(RED), list(GREEN)]


def test_between_texture_pixels_colours_blend():
    options = RenderOptions(size=64, lit=False, supersampling=1)
    mesh = textured([[(0, 0, 0), (255, 255, 255)]])
    colour = render_views(mesh, [FLAT], options=options, outputs=["colour"]).colour[0, 32, :, 0]
    u = (np.arange(64) + 0.5) / 64
    expected = 255 * np.clip((u - 0.25) / 0.5, 0, 1)
    inner = slice(16, 48)
    np.testing.assert_allclose(colour[inner], expected[inner], atol=1.0)
    np.testing.assert_allclose(colour[:16], 255 * (0.5 - (u[:16] * 2)), atol=1.0)  # round the border


def test_a_texture_far_finer_than_the_picture_becomes_its_mean():
    chequered = np.indices((256, 256)).sum(0) % 2 * 255
    mesh = textured(np.repeat(chequered[..., None], 3, axis=2), half=0.9)
    options = RenderOptions(size=16, lit=False)
    colour = render_views(mesh, [FLAT], options=options, outputs=["colour"]).colour[0, 2:-2, 2:-2]
    assert np.abs(colour.astype(float) - 127.5).max() < 3


def test_colour_is_factor_times_texture_times_vertex_colour_times_light():
    mesh = textured(np.full((2, 2, 3), 128), colour=(1.0, 0.5, 0.25))
    painted = np.full((4, 3), (255, 128, 64), np.uint8)
    mesh = Mesh(
        mesh.vertices,
        mesh.faces,
        vertex_colours=painted,
        corner_uv=mesh.corner_uv,
        face_material=mesh.face_material,
        materials=mesh.materials,
    )
    expected = np.array([1.0, 0.5, 0.25]) * (128 / 255) * (np.array([255, 128, 64]) / 255)
    for lit, light in ((False, 1.0), (True, 0.94)):
        options = RenderOptions(size=16, lit=lit)
        colour = render_views(mesh, [FLAT], options=options, outputs=["colour"]).colour[0, 8, 8]
        np.testing.assert_allclose(colour, 255 * light * expected, atol=0.51)


def test_vertex_colours_run_evenly_over_a_slanted_face():
    """Perspective-correct: the colour at a sample is the one at the place in space that it sees."""
    camera = Camera(position=(0, 0, 3))
    corners = [[-2, -1, 1], [2, -1, -3], [2, 1, -3], [-2, 1, 1]]  # z = -x - 1
    painted = np.array([[0, 0, 0], [255, 0, 0], [255, 0, 0], [0, 0, 0]], np.uint8)  # red = (x + 2) / 4
    mesh = mesh_of(corners, [[0, 1, 2], [0, 2, 3]], vertex_colours=painted)
    options = RenderOptions(size=65, supersampling=1, lit=False)
    colour = render_views(mesh, [camera], options=options, outputs=["colour"]).colour[0]
    half = math.tan(math.radians(49.1 / 2))
    for column in (10, 32, 40):
        slope = half * ((column + 0.5) / 32.5 - 1)
        x = 4 * slope / (1 - slope)  # x = slope * depth and depth = 4 + x
        assert colour[32, column, 0] == pytest.approx(255 * (x + 2) / 4, abs=1.0)


def test_what_has_no_colour_is_grey():
    views = render_views(square(), [FLAT], options=RenderOptions(size=8, lit=False), outputs=["colour"])
    assert views.colour[0, 4, 4].tolist() == [round(255 * part) for part in GREY]


def test_faces_have_the_colours_of_their_materials():
    made = square()
    materials = (Material(colour=(1.0, 0.0, 0.0)), Material(colour=(0.0, 0.0, 1.0)))
    rows = np.array([1, 0], np.int32)
    mesh = Mesh(made.vertices, made.faces, face_material=rows, materials=materials)
    options = RenderOptions(size=30, lit=False)
    colour = render_views(mesh, [FLAT], options=options, outputs=["colour"]).colour[0]
    assert colour[25, 20].tolist() == list(BLUE)
    assert colour[5, 10].tolist() == list(RED)


def test_a_mesh_without_faces_gives_empty_pictures(backend):
    mesh = Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
    views = render_views(mesh, [FRONT], options=RenderOptions(size=5, backend=backend), outputs=OUTPUTS)
    assert (views.gray == 255).all()
    assert (views.colour == 255).all()
    assert not views.mask.any()
    assert np.isinf(views.depth).all()
    assert not views.normals.any()


def test_a_camera_that_sees_nothing_gives_an_empty_picture(backend):
    away = Camera(position=(0, 0, 3), target=(0, 0, 9))
    views = render_views(square(), [away], options=RenderOptions(size=5, backend=backend), outputs=OUTPUTS)
    assert not views.mask.any()
    assert (views.colour == 255).all()


def test_no_cameras_give_no_pictures():
    views = render_views(square(), [], options=RenderOptions(size=5), outputs=OUTPUTS)
    assert views.gray.shape == views.mask.shape == views.depth.shape == (0, 5, 5)
    assert views.colour.shape == views.normals.shape == (0, 5, 5, 3)


def test_what_is_not_asked_for_is_not_made():
    views = render_views(square(), [FRONT], options=RenderOptions(size=5))
    assert views.colour is views.depth is views.normals is None
    assert views.gray.dtype == views.mask.dtype == np.uint8


def test_both_back_ends_make_equal_pictures():
    if reason := explain("numba"):
        pytest.skip(reason)
    mesh = sphere(24, 48, bumps=0.4)
    first, second = (
        render_views(
            mesh, view_cameras("ring8"), options=RenderOptions(size=50, backend=name), outputs=OUTPUTS
        )
        for name in ("torch", "numba")
    )
    for name in OUTPUTS:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.fingerprint != second.fingerprint


def test_an_unknown_output_is_named():
    with pytest.raises(ConfigError, match="no output 'color'; did you mean 'colour'"):
        render_views(square(), [FRONT], outputs=["color"])


@pytest.mark.parametrize("seed", range(3))
def test_depths_and_cameras_lead_back_to_the_surface(seed):
    """Pixels, depth and the exported matrices give points on the sphere again."""
    rng = np.random.default_rng(seed)
    camera = orbit(*rng.uniform([0, -80], [360, 80]))
    options = RenderOptions(size=40, supersampling=1)
    views = render_views(sphere(96, 192, radius=0.7), [camera], options=options, outputs=["depth"])
    rows, columns = np.nonzero(np.isfinite(views.depth[0]))
    depth = views.depth[0, rows, columns]
    pixels = np.stack([columns + 0.5, rows + 0.5, np.ones(len(rows))]) * depth
    x, y, z = np.linalg.inv(camera.intrinsics(40)) @ pixels
    world = np.linalg.inv(camera.view()) @ np.stack([x, -y, -z, np.ones(len(rows))])
    np.testing.assert_allclose(np.linalg.norm(world[:3], axis=0), 0.7, atol=2e-3)
