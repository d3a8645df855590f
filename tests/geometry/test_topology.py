import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.geometry.topology import topology
from reference.mesh_structure import slow_structure
from scenes import box, joined, mesh_of

COUNTS = ("duplicates", "open_edges", "crowded_edges", "turned_edges", "components")


@settings(deadline=None, max_examples=80)
@given(seed=st.integers(0, 2**16), faces=st.integers(1, 14), split=st.booleans())
def test_counts_equal_sets_of_positions_whether_vertices_are_shared_or_repeated(seed, faces, split):
    rng = np.random.default_rng(seed)
    vertices, rows = rng.integers(0, 2, (6, 3)), rng.integers(0, 6, (faces, 3))
    mesh = (
        mesh_of(vertices[rows].reshape(-1, 3), np.arange(3 * faces).reshape(-1, 3))
        if split
        else mesh_of(vertices, rows)
    )
    found, expected = topology(mesh), slow_structure(mesh.vertices[mesh.faces])
    assert int(found.degenerate.sum()) == expected["degenerate"]
    assert {name: getattr(found, name) for name in COUNTS} == {name: expected[name] for name in COUNTS}


def test_a_box_is_closed_consistent_and_one_piece():
    found = topology(box((0, 0, 0), (1, 2, 3)))
    assert found.closed
    assert found.consistent
    assert found.has_inside
    assert found.components == 1


def test_a_box_without_a_face_has_three_open_edges():
    whole = box((0, 0, 0), (1, 2, 3))
    found = topology(mesh_of(whole.vertices, whole.faces[1:]))
    assert (found.open_edges, found.closed) == (3, False)


def test_a_turned_face_disagrees_at_its_three_edges():
    whole = box((0, 0, 0), (1, 2, 3))
    faces = whole.faces.copy()
    faces[0] = faces[0, ::-1]
    found = topology(mesh_of(whole.vertices, faces))
    assert (found.turned_edges, found.closed, found.has_inside) == (3, True, False)


def test_a_box_seen_from_both_sides_is_closed_but_has_no_inside():
    whole = box((0, 0, 0), (1, 2, 3))
    found = topology(mesh_of(whole.vertices, np.concatenate([whole.faces, whole.faces[:, ::-1]])))
    assert (found.duplicates, found.closed, found.consistent, found.has_inside) == (12, True, True, False)


def test_pieces_that_touch_in_one_place_are_one():
    near, apart = box((1, 2, 3), (2, 3, 4)), box((1.001, 2, 3), (2, 3, 4))
    base = box((0, 0, 0), (1, 2, 3))
    assert topology(joined(base, near)).components == 1
    found = topology(joined(base, apart))
    assert found.components == 2
    assert [len(set(found.component[rows])) for rows in (slice(0, 12), slice(12, 24))] == [1, 1]


def test_minus_nought_is_nought():
    sheet = mesh_of(
        [[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [-0.0, 0, 0], [0, 1, 0], [-1, 0, 0]], [[0, 1, 2], [3, 4, 5]]
    )
    assert topology(sheet).components == 1


@pytest.mark.parametrize("faces", [np.empty((0, 3)), [[0, 1, 1]]])
def test_a_mesh_without_a_surface_has_no_pieces_and_is_not_closed(faces):
    found = topology(mesh_of(np.eye(3), faces))
    assert (found.components, found.closed, found.duplicates) == (0, False, 0)
    assert (found.component == -1).all()
