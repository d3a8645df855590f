"""Every back-end of rendering: the same faces at the same samples, the same pictures, whatever the mesh.

Back-ends that this machine has not are skipped with the sentence that users read.
"""

import math

import numpy as np
import pytest
import torch

from anaglyph.geometry.cameras import Camera, orbit, view_cameras
from anaglyph.geometry.load import MeshReaders
from anaglyph.geometry.mesh import Mesh
from anaglyph.geometry.normalize import normalized
from anaglyph.render.backends import BACKENDS, explain, find_faces
from anaglyph.render.options import OUTPUTS, RenderOptions
from anaglyph.render.views import render_views
from reference.first_face import ray as slow_ray
from reference.first_face import slow_faces_seen
from scenes import SCENES, box, grid_faces, joined, mesh_of, sphere

SIZE = 96
AROUND = (orbit(20, 30), orbit(160, -15), orbit(275, 55))
FLAT = Camera(position=(1.0, 1.5, 2.0), height=2.2)
FRONT = orbit(0, 0)


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request):
    reason = explain(request.param)
    if reason:
        pytest.skip(reason)
    return request.param


def seen(mesh, cameras, backend, size=SIZE):
    return find_faces(mesh, cameras, size=size, backend=backend, device=torch.device("cpu")).numpy()


def pictures(mesh, cameras, backend, size=SIZE):
    options = RenderOptions(size=size, backend=backend)
    return render_views(mesh, cameras, options=options, outputs=OUTPUTS)


def overlap(first, second):
    """Intersection over union of coverages 0..255; 1 where both are empty."""
    first, second = first.astype(float), second.astype(float)
    union = np.maximum(first, second).sum()
    return np.minimum(first, second).sum() / union if union else 1.0


def assert_same_pictures(found, expected, *, coloured=True):
    """The tolerances that back-ends promise each other (dossier CMIC, 6)."""
    assert overlap(found.mask, expected.mask) > 0.99
    assert np.abs(found.gray.astype(float) - expected.gray).mean() < 2.0
    if coloured:
        assert np.abs(found.colour.astype(float) - expected.colour).mean() < 2.0
    both = np.isfinite(found.depth) & np.isfinite(expected.depth)
    assert (np.abs(found.depth[both] - expected.depth[both]) < 2e-3).mean() > 0.99 if both.any() else True
    cosine = (found.normals * expected.normals).sum(-1)[both]
    assert (cosine > 0.999).mean() > 0.98 if both.any() else True


@pytest.fixture(scope="module", params=list(SCENES))
def scene(request):
    """A mesh with the pictures that the back-end torch makes of it."""
    mesh = SCENES[request.param]()
    return mesh, pictures(mesh, (*AROUND, FLAT), "torch")


def test_back_ends_make_the_same_pictures(scene, backend):
    mesh, expected = scene
    assert_same_pictures(pictures(mesh, (*AROUND, FLAT), backend), expected)


@pytest.fixture(
    scope="module", params=["box", "chair", "interpenetrating boxes", "one triangle", "both windings"]
)
def small_scene(request):
    """A mesh with the faces that rays meet first."""
    mesh, cameras = SCENES[request.param](), (AROUND[0], FLAT)
    return mesh, cameras, slow_faces_seen(mesh.vertices, mesh.faces, cameras, size=20)


def test_faces_seen_are_those_that_rays_meet_first(small_scene, backend):
    mesh, cameras, expected = small_scene
    assert (expected >= 0).any()
    found = seen(mesh, cameras, backend, size=20)
    assert (found != expected).sum() <= 3  # corners may lie 1/512 of a sample off


def test_the_contract_of_shapes_and_types(backend):
    found = seen(SCENES["box"](), AROUND, backend, size=17)
    assert (found.shape, found.dtype) == ((3, 17, 17), np.int32)
    assert found.min() == -1
    assert found.max() < 12
    assert seen(SCENES["box"](), (), backend).shape == (0, SIZE, SIZE)


def test_rows_run_down_columns_run_right_and_azimuth_turns_towards_x(backend):
    quarter = mesh_of([[0, 0, 0], [0.5, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0]], [[0, 1, 2], [0, 2, 3]])
    (picture,) = seen(quarter, (FRONT,), backend) >= 0
    half = SIZE // 2
    assert picture[:half, half:].any()
    assert not picture[half:].any()
    assert not picture[:, :half].any()
    low, high = box((0.3, -0.1, -0.1), (0.5, 0.1, 0.1)), box((-0.5, -0.1, -0.1), (-0.3, 0.1, 0.1))
    (from_right,) = seen(joined(low, high), (orbit(90, 0),), backend)
    assert set(np.unique(from_right)) <= {-1, *range(12)}  # the box at +x hides the other


