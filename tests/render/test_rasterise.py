"""Both rasterisers of our own: the same samples, by the rule of tests/reference/rasterise.py."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.geometry.cameras import Camera, orbit, view_cameras
from anaglyph.render import fast_rasterise, rasterise
from reference.rasterise import UNSURE, slow_faces_seen

FRONT = orbit(0, 0)
FLAT = Camera(position=(0, 0, 3), height=2.0)


def by_torch(vertices, faces, cameras, *, size):
    return rasterise.faces_seen(
        torch.from_numpy(vertices), torch.from_numpy(faces), cameras, size=size
    ).numpy()


def by_numba(vertices, faces, cameras, *, size):
    pytest.importorskip("numba")
    return fast_rasterise.faces_seen(vertices, faces, cameras, size=size)


@pytest.fixture(params=[by_torch, by_numba], ids=["torch", "numba"])
def find(request):
    return request.param


def arrays(vertices, faces):
    return np.asarray(vertices, np.float32).reshape(-1, 3), np.asarray(faces, np.int32).reshape(-1, 3)


def soup(seed, count, *, coarse):
    """Random triangles; coarse ones share corners, edges and planes."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-1, 1, (3 * count, 3))
    corners = np.round(corners * 2) / 2 if coarse else corners * rng.choice([0.1, 0.5, 1], (3 * count, 1))
    return arrays(corners, np.arange(3 * count))


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**20),
    count=st.integers(1, 10),
    coarse=st.booleans(),
    flat=st.booleans(),
    size=st.integers(1, 18),
    azimuth=st.sampled_from([0.0, 33.0, 90.0]),
)
def test_every_sample_sees_what_the_double_loop_finds(seed, count, coarse, flat, size, azimuth):
    vertices, faces = soup(seed, count, coarse=coarse)
    camera = orbit(azimuth, 20.0 if azimuth == 33.0 else 0.0)
    camera = Camera(position=camera.position, height=2.2) if flat else camera
    expected = slow_faces_seen(vertices, faces, camera, size=size)
    sure = expected != UNSURE
    for find_them in (by_torch, by_numba):
        found = find_them(vertices, faces, [camera], size=size)[0]
        np.testing.assert_array_equal(found[sure], expected[sure])


@pytest.mark.parametrize("seed", range(12))
def test_numba_and_torch_agree_at_every_single_sample(seed):
    pytest.importorskip("numba")
    rng = np.random.default_rng(seed)
    vertices, faces = soup(seed, int(rng.integers(1, 400)), coarse=bool(seed % 2))
    vertices *= np.float32(10.0 ** rng.integers(-3, 5)) if seed % 3 == 0 else np.float32(1)
    cameras = [
        Camera(position=tuple(rng.normal(size=3) * 2), height=None if row else 2.0) for row in range(3)
    ]
    expected = by_torch(vertices, faces, cameras, size=90)
    np.testing.assert_array_equal(by_numba(vertices, faces, cameras, size=90), expected)


def test_neighbouring_faces_leave_no_gap(find):
    rng = np.random.default_rng(1)
    across, down = np.meshgrid(np.linspace(-1.3, 1.3, 40), np.linspace(-1.3, 1.3, 40))
    jitter = rng.uniform(-0.02, 0.02, (2, 40, 40))
    vertices = np.stack([across + jitter[0], down + jitter[1], rng.uniform(-0.01, 0.01, (40, 40))], -1)
    corner = (np.arange(39)[:, None] * 40 + np.arange(39)).ravel()
    faces = np.concatenate(
        [np.stack([corner, corner + 1, corner + 41], 1), np.stack([corner, corner + 41, corner + 40], 1)]
    )
    assert (find(*arrays(vertices, faces), [FRONT, FLAT], size=301) >= 0).all()


