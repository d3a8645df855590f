from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.evaluation.shape_distance import grid_iou
from anaglyph.geometry import voxels
from anaglyph.geometry.load import MeshReaders
from anaglyph.geometry.voxels import solid_grid
from anaglyph.io.binvox import read_binvox
from reference.solid_grid import slow_solid_grid
from scenes import box, joined, mesh_of, sphere


def in_cells(mesh, resolution):
    low, high = mesh.vertices.min(axis=0).astype(np.float64), mesh.vertices.max(axis=0).astype(np.float64)
    return ((mesh.vertices - low) * (resolution / (high - low).max()))[mesh.faces]


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**16), faces=st.integers(1, 8))
def test_the_grid_equals_the_loop_over_rays_and_triangles(seed, faces):
    rng = np.random.default_rng(seed)
    soup = mesh_of(rng.normal(size=(3 * faces, 3)), np.arange(3 * faces).reshape(-1, 3))
    expected = slow_solid_grid(in_cells(soup, 6), 6)
    if expected.any():
        np.testing.assert_array_equal(solid_grid(soup, resolution=6), expected)


def test_a_box_fills_its_part_of_the_cube():
    grid = solid_grid(box((1, 2, 3), (1 + 8, 2 + 4.1, 3 + 2.1)), resolution=8)
    expected = np.zeros((8, 8, 8), dtype=bool)
    expected[:, :4, :2] = True
    expected[:, 4, :2] = expected[:, :4, 2] = True  # the surface lies in the fifth and the third cell
    np.testing.assert_array_equal(grid, expected)


def test_a_sphere_has_its_volume_within_the_width_of_its_skin():
    grid = solid_grid(sphere(), resolution=64)
    inside, outside = (4 / 3 * np.pi * (32 + step) ** 3 / 64**3 for step in (-0.5, 0.5))
    assert inside < grid.mean() < outside


def test_the_inside_of_a_closed_box_is_filled_and_that_of_an_open_one_is_not():
    closed = box((0, 0, 0), (8, 8, 8))
    top = (closed.vertices[closed.faces][:, :, 1] == 8).all(axis=1)
    assert top.sum() == 2
    opened = mesh_of(closed.vertices, closed.faces[~top])
    assert solid_grid(closed, resolution=8).all()
    grid = solid_grid(opened, resolution=8)
    assert not grid[1:7, 1:, 1:7].any()
    assert grid[0].all()


def test_a_vessel_with_a_narrow_neck_is_solid_as_in_binvox():
    lid = joined(box((0, 8, 0), (3, 8, 8)), box((5, 8, 0), (8, 8, 8)))  # a slit in the top, under a roof
    closed = box((0, 0, 0), (8, 8, 8))
    walls = (closed.vertices[closed.faces][:, :, 1] != 8).any(axis=1)
    vessel = joined(mesh_of(closed.vertices, closed.faces[walls]), lid, box((0, 10, 0), (8, 10, 8)))
    grid = solid_grid(vessel, resolution=20)
    assert grid[8, 8, 8]


def test_a_thin_sheet_stays_one_cell_thick():
    sheet = mesh_of([[0, 0.3, 0], [8, 0.3, 0], [8, 0.3, 8], [0, 0.3, 8]], [[0, 1, 2], [0, 2, 3]])
    grid = solid_grid(sheet, resolution=8)
    assert grid[:, 0].all()
    assert not grid[:, 1:].any()


def test_a_needle_between_the_rays_leaves_its_corners():
    needle = mesh_of([[0, 0, 0], [8, 0.1, 0.1], [8, 0.1, 0.2]], [[0, 1, 2]])
    grid = solid_grid(needle, resolution=4)
    assert np.argwhere(grid).tolist() == [[0, 0, 0], [3, 0, 0]]


def test_size_and_place_do_not_matter_but_up_does():
    mesh = box((0, 0, 0), (1, 2, 4))
    moved = replace(mesh, vertices=mesh.vertices * 16 + 5)
    grid = solid_grid(mesh, resolution=16)
    np.testing.assert_array_equal(solid_grid(moved, resolution=16), grid)
    lying = solid_grid(replace(mesh, up="z"), resolution=16)
    assert [np.ptp(axis) for axis in np.nonzero(grid)] == [4, 8, 15]
    assert [np.ptp(axis) for axis in np.nonzero(lying)] == [4, 15, 8]


def test_centred_grids_have_as_much_room_on_both_sides():
    grid = solid_grid(box((0, 0, 0), (2.2, 3.8, 8)), resolution=16, centred=True)
    np.testing.assert_array_equal(grid, grid[::-1, ::-1, ::-1])
    assert solid_grid(box((0, 0, 0), (2.2, 3.8, 8)), resolution=16)[0, 0, 0]


def test_work_in_small_blocks_is_the_same(monkeypatch):
    mesh = sphere(6, 8)
    whole = solid_grid(mesh, resolution=20)
    monkeypatch.setattr(voxels, "_BLOCK", 13)
    np.testing.assert_array_equal(solid_grid(mesh, resolution=20), whole)


def test_what_cannot_be_filled_is_refused():
    with pytest.raises(ValueError, match="no extent"):
        solid_grid(mesh_of(np.ones((3, 3)), [[0, 1, 2]]))
    with pytest.raises(ValueError, match="no faces"):
        solid_grid(mesh_of(np.eye(3), np.empty((0, 3))))
    for resolution in (0, 1025):
        with pytest.raises(ValueError, match=f"resolution must be 1 to 1024, got {resolution}"):
            solid_grid(sphere(4, 4), resolution=resolution)


@pytest.fixture(scope="module")
def real_pairs(shared_data):
    files = sorted((shared_data / "shapenet_sample").glob("*/*/models/*.solid.binvox"))
    assert len(files) == 26
    with MeshReaders() as readers:
        return [(readers.load(path.with_name("model_normalized.obj")), read_binvox(path)) for path in files]


def test_real_binvox_grids_have_the_longest_side_and_start_at_the_lowest_corner(real_pairs):
    for mesh, stored in real_pairs:
        used = mesh.vertices[mesh.faces].reshape(-1, 3)
        low, high = used.min(axis=0), used.max(axis=0)
        assert stored.scale == pytest.approx((high - low).max(), rel=1e-4)
        np.testing.assert_allclose(stored.translate, low, atol=1e-4)


def test_our_grids_agree_with_real_ones_by_more_than_nine_tenths(real_pairs):
    overlaps = [grid_iou(solid_grid(mesh), stored.filled) for mesh, stored in real_pairs]
    assert np.mean(overlaps) > 0.9
    assert np.median(overlaps) > 0.94