def test_very_thin_triangles_are_covered_alike_but_for_a_few_samples(backend):
    """About 0.002 of the unit sphere wide: corners rounded to 1/256 of a sample show, and rays round none."""
    random = np.random.default_rng(3)
    ends = random.normal(0, 0.3, (2, 400, 3))
    corners = [*ends, ends.mean(axis=0) + random.normal(0, 0.002, (400, 3))]
    needles = mesh_of(np.stack(corners, axis=1).reshape(-1, 3), np.arange(1200).reshape(-1, 3))
    expected, found = (pictures(needles, AROUND, name).mask for name in ("torch", backend))
    assert overlap(found, expected) > (0.9999 if backend in ("torch", "numba") else 0.96)


def test_samples_are_the_centres_of_pixels(backend):
    """A half plane whose edge passes just left and just right of the centre of column 5 of 8."""
    camera = Camera(position=(0, 0, 2), height=2.0)
    for shift, covered in ((-0.01, True), (0.01, False)):
        edge = (5.5 / 8 * 2 - 1) + shift
        plane = mesh_of([[edge, -3, 0], [3, -3, 0], [3, 3, 0], [edge, 3, 0]], [[0, 1, 2], [0, 2, 3]])
        (picture,) = seen(plane, (camera,), backend, size=8) >= 0
        assert picture[:, 5].all() == covered
        assert picture[:, 6:].all()
        assert not picture[:, :5].any()


def test_the_silhouette_of_a_sphere_is_the_disc_that_optics_says(backend):
    camera = orbit(0, 0)
    (mask,) = pictures(sphere(96, 192), (camera,), backend, size=128).mask
    half_angle = math.asin(1.0 / camera.distance)
    radius = 64 * math.tan(half_angle) / math.tan(math.radians(camera.field_of_view) / 2)
    assert mask.sum() / 255 == pytest.approx(math.pi * radius**2, rel=0.01)


def test_a_turn_by_a_step_of_the_ring_moves_the_pictures_by_one(backend):
    prism = np.array(
        [[math.cos(a), y, math.sin(a)] for y in (-0.5, 0.5) for a in np.arange(12) * math.pi / 6]
    )
    sides = [
        f for k in range(12) for f in ((k, (k + 1) % 12, 12 + k), (12 + k, (k + 1) % 12, 12 + (k + 1) % 12))
    ]
    made = pictures(mesh_of(0.8 * prism, sides), view_cameras("ring12"), backend)
    for gray in made.gray[1:]:
        assert np.abs(gray.astype(float) - made.gray[0]).mean() < 1.0


def test_both_sides_of_a_face_are_seen(backend):
    triangle = SCENES["one triangle"]()
    back = mesh_of(triangle.vertices, triangle.faces[:, ::-1])
    np.testing.assert_array_equal(seen(triangle, AROUND, backend), seen(back, AROUND, backend))


def test_the_nearer_of_two_faces_hides_the_other_in_any_order(backend):
    square = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    for near, far in ((0.01, -0.01), (1e-4, -1e-4), (0.5, -0.5)):
        depths = np.repeat([far, near], 4)
        for order in ([0, 1], [1, 0]):
            quads = np.array([[0, 1, 2], [0, 2, 3]])[None] + 4 * np.array(order)[:, None, None]
            mesh = mesh_of(np.column_stack([np.tile(square, (2, 1)), depths]), quads.reshape(-1, 3))
            (picture,) = seen(mesh, (FRONT,), backend)
            half = SIZE // 2
            shown = picture[half - 8 : half + 8, half - 8 : half + 8] // 2
            assert (shown == order.index(1)).all()


def test_nothing_in_view_leaves_the_background(backend):
    behind = mesh_of([[0, 0, 9], [1, 0, 9], [0, 1, 9]], [[0, 1, 2]])
    aside = mesh_of([[50, 0, 0], [51, 0, 0], [50, 1, 0]], [[0, 1, 2]])
    empty = Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
    for mesh in (behind, aside, empty):
        assert (seen(mesh, (FRONT,), backend) == -1).all()
    made = pictures(behind, (FRONT,), backend)
    assert (made.gray == 255).all()
    assert (made.mask == 0).all()
    assert np.isinf(made.depth).all()
    assert (made.normals == 0).all()


def test_a_camera_inside_a_box_sees_its_walls_and_a_floor_that_runs_behind_it(backend):
    inside = Camera(position=(0.1, 0.05, 0.2), target=(0.0, 0.0, -1.0))
    room = box((-0.5, -0.4, -0.6), (0.5, 0.4, 0.6))
    floor = mesh_of([[-40, -0.3, 50], [40, -0.3, 50], [0, -0.3, -50]], [[0, 1, 2]])
    for mesh in (room, floor):
        found = seen(mesh, (inside,), backend, size=16)
        expected = slow_faces_seen(mesh.vertices, mesh.faces, (inside,), size=16)
        assert (expected >= 0).mean() > 0.3
        assert (found == expected).mean() > 0.98
    assert (seen(room, (inside,), backend) >= 0).all()