def test_faces_smaller_than_a_sample_leave_no_gap(find):
    across, down = np.meshgrid(np.linspace(-1.5, 1.5, 200), np.linspace(-1.5, 1.5, 200))
    vertices = np.stack([across, down, np.zeros_like(across)], -1)
    corner = (np.arange(199)[:, None] * 200 + np.arange(199)).ravel()
    faces = np.concatenate(
        [np.stack([corner, corner + 1, corner + 201], 1), np.stack([corner, corner + 201, corner + 200], 1)]
    )
    assert (find(*arrays(vertices, faces), [FRONT], size=64) >= 0).all()


def test_of_faces_in_the_same_place_the_lower_index_is_seen(find):
    corners = [[-1, -1, 0], [1, -1, 0], [0, 1, 0]]
    found = find(*arrays(corners, [[2, 1, 0], [0, 1, 2], [1, 2, 0]]), [FRONT, orbit(25, 40), FLAT], size=40)
    assert set(np.unique(found)) == {-1, 0}


def test_faces_in_one_plane_do_not_flicker(find):
    """A decal that lies in the plane of a wall: whichever comes first is seen throughout."""
    wall, decal = [[-1, -1, 0], [1, -1, 0], [0, 1, 0]], [[-0.3, -0.5, 0], [0.4, -0.6, 0], [0.1, 0.1, 0]]
    vertices = np.array(wall + decal)
    turned = vertices[:, [2, 1, 0]] * [1, 1, -1]
    for placed, camera in ((vertices, orbit(31, 17)), (turned, orbit(120, 5))):
        first = find(*arrays(placed, [[0, 1, 2], [3, 4, 5]]), [camera], size=120)
        assert (first == 1).sum() == 0
        last = find(*arrays(placed, [[3, 4, 5], [0, 1, 2]]), [camera], size=120)
        alone = find(*arrays(placed, [[3, 4, 5]]), [camera], size=120)
        np.testing.assert_array_equal(last == 0, alone == 0)


def test_interpenetrating_faces_meet_where_their_planes_do(find):
    quads = [
        [-1, -1, -1],
        [1, -1, 1],
        [1, 1, 1],
        [-1, 1, -1],
        [-1, -1, 1],
        [1, -1, -1],
        [1, 1, -1],
        [-1, 1, 1],
    ]
    faces = [[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]]
    found = find(*arrays(quads, faces), [FLAT], size=100)[0]  # planes z = x and z = -x
    assert (found[:, :50] >= 2).all()
    assert ((found[:, 50:] >= 0) & (found[:, 50:] < 2)).all()


def test_a_long_thin_face_covers_only_what_it_covers(find):
    vertices, faces = arrays([[-1e4, -1e4, 0], [1e4, 1e4 + 0.01, 0], [1e4, 1e4, 0]], [[0, 1, 2]])
    found = find(vertices, faces, [FLAT], size=200)
    assert 0 <= (found >= 0).sum() < 400


def test_a_floor_that_passes_under_the_camera_reaches_the_horizon(find):
    vertices, faces = arrays([[-1e4, -1, 1e4], [1e4, -1, 1e4], [0, -1, -1e6]], [[0, 1, 2]])
    found = find(vertices, faces, [Camera(position=(0, 0, 0), target=(0, 0, -1))], size=101)[0]
    assert (found[:50] == -1).all()
    assert (found[51:] == 0).all()


def test_what_lies_behind_the_camera_or_before_its_near_plane_is_not_seen(find):
    camera = Camera(position=(0, 0, 3))
    for z in (4.0, 3.0, 3.0 - 0.9 * camera.near):
        vertices, faces = arrays([[-9, -9, z], [9, -9, z], [0, 9, z]], [[0, 1, 2]])
        assert (find(vertices, faces, [camera], size=30) == -1).all()
    vertices, faces = arrays([[-9, -9, z := 3 - 1.1 * camera.near], [9, -9, z], [0, 9, z]], [[0, 1, 2]])
    assert (find(vertices, faces, [camera], size=30) == 0).all()