def test_what_lies_before_the_near_plane_is_not_drawn(backend):
    for camera in (Camera(position=(0, 0, 2)), Camera(position=(0, 0, 2), height=2.0)):
        for depth, shown in ((0.5 * camera.near, False), (2 * camera.near, True)):
            close = mesh_of([[-1, -1, 2 - depth], [1, -1, 2 - depth], [0, 1, 2 - depth]], [[0, 1, 2]])
            assert (seen(close, (camera,), backend) == 0).any() == shown


@pytest.mark.parametrize("camera", [orbit(30, 20), FLAT], ids=["perspective", "orthographic"])
def test_no_sample_falls_between_the_faces_of_a_surface(camera, backend):
    """A wavy sheet before the camera, whose vertices and edges lie on the rays through samples."""
    span = range(-2, 67)
    rays = [slow_ray(camera, column, row, 64) for row in span for column in span]
    waves = 2.0 + 0.3 * np.sin(np.arange(len(rays)) / 5.0)
    corners = [origin + wave * direction for (origin, direction, _), wave in zip(rays, waves, strict=True)]
    assert (seen(mesh_of(corners, grid_faces(68, 68)), (camera,), backend, size=64) >= 0).all()


def test_of_faces_in_the_same_place_the_first_is_seen(backend):
    if backend == "embree":
        pytest.skip("a ray names any of the faces that it meets at the same depth")
    triangle = SCENES["one triangle"]()
    twice = mesh_of(triangle.vertices, [[0, 1, 2]] * 3)
    assert set(np.unique(seen(twice, AROUND[:1], backend))) == {-1, 0}


HOSTILE = {
    "one point": mesh_of(np.zeros((3, 3)), [[0, 1, 2]]),
    "the same corner three times": mesh_of(np.eye(3), [[0, 0, 0], [1, 1, 2], [0, 1, 0]]),
    "a needle": mesh_of([[-0.9, 0, 0], [0.9, 1e-7, 0], [0.9, 0, 0]], [[0, 1, 2]]),
    "huge": mesh_of(np.eye(3) * 1e30 - 3e29, [[0, 1, 2]]),
    "largest": mesh_of(np.eye(3) * 3e38 - 1.5e38, [[0, 1, 2]]),
    "huge and small": mesh_of([*np.eye(3) * 1e20, *np.eye(3)], [[0, 1, 2], [3, 4, 5]]),
    "tiny": mesh_of(np.eye(3) * 1e-30, [[0, 1, 2]]),
    "subnormal": mesh_of(np.eye(3) * 1e-42, [[0, 1, 2]]),
    "through the eye": mesh_of([FRONT.position, (1, 0, 0), (0, 1, 0)], [[0, 1, 2]]),
    "edge on": mesh_of([[0, -1, 0], [0, 1, 0], [0, 0, 1]], [[0, 1, 2]]),
    "the same face a thousand times": mesh_of(np.eye(3), np.tile([[0, 1, 2]], (1000, 1))),
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile_geometry_gives_faces_that_exist_and_finite_pictures(name, backend):
    mesh = HOSTILE[name]
    for camera in (FRONT, FLAT, orbit(45, 35)):
        found = seen(mesh, (camera,), backend, size=32)
        assert found.min() >= -1
        assert found.max() < len(mesh.faces)
    made = pictures(mesh, (FRONT, FLAT), backend, size=16)
    assert np.isfinite(made.normals).all()
    assert not np.isnan(made.depth).any()


def test_the_same_call_gives_the_same_faces_in_any_company(backend):
    mesh = SCENES["chair"]()
    together = seen(mesh, AROUND, backend)
    for number, camera in enumerate(AROUND):
        np.testing.assert_array_equal(seen(mesh, (camera,), backend)[0], together[number])


@pytest.fixture(scope="module")
def real_models(shared_data):
    """Some of everything: ShapeNet with textures and coincident faces, CC0 objects, other formats."""
    shapenet = sorted((shared_data / "shapenet_sample").glob("*/*/models/model_normalized.obj"))
    meshes = sorted((shared_data / "cc0_objects" / "meshes").rglob("*.ply"))
    formats = shared_data / "format_samples"
    chosen = [(path, path.parents[1]) for path in shapenet if "chair" in path.parts][:2]
    chosen += [(path, path.parent) for path in meshes[:: max(1, len(meshes) // 3)][:3]]
    chosen += [(path, path.parent) for path in sorted(formats.rglob("*.off"))[:1]]
    if not chosen:
        pytest.skip(f"no models below '{shared_data}'")
    with MeshReaders() as readers:
        shown = [normalized(readers.load(path, root=root), "sphere") for path, root in chosen]
    return [(mesh, pictures(mesh, AROUND, "torch")) for mesh in shown]


def test_back_ends_agree_on_real_models(real_models, backend):
    for mesh, expected in real_models:
        assert_same_pictures(pictures(mesh, AROUND, backend), expected)