def test_an_orthographic_camera_cuts_at_its_near_plane(find):
    vertices, faces = arrays([[-1, -1, 9], [1, -1, 9], [0, 0.9, -9]], [[0, 1, 2]])
    found = find(vertices, faces, [FLAT], size=100)[0]
    rows = np.flatnonzero((found == 0).any(axis=1))
    assert rows.max() <= 100 * (1 - (-1 + 1.9 * (9 - (3 - FLAT.near)) / 18)) / 2
    assert rows.max() >= 0.6 * 100


@pytest.mark.parametrize("scale", [1e-45, 1e-30, 1e5, 1e20, 3e38])
def test_coordinates_of_any_size_do_no_harm(find, scale):
    box = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float64)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [face for a, b, c, d in quads for face in ((a, b, c), (a, c, d))]
    with np.errstate(over="ignore"):
        found = find(*arrays(np.clip(box * scale, -3e38, 3e38), faces), [orbit(20, 30), FLAT], size=33)
    assert found.min() >= -1
    assert found.max() < len(faces)
    if scale > 100:  # the cameras stand inside
        assert (found[0] >= 0).all()
        assert (found[1] >= 0).all() or scale > 1e15  # beyond what float64 holds beside the picture's height


def test_a_huge_face_does_not_hide_a_small_one_before_it(find):
    corners = [[-1e9, -1e9, -5], [1e9, -1e9, -5], [0, 1e9, -5], [-1, -1, 0], [1, -1, 0], [0, 1, 0]]
    for camera in (FRONT, FLAT):
        found = find(*arrays(corners, [[0, 1, 2], [3, 4, 5]]), [camera], size=50)[0]
        assert found[25, 25] == 1
        assert found[3, 3] == 0


def test_cameras_together_see_what_each_sees_alone(find):
    vertices, faces = soup(3, 50, coarse=False)
    cameras = view_cameras("dodecahedron20")
    together = find(vertices, faces, cameras, size=40)
    for camera, picture in zip(cameras, together, strict=True):
        np.testing.assert_array_equal(find(vertices, faces, [camera], size=40)[0], picture)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_how_many_are_drawn_together_makes_no_difference(monkeypatch, chunk):
    vertices, faces = soup(4, 30, coarse=False)
    whole = by_torch(vertices, faces, [FRONT, FLAT], size=40)
    monkeypatch.setattr(rasterise, "_CHUNK", {"cpu": chunk})
    np.testing.assert_array_equal(by_torch(vertices, faces, [FRONT, FLAT], size=40), whole)


@pytest.mark.parametrize("threads", [2, 5])
def test_bands_of_rows_on_several_threads_make_no_difference(monkeypatch, threads):
    pytest.importorskip("numba")
    vertices, faces = soup(5, 300, coarse=False)
    vertices[:9] *= 50  # some are cut
    whole = by_numba(vertices, faces, [FRONT], size=301)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    np.testing.assert_array_equal(by_numba(vertices, faces, [FRONT], size=301), whole)


def test_nothing_is_seen_of_nothing(find):
    none = np.empty((0, 3), np.int32)
    assert (find(np.empty((0, 3), np.float32), none, [FRONT], size=5) == -1).all()
    assert (find(np.zeros((4, 3), np.float32), none, [FRONT], size=5) == -1).all()
    vertices, faces = soup(0, 3, coarse=False)
    assert find(vertices, faces, [], size=5).shape == (0, 5, 5)


def test_faces_without_area_are_not_seen(find):
    vertices, faces = arrays([[-1, 0, 0], [1, 0, 0], [0.5, 0, 0], [0.3, 0, 0]], [[0, 1, 2], [3, 3, 3]])
    assert (find(vertices, faces, [FRONT, FLAT], size=99) == -1).all()


def test_without_numba_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr(fast_rasterise.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Exception, match=r"back-end 'numba' .*anaglyph\[fast\]"):
        fast_rasterise.faces_seen(*soup(0, 1, coarse=False), [FRONT], size=4)
